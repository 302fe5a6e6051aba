"""The events of a test, and those that nobody could be told of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .. import _runtime
from ..aio import _runtime as _aio_runtime
from ..service import Event, EventFilter, EventQuery, EventState
from ._match import listing
from ._steps import Steps, arun, run, until

OURS = "Microsoft.Communication."
MOST = 1000
Types = Sequence[str] | str


def full(types: Types) -> list[str]:
    """`SMSReceived` is short for `Microsoft.Communication.SMSReceived`."""
    several = [types] if isinstance(types, str) else list(types)
    return [name if "." in name else OURS + name for name in several]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that no attempt could deliver."""

    subscription: str
    event: Event
    kept: bool
    """It lies where the subscription keeps what it gives up; else it is gone."""
    attempts: int
    reason: str
    """Why it was given up, and what the last attempt was told."""

    def __str__(self) -> str:
        return f"{self.event.type} at {self.subscription}: {self.reason} after {self.attempts} attempts"


def dead_letters(world: Any) -> Steps[list[DeadLetter]]:
    yield from world._rest()
    found: list[DeadLetter] = []
    for subscription in (yield world.event_subscriptions.list()):
        for state in (EventState.DEAD_LETTERED, EventState.DROPPED):
            page = yield world.event_history.query(EventQuery(subscription=subscription.name, state=state, limit=MOST))
            for event in page.items:
                explanations = yield world.event_history.explain(event.id)
                for each in explanations:
                    if each.subscription == subscription.name:
                        last = each.attempts[-1].reply if each.attempts else ""
                        reason = ": ".join(part for part in (each.reason, last) if part)
                        kept = state == EventState.DEAD_LETTERED
                        found.append(DeadLetter(subscription.name, event, kept, len(each.attempts), reason))
    return found


def events_of(world: Any, types: Types, after: int = 0) -> Steps[list[Event]]:
    events: list[Event] = yield world.events._service.list(EventFilter(types=full(types), after=after), MOST)
    return events


def wait_for(world: Any, types: Types, where: Callable[[Event], object] | None, after: int, within: float) -> Steps[Event]:
    def look() -> Steps[Event | None]:
        for event in (yield from events_of(world, types, after)):
            if where is None or where(event):
                return event
        return None

    found = yield from until(world, look, within)
    if found is None:
        happened = yield from events_of(world, ())
        lines = [f"{event.time:%H:%M:%S.%f}  {event.type}  {event.subject}  {event.data}" for event in happened]
        wanted = " or ".join(full(types)) or "any"
        text = [f"no event {wanted} that fits came within {within:g} s of the clock"]
        raise AssertionError("\n".join(text + (["these did:", *listing(lines)] if lines else ["none came at all"])))
    return found


class EventLog(_runtime.Events):
    """The events of this test's resource. Names without a dot mean those of `Microsoft.Communication`."""

    __slots__ = ("_world",)

    def __init__(self, service: Any, world: Any) -> None:
        super().__init__(service)
        self._world = world

    def of(self, *types: str) -> list[Event]:
        """Those that have happened, oldest first; without types all."""
        return run(events_of(self._world, types))

    @property
    def dead_lettered(self) -> list[DeadLetter]:
        """Those that a subscription gave up. Advance the clock past its retries first."""
        return run(dead_letters(self._world))

    def expect(
        self, types: Types = (), where: Callable[[Event], object] | None = None, *, after: int = 0, within: float = 10.0
    ) -> Event:
        """The first event that fits. The clock moves on until it comes.

        Args:
            types: Its type, or several.
            where: What else must hold; None: nothing.
            after: Only events after this position, which is an event's `sequence`.
            within: Seconds of the test's clock.

        Raises:
            AssertionError: None came; its message says which did.
        """
        return run(wait_for(self._world, types, where, after, within))


class AsyncEventLog(_aio_runtime.Events):
    """The same for asyncio: `await events.dead_lettered`, `await events.expect("SMSReceived")`."""

    __slots__ = ("_world",)

    def __init__(self, service: Any, world: Any) -> None:
        super().__init__(service)
        self._world = world

    async def of(self, *types: str) -> list[Event]:
        """Those that have happened, oldest first; without types all."""
        return await arun(events_of(self._world, types))

    @property
    async def dead_lettered(self) -> list[DeadLetter]:
        """Those that a subscription gave up. Advance the clock past its retries first."""
        return await arun(dead_letters(self._world))

    async def expect(
        self, types: Types = (), where: Callable[[Event], object] | None = None, *, after: int = 0, within: float = 10.0
    ) -> Event:
        """The first event that fits; see `EventLog.expect`."""
        return await arun(wait_for(self._world, types, where, after, within))
