"""One text for blocking and awaited helpers.

A helper is written as a generator that yields what an operation gives: its value where calls block, something to await where
they do not. `run` and `arun` send the values back in.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Generator
from typing import Any, TypeVar

T = TypeVar("T")
Steps = Generator[Any, Any, T]

FIRST_STEP = 0.05
LONGEST_STEP = 1.0
MOST_STEPS = 1000


def run(steps: Steps[T]) -> T:
    """Of a helper whose calls block."""
    value: Any = None
    try:
        while True:
            value = steps.send(value)
    except StopIteration as end:
        result: T = end.value
        return result


async def arun(steps: Steps[T]) -> T:
    """Of a helper whose calls are awaited."""
    try:
        step = next(steps)
        while True:
            try:
                value = await step
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(value)
    except StopIteration as end:
        result: T = end.value
        return result


def until(world: Any, look: Callable[[], Steps[T | None]], within: float) -> Steps[T | None]:
    """Looks, and moves the clock on until something is found or `within` seconds have passed on it."""
    seconds = checked_seconds(within)
    yield from world._rest()
    found = yield from look()
    step = FIRST_STEP
    while found is None and seconds > 0:
        by = min(step, seconds)
        yield from world._move(datetime.timedelta(seconds=by))
        seconds -= by
        step = min(step * 2, max(LONGEST_STEP, within / MOST_STEPS))
        found = yield from look()
    return found


def checked_seconds(within: float) -> float:
    if isinstance(within, bool) or not isinstance(within, (int, float)):
        raise TypeError(f"within: expected seconds as a number, found {type(within).__name__}")
    if not within >= 0:
        raise ValueError(f"within: found {within}, wanted 0 or more seconds")
    return float(within)
