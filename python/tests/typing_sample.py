"""Not run: what type checkers must make of the package. test_package.py checks it with mypy and pyright, both strict."""

import asyncio
import datetime
from typing import assert_type

import trunkline
import trunkline.aio
from trunkline.sandbox import CapturedMail, PhoneMessage
from trunkline.service import Event, EventState, EventSubscription, SmsMessage, SmsSendOutcome
from trunkline.sms import MessageState, SmsProvider, SmsSendResult
from trunkline.testing import AsyncTrunkline, DeadLetter, Trunkline


def sync() -> None:
    with trunkline.Runtime({"runtime": {"seed": 1}}, clock="virtual") as rt:
        assert_type(rt.sms.send(from_="+1", to=["+1"], message="hi", delivery_report=True), list[SmsSendOutcome])
        assert_type(rt.sms.send(SmsMessage(from_="+1", to=["+1"], message="hi"), timeout=5), list[SmsSendOutcome])
        assert_type(rt.provider("sim-a", SmsProvider), SmsProvider)
        assert_type(rt.provider("sim-a", SmsProvider).send(from_="", recipients=[], text=""), list[SmsSendResult])
        assert_type(rt.sms.get("id").state, MessageState)
        assert_type(rt.clock.advance(datetime.timedelta(seconds=1)), datetime.datetime)
        for event in rt.events.subscribe(["x"], after=0):
            assert_type(event, Event)
        for delivery in rt.deliveries("x", credits=4):
            assert_type(delivery, trunkline.Delivery)
            assert_type(delivery.ack(), bool)

        @rt.on_event("x", types=["t"])
        def handler(event: Event) -> int:
            return event.sequence

        assert_type(handler, trunkline.EventHandler[int])
        assert_type(rt.on_event("y", lambda event: event.subject), trunkline.EventHandler[str])
        assert_type(rt.event_subscriptions.put(name="x", webhook="https://example.com"), EventSubscription)
        assert_type(rt.event_history.explain("id")[0].state, EventState)
        assert_type(rt.topic("orders").publish("T", "s", {"n": 1}), str)
        rt.event_subscriptions.put(webhook="https://example.com")  # type: ignore[call-overload]
        rt.wait_for("x", where=lambda e: e.subject == "y", timeout=1)
        rt.sms.send(to=["+1"], message="hi")  # type: ignore[call-overload]
        rt.sms.send(from_="+1", to="+1", message=3)  # type: ignore[call-overload]


async def awaited() -> None:
    async with trunkline.aio.Runtime() as rt:
        assert_type(await rt.sms.send(from_="+1", to=["+1"], message="hi"), list[SmsSendOutcome])
        async with rt.events.subscribe() as events:
            async for event in events:
                assert_type(event, Event)
        async for delivery in rt.deliveries("x"):
            assert_type(delivery, trunkline.Delivery)
        async for found in rt.event_history.find("x"):
            assert_type(found, Event)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(rt.sms.get("id"))
        assert_type(task.result().state, MessageState)


def tests(trunkline: Trunkline) -> None:
    assert_type(trunkline.phone("+1").wait_for("code"), PhoneMessage)
    assert_type(trunkline.phone("+1").wait_for(lambda message: message.outbound), PhoneMessage)
    assert_type(trunkline.phone("+1").wait_code(), str)
    assert_type(trunkline.mailbox("a@example.com").wait_for(subject="x"), CapturedMail)
    assert_type(trunkline.events.dead_lettered, list[DeadLetter])
    assert_type(trunkline.clock.advance(1), datetime.datetime)
    trunkline.carrier("sim-a").fail("unreachable", times=1)
    trunkline.phone("+1").wait_for(7)  # type: ignore[arg-type]


async def awaited_tests(trunkline: AsyncTrunkline) -> None:
    assert_type(await trunkline.phone("+1").wait_for("code"), PhoneMessage)
    assert_type(await trunkline.phone("+1").texts, list[str])
    assert_type(await trunkline.events.dead_lettered, list[DeadLetter])
    assert_type(await trunkline.clock.advance(1), datetime.datetime)


class Acme(trunkline.SmsProvider):
    secrets = ("api_key",)

    async def start(self, host: trunkline.ProviderHost) -> None:
        assert_type(host.secrets.get("api_key"), str)

    async def send(self, request: trunkline.sms.SmsSendRequest) -> list[trunkline.sms.SmsSendResult]:
        assert_type(await self.host.store.get("k"), bytes)
        assert_type(self.host.blocking.store.get("k"), bytes)
        assert_type(trunkline.current_call().idempotency_key, str)
        return []


class Plain(trunkline.SmsProvider):
    def send(self, request: trunkline.sms.SmsSendRequest) -> list[trunkline.sms.SmsSendResult]:
        return []

    def stop(self) -> None: ...


class Wrong(trunkline.SmsProvider):
    def send(self, request: str) -> int:  # type: ignore[override]
        return 1


def provided(rt: trunkline.Runtime) -> None:
    rt.register_provider("acme", Acme(), config={"a": 1}, first=False)
    rt.register_provider(3, Acme())  # type: ignore[arg-type]
