"""Arguments that the native side never sees, refused by name before anything is done with them."""

from __future__ import annotations

import datetime
from typing import Any


def wrong(name: str, wanted: str, value: object) -> TypeError:
    """In the words of the native side."""
    return TypeError(f"{name}: expected {wanted}, found {type(value).__name__}")


def check_type(name: str, value: object, kind: type | tuple[type, ...], wanted: str, *, optional: bool = False) -> None:
    """TypeError unless the value is of that kind. A bool is no number."""
    if optional and value is None:
        return
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise wrong(name, wanted, value)


def check_callable(name: str, value: object, *, optional: bool = False) -> None:
    if not callable(value) and not (optional and value is None):
        raise wrong(name, "function", value)


def check_seconds(name: str, value: object) -> None:
    """A timeout: None, or seconds from 0 on."""
    check_type(name, value, (int, float), "seconds as a number", optional=True)


def as_duration(value: datetime.timedelta | float, name: str) -> datetime.timedelta:
    """A duration, or seconds."""
    if isinstance(value, datetime.timedelta):
        return value
    check_type(name, value, (int, float), "timedelta or seconds")
    return datetime.timedelta(seconds=value)


def texts(name: str, value: Any) -> list[str]:
    """One text or several."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, (bytes, dict)):
        raise wrong(name, "str or list of str", value)
    try:
        found = list(value)
    except TypeError:
        raise wrong(name, "str or list of str", value) from None
    for i, item in enumerate(found):
        check_type(f"{name}[{i}]", item, str, "str")
    return found
