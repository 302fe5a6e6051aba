"""From what people give as a configuration to the text that the runtime reads (YAML, of which JSON is a part)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from . import _native
from ._checks import check_type
from ._errors import InvalidArgumentError, NotFoundError

Config: TypeAlias = str | Mapping[str, Any]
Clock: TypeAlias = Literal["real", "virtual"]


def render(config: Config | None, config_file: str | os.PathLike[str] | None, clock: Clock | None, seed: int | None) -> str:
    """The configuration as text. Nothing given: an empty text, which means the built-in defaults."""
    if config is not None and config_file is not None:
        raise InvalidArgumentError("give either config or config_file, not both", target="config")
    check_type("config", config, (str, Mapping), "str or mapping", optional=True)
    check_type("config_file", config_file, (str, os.PathLike), "str or path", optional=True)
    check_type("clock", clock, str, "str", optional=True)
    check_type("seed", seed, int, "int", optional=True)
    if clock not in (None, "real", "virtual"):
        raise InvalidArgumentError(f"clock: wanted 'real' or 'virtual', found {clock!r}", target="clock")
    changes: dict[str, Any] = {}
    if clock is not None:
        changes["clock"] = clock
    if seed is not None:
        changes["seed"] = seed
    if isinstance(config, Mapping):
        return _from_mapping(config, changes)
    if config_file is not None:
        config = _read(Path(config_file))
    if not changes:
        return config or ""
    if config is None or (config_file is None and not config.strip()):
        config = _native.default_config()
    if config.lstrip().startswith("{"):
        return _from_mapping(_json(config, changes), changes)
    return _with_changes(config, changes)


def _json(text: str, changes: dict[str, Any]) -> dict[str, Any]:
    """A text in flow form: JSON, or else YAML that only its author can change."""
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError:
        names = " and ".join(changes)
        raise InvalidArgumentError(
            f"set {names} in the configuration itself: it is neither in block form nor JSON", target="config"
        ) from None
    return found


def _from_mapping(config: Mapping[str, Any], changes: dict[str, Any]) -> str:
    merged = dict(config)
    if changes:
        merged["runtime"] = {**config.get("runtime", {}), **changes}
    try:
        return json.dumps(merged, default=_plain, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"config cannot be written as JSON: {error}", target="config") from error


def _plain(value: object) -> object:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a value of type {type(value).__name__}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFoundError(f"{path}: {error.strerror}", target="config_file") from error
    except UnicodeDecodeError as error:
        raise InvalidArgumentError(
            f"{path} is no UTF-8 text: {error.reason} at byte {error.start}", target="config_file"
        ) from error


def _with_changes(text: str, changes: dict[str, Any]) -> str:
    """Sets keys of the `runtime:` mapping in a YAML text, leaving the rest as it was written."""
    lines = text.splitlines()
    at = next((i for i, line in enumerate(lines) if re.match(r"runtime\s*:", line)), None)
    if at is None:
        return "\n".join([*lines, "runtime: " + json.dumps(changes), ""])
    if not re.fullmatch(r"runtime\s*:\s*(#.*)?", lines[at]):
        raise InvalidArgumentError(
            f"set {' and '.join(changes)} in the configuration itself: its `runtime` is not in block form", target="config"
        )
    end = at + 1
    while end < len(lines) and (not lines[end].strip() or lines[end][0] in " \t#"):
        end += 1
    block = lines[at + 1 : end]
    inner = [line for line in block if line.strip() and not line.lstrip().startswith("#")]
    indent = inner[0][: len(inner[0]) - len(inner[0].lstrip())] if inner else "  "
    replaced = re.compile(rf"{re.escape(indent)}({'|'.join(changes)})\s*:")
    kept = [line for line in block if not replaced.match(line)]
    added = [f"{indent}{key}: {json.dumps(value)}" for key, value in changes.items()]
    return "\n".join([*lines[: at + 1], *added, *kept, *lines[end:], ""])
