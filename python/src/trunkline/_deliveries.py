"""Consumers of event subscriptions in this process."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol

from .service import Event, EventDelivery, EventSubscriptionsService


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
