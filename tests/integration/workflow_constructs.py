"""What a workflow definition uses of the language: types, members, functions, settings; not its own names and values."""

from __future__ import annotations

import re
from typing import Any

# Below these members stands what the service defines, not the author.
KNOWN = {
    "api",
    "authentication",
    "concurrency",
    "connection",
    "contentTransfer",
    "correlation",
    "fetch",
    "function",
    "host",
    "integrationAccount",
    "interval",
    "limit",
    "paginationPolicy",
    "recurrence",
    "evaluatedRecurrence",
    "retryPolicy",
    "runtimeConfiguration",
    "schedule",
    "secureData",
    "serviceProviderConfiguration",
    "splitOnConfiguration",
    "staticResult",
    "subscribe",
    "unsubscribe",
    "until",
    "workflow",
}
# Values that are words of the language.
WORDS = {"type", "frequency", "operationOptions", "transferMode", "mode", "runStatus", "unit", "method"}
# The author names what is in these.
FREE = {"Compose", "Select"}
FUNCTION = re.compile(r"([A-Za-z_]\w*)\(")
TEXT = re.compile(r"'(?:[^']|'')*'")


def of_definition(definition: dict[str, Any]) -> set[str]:
    found = {f"member {name}" for name in definition}
    for trigger in definition.get("triggers", {}).values():
        _operation(trigger, "trigger", found)
    _actions(definition.get("actions", {}), found)
    for parameter in definition.get("parameters", {}).values():
        found.add(f"parameter {parameter.get('type', '').lower()}")
        found.update(f"parameter.{name}" for name in parameter)
    if definition.get("outputs"):
        found.add("outputs")
    return found


def _actions(actions: dict[str, Any], found: set[str]) -> None:
    for action in actions.values():
        if not isinstance(action, dict) or "type" not in action:
            continue
        _operation(action, "action", found)
        after = action.get("runAfter", {})
        found.update(f"runAfter {status.lower()}" for statuses in after.values() for status in statuses)
        if len(after) > 1:
            found.add("runAfter several actions")
        if any(len(statuses) > 1 for statuses in after.values()):
            found.add("runAfter several statuses")
        _condition(action.get("expression"), found)
        for inner in (action, action.get("else", {}), action.get("default", {}), *action.get("cases", {}).values()):
            _actions(inner.get("actions", {}), found)


def _operation(operation: dict[str, Any], what: str, found: set[str]) -> None:
    kind = f"/{operation['kind'].lower()}" if "kind" in operation else ""
    at = f"{what} {operation['type'].lower()}"
    found.add(at + kind)
    for name, value in operation.items():
        if name in ("actions", "else", "default", "cases", "type", "kind", "runAfter", "metadata", "description"):
            continue
        found.add(f"{at}.{name}")
        if name == "inputs" and operation["type"] not in FREE and isinstance(value, dict):
            for member, inner in value.items():
                found.add(f"{at}.inputs.{member}")
                _known(inner, f"{at}.inputs.{member}", member, found)
        elif name != "inputs":
            _known(value, f"{at}.{name}", name, found)
        _expressions(value, found)


def _known(value: Any, at: str, name: str, found: set[str]) -> None:
    if name in WORDS and isinstance(value, str) and "@" not in value:
        found.update(f"{at}={word.strip().lower()}" for word in value.split(","))
    elif isinstance(value, str) and value.startswith("@"):
        found.add(f"{at} by expression")
    elif name in KNOWN and isinstance(value, dict):
        for member, inner in value.items():
            found.add(f"{at}.{member}")
            _known(inner, f"{at}.{member}", member, found)


def _condition(condition: Any, found: set[str]) -> None:
    if isinstance(condition, dict):
        for name, operands in condition.items():
            found.add(f"condition {name.lower()}")
            for operand in operands if isinstance(operands, list) else [operands]:
                _condition(operand, found)


def _expressions(value: Any, found: set[str]) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _expressions(name, found)
            _expressions(inner, found)
    elif isinstance(value, list):
        for inner in value:
            _expressions(inner, found)
    elif isinstance(value, str) and "@" in value:
        whole = value.startswith("@") and not value.startswith(("@@", "@{"))
        parts = [value[1:]] if whole else re.findall(r"@\{([^}]*)\}", value)
        for part in parts:
            found.add("expression" if whole else "interpolation")
            bare = TEXT.sub("''", part)
            found.update(f"function {name.lower()}" for name in FUNCTION.findall(bare))
            for mark, words in (("?[", "access ?[]"), ("?.", "access ?."), (").", "access ."), (")[", "access []")):
                if mark in bare:
                    found.add(words)
