"""Where events go, for asyncio: subscriptions, consumers in this process, the history, custom topics."""

from __future__ import annotations

import asyncio
import datetime
import inspect
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from types import TracebackType
from typing import Any, Generic, TextIO, TypeVar, Unpack, overload

from .. import _native
from .._checks import as_duration, check_callable
from .._deliveries import Delivery, reason_of
from .._errors import NotFoundError, TrunklineError
from .._eventing import event_query
from .._handlers import FAILED, HandlerOptions, HandlerSettings, log
from ..service import Event, EventQuery, EventSchema, EventState, EventSubscription, EventTopic
from .service import EventHistoryService, EventSubscriptionsService, EventTopicsService

R = TypeVar("R")


class AsyncDeliveries(AsyncIterator[Delivery]):
    """The events of a subscription, to be acknowledged. Iterate over it with `async for`; `aclose` it, or leave its `async with`
    block, to stop: what was not answered for then comes again. One task may iterate at a time.
    """

    def __init__(
        self, service: EventSubscriptionsService, name: str, credits: int, lock_time: datetime.timedelta, timeout: float | None
    ) -> None:
        self._service = service
        self._name = name
        self._stream = service.deliveries(name, credits, lock_time, timeout=timeout)
        self._closed = False

    async def next(self, timeout: float | None = None) -> Delivery:
        """The next delivery.

        Args:
            timeout: Seconds to wait; None: for ever.

        Raises:
            StopAsyncIteration: It was closed, or the subscription removed.
            DeadlineExceededError: None came in time; nothing is lost.
        """
        if self._closed:
            raise StopAsyncIteration
        return Delivery(self._service, self._name, await self._stream.next(timeout))

    async def __anext__(self) -> Delivery:
        return await self.next(self._stream.timeout)

    def __aiter__(self) -> AsyncDeliveries:
        return self

    async def aclose(self) -> None:
        """Stops. What was not answered for goes back. May be called again."""
        self._closed = True
        await self._stream.aclose()

    async def __aenter__(self) -> AsyncDeliveries:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()


class AsyncEventHandler(Generic[R]):
    """A function that gets the events of a subscription, in tasks of its own. Await it to know that it is set up; calling it
    calls the function.

    Attributes:
        name: The subscription's name.
    """

    def __init__(
        self, native: _native.Runtime, service: EventSubscriptionsService, options: HandlerOptions, fn: Callable[[Event], R]
    ) -> None:
        check_callable("fn", fn)
        self._native = native
        self._service = service
        self._options = options
        self._fn = fn
        self._closed = False
        self._idle: set[asyncio.Task[None]] = set()
        self.name = options.spec.name
        self._made = asyncio.ensure_future(self._set_up())
        self._tasks = [asyncio.create_task(self._run(), name=f"trunkline-{self.name}") for _ in range(options.concurrency)]

    def __call__(self, event: Event) -> R:
        return self._fn(event)

    async def _set_up(self) -> None:
        if not self._options.wanted:
            try:
                await self._service.get(self.name)
            except NotFoundError:
                pass
            else:
                return
        await self._service.put(self._options.spec)

    async def _ready(self) -> AsyncEventHandler[R]:
        await asyncio.shield(self._made)
        return self

    def __await__(self) -> Generator[object, None, AsyncEventHandler[R]]:
        return self._ready().__await__()

    async def _run(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            await asyncio.shield(self._made)
            async with AsyncDeliveries(self._service, self.name, 1, self._options.lock_time, None) as deliveries:
                while not self._closed:
                    self._idle.add(task)
                    try:
                        delivery = await deliveries.next()
                    except StopAsyncIteration:
                        return
                    finally:
                        self._idle.discard(task)
                    await self._deal_with(delivery)
        except TrunklineError:
            if not (self._closed or self._native.closed):
                log.exception("the handler %r gets no more events", self.name)

    async def _deal_with(self, delivery: Delivery) -> None:
        try:
            result = self._fn(delivery.event)
            if inspect.isawaitable(result):
                await result
        except Exception as error:
            log.warning(FAILED, self.name, delivery.event.id, delivery.attempt, exc_info=True)
            delivery.reject(reason_of(error))
        else:
            delivery.ack()

    async def aclose(self) -> None:
        """Ends it, after the events that it is dealing with. The subscription stays and keeps what happens meanwhile. Called by
        the function itself it does not wait: the others may be closing it as well.
        """
        self._closed = True
        for task in self._tasks:
            if task in self._idle or not self._made.done():
                task.cancel()
        self._made.cancel()
        if asyncio.current_task() not in self._tasks:
            # The set-up too, so that somebody has heard of its failure.
            await asyncio.gather(self._made, *self._tasks, return_exceptions=True)

    async def __aenter__(self) -> AsyncEventHandler[R]:
        return await self._ready()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<trunkline.aio.AsyncEventHandler {self.name} {'closed' if self._closed else 'open'}>"


class EventSubscriptions(EventSubscriptionsService):
    """The event subscriptions of a resource or custom topic. Iterating gives all of them, by name."""

    __slots__ = ()

    async def __aiter__(self) -> AsyncIterator[EventSubscription]:
        for subscription in await self.list():
            yield subscription


class EventHistory(EventHistoryService):
    """What happened at a resource or custom topic, and what became of it."""

    __slots__ = ()

    async def find(
        self,
        types: Sequence[str] | str | None = None,
        *,
        from_: datetime.datetime | None = None,
        to: datetime.datetime | None = None,
        subject_begins_with: str | None = None,
        correlation_id: str | None = None,
        subscription: str | None = None,
        state: EventState | None = None,
        newest_first: bool = False,
        page_size: int = 100,
    ) -> AsyncIterator[Event]:
        """All events that fit, page by page. The arguments are those of `trunkline.EventHistory.find`."""
        query = event_query(types, from_, to, subject_begins_with, correlation_id, subscription, state, newest_first, page_size)
        while True:
            page = await self.query(query)
            for event in page.items:
                yield event
            if page.next is None:
                return
            query.after = page.next

    async def export(
        self,
        to: str | os.PathLike[str] | TextIO,
        query: EventQuery | None = None,
        *,
        schema: EventSchema = EventSchema.EVENT_GRID,
    ) -> int:
        """Writes events as lines of JSON. The arguments are those of `trunkline.EventHistory.export`."""
        if isinstance(to, (str, os.PathLike)):
            with open(to, "w", encoding="utf-8") as file:
                return await self.export(file, query, schema=schema)
        count = 0
        async with self.export_lines(query or EventQuery(), schema) as lines:
            async for line in lines:
                to.write(line + "\n")
                count += 1
        return count


class EventTopics(EventTopicsService):
    """The custom topics of a runtime. Iterating gives all of them, by name."""

    __slots__ = ()

    async def __aiter__(self) -> AsyncIterator[EventTopic]:
        for topic in await self.list():
            yield topic


class EventConsumers:
    """What takes events here: of a resource, of a custom topic, and of a runtime's default resource."""

    __slots__ = ()

    @property
    def _opened_native(self) -> _native.Runtime:
        raise NotImplementedError

    @property
    def event_subscriptions(self) -> EventSubscriptions:
        """Its event subscriptions."""
        raise NotImplementedError

    def deliveries(
        self,
        name: str,
        *,
        credits: int = 16,
        lock_time: datetime.timedelta | float = 300.0,
        timeout: float | None = None,
    ) -> AsyncDeliveries:
        """Takes the events of a subscription that has no webhook. Each must be acknowledged.

            await rt.event_subscriptions.put(name="received", types=["Microsoft.Communication.SMSReceived"])
            async for delivery in rt.deliveries("received"):
                with delivery:
                    print(delivery.event.data["message"])

        The arguments are those of `trunkline.Resource.deliveries`. What is wrong shows with the first event.
        """
        return AsyncDeliveries(self.event_subscriptions, name, credits, as_duration(lock_time, "lock_time"), timeout)

    @overload
    def on_event(self, name: str, fn: Callable[[Event], R], /, **settings: Unpack[HandlerSettings]) -> AsyncEventHandler[R]: ...
    @overload
    def on_event(
        self, name: str, /, **settings: Unpack[HandlerSettings]
    ) -> Callable[[Callable[[Event], R]], AsyncEventHandler[R]]: ...
    def on_event(
        self, name: str, fn: Callable[[Event], Awaitable[Any] | Any] | None = None, /, **settings: Unpack[HandlerSettings]
    ) -> Any:
        """Calls a function, which may be a coroutine's, with the events of a subscription, which is created when there is none of
        that name and changed when anything is said about it. An event is acknowledged when the function has returned; it comes
        again when it raises.

            @rt.on_event("received", types=["Microsoft.Communication.SMSReceived"])
            async def received(event):
                print(event.data["message"])

        The arguments are those of `trunkline.Resource.on_event`; `concurrency` is a number of tasks.

        Returns:
            The handler. Await it to know that the subscription is there, or why not.
        """
        options = HandlerOptions(name, settings)
        if fn is None:
            return lambda fn: AsyncEventHandler(self._opened_native, self.event_subscriptions, options, fn)
        return AsyncEventHandler(self._opened_native, self.event_subscriptions, options, fn)
