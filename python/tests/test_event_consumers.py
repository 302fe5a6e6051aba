"""Consumers in the process: iterators that acknowledge, functions, custom topics; what they drop comes again."""

from __future__ import annotations

import asyncio
import datetime
import gc
import logging
import queue
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trunkline
import trunkline.aio
from conftest import DELIVERED, OURS, PHONE, RECEIVED, make_config
from trunkline.service import EventSchema, EventState, EventSubscriptionSpec, KeyKind, NewTopicEvent

Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def config() -> dict[str, Any]:
    return make_config()


def receive(rt: trunkline.Runtime, *texts: str) -> None:
    for text in texts:
        rt.sandbox.send_from_phone(PHONE, OURS, text)


def texts_of(deliveries: list[trunkline.Delivery]) -> list[str]:
    return [delivery.event.data["message"] for delivery in deliveries]


# ---- iterators


def test_deliveries_are_acknowledged(rt: trunkline.Runtime) -> None:
    rt.event_subscriptions.put(name="received", types=[RECEIVED])
    receive(rt, "one", "two")
    with rt.deliveries("received", timeout=30) as deliveries:
        first, second = next(deliveries), next(deliveries)
        assert texts_of([first, second]) == ["one", "two"]
        assert first.attempt == 1
        assert first.ack()
        assert not first.ack()
        with second:
            pass
    rt.clock.advance(0)
    for delivery in (first, second):
        (explanation,) = rt.event_history.explain(delivery.event.id)
        assert explanation.state == EventState.DELIVERED
    assert rt.event_subscriptions.activity("received").in_flight == 0


def test_a_rejected_one_comes_again(rt: trunkline.Runtime) -> None:
    rt.event_subscriptions.put(name="received")
    receive(rt, "one")
    with rt.deliveries("received", timeout=30) as deliveries:
        with pytest.raises(ZeroDivisionError), next(deliveries):
            _ = 1 / 0
        with pytest.raises(trunkline.DeadlineExceededError):
            deliveries.next(timeout=0)
        rt.clock.advance(datetime.timedelta(minutes=2))
        again = next(deliveries)
        assert again.attempt == 2
        assert again.ack()
    (explanation,) = rt.event_history.explain(again.event.id)
    assert explanation.attempts[0].reply == "ZeroDivisionError: division by zero"


def test_what_is_dropped_comes_again(rt: trunkline.Runtime) -> None:
    rt.event_subscriptions.put(name="received")
    receive(rt, "one", "two", "three")
    with rt.deliveries("received", timeout=30) as deliveries:
        assert next(deliveries).ack()
        dropped = next(deliveries)
    with rt.deliveries("received", timeout=30) as deliveries:
        left = [next(deliveries), next(deliveries)]
        assert texts_of(left) == ["two", "three"]
        assert left[0].attempt == 1
        assert not dropped.ack(), "it is another's now"
        assert all(delivery.ack() for delivery in left)


def test_the_place_of_a_consumer_outlives_the_runtime(config: dict[str, Any], tmp_path: Path) -> None:
    config["store"] = {"mode": "file", "path": str(tmp_path)}
    with trunkline.Runtime(config) as rt:
        rt.event_subscriptions.put(name="received")
        receive(rt, "one", "two", "three")
        with rt.deliveries("received", timeout=30) as deliveries:
            taken = [next(deliveries), next(deliveries)]
            assert taken[0].ack()
    with trunkline.Runtime(config) as rt, rt.deliveries("received", timeout=30) as deliveries:
        left = [next(deliveries), next(deliveries)]
        assert texts_of(left) == ["two", "three"]
        assert all(delivery.ack() for delivery in left)
        with pytest.raises(trunkline.DeadlineExceededError):
            deliveries.next(timeout=0)


def test_a_slow_consumer_holds_no_more_than_its_credits(rt: trunkline.Runtime) -> None:
    rt.event_subscriptions.put(name="received")
    receive(rt, *(f"{i}" for i in range(40)))
    with rt.deliveries("received", credits=4, timeout=30) as deliveries:
        held = [next(deliveries) for _ in range(4)]
        with pytest.raises(trunkline.DeadlineExceededError):
            deliveries.next(timeout=0)
        held[2].ack()
        assert texts_of([next(deliveries)]) == ["4"]
        with pytest.raises(trunkline.DeadlineExceededError):
            deliveries.next(timeout=0)
        # One that does not answer in time loses its events, and gets others.
        rt.clock.advance(datetime.timedelta(minutes=5))
        assert texts_of([next(deliveries)]) == ["5"]
        assert not held[0].ack()


def test_many_events_go_through_few_credits(rt: trunkline.Runtime) -> None:
    topic = rt.topics.create(name="orders").name
    source = rt.topic(topic)
    source.event_subscriptions.put(name="all")
    count = 1000
    for start in range(0, count, 100):
        source.publish_all([NewTopicEvent(type="T", subject="s", data={"n": n}) for n in range(start, start + 100)])
    seen = []
    with source.deliveries("all", credits=8, timeout=30) as deliveries:
        for delivery in deliveries:
            seen.append(delivery.event.data["n"])
            assert delivery.ack()
            if len(seen) == count:
                break
    assert sorted(seen) == list(range(count))


def test_iterators_end_with_their_subscription_and_runtime(rt: trunkline.Runtime) -> None:
    rt.event_subscriptions.put(name="received")
    deliveries = rt.deliveries("received", timeout=30)
    rt.event_subscriptions.remove("received")
    assert list(deliveries) == []
    with pytest.raises(trunkline.NotFoundError):
        rt.deliveries("received")
    rt.event_subscriptions.put(name="received")
    deliveries = rt.deliveries("received", timeout=30)
    rt.close()
    with pytest.raises(trunkline.TrunklineError):
        next(deliveries)
    deliveries.close()
    assert list(deliveries) == []


def test_wrong_consumers(rt: trunkline.Runtime) -> None:
    rt.event_subscriptions.put(name="received")
    for arguments, target in (({"credits": 0}, "credits"), ({"credits": 1001}, "credits"), ({"lock_time": 0}, "lockTime")):
        with pytest.raises(trunkline.InvalidArgumentError) as error:
            rt.deliveries("received", **arguments)
        assert error.value.target == target
    with pytest.raises(trunkline.NotFoundError):
        rt.deliveries("nobody")


def test_control_c_interrupts(python: Python) -> None:
    done = python(
        """
rt = trunkline.Runtime(make_config())
rt.event_subscriptions.put(name="received")
deliveries = rt.deliveries("received")
try:
    print("ready", flush=True)
    next(deliveries)
except KeyboardInterrupt:
    print("interrupted")
deliveries.close()
rt.close()
""",
        ready=lambda process: process.send_signal(signal.SIGINT),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["interrupted"]


# ---- functions


def test_a_function_gets_events(rt: trunkline.Runtime) -> None:
    got: queue.Queue[str] = queue.Queue()
    with rt.on_event("received", lambda event: got.put(event.data["message"]), types=RECEIVED) as handler:
        receive(rt, "one", "two")
        assert [got.get(timeout=30), got.get(timeout=30)] == ["one", "two"]
    assert handler.name == "received"
    receive(rt, "meanwhile")

    @rt.on_event("received")
    def received(event: trunkline.Event) -> str:
        got.put("again " + event.data["message"])
        return "result"

    assert got.get(timeout=30) == "again meanwhile"
    assert rt.event_subscriptions.get("received").properties["filter"]["includedEventTypes"] == [RECEIVED]
    event = rt.event_history.query(limit=1).items[0]
    assert received(event) == "result"
    received.close()
    received.close()


def test_a_function_that_raises_gets_the_event_again(rt: trunkline.Runtime, caplog: pytest.LogCaptureFixture) -> None:
    calls: queue.Queue[trunkline.Event] = queue.Queue()
    failing = threading.Event()
    failing.set()

    def fragile(event: trunkline.Event) -> None:
        try:
            if failing.is_set():
                raise OSError("the database is away")
        finally:
            calls.put(event)

    with caplog.at_level(logging.WARNING, "trunkline.events"), rt.on_event("received", fragile, types=RECEIVED) as handler:
        receive(rt, "one")
        event = calls.get(timeout=30)
        failing.clear()
        for _ in range(20_000):  # the function has raised; its thread is about to say so
            (explanation,) = rt.event_history.explain(event.id)
            if explanation.state == EventState.RETRYING:
                break
        assert explanation.attempts[0].reply == "OSError: the database is away"
        assert explanation.next_attempt is not None
        assert calls.empty()
        rt.clock.advance(datetime.timedelta(minutes=2))
        assert calls.get(timeout=30).id == event.id
        handler.close()
        rt.clock.advance(0)
    assert "the database is away" in caplog.text
    (explanation,) = rt.event_history.explain(event.id)
    assert explanation.state == EventState.DELIVERED


def test_functions_run_side_by_side(rt: trunkline.Runtime) -> None:
    meet = threading.Barrier(3)
    with rt.on_event("received", lambda event: meet.wait(30), concurrency=2):
        receive(rt, "one", "two")
        meet.wait(30)  # both of them are in the function
    with pytest.raises(ValueError, match="concurrency"):
        rt.on_event("received", print, concurrency=0)


def test_a_handler_closes_itself_and_ends_with_the_runtime(rt: trunkline.Runtime) -> None:
    done = threading.Event()

    def once(event: trunkline.Event) -> None:
        handler.close()
        done.set()

    handler = rt.on_event("received", once)
    receive(rt, "one", "two")
    assert done.wait(30)
    handler.close()
    other = rt.on_event("other", print)
    threads = [worker.thread for worker in [*handler._workers, *other._workers]]
    rt.close()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_workers_that_close_their_handler_do_not_wait_for_each_other(rt: trunkline.Runtime) -> None:
    meet = threading.Barrier(2)

    def close(event: trunkline.Event) -> None:
        meet.wait(30)
        handler.close()

    handler = rt.on_event("received", close, concurrency=2)
    receive(rt, "one", "two")
    for worker in handler._workers:
        worker.thread.join(30)
        assert not worker.thread.is_alive()
    handler.close()
    for event in rt.event_history.find():
        (explanation,) = rt.event_history.explain(event.id)
        assert explanation.state == EventState.DELIVERED


def test_a_wrong_filter_is_told_at_once(rt: trunkline.Runtime) -> None:
    with pytest.raises(trunkline.InvalidArgumentError) as error:
        rt.on_event("x", print)
    assert error.value.target == "name"


# ---- topics


def test_topics_are_made_and_published_to(rt: trunkline.Runtime) -> None:
    made = rt.topics.create(name="Orders", tags={"team": "shop"})
    assert (made.schema, made.local_auth, made.tags) == (EventSchema.EVENT_GRID, True, {"team": "shop"})
    assert made.primary_key not in repr(made)
    assert rt.topics.get("orders") == made
    assert [topic.name for topic in rt.topics] == ["Orders"]
    with pytest.raises(trunkline.AlreadyExistsError):
        rt.topics.create(name="ORDERS")
    again = rt.topics.regenerate_key("orders", KeyKind.PRIMARY)
    assert (again.primary_key != made.primary_key, again.secondary_key) == (True, made.secondary_key)
    assert rt.topics.set_tags("orders", {"a": "b"}).tags == {"a": "b"}

    orders = rt.topic("orders")
    got: queue.Queue[trunkline.Event] = queue.Queue()
    with orders.on_event("shipping", got.put, types=["Orders.Created"]):
        event_id = orders.publish("Orders.Created", "orders/7", {"total": 12.5})
        event = got.get(timeout=30)
    assert (event.id, event.subject, event.data) == (event_id, "orders/7", {"total": 12.5})
    assert event.topic == made.topic_id
    assert [e.id for e in orders.event_history.find()] == [event_id]
    assert orders.events.list(after=0) == [event]
    assert list(rt.event_history.find()) == [], "a topic is a world of its own"

    cloud = {"specversion": "1.0", "id": "c1", "source": "/x", "type": "T", "data": {"n": 1}}
    assert rt.topics.publish_json("orders", [cloud], EventSchema.CLOUD_EVENTS) == ["c1"]
    assert orders.event_history.get("c1").data == {"n": 1}

    assert rt.topics.remove("orders")
    assert not rt.topics.remove("orders")
    with pytest.raises(trunkline.NotFoundError):
        orders.publish("T", "s")
    with pytest.raises(trunkline.NotFoundError):
        rt.topic("orders")


def test_wrong_events_are_refused_as_a_whole(rt: trunkline.Runtime) -> None:
    rt.topics.create(name="orders")
    orders = rt.topic("orders")
    good = NewTopicEvent(type="T", subject="s", data={})
    with pytest.raises(trunkline.InvalidArgumentError) as error:
        orders.publish_all([good, NewTopicEvent(type="", subject="s", data={})])
    assert error.value.target == "events[1].type"
    with pytest.raises(trunkline.ResourceExhaustedError):
        orders.publish("T", "s", {"text": "x" * (1024 * 1024)})
    with pytest.raises(trunkline.InvalidArgumentError):
        rt.topics.create(name="no spaces")
    assert list(orders.event_history.find()) == []


# ---- asyncio


def run(body: Callable[[trunkline.aio.Runtime], Any]) -> None:
    async def main() -> None:
        async with trunkline.aio.Runtime(make_config()) as rt:
            await asyncio.wait_for(body(rt), 60)

    asyncio.run(main())


def test_asyncio_deliveries() -> None:
    async def body(rt: trunkline.aio.Runtime) -> None:
        await rt.event_subscriptions.put(name="received", types=[RECEIVED])
        for i in range(10):
            await rt.sandbox.send_from_phone(PHONE, OURS, f"{i}")
        async with rt.deliveries("received", credits=2) as deliveries:
            held = [await anext(deliveries), await anext(deliveries)]
            with pytest.raises(trunkline.DeadlineExceededError):
                await deliveries.next(timeout=0.001)
            assert held[0].ack()
            with await anext(deliveries) as third:
                assert third.event.data["message"] == "2"
        seen = []
        async for delivery in rt.deliveries("received"):
            seen.append(delivery.event.data["message"])
            assert delivery.ack()
            if len(seen) == 8:
                break
        assert sorted(seen) == ["1", *(f"{i}" for i in range(3, 10))]
        with pytest.raises(trunkline.NotFoundError):
            await anext(rt.deliveries("nobody"))
        assert [s.name async for s in rt.event_subscriptions] == ["received"]

    run(body)


def test_asyncio_functions() -> None:
    async def body(rt: trunkline.aio.Runtime) -> None:
        got: asyncio.Queue[str] = asyncio.Queue()
        failures = 1

        @rt.on_event("received", types=RECEIVED)
        async def received(event: trunkline.Event) -> None:
            nonlocal failures
            failures -= 1
            if failures >= 0:
                raise OSError("not yet")
            await got.put(event.data["message"])

        await received
        await rt.sandbox.send_from_phone(PHONE, OURS, "one")
        for _ in range(20_000):  # until its task has rejected the event
            (event,) = (await rt.event_history.query(limit=1)).items
            (explanation,) = await rt.event_history.explain(event.id)
            if explanation.state == EventState.RETRYING:
                break
        await rt.clock.advance(120)
        assert await got.get() == "one"
        await received.aclose()
        with pytest.raises(trunkline.InvalidArgumentError):
            await rt.on_event("x", print)

    run(body)


def test_asyncio_functions_that_close_their_handler_do_not_wait_for_each_other() -> None:
    async def body(rt: trunkline.aio.Runtime) -> None:
        inside = 0
        both = asyncio.Event()

        async def close(event: trunkline.Event) -> None:
            nonlocal inside
            inside += 1
            if inside == 2:
                both.set()
            await both.wait()
            await handler.aclose()

        handler = await rt.on_event("received", close, concurrency=2)
        for text in ("one", "two"):
            await rt.sandbox.send_from_phone(PHONE, OURS, text)
        done, pending = await asyncio.wait(handler._tasks, timeout=30)
        assert not pending
        assert [task.exception() for task in done] == [None, None]
        await handler.aclose()

    run(body)


def test_asyncio_a_set_up_that_is_given_up_leaves_nothing_behind() -> None:
    async def body(rt: trunkline.aio.Runtime) -> None:
        told: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        handler = rt.on_event("x", print, types="T")  # which is no name
        await asyncio.sleep(0)  # its set-up has begun
        made = handler._made
        await handler.aclose()
        await asyncio.wait([made], timeout=30)
        del made, handler
        gc.collect()
        await asyncio.sleep(0)
        assert told == []

    run(body)


def test_asyncio_history_and_topics() -> None:
    async def body(rt: trunkline.aio.Runtime) -> None:
        await rt.topics.create(name="orders")
        orders = rt.topic("orders")
        ids = [await orders.publish("T", f"s{i}", {"n": i}) for i in range(5)]
        assert [event.id async for event in orders.event_history.find(page_size=2)] == ids
        await orders.event_subscriptions.put(name="all", types=["U"])
        (explanation,) = await orders.event_history.explain(ids[0])
        assert explanation.state in (EventState.EARLIER, EventState.FILTERED)
        assert [topic.name async for topic in rt.topics] == ["orders"]
        spec = EventSubscriptionSpec(name="again")
        replay = await orders.event_history.replay(spec)
        assert replay.name == "again"
        async with orders.deliveries("again") as deliveries:
            assert [(await anext(deliveries)).event.id for _ in range(5)] == ids

    run(body)


def test_asyncio_iterators_end_with_the_runtime() -> None:
    async def main() -> None:
        rt = await trunkline.aio.Runtime(make_config())
        await rt.event_subscriptions.put(name="received", types=[DELIVERED])
        handler = await rt.on_event("received", print)
        waiting = asyncio.ensure_future(anext(rt.deliveries("received")))
        await asyncio.sleep(0)
        await rt.aclose()
        with pytest.raises((trunkline.TrunklineError, StopAsyncIteration)):
            await waiting
        await handler.aclose()

    asyncio.run(main())
