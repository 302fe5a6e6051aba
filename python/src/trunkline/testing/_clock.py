"""Time in a test: a clock that stands still, and what has to happen before it moves on."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable
from typing import Any

from .._checks import as_duration
from .._runtime import Clock
from ..aio import _runtime as _aio_runtime
from ..service import Event
from ._steps import Steps, arun, run

PATIENCE_SECONDS = 5.0
"""How long handlers may be busy, of the wall, before a test goes on without them."""

_HANDLER_STEP = datetime.timedelta(seconds=10)
_MOST_STEPS = 500


class Handlers:
    """The event handlers that a test has opened. They run beside the clock, so moving it waits for them."""

    def __init__(self) -> None:
        self.open: list[Any] = []
        self.moved = threading.Event()

    def watched(self, fn: Callable[[Event], Any]) -> Callable[[Event], Any]:
        def call(event: Event) -> Any:
            try:
                return fn(event)
            finally:
                self.moved.set()

        return call


def rest(world: Any) -> Steps[None]:
    """Nothing is left to do without the clock moving, in handlers neither."""
    yield world.runtime_service.settle()
    until = time.monotonic() + PATIENCE_SECONDS
    for handler in world._handlers.open:
        while time.monotonic() < until:
            activity = yield world.event_subscriptions.activity(handler.name)
            if not activity.queued and not activity.in_flight:
                break
            yield world._pause()
        yield world.runtime_service.settle()


def move(world: Any, by: datetime.timedelta) -> Steps[datetime.datetime]:
    if not world._handlers.open:
        now: datetime.datetime = yield world.runtime_service.advance(by)
        return now
    # In steps: a handler takes time of the wall, and a clock that ran on without it would take its event away again.
    yield from rest(world)
    step = max(_HANDLER_STEP, by / _MOST_STEPS)
    while True:
        yield world.runtime_service.advance(min(step, by))
        yield from rest(world)
        by -= step
        if by <= datetime.timedelta(0):
            return world.runtime_service.now()


class VirtualClock(Clock):
    """The clock of a test."""

    __slots__ = ("_world",)

    def __init__(self, world: Any) -> None:
        super().__init__(world.runtime_service)
        self._world = world

    def advance(self, by: datetime.timedelta | float) -> datetime.datetime:
        """Moves it forward and returns once everything that became due has happened, in event handlers too.

        Args:
            by: How far; a number is seconds.

        Returns:
            The new time.
        """
        return run(move(self._world, as_duration(by, "by")))


class AsyncVirtualClock(_aio_runtime.Clock):
    """The clock of a test, for asyncio."""

    __slots__ = ("_world",)

    def __init__(self, world: Any) -> None:
        super().__init__(world.runtime_service)
        self._world = world

    async def advance(self, by: datetime.timedelta | float) -> datetime.datetime:
        """Moves it forward and completes once everything that became due has happened, in event handlers too."""
        return await arun(move(self._world, as_duration(by, "by")))
