"""What a test waits for, in words and as a function; and what it is told when it does not come."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

M = TypeVar("M")
Wanted: TypeAlias = str | re.Pattern[str] | Callable[[M], object] | None
"""Text that must be contained, a pattern that must be found, or a function that must be true; None: anything."""

CODE = re.compile(r"(?<!\d)\d{4,8}(?!\d)")
LINK = re.compile(r"https?://[^\s\"'<>]+")
MOST_SHOWN = 10
CLOSE = 0.4


class Match(Generic[M]):
    """A `Wanted`, ready to be asked."""

    def __init__(self, name: str, wanted: Wanted[M], text_of: Callable[[M], str]) -> None:
        self.wanted = wanted
        self._text_of = text_of
        if wanted is None:
            self.words = "anything"
        elif isinstance(wanted, str):
            self.words = f"anything with {wanted!r} in it"
        elif isinstance(wanted, re.Pattern):
            self.words = f"anything in which {wanted.pattern!r} is found"
        elif callable(wanted):
            self.words = f"anything that fits {getattr(wanted, '__name__', repr(wanted))}"
        else:
            raise TypeError(f"{name}: expected str, a compiled pattern or a function, found {type(wanted).__name__}")

    def fits(self, item: M) -> bool:
        if self.wanted is None:
            return True
        if isinstance(self.wanted, str):
            return self.wanted in self._text_of(item)
        if isinstance(self.wanted, re.Pattern):
            return self.wanted.search(self._text_of(item)) is not None
        return bool(self.wanted(item))

    def difference(self, items: Sequence[M]) -> list[str]:
        """Between the text that was wanted and the closest one that came; empty when none is close."""
        if not isinstance(self.wanted, str):
            return []
        close = difflib.get_close_matches(self.wanted, [self._text_of(item) for item in items], n=1, cutoff=CLOSE)
        if not close:
            return []
        lines = difflib.ndiff(self.wanted.splitlines(), close[0].splitlines())
        return ["closest (- wanted, + got):", *(f"  {line.rstrip()}" for line in lines)]


def pattern_of(pattern: str | re.Pattern[str] | None, default: re.Pattern[str]) -> re.Pattern[str]:
    if pattern is None:
        return default
    if isinstance(pattern, str):
        return re.compile(pattern)
    if isinstance(pattern, re.Pattern):
        return pattern
    raise TypeError(f"pattern: expected str or a compiled pattern, found {type(pattern).__name__}")


def taken(found: re.Match[str]) -> str:
    """The first group of a pattern that has one, else all of it."""
    return str(found[1] if found.re.groups else found[0])


def listing(lines: Sequence[str]) -> list[str]:
    """The last ones of many."""
    shown = [f"  {line}" for line in lines[-MOST_SHOWN:]]
    return [f"  ... {len(lines) - MOST_SHOWN} more", *shown] if len(lines) > MOST_SHOWN else shown


def report(who: str, match: Match[Any], within: float, items: Sequence[Any], lines: Sequence[str], more: Sequence[str]) -> str:
    """The message of an assertion that did not hold."""
    text = [f"{who} got nothing new within {within:g} s of the clock; wanted {match.words}"]
    text += ["it got:", *listing(lines)] if lines else ["it got nothing at all"]
    return "\n".join([*text, *match.difference(items), *more])
