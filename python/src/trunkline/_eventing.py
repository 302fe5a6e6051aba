"""Where events go: subscriptions, consumers in this process, the history, custom topics."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TextIO, TypeVar, Unpack, overload

from . import _native
from ._checks import as_duration
from ._deliveries import Deliveries
from ._handlers import EventHandler, HandlerOptions, HandlerSettings, as_list
from .service import (
    Event,
    EventHistoryService,
    EventQuery,
    EventSchema,
    EventState,
    EventSubscription,
    EventSubscriptionsService,
    EventTopic,
    EventTopicsService,
)

R = TypeVar("R")


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
        query = event_query(types, from_, to, subject_begins_with, correlation_id, subscription, state, newest_first, page_size)
        while True:
            page = self.query(query)
            yield from page.items
            if page.next is None:
                return
            query.after = page.next

    def export(
        self,
        to: str | os.PathLike[str] | TextIO,
        query: EventQuery | None = None,
        *,
        schema: EventSchema = EventSchema.EVENT_GRID,
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
        return Deliveries(self.event_subscriptions, name, credits, as_duration(lock_time, "lock_time"), timeout)

    @overload
    def on_event(self, name: str, fn: Callable[[Event], R], /, **settings: Unpack[HandlerSettings]) -> EventHandler[R]: ...
    @overload
    def on_event(
        self, name: str, /, **settings: Unpack[HandlerSettings]
    ) -> Callable[[Callable[[Event], R]], EventHandler[R]]: ...
    def on_event(self, name: str, fn: Callable[[Event], Any] | None = None, /, **settings: Unpack[HandlerSettings]) -> Any:
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
            dead_letter_bucket: The same, where that is a bucket of S3, or of a store that speaks like it.
            after: Events after this position of the log too, when the subscription is created; None: from now on.
            concurrency: Threads that call the function; 1 when left out.
            lock_time: Seconds of the runtime's clock that it may take over an event; 300 when left out.

        Returns:
            The handler. It ends with the runtime, or when it is closed.
        """
        options = HandlerOptions(name, settings)
        if fn is None:
            return lambda fn: EventHandler(self._native, self.event_subscriptions, options, fn)
        return EventHandler(self._native, self.event_subscriptions, options, fn)
