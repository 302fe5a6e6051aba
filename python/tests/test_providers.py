"""Providers written in Python: behind the same table of functions, guard, schema and events as any other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trunkline
from trunkline import sms
from trunkline.sms import DeliveryReport, MessageState, SmsCapabilities, SmsSendRequest, SmsSendResult

OURS = "+14255550100"
PHONE = "+14255550123"


def accept(request: SmsSendRequest, prefix: str = "py") -> list[SmsSendResult]:
    return [
        SmsSendResult(message_id=one.message_id, accepted=True, provider_message_id=f"{prefix}-{one.to}")
        for one in request.recipients
    ]


class Simple(trunkline.SmsProvider):
    config_schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"prefix": {"type": "string", "default": "py"}},
    }

    def capabilities(self) -> SmsCapabilities:
        return SmsCapabilities(max_recipients=7, delivery_reports=True)

    def send(self, request: SmsSendRequest, call: trunkline.Call) -> list[SmsSendResult]:
        return accept(request, self.config["prefix"])


class Awaited(trunkline.SmsProvider):
    async def send(self, request: SmsSendRequest, call: trunkline.Call) -> list[SmsSendResult]:
        await asyncio.sleep(0)
        return accept(request)


@contextmanager
def carrier(plugin: Any, **entry: Any) -> Iterator[tuple[trunkline.Runtime, sms.SmsProvider]]:
    config = {
        "providers": [{"name": "mine", "plugin": plugin, **entry}],
        "resources": [{"name": "main", "numbers": [{"number": OURS, "type": "geographic", "sms": "both", "calling": "none"}]}],
    }
    with trunkline.Runtime(config) as rt:
        yield rt, rt.provider(sms.SmsProvider, "mine")


def send(provider: sms.SmsProvider, text: str = "hello", count: int = 1, **options: Any) -> list[SmsSendResult]:
    people = [sms.Recipient(to=PHONE, message_id=f"m{i}") for i in range(count)]
    return provider.send(SmsSendRequest(from_=OURS, recipients=people, text=text), **options)


@pytest.mark.parametrize("plugin", [Simple, Awaited])
def test_a_text_goes_through(plugin: type[trunkline.SmsProvider]) -> None:
    with carrier(plugin) as (rt, provider):
        assert [one.message_id for one in send(provider, count=3)] == ["m0", "m1", "m2"]
        [sent] = rt.sms.send(from_=OURS, to=[PHONE], message="hello")
        assert sent.successful


def test_configuration_is_checked_and_capabilities_are_told() -> None:
    with carrier(Simple, config={"prefix": "north"}) as (_, provider):
        assert provider.capabilities().max_recipients == 7
        assert send(provider)[0].provider_message_id == f"north-{PHONE}"
    with (
        pytest.raises(trunkline.InvalidArgumentError, match=r"config.prefix: found integer 7, wanted string"),
        carrier(Simple, config={"prefix": 7}),
    ):
        pass
    with carrier(Awaited) as (_, provider):
        assert provider.capabilities() == SmsCapabilities()


def test_two_providers_of_one_class() -> None:
    config = {
        "providers": [
            {"name": "a", "plugin": Simple, "config": {"prefix": "a"}},
            {"name": "b", "plugin": Simple, "config": {"prefix": "b"}},
        ]
    }
    with trunkline.Runtime(config) as rt:
        for name in ("a", "b"):
            assert send(rt.provider(sms.SmsProvider, name))[0].provider_message_id == f"{name}-{PHONE}"


def test_an_object_is_a_provider() -> None:
    class Plain:
        def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
            return accept(request, "plain")

    with carrier(Plain(), interfaces=["sms"]) as (_, provider):
        assert send(provider)[0].provider_message_id == f"plain-{PHONE}"
    with pytest.raises(trunkline.InvalidArgumentError, match="`interfaces` must say what it offers"), carrier(Plain()):
        pass


class Failing(trunkline.SmsProvider):
    def send(self, request: SmsSendRequest, call: trunkline.Call) -> Any:
        match request.text:
            case "refuse":
                raise trunkline.ResourceExhaustedError(
                    "slow down", target="text", provider_code="E7", retryable=True, retry_after=2.5, details={"queue": "9"}
                )
            case "timeout":
                raise TimeoutError("the carrier is asleep")
            case "bug":
                return 1 // 0
            case "none":
                return None
            case "shape":
                return [SmsSendResult(message_id="m0", accepted=True, segments="many")]  # type: ignore[arg-type]
            case "base":
                return super().send(request, call)
            case _:
                return accept(request)


def test_exceptions_are_errors_of_the_call() -> None:
    with carrier(Failing) as (_, provider):
        with pytest.raises(trunkline.ResourceExhaustedError) as refused:
            send(provider, "refuse")
        error = refused.value
        assert (error.message, error.target, error.provider_code, error.retryable) == ("slow down", "text", "E7", True)
        assert error.retry_after == 2.5
        assert error.details["queue"] == "9"
        with pytest.raises(trunkline.DeadlineExceededError, match="the carrier is asleep"):
            send(provider, "timeout")
        with pytest.raises(trunkline.InternalError, match="ZeroDivisionError"):
            send(provider, "bug")
        with pytest.raises(trunkline.UnimplementedError):
            send(provider, "base")
        assert send(provider)[0].accepted


def test_results_of_the_wrong_shape_are_named() -> None:
    with carrier(Failing) as (_, provider):
        with pytest.raises(trunkline.InternalError, match=r"Failing.send returned what does not fit: .*NoneType"):
            send(provider, "none")
        with pytest.raises(trunkline.InternalError, match=r"Failing.send returned what does not fit: \[0\]\.segments"):
            send(provider, "shape")


def test_a_constructor_that_fails_says_so() -> None:
    class Broken(trunkline.SmsProvider):
        def __init__(self, host: trunkline.Host, config: dict[str, Any]) -> None:
            raise trunkline.UnauthenticatedError("the account is closed")

    with pytest.raises(trunkline.UnauthenticatedError, match=r"provider mine .*the account is closed"), carrier(Broken):
        pass


def test_events_reach_the_host() -> None:
    class Reporting(Simple):
        def send(self, request: SmsSendRequest, call: trunkline.Call) -> list[SmsSendResult]:
            for one in request.recipients:
                self.tell_delivery_report(
                    DeliveryReport(message_id=one.message_id, state=MessageState.DELIVERED, at=self.host.now())
                )
            return accept(request)

    with carrier(Reporting) as (rt, _):
        rt.sms.send(from_=OURS, to=[PHONE], message="hello", delivery_report=True)
        report = rt.wait_for("Microsoft.Communication.SMSDeliveryReportReceived", timeout=20)
        assert report.data["deliveryStatus"] == "Delivered"


def test_secrets_and_log_come_from_the_host(capfd: pytest.CaptureFixture[str]) -> None:
    class Keyed(trunkline.SmsProvider):
        secrets = ("key",)

        def __init__(self, host: trunkline.Host, config: dict[str, Any]) -> None:
            super().__init__(host, config)
            assert host.secret("key") == "s3cret"
            host.log("warning", "a pigeon is late", minutes=7)
            with pytest.raises(trunkline.NotFoundError):
                host.secret("other")

        def send(self, request: SmsSendRequest, call: trunkline.Call) -> list[SmsSendResult]:
            return accept(request)

    with carrier(Keyed, secrets={"key": {"value": "s3cret"}}):
        pass
    assert "a pigeon is late" in capfd.readouterr().err
    with pytest.raises(trunkline.InvalidArgumentError, match=r"secrets\.key: missing"), carrier(Keyed):
        pass


def test_a_slow_provider_blocks_no_other_one() -> None:
    began, go_on = threading.Event(), threading.Event()

    class Slow(trunkline.SmsProvider):
        def send(self, request: SmsSendRequest, call: trunkline.Call) -> list[SmsSendResult]:
            began.set()
            assert go_on.wait(30)
            return accept(request)

    config = {"providers": [{"name": "slow", "plugin": Slow}, {"name": "quick", "plugin": Simple}]}
    with trunkline.Runtime(config) as rt:
        slow, quick = rt.provider(sms.SmsProvider, "slow"), rt.provider(sms.SmsProvider, "quick")
        waiting = threading.Thread(target=lambda: send(slow))
        waiting.start()
        assert began.wait(30)
        assert send(quick)[0].accepted
        go_on.set()
        waiting.join(30)
        assert not waiting.is_alive()


def test_the_call_is_seen_and_a_coroutine_is_cancelled() -> None:
    seen: list[trunkline.Call] = []
    cancelled = threading.Event()

    class Patient(trunkline.SmsProvider):
        async def send(self, request: SmsSendRequest, call: trunkline.Call) -> list[SmsSendResult]:
            seen.append(call)
            if request.text == "now":
                return accept(request)
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise
            raise AssertionError("unreachable")

    with carrier(Patient) as (_, provider):
        send(provider.with_options(idempotency_key="once"), "now")
        assert seen[0].idempotency_key == "once"
        with pytest.raises(trunkline.DeadlineExceededError):
            send(provider, "never", timeout=0.05)
        assert cancelled.wait(30)
    assert not seen[0].cancelled


def test_closing_with_calls_in_flight() -> None:
    began = threading.Event()
    outcome: list[BaseException] = []

    class Hanging(trunkline.SmsProvider):
        async def send(self, request: SmsSendRequest, call: trunkline.Call) -> list[SmsSendResult]:
            began.set()
            await asyncio.Event().wait()
            raise AssertionError("unreachable")

    def call(provider: sms.SmsProvider) -> None:
        try:
            send(provider)
        except BaseException as error:
            outcome.append(error)

    with carrier(Hanging) as (_, provider):
        waiting = threading.Thread(target=call, args=(provider,))
        waiting.start()
        assert began.wait(30)
    waiting.join(30)
    assert not waiting.is_alive()
    assert isinstance(outcome[0], trunkline.TrunklineError)


@pytest.mark.parametrize("plugin", [Simple, Awaited])
def test_conformance(plugin: type[trunkline.SmsProvider]) -> None:
    report = trunkline.run_kit(plugin, quirks={"load": {"calls": 200}})
    assert report["failed"] == 0, [check for check in report["checks"] if check["outcome"] == "failed"]
    assert report["passed"] > 25
