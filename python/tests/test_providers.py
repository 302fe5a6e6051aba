"""Providers that are written in Python: behind the same interfaces, guard and rules as a library."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
import trunkline
import trunkline.aio
import trunkline.providers
from acme import PATIENCE, SMALL, Acme, Carrier, Fails, FailsPlainly, PlainCarrier, accept, client
from conftest import DELIVERED, OURS, PHONE, RECEIVED, request
from trunkline.host import HttpRequest, HttpResponse
from trunkline.sms import (
    InboundSms,
    SmsQuery,
    SmsQueryResult,
    SmsSendRequest,
    SmsSendResult,
)

# ---- the normal course ----


def test_a_text_goes_through_a_python_provider_and_is_reported(plain: trunkline.Runtime) -> None:
    acme = Acme()
    plain.register_provider("acme", acme)
    [sent] = plain.sms.send(from_=OURS, to=[PHONE], message="hello", delivery_report=True)
    until = plain.sms.get(sent.message_id)
    plain.settle()
    assert acme.requests[0].text == "hello"
    assert acme.requests[0].recipients[0].message_id == sent.message_id
    plain.clock.advance(2)
    report = plain.wait_for(DELIVERED, lambda event: event.data["messageId"] == sent.message_id, timeout=PATIENCE)
    assert report.data["deliveryStatus"] == "Delivered"
    assert plain.sms.get(sent.message_id).provider == "acme"
    assert until.message_id == sent.message_id


def test_configuration_names_it_and_routes_lead_to_it(config: dict[str, Any]) -> None:
    config["providers"].append({"name": "ours", "plugin": "acme", "config": {"account": "a-1"}})
    config["routes"] = [{"interface": "sms", "providers": ["ours"]}]
    seen: list[dict[str, Any]] = []

    class Configured(Acme):
        config_schema = {
            "type": "object",
            "properties": {"account": {"type": "string"}, "retries": {"type": "integer", "default": 3}},
            "required": ["account"],
        }

        async def start(self, host: trunkline.ProviderHost) -> None:
            seen.append(host.config)

    with trunkline.Runtime(config, plugins={"acme": Configured}) as rt:
        [sent] = rt.sms.send(from_=OURS, to=[PHONE], message="hello")
        assert sent.successful
        rt.settle()
        assert rt.sms.get(sent.message_id).provider == "ours"
        assert "acme" in [plugin.id for plugin in rt.plugins() if plugin.state == "loaded"]
    assert seen == [{"account": "a-1", "retries": 3}]


def test_what_is_wrong_with_its_configuration_is_told(plain: trunkline.Runtime) -> None:
    class Strict(Acme):
        config_schema = {"type": "object", "additionalProperties": False, "properties": {"url": {"type": "string"}}}
        secrets = ("api_key",)

    with pytest.raises(trunkline.InvalidArgumentError, match=r"config\.urll.*secrets\.api_key: missing"):
        plain.register_provider("acme", Strict(), config={"urll": "x"})
    plain.register_provider("acme", Strict(), config={"url": "x"}, secrets={"api_key": "k"})  # the name is free again
    with pytest.raises(trunkline.AlreadyExistsError, match="acme"):
        plain.register_provider("acme", Acme())


def test_secrets_and_capabilities_reach_the_other_side(plain: trunkline.Runtime) -> None:
    seen: list[str] = []

    class Secretive(Acme):
        secrets = ("api_key",)

        async def start(self, host: trunkline.ProviderHost) -> None:
            seen.append(host.secrets.get("api_key"))

    sms = client(plain, Secretive(), secrets={"api_key": "hush"})
    assert seen == ["hush"]
    capabilities = sms.capabilities()
    assert capabilities.delivery_reports
    assert capabilities.max_segments == 3
    assert capabilities.max_recipients == 100


@pytest.mark.parametrize("kind", [Fails, FailsPlainly])
def test_methods_may_be_coroutines_or_plain(plain: trunkline.Runtime, kind: type[Fails]) -> None:
    threads: list[str] = []

    def does(request: SmsSendRequest) -> list[SmsSendResult]:
        threads.append(threading.current_thread().name)
        return accept(request)

    [result] = client(plain, kind(does)).send(request("hi"))
    assert result.accepted
    assert result.message_id == "m0"
    assert threads == ["trunkline-acme-worker" if kind is FailsPlainly else "trunkline-acme"]


def test_a_plain_function_may_give_an_awaitable(plain: trunkline.Runtime) -> None:
    async def later(request: SmsSendRequest) -> list[SmsSendResult]:
        await asyncio.sleep(0)
        return accept(request)

    [result] = client(plain, FailsPlainly(later)).send(request("hi"))
    assert result.accepted


def test_any_object_with_the_methods_is_a_provider(plain: trunkline.Runtime) -> None:
    class Duck:
        def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
            return accept(request)

        async def query(self, query: SmsQuery) -> SmsQueryResult:
            return SmsQueryResult(custody=trunkline.sms.SmsCustody.TAKEN)

    with pytest.raises(TypeError, match="say what it offers"):
        plain.register_provider("acme", Duck())
    sms = client(plain, Duck(), interface=["sms", "sms.query"])
    assert sms.send(request("hi"))[0].accepted
    query = SmsQuery(message_id="m", from_=OURS, to=PHONE, sent_at=plain.clock.now())
    assert plain.provider("acme", trunkline.sms.SmsQueryProvider).query(query).custody == trunkline.sms.SmsCustody.TAKEN


def test_every_interface_can_be_offered() -> None:
    for cls in vars(trunkline.providers).values():
        if not isinstance(cls, type) or "interface_id" not in vars(cls) or "_" in cls.interface_id:
            continue  # the last: an id that no manifest may have yet
        names = [name for name, constant in trunkline.providers.INTERFACES[cls.interface_id] if not constant]
        methods = {name: lambda self, *arguments: None for name in names}
        made = type("Made", (cls,), methods)
        with trunkline.Runtime(SMALL, plugins={"made": made}) as rt:
            rt.register_provider("other", made)
            assert cls.interface_id in next(plugin.interfaces for plugin in rt.plugins() if plugin.id == "made")


def test_a_carrier_calls_back_through_the_webhook(plain: trunkline.Runtime) -> None:
    class Hooked(Acme, trunkline.WebhookReceiver):
        async def receive(self, request: HttpRequest) -> HttpResponse:
            message = InboundSms(
                provider_message_id="in-1",
                from_=PHONE,
                to=OURS,
                text=(request.body or b"").decode(),
                received_at=self.host.clock.now(),
            )
            await self.host.sms_events.received(message)
            return HttpResponse(status=204, headers={})

    plain.register_provider("acme", Hooked())
    hook = plain.provider("acme", trunkline.host.WebhookReceiver)
    answer = hook.receive(HttpRequest(method="POST", url="http://x/", headers={}, body=b"are you there?"))
    assert answer.status == 204
    event = plain.wait_for(RECEIVED, timeout=PATIENCE)
    assert event.data["message"] == "are you there?"
    assert event.data["from"] == PHONE


def test_plain_methods_use_the_blocking_host(plain: trunkline.Runtime) -> None:
    class Blocking(trunkline.SmsProvider):
        def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
            host = self.host.blocking
            host.store.put("last", request.text.encode())
            assert host.store.get("last") == request.text.encode()
            host.log.write(trunkline.host.LogLevel.INFO, "sent", {"to": request.recipients[0].to})
            return accept(request)

    assert client(plain, Blocking()).send(request("kept"))[0].accepted


def test_a_method_sees_what_its_caller_said(plain: trunkline.Runtime) -> None:
    seen: list[trunkline.ProviderCall] = []

    async def does_later(request: SmsSendRequest) -> list[SmsSendResult]:
        await asyncio.sleep(0)
        seen.append(trunkline.current_call())
        return accept(request)

    class Looks(trunkline.SmsProvider):
        async def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
            return await does_later(request)

    sms = client(plain, Looks()).with_options(
        idempotency_key="k-1", traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    )
    sms.send(request("hi"))
    assert seen[0].idempotency_key == "k-1"
    assert seen[0].traceparent.startswith("00-0af7")
    with pytest.raises(LookupError):
        trunkline.current_call()


# ---- the kit ----


@pytest.mark.parametrize("carrier", [Carrier, PlainCarrier])
def test_the_conformance_kit_passes(carrier: type[trunkline.SmsProvider]) -> None:
    from trunkline import conformance

    report = conformance.run(carrier, quirks={"load": {"calls": 2000, "in_flight": 64}})
    assert report.passed, report.text
    names = [result.name for result in report.results if result.outcome == "passed"]
    for wanted in ("lifecycle.create_stop", "sms.cancel_during", "sms.stop_with_calls", "sms.leaks", "sms.load"):
        assert wanted in names, report.text
    assert "<testsuite" in report.junit


def test_the_kit_finds_what_is_wrong() -> None:
    from trunkline import conformance

    class Wrong(trunkline.SmsProvider):
        async def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
            return [SmsSendResult(message_id="mine", accepted="yes")]  # type: ignore[arg-type]

    report = conformance.run(Wrong, only="sms.normal")
    assert not report.passed
    assert "result[0].accepted: expected bool, found str" in report.failed[0].detail
