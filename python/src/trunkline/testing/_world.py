"""The world of one test: a resource that nobody else has, and a clock that stands still."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable
from typing import Any

from .. import sandbox
from .._runtime import Clock, Resource, Runtime
from ..aio import _runtime as _aio_runtime
from ..aio import sandbox as aio_sandbox
from ..aio import service as aio_service
from ..service import Event, NumberCapability, RuntimeService
from ._carriers import AsyncCarrier, Carrier
from ._clock import AsyncVirtualClock, Handlers, VirtualClock, move, rest
from ._events import AsyncEventLog, EventLog
from ._mail import AsyncMailbox, Mailbox
from ._phones import AsyncPhone, Phone
from ._steps import Steps, arun, run

TEXTS = (NumberCapability.OUTBOUND, NumberCapability.BOTH)


def own_number(world: Any) -> Steps[str]:
    for owned in (yield world.numbers.list()):
        if owned.sms in TEXTS:
            return str(owned.number)
    raise AssertionError(f"the resource {world.name} has no number that takes texts; configure one")


class Trunkline(Resource):
    """What the fixture `trunkline` gives: the services of a resource of its own, and the people on the other side.

    Attributes:
        runtime: The runtime that it is in.
        clock: A clock that stands still until it is advanced.
        events: The events of the resource.
    """

    __slots__ = (
        "_aio",
        "_carriers",
        "_handlers",
        "_mailboxes",
        "_number",
        "_phones",
        "_spoiled",
        "clock",
        "runtime",
        "runtime_service",
    )

    def __init__(self, runtime: Runtime, name: str) -> None:
        super().__init__(runtime._native, name)
        self.runtime = runtime
        self.runtime_service: RuntimeService = runtime._service
        self.clock: Clock = VirtualClock(self)
        self.events: EventLog = EventLog(self.events._service, self)
        self._handlers = Handlers()
        self._number: str | None = None
        self._phones: dict[str, Phone] = {}
        self._mailboxes: dict[str, Mailbox] = {}
        self._carriers: dict[str, Carrier] = {}
        self._aio: AsyncTrunkline | None = None
        self._spoiled = False

    @property
    def aio(self) -> AsyncTrunkline:
        """The same for asyncio."""
        if self._aio is None:
            self._aio = AsyncTrunkline(self)
        return self._aio

    @property
    def number(self) -> str:
        """The first number of the resource that takes texts: what to send from."""
        return run(self._own_number())

    def _own_number(self) -> Steps[str]:
        if self._number is None:
            self._number = yield from own_number(self)
        return self._number

    def phone(self, number: str) -> Phone:
        """The phone with this number, E.164. The same object each time."""
        if number not in self._phones:
            self._phones[number] = Phone(self, number)
        return self._phones[number]

    def mailbox(self, address: str) -> Mailbox:
        """The mailbox with this address. The same object each time."""
        if address not in self._mailboxes:
            self._mailboxes[address] = Mailbox(self, address)
        return self._mailboxes[address]

    def carrier(self, name: str) -> Carrier:
        """The sandbox carrier of this name in the configuration.

        Raises:
            NotFoundError: There is none.
        """
        if name not in self._carriers:
            self._carriers[name] = Carrier(self, name)
        return self._carriers[name]

    def settle(self) -> None:
        """Returns once nothing is left to do without the clock moving, in event handlers neither."""
        run(self._rest())

    def on_event(self, name: str, fn: Callable[[Event], Any] | None = None, /, **settings: Any) -> Any:
        """Calls a function with the events of a subscription, until the test ends; see `trunkline.Runtime.on_event`."""
        if fn is None:
            return lambda fn: self.on_event(name, fn, **settings)
        handler = super().on_event(name, self._handlers.watched(fn), **settings)
        self._handlers.open.append(handler)
        return handler

    def _rest(self) -> Steps[None]:
        return rest(self)

    def _move(self, by: datetime.timedelta) -> Steps[datetime.datetime]:
        return move(self, by)

    def _pause(self) -> None:
        # The acknowledgement follows the function that was heard of, so it is asked again soon.
        self._handlers.moved.wait(0.005)
        self._handlers.moved.clear()

    def _control(self, carrier: str, kind: str) -> Any:
        return self.runtime.provider(carrier, getattr(sandbox, kind)).with_options(resource=self.name)

    def _spoil(self) -> None:
        """What this test does may go on after it."""
        self._spoiled = True

    def _close(self) -> None:
        for handler in self._handlers.open:
            handler.close()
        if self._aio is not None:
            self._aio._close()

    def __repr__(self) -> str:
        return f"<trunkline.testing.Trunkline {self.name}>"


class AsyncTrunkline(_aio_runtime.Resource):
    """What the fixture `trunkline_aio` gives: `Trunkline`, with `await`.

    Attributes:
        runtime: The runtime that it is in.
        clock: A clock that stands still until it is advanced.
        events: The events of the resource.
    """

    __slots__ = ("_carriers", "_handlers", "_mailboxes", "_number", "_phones", "_world", "clock", "runtime", "runtime_service")

    def __init__(self, world: Trunkline) -> None:
        native = world.runtime._native
        super().__init__(native, world.name)
        self._world = world
        self.runtime = world.runtime
        self.runtime_service = aio_service.RuntimeService._open(native, "")
        self.clock: _aio_runtime.Clock = AsyncVirtualClock(self)
        self.events: AsyncEventLog = AsyncEventLog(self.events._service, self)
        self._handlers = Handlers()
        self._number: str | None = None
        self._phones: dict[str, AsyncPhone] = {}
        self._mailboxes: dict[str, AsyncMailbox] = {}
        self._carriers: dict[str, AsyncCarrier] = {}

    async def number(self) -> str:
        """The first number of the resource that takes texts: what to send from."""
        return await arun(self._own_number())

    def _own_number(self) -> Steps[str]:
        if self._number is None:
            self._number = yield from own_number(self)
        return self._number

    def phone(self, number: str) -> AsyncPhone:
        """The phone with this number, E.164. The same object each time."""
        if number not in self._phones:
            self._phones[number] = AsyncPhone(self, number)
        return self._phones[number]

    def mailbox(self, address: str) -> AsyncMailbox:
        """The mailbox with this address. The same object each time."""
        if address not in self._mailboxes:
            self._mailboxes[address] = AsyncMailbox(self, address)
        return self._mailboxes[address]

    def carrier(self, name: str) -> AsyncCarrier:
        """The sandbox carrier of this name in the configuration.

        Raises:
            NotFoundError: There is none.
        """
        if name not in self._carriers:
            self._carriers[name] = AsyncCarrier(self, name)
        return self._carriers[name]

    async def settle(self) -> None:
        """Completes once nothing is left to do without the clock moving, in event handlers neither."""
        await arun(self._rest())

    def on_event(self, name: str, fn: Callable[[Event], Any] | None = None, /, **settings: Any) -> Any:
        """Calls a function with the events of a subscription, until the loop ends; see `trunkline.aio.Runtime.on_event`."""
        if fn is None:
            return lambda fn: self.on_event(name, fn, **settings)
        handler = super().on_event(name, fn, **settings)
        self._handlers.open.append(handler)
        return handler

    def _rest(self) -> Steps[None]:
        # A handler that is not set up yet has no subscription.
        # A list cannot be sent values, as `yield from` would.
        waiting = list(self._handlers.open)
        while waiting:
            yield waiting.pop()
        yield from rest(self)

    def _move(self, by: datetime.timedelta) -> Steps[datetime.datetime]:
        return move(self, by)

    async def _pause(self) -> None:
        await asyncio.sleep(0)

    def _control(self, carrier: str, kind: str) -> Any:
        return getattr(aio_sandbox, kind)._open(self._native, carrier).with_options(resource=self.name)

    def _spoil(self) -> None:
        self._world._spoil()

    def _close(self) -> None:
        """Their tasks end with their loop, which is gone by now."""
        self._handlers.open.clear()

    def __repr__(self) -> str:
        return f"<trunkline.testing.AsyncTrunkline {self.name}>"
