"""Streams: events of the sandbox, in order, without loss, until they are closed."""

from __future__ import annotations

import pytest
import trunkline
from conftest import DELIVERED, OURS, PHONE, RECEIVED


def send(rt: trunkline.Runtime, text: str = "hi") -> str:
    (outcome,) = rt.sms.send(from_=OURS, to=[PHONE], message=text, delivery_report=True)
    assert outcome.message_id
    return outcome.message_id


def test_a_delivery_report_arrives(rt: trunkline.Runtime) -> None:
    message_id = send(rt)
    rt.clock.advance(1)
    event = rt.wait_for(DELIVERED, lambda e: e.data["messageId"] == message_id, timeout=30)
    assert event.data["deliveryStatus"] == "Delivered"
    assert event.sequence > 0
    assert event.time.tzinfo is not None


def test_a_phone_answers(rt: trunkline.Runtime) -> None:
    rt.sandbox.send_from_phone(PHONE, OURS, "ping")
    event = rt.wait_for(RECEIVED, timeout=30)
    assert (event.data["from"], event.data["message"]) == (PHONE, "ping")


def test_a_stream_goes_on_where_it_was(rt: trunkline.Runtime) -> None:
    ids = [send(rt, f"{i}") for i in range(150)]
    rt.clock.advance(1)
    with rt.events.subscribe(DELIVERED, after=0, timeout=30) as events:
        seen = [next(events) for _ in range(100)]
    with rt.events.subscribe([DELIVERED], after=seen[-1].sequence, timeout=30) as events:
        seen += [next(events) for _ in range(50)]
    assert {event.data["messageId"] for event in seen} == set(ids)
    assert [e.sequence for e in seen] == sorted({e.sequence for e in seen})
    assert seen == rt.events.list(DELIVERED, limit=1000)


def test_waiting_is_bounded_and_loses_nothing(rt: trunkline.Runtime) -> None:
    with rt.events.subscribe(DELIVERED) as events:
        with pytest.raises(trunkline.DeadlineExceededError):
            events.next(timeout=0)
        message_id = send(rt)
        rt.clock.advance(1)
        assert events.next(timeout=30).data["messageId"] == message_id
    with pytest.raises(trunkline.DeadlineExceededError, match="nothing"):
        rt.wait_for("nothing", timeout=0)


def test_a_closed_stream_ends(rt: trunkline.Runtime) -> None:
    events = rt.events.subscribe()
    events.close()
    events.close()
    assert list(events) == []


def test_streams_end_with_their_runtime(config: dict[str, object]) -> None:
    rt = trunkline.Runtime(config)
    events = rt.events.subscribe()
    rt.close()
    with pytest.raises(trunkline.TrunklineError):
        events.next(timeout=1)
    events.close()
