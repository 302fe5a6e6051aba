"""Not run: what type checkers must make of the package. test_package.py checks it with mypy --strict."""

import asyncio
import datetime
from typing import assert_type

import trunkline
import trunkline.aio
from trunkline.service import Event, SmsMessage, SmsSendOutcome
from trunkline.sms import MessageState, SmsProvider, SmsSendResult


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
        rt.wait_for("x", where=lambda e: e.subject == "y", timeout=1)
        rt.sms.send(to=["+1"], message="hi")  # type: ignore[call-overload]
        rt.sms.send(from_="+1", to="+1", message=3)  # type: ignore[call-overload]


async def awaited() -> None:
    async with trunkline.aio.Runtime() as rt:
        assert_type(await rt.sms.send(from_="+1", to=["+1"], message="hi"), list[SmsSendOutcome])
        async with rt.events.subscribe() as events:
            async for event in events:
                assert_type(event, Event)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(rt.sms.get("id"))
        assert_type(task.result().state, MessageState)
