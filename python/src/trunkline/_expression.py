"""Expressions of the Workflow Definition Language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import _native
from ._errors import InvalidArgumentError


def evaluate(expression: Any, context: Mapping[str, Any] | None = None) -> Any:
    """Evaluates an expression of the Workflow Definition Language, or any JSON value with expressions in its strings.

    Needs no runtime. Time and random numbers are those of the system unless the context has `utcNow`.

    Args:
        expression: `"@add(1, 2)"`, `"Hello @{parameters('name')}"`, or dicts and lists of such.
        context: What the expression can ask: `parameters`, `variables`, `actions`, `results`, `items`, `iterationIndexes`,
            `settings` (dicts by name), `trigger`, `action`, `item`, `workflow`, `callbackUrl`, `utcNow`.

    Returns:
        The value as Python has it: dict, list, str, int, float, bool or None.

    Raises:
        InvalidArgumentError: The expression is wrong or fails; `service_code` is the code of Logic Apps (`InvalidTemplate`),
            `details["offset"]` the byte at fault. Also for what cannot be written as JSON.
    """
    return json.loads(_native.evaluate(_text(expression, "expression"), _text(context or {}, "context")))


def _text(value: Any, what: str) -> str:
    try:
        return json.dumps(value, default=_plain, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"{what} cannot be written as JSON: {error}", target=what) from error


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a value of type {type(value).__name__}")
