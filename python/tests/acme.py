"""Providers in Python that the tests of providers share."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable
from typing import Any

import trunkline
import trunkline.aio
import trunkline.providers
from trunkline.sms import (
    DeliveryReport,
    MessageState,
    SmsCapabilities,
    SmsSendRequest,
    SmsSendResult,
)

PATIENCE = 20.0
SMALL = {"log": {"level": "off"}, "resources": [{"name": "main"}]}


def accept(request: SmsSendRequest) -> list[SmsSendResult]:
    return [SmsSendResult(message_id=recipient.message_id, accepted=True) for recipient in request.recipients]


class Acme(trunkline.SmsProvider):
    """Takes every text, and reports it delivered a second later."""

    def __init__(self) -> None:
        self.requests: list[SmsSendRequest] = []
        self.confirmations: set[asyncio.Task[None]] = set()

    async def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
        self.requests.append(request)
        for recipient in request.recipients:
            task = asyncio.create_task(self.confirm(recipient.message_id))
            self.confirmations.add(task)
            task.add_done_callback(self.confirmations.discard)
        return accept(request)

    async def confirm(self, message_id: str) -> None:
        await self.host.clock.sleep(datetime.timedelta(seconds=1))
        report = DeliveryReport(message_id=message_id, state=MessageState.DELIVERED, at=self.host.clock.now())
        await self.host.sms_events.delivery_report(report)

    def capabilities(self) -> SmsCapabilities:
        return SmsCapabilities(delivery_reports=True, max_segments=3)


class Fails(trunkline.SmsProvider):
    """Does what the text names; `inline` methods are coroutines."""

    def __init__(self, does: Callable[[SmsSendRequest], Any]) -> None:
        self.does = does

    async def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
        return self.does(request)  # type: ignore[no-any-return]


class FailsPlainly(Fails):
    def send(self, request: SmsSendRequest) -> list[SmsSendResult]:  # type: ignore[override]
        return self.does(request)  # type: ignore[no-any-return]


class Carrier(trunkline.SmsProvider):
    """What the kit's provider is: it refuses what it should and needs nobody."""

    async def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
        if not request.from_ or not request.recipients:
            raise trunkline.InvalidArgumentError("from and recipients are wanted", target="from")
        return accept(request)


class PlainCarrier(trunkline.SmsProvider):
    def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
        if not request.from_ or not request.recipients:
            raise trunkline.InvalidArgumentError("from and recipients are wanted", target="from")
        return accept(request)


def client(rt: trunkline.Runtime, provider: object, **options: Any) -> trunkline.sms.SmsProvider:
    rt.register_provider("acme", provider, **options)
    return rt.provider("acme", trunkline.sms.SmsProvider)
