"""Functions that get the events of a subscription."""

from __future__ import annotations

import datetime
import logging
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Generic, TypedDict, TypeVar

from . import _native
from ._checks import as_duration, check_callable, check_type, texts
from ._deliveries import Deliveries, Delivery, reason_of
from ._errors import NotFoundError, TrunklineError
from .service import Event, EventBucket, EventCondition, EventSubscriptionSpec, EventSubscriptionsService

R = TypeVar("R")
log = logging.getLogger("trunkline.events")
FAILED = "the handler %r failed on event %s (attempt %d); it comes again"


class HandlerSettings(TypedDict, total=False):
    """What `on_event` may be told besides name and function. All but `concurrency` and `lock_time` is about the subscription."""

    types: Sequence[str] | str | None
    subject_begins_with: str | None
    subject_ends_with: str | None
    conditions: Sequence[EventCondition] | None
    ordering_key: str | None
    max_attempts: int | None
    dead_letter: str | None
    dead_letter_bucket: EventBucket | None
    after: int | None
    concurrency: int
    lock_time: datetime.timedelta | float


class HandlerOptions:
    """The settings of one handler, with their defaults."""

    __slots__ = ("concurrency", "lock_time", "spec", "wanted")

    def __init__(self, name: str, settings: HandlerSettings) -> None:
        if unknown := settings.keys() - HandlerSettings.__annotations__.keys():
            raise TypeError(f"on_event() got an unexpected keyword argument {min(unknown)!r}")
        given: dict[str, Any] = {field: value for field, value in settings.items() if value is not None}
        self.concurrency = given.pop("concurrency", 1)
        check_type("concurrency", self.concurrency, int, "int")
        self.lock_time = as_duration(given.pop("lock_time", 300.0), "lock_time")
        if self.concurrency < 1:
            raise ValueError(f"concurrency must be at least 1, not {self.concurrency}")
        if "types" in given:
            given["types"] = as_list(given["types"])
        if "conditions" in given:
            given["conditions"] = list(given["conditions"])
        self.spec = EventSubscriptionSpec(name=name, **given)
        self.wanted = bool(given)
        """Something was said about the subscription, so it is written; else one that exists stays as it is."""


def as_list(value: Sequence[str] | str | None) -> list[str] | None:
    return None if value is None else texts("types", value)


class EventHandler(Generic[R]):
    """A function that gets the events of a subscription, on threads of its own. Calling it calls the function.

    Attributes:
        name: The subscription's name.
    """

    def __init__(
        self, native: _native.Runtime, service: EventSubscriptionsService, options: HandlerOptions, fn: Callable[[Event], R]
    ) -> None:
        check_callable("fn", fn)
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
        """Ends it, after the events that it is dealing with. The subscription stays and keeps what happens meanwhile. Called by
        the function itself it does not wait: the others may be closing it as well.
        """
        self._closed = True
        current = threading.current_thread()
        own = any(worker.thread is current for worker in self._workers)
        for worker in self._workers:
            worker.stop(wait=not own)

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

    def stop(self, *, wait: bool) -> None:
        # One that is busy and not waited for sees for itself.
        if self._busy.acquire(blocking=wait):
            try:
                self._stream.close()
            finally:
                self._busy.release()
        if wait:
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
