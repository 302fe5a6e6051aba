"""Waiting for what nobody tells: a look, again and again, with an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_SECONDS = 60
LOOK_AGAIN_SECONDS = 0.02

Found = TypeVar("Found")


def eventually(
    look: Callable[[], Found],
    until: Callable[[Found], bool] = bool,
    *,
    within: float = PATIENCE_SECONDS,
    told: Callable[[], str] = str,
) -> Found:
    """What `look` finds once `until` holds of it. Fails with what it found last, and what `told` adds."""
    end = time.monotonic() + within
    while True:
        found = look()
        if until(found):
            return found
        assert time.monotonic() < end, f"not within {within} s: {found}\n{told()}"
        time.sleep(LOOK_AGAIN_SECONDS)
