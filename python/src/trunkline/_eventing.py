"""Where events go: subscriptions, consumers in this process, the history, custom topics."""

from __future__ import annotations

import datetime
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Generic, Protocol, TextIO, TypeVar, overload

from . import _native
from ._errors import NotFoundError, TrunklineError
from .service import (
    Event,
    EventCondition,
    EventDelivery,
    EventHistoryService,
    EventQuery,
    EventSchema,
    EventState,
    EventSubscription,
    EventSubscriptionSpec,
    EventSubscriptionsService,
    EventTopic,
    EventTopicsService,
)

R = TypeVar("R")
log = logging.getLogger("trunkline.events")
FAILED = "the handler %r failed on event %s (attempt %d); it comes again"


def as_duration(value: datetime.timedelta | float) -> datetime.timedelta:
    """A duration, or seconds."""
    return value if isinstance(value, datetime.timedelta) else datetime.timedelta(seconds=value)


def as_list(value: Sequence[str] | str | None) -> list[str] | None:
    return [value] if isinstance(value, str) else None if value is None else list(value)


class Answers(Protocol):
    """What a delivery is answered to: the service of either side."""

    def acknowledge(self, name: str, delivery_id: int) -> bool: ...
    def reject(self, name: str, delivery_id: int, reason: str = "") -> bool: ...


class Delivery:
    """An event that was taken from a subscription. Call `ack` once you have dealt with it, or use it in a `with` block, which
    acknowledges at its end and rejects when it is left by an exception. One that is dropped comes again.

    Attributes:
        event: The event.
        attempt: 1 the first time.
        id: Of this delivery.
    """

    __slots__ = ("_answers", "_subscription", "attempt", "event", "id")

    event: Event
    attempt: int
    id: int

    def __init__(self, answers: Answers, subscription: str, taken: EventDelivery) -> None:
        self._answers = answers
        self._subscription = subscription
        self.event = taken.event
        self.attempt = taken.attempt
        self.id = taken.id

    def ack(self) -> bool:
        """Says that the event was dealt with.

        Returns:
            False: too late, the event comes again.
        """
        return self._answers.acknowledge(self._subscription, self.id)

    def reject(self, reason: str = "") -> bool:
        """Says that it could not be dealt with. It comes again by the subscription's retry schedule.

        Args:
            reason: Why, for `event_history.explain`.

        Returns:
            False: too late.
        """
        return self._answers.reject(self._subscription, self.id, reason)

    def __enter__(self) -> Delivery:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.ack()
        else:
            self.reject(reason_of(error))

    def __repr__(self) -> str:
        return f"<trunkline.Delivery {self.event.type} {self.event.id} attempt={self.attempt}>"


def reason_of(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class Deliveries(Iterator[Delivery]):
    """The events of a subscription, to be acknowledged. Iterate over it; close it, or leave its `with` block, to stop: what was
    not answered for then comes again.

    One thread may iterate at a time; deliveries may be answered on any.
    """

    def __init__(
        self, service: EventSubscriptionsService, name: str, credits: int, lock_time: datetime.timedelta, timeout: float | None
    ) -> None:
        self._service = service
        self._name = name
        self._stream = service.deliveries(name, credits, lock_time, timeout=timeout)
        self._closed = False

    def next(self, timeout: float | None = None) -> Delivery:
        """The next delivery.

        Args:
            timeout: Seconds to wait; None: for ever.

        Raises:
            StopIteration: It was closed, or the subscription removed.
            DeadlineExceededError: None came in time; nothing is lost.
        """
        if self._closed:
            raise StopIteration
        return Delivery(self._service, self._name, self._stream.next(timeout))

    def __next__(self) -> Delivery:
        return self.next(self._stream.timeout)

    def __iter__(self) -> Deliveries:
        return self

    def close(self) -> None:
        """Stops. What was not answered for goes back. May be called again."""
        self._closed = True
        self._stream.close()

    def __enter__(self) -> Deliveries:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class HandlerOptions:
    """What `on_event` was given besides the function."""

    __slots__ = ("concurrency", "lock_time", "spec", "wanted")

    def __init__(self, name: str, concurrency: int, lock_time: datetime.timedelta | float, fields: Mapping[str, Any]) -> None:
        if concurrency < 1:
            raise ValueError(f"concurrency must be at least 1, not {concurrency}")
        given = {field: value for field, value in fields.items() if value is not None}
        self.spec = EventSubscriptionSpec(name=name, **given)
        self.wanted = bool(given)
        """Something was said about the subscription, so it is written; else one that exists stays as it is."""
        self.concurrency = concurrency
        self.lock_time = as_duration(lock_time)


class EventHandler(Generic[R]):
    """A function that gets the events of a subscription, on threads of its own. Calling it calls the function.

    Attributes:
        name: The subscription's name.
    """

    def __init__(
        self, native: _native.Runtime, service: EventSubscriptionsService, options: HandlerOptions, fn: Callable[[Event], R]
    ) -> None:
        self._native = native
        self._fn = fn
        self.name = options.spec.name
        if options.wanted or not _exists(service, self.name):
            service.put(options.spec)
        self._closed = False
        self._workers = [
            Worker(self, Deliveries(service, self.name, 1, options.lock_time, None)) for _ in range(options.concurrency)
        ]
        for worker in self._workers:
            worker.thread.start()

    def __call__(self, event: Event) -> R:
        return self._fn(event)

    def close(self) -> None:
        """Ends it, after the events that it is dealing with. The subscription stays and keeps what happens meanwhile."""
        self._closed = True
        for worker in self._workers:
            worker.stop()

    def __enter__(self) -> EventHandler[R]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<trunkline.EventHandler {self.name} {'closed' if self._closed else 'open'}>"


class Worker:
    """One thread of a handler."""

    def __init__(self, handler: EventHandler[Any], stream: Deliveries) -> None:
        self._handler = handler
        self._stream = stream
        # Held while the function runs, so that closing does not give back what it is dealing with.
        self._busy = threading.Lock()
        # Daemon: a program may end without closing its handlers.
        self.thread = threading.Thread(target=self._run, name=f"trunkline-{handler.name}", daemon=True)

    def stop(self) -> None:
        if self.thread is threading.current_thread():
            return  # its loop sees for itself
        with self._busy:
            self._stream.close()
        self.thread.join()

    def _run(self) -> None:
        handler = self._handler
        try:
            for delivery in self._stream:
                with self._busy:
                    if handler._closed:
                        break
                    self._deal_with(delivery)
                if handler._closed:
                    break
        except TrunklineError:
            if not (handler._closed or handler._native.closed):
                log.exception("the handler %r gets no more events", handler.name)
        finally:
            self._stream.close()

    def _deal_with(self, delivery: Delivery) -> None:
        try:
            self._handler._fn(delivery.event)
        except Exception as error:
            log.warning(FAILED, self._handler.name, delivery.event.id, delivery.attempt, exc_info=True)
            delivery.reject(reason_of(error))
        else:
            delivery.ack()


def _exists(service: EventSubscriptionsService, name: str) -> bool:
    try:
        service.get(name)
    except NotFoundError:
        return False
    return True


class EventSubscriptions(EventSubscriptionsService):
    """The event subscriptions of a resource or custom topic. Iterating gives all of them, by name."""

    __slots__ = ()

    def __iter__(self) -> Iterator[EventSubscription]:
        return iter(self.list())


def event_query(
    types: Sequence[str] | str | None,
    from_: datetime.datetime | None,
    to: datetime.datetime | None,
    subject_begins_with: str | None,
    correlation_id: str | None,
    subscription: str | None,
    state: EventState | None,
    newest_first: bool,
    page_size: int,
) -> EventQuery:
    return EventQuery(
        types=as_list(types),
        from_=from_,
        to=to,
        subject_begins_with=subject_begins_with,
        correlation_id=correlation_id,
        subscription=subscription,
        state=state,
        newest_first=newest_first,
        limit=page_size,
    )


class EventHistory(EventHistoryService):
    """What happened at a resource or custom topic, and what became of it."""

    __slots__ = ()

    def find(
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
    ) -> Iterator[Event]:
        """All events that fit, page by page.

        Args:
            types: Types to include; None: all.
            from_: Events from then on.
            to: Events from before then.
            subject_begins_with: Only subjects that begin so.
            correlation_id: Of what caused the event: a trace id, or an id in its data.
            subscription: With `state`: events that are in it at this subscription.
            state: The state.
            newest_first: Instead of oldest first.
            page_size: Events that are asked for at once.
        """
        query = event_query(
            types, from_, to, subject_begins_with, correlation_id, subscription, state, newest_first, page_size
        )
        while True:
            page = self.query(query)
            yield from page.items
            if page.next is None:
                return
            query.after = page.next

    def export(
        self, to: str | os.PathLike[str] | TextIO, query: EventQuery | None = None, *, schema: EventSchema = EventSchema.EVENT_GRID
    ) -> int:
        """Writes events as lines of JSON.

        Args:
            to: A path, or a file that is open for text.
            query: Which; None: all.
            schema: How they are written.

        Returns:
            Their number.
        """
        if isinstance(to, (str, os.PathLike)):
            with open(to, "w", encoding="utf-8") as file:
                return self.export(file, query, schema=schema)
        count = 0
        with self.export_lines(query or EventQuery(), schema) as lines:
            for line in lines:
                to.write(line + "\n")
                count += 1
        return count


class EventTopics(EventTopicsService):
    """The custom topics of a runtime. Iterating gives all of them, by name."""

    __slots__ = ()

    def __iter__(self) -> Iterator[EventTopic]:
        return iter(self.list())


class EventConsumers:
    """What takes events here: of a resource, of a custom topic, and of a runtime's default resource."""

    __slots__ = ()

    _native: _native.Runtime

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
    ) -> Deliveries:
        """Takes the events of a subscription that has no webhook. Each must be acknowledged.

            rt.event_subscriptions.put(name="received", types=["Microsoft.Communication.SMSReceived"])
            for delivery in rt.deliveries("received"):
                with delivery:
                    print(delivery.event.data["message"])

        Args:
            name: The subscription's.
            credits: Deliveries that are unanswered at a time, 1 to 1000; the other events wait on disk.
            lock_time: Seconds of the runtime's clock in which a delivery must be answered; then it counts as rejected.
            timeout: Seconds that iterating waits for an event; then `DeadlineExceededError` is raised.

        Raises:
            NotFoundError: There is no such subscription.
            FailedPreconditionError: It has a webhook or a workflow.
        """
        return Deliveries(self.event_subscriptions, name, credits, as_duration(lock_time), timeout)

    @overload
    def on_event(
        self,
        name: str,
        fn: Callable[[Event], R],
        /,
        *,
        types: Sequence[str] | str | None = ...,
        subject_begins_with: str | None = ...,
        subject_ends_with: str | None = ...,
        conditions: Sequence[EventCondition] | None = ...,
        ordering_key: str | None = ...,
        max_attempts: int | None = ...,
        dead_letter: str | None = ...,
        after: int | None = ...,
        concurrency: int = ...,
        lock_time: datetime.timedelta | float = ...,
    ) -> EventHandler[R]: ...
    @overload
    def on_event(
        self,
        name: str,
        /,
        *,
        types: Sequence[str] | str | None = ...,
        subject_begins_with: str | None = ...,
        subject_ends_with: str | None = ...,
        conditions: Sequence[EventCondition] | None = ...,
        ordering_key: str | None = ...,
        max_attempts: int | None = ...,
        dead_letter: str | None = ...,
        after: int | None = ...,
        concurrency: int = ...,
        lock_time: datetime.timedelta | float = ...,
    ) -> Callable[[Callable[[Event], R]], EventHandler[R]]: ...
    def on_event(
        self,
        name: str,
        fn: Callable[[Event], Any] | None = None,
        /,
        *,
        types: Sequence[str] | str | None = None,
        subject_begins_with: str | None = None,
        subject_ends_with: str | None = None,
        conditions: Sequence[EventCondition] | None = None,
        ordering_key: str | None = None,
        max_attempts: int | None = None,
        dead_letter: str | None = None,
        after: int | None = None,
        concurrency: int = 1,
        lock_time: datetime.timedelta | float = 300.0,
    ) -> Any:
        """Calls a function with the events of a subscription, which is created when there is none of that name and changed when
        anything is said about it. An event is acknowledged when the function returns; it comes again when it raises.

            @rt.on_event("received", types=["Microsoft.Communication.SMSReceived"])
            def received(event):
                print(event.data["message"])

        Args:
            name: The subscription's.
            fn: The function; left out: a decorator.
            types: Types to include; None: all.
            subject_begins_with: Only subjects that begin so.
            subject_ends_with: Only subjects that end so.
            conditions: Further conditions, all of which must hold.
            ordering_key: Events with the same value of this member come one after the other.
            max_attempts: Attempts for an event, 1 to 30.
            dead_letter: Where events go that no attempt could deal with.
            after: Events after this position of the log too, when the subscription is created; None: from now on.
            concurrency: Threads that call the function.
            lock_time: Seconds of the runtime's clock that it may take over an event.

        Returns:
            The handler. It ends with the runtime, or when it is closed.
        """
        options = HandlerOptions(
            name,
            concurrency,
            lock_time,
            {
                "types": as_list(types),
                "subject_begins_with": subject_begins_with,
                "subject_ends_with": subject_ends_with,
                "conditions": None if conditions is None else list(conditions),
                "ordering_key": ordering_key,
                "max_attempts": max_attempts,
                "dead_letter": dead_letter,
                "after": after,
            },
        )
        if fn is None:
            return lambda fn: EventHandler(self._native, self.event_subscriptions, options, fn)
        return EventHandler(self._native, self.event_subscriptions, options, fn)
