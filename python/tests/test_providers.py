"""Providers that are written in Python: behind the same interfaces, guard and rules as a library."""

from __future__ import annotations

import asyncio
import datetime
import gc
import logging
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trunkline
import trunkline.aio
import trunkline.providers
from conftest import BUILD, DELIVERED, OURS, PHONE, RECEIVED, request
from trunkline.common import ErrorCode
from trunkline.host import HttpRequest, HttpResponse
from trunkline.sms import (
    DeliveryReport,
    InboundSms,
    MessageState,
    SmsCapabilities,
    SmsQuery,
    SmsQueryResult,
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


@pytest.fixture
def plain(config: dict[str, Any]) -> Iterator[trunkline.Runtime]:
    """Without routes, so that what is registered is asked."""
    with trunkline.Runtime({**config, "routes": []}) as runtime:
        yield runtime


def client(rt: trunkline.Runtime, provider: object, **options: Any) -> trunkline.sms.SmsProvider:
    rt.register_provider("acme", provider, **options)
    return rt.provider("acme", trunkline.sms.SmsProvider)


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


# ---- errors ----


@pytest.mark.parametrize("kind", [Fails, FailsPlainly])
def test_errors_of_ours_keep_every_member(plain: trunkline.Runtime, kind: type[Fails]) -> None:
    def does(request: SmsSendRequest) -> None:
        raise trunkline.ResourceExhaustedError(
            "slow down", target="recipients[0]", retryable=True, retry_after=1.5, provider_code="429-7", http_status=429
        )

    with pytest.raises(trunkline.ResourceExhaustedError) as caught:
        client(plain, kind(does)).send(request("hi"))
    error = caught.value
    assert (error.message, error.target, error.retryable) == ("slow down", "recipients[0]", True)
    assert (error.retry_after, error.provider_code, error.http_status) == (1.5, "429-7", 429)


@pytest.mark.parametrize("error", sorted(trunkline.TrunklineError.__subclasses__(), key=lambda cls: cls.__name__))
def test_every_error_class_arrives_as_itself(plain: trunkline.Runtime, error: type[trunkline.TrunklineError]) -> None:
    def does(request: SmsSendRequest) -> None:
        raise error("no")

    with pytest.raises(error, match="no"):
        client(plain, Fails(does)).send(request("hi"))


@pytest.mark.parametrize("kind", [Fails, FailsPlainly])
@pytest.mark.parametrize(
    "error", [ValueError("out of ink"), KeyError("x"), SystemExit(3), KeyboardInterrupt(), RecursionError("deep")]
)
def test_other_exceptions_are_faults_of_the_provider(
    plain: trunkline.Runtime, kind: type[Fails], error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def does(request: SmsSendRequest) -> None:
        raise error

    with caplog.at_level(logging.ERROR, "trunkline.provider"), pytest.raises(trunkline.InternalError) as caught:
        client(plain, kind(does)).send(request("hi"))
    assert f"acme.send raised {type(error).__name__}" in caught.value.message
    assert "does" in caplog.text
    assert type(error).__name__ in caplog.text


def test_an_exception_that_cannot_be_shown_is_told_all_the_same(plain: trunkline.Runtime) -> None:
    class Awful(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text for you")

    def does(request: SmsSendRequest) -> None:
        raise Awful

    with pytest.raises(trunkline.InternalError, match=r"acme\.send"):
        client(plain, Fails(does)).send(request("hi"))


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (None, "result: expected list, found NoneType"),
        ("x", "result: expected list, found str"),
        ([1], r"result\[0\]: expected SmsSendResult, found int"),
        ([SmsSendResult(message_id=7, accepted=True)], r"result\[0\]\.message_id: expected str, found int"),  # type: ignore[arg-type]
        ([SmsSendResult(message_id="m", accepted="yes")], r"result\[0\]\.accepted: expected bool, found str"),  # type: ignore[arg-type]
        ([SmsSendResult(message_id="m", accepted=True, segments=2**40)], r"result\[0\]\.segments is out of range"),
        ([SmsSendResult(message_id="\ud800", accepted=True)], r"result\[0\]\.message_id is no valid Unicode text"),
    ],
)
@pytest.mark.parametrize("kind", [Fails, FailsPlainly])
def test_a_result_of_another_shape_names_field_and_fault(
    plain: trunkline.Runtime, kind: type[Fails], result: object, told: str
) -> None:
    with pytest.raises(trunkline.InternalError, match=r"acme\.send: " + told) as caught:
        client(plain, kind(lambda request: result)).send(request("hi"))
    assert caught.value.code == ErrorCode.INTERNAL


def test_what_is_not_overridden_is_unimplemented(plain: trunkline.Runtime) -> None:
    class Half(trunkline.IdentityProvider):
        async def get_user(self, resource_id: str, user_id: str) -> trunkline.identity.UserIdentity:
            raise trunkline.NotFoundError("nobody")

    plain.register_provider("half", Half())
    identities = plain.provider("half", trunkline.identity.IdentityProvider)
    with pytest.raises(trunkline.NotFoundError, match="nobody"):
        identities.get_user("r", "u")
    with pytest.raises(trunkline.UnimplementedError, match="delete_user is not implemented"):
        identities.delete_user("r", "u")


def test_what_cannot_be_a_provider_is_refused(plain: trunkline.Runtime) -> None:
    class Empty(trunkline.SmsProvider):
        pass

    class Both(trunkline.SmsProvider, trunkline.EmailProvider):  # type: ignore[misc]
        async def send(self, request: Any) -> Any:
            return []

    with pytest.raises(TypeError, match=r"Empty has no method of trunkline.sms/1: wanted send"):
        plain.register_provider("acme", Empty())
    with pytest.raises(TypeError, match="provider"):
        plain.register_provider("acme", None)
    with pytest.raises(TypeError, match="interface: found 'smss', wanted one of chat"):
        plain.register_provider("acme", Acme(), interface="smss")
    with pytest.raises(trunkline.InternalError, match="send is an operation of"):
        plain.register_provider("acme", Both())
    with pytest.raises(trunkline.InvalidArgumentError, match="id: found"):
        plain.register_provider("Not An Id", Acme())
    with pytest.raises(TypeError, match=r"class like trunkline\.sms\.SmsProvider"):
        plain.provider("sim", trunkline.SmsProvider)  # type: ignore[type-var]


def test_a_start_that_fails_fails_the_registration(plain: trunkline.Runtime) -> None:
    class Refuses(Acme):
        async def start(self, host: trunkline.ProviderHost) -> None:
            raise trunkline.UnauthenticatedError("the carrier knows no such account", target="config.account")

    before = threading.active_count()
    with pytest.raises(trunkline.UnauthenticatedError, match=r"provider acme .*the carrier knows no such account"):
        plain.register_provider("acme", Refuses())
    for thread in threading.enumerate():
        if thread.name == "trunkline-acme":
            thread.join(PATIENCE)
    assert threading.active_count() <= before


# ---- slow ones ----


def test_a_slow_provider_blocks_nobody() -> None:
    release = threading.Event()

    class SlowAwait(trunkline.SmsProvider):
        async def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
            await asyncio.get_running_loop().run_in_executor(None, release.wait, PATIENCE)
            return accept(request)

    class SlowPlain(trunkline.SmsProvider):
        def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
            release.wait(PATIENCE)
            return accept(request)

    async def all_of() -> None:
        async with trunkline.aio.Runtime(SMALL) as rt:
            await rt.register_provider("slow-await", SlowAwait())
            await rt.register_provider("slow-plain", SlowPlain(), workers=64)
            await rt.register_provider("quick", Acme())
            # Many more than the runtime has threads.
            slow = [
                asyncio.ensure_future(rt.provider(name, trunkline.aio.sms.SmsProvider).send(request(f"{i}")))
                for name in ("slow-await", "slow-plain")
                for i in range(20)
            ]
            quick = rt.provider("quick", trunkline.aio.sms.SmsProvider)
            for i in range(50):
                assert (await asyncio.wait_for(quick.send(request(f"{i}")), PATIENCE))[0].accepted
            assert not any(call.done() for call in slow)
            release.set()
            for results in await asyncio.gather(*slow):
                assert results[0].accepted

    asyncio.run(all_of())


def test_a_cancelled_call_cancels_its_coroutine() -> None:
    async def body() -> None:
        begun, ended = threading.Event(), threading.Event()

        class Waits(trunkline.SmsProvider):
            async def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
                begun.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    ended.set()
                return []

        async with trunkline.aio.Runtime(SMALL) as rt:
            await rt.register_provider("waits", Waits())
            call = asyncio.ensure_future(rt.provider("waits", trunkline.aio.sms.SmsProvider).send(request("hi")))
            await asyncio.to_thread(begun.wait, PATIENCE)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await asyncio.to_thread(ended.wait, PATIENCE)

    asyncio.run(body())


def test_a_call_that_is_late_ends_for_its_caller(plain: trunkline.Runtime) -> None:
    class Never(trunkline.SmsProvider):
        async def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
            await asyncio.Event().wait()
            return []

    sms = client(plain, Never())
    with pytest.raises(trunkline.DeadlineExceededError):
        sms.send(request("hi"), timeout=0.05)


def test_a_call_whose_deadline_passes_is_cancelled(config: dict[str, Any]) -> None:
    ended = threading.Event()

    class Never(trunkline.SmsProvider):
        async def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
            return []

    with trunkline.Runtime({**config, "routes": []}) as rt:
        rt.register_provider("never", Never(), timeout=5)
        [sent] = rt.sms.send(from_=OURS, to=[PHONE], message="hi")
        rt.settle()
        assert not ended.is_set()
        rt.clock.advance(10)
        assert ended.wait(PATIENCE)
        assert rt.sms.get(sent.message_id).message_id == sent.message_id


@pytest.mark.parametrize("plainly", [False, True])
def test_closing_with_calls_in_flight_ends_each_of_them(config: dict[str, Any], plainly: bool) -> None:
    begun = threading.Semaphore(0)
    release = threading.Event()

    class Waits(trunkline.SmsProvider):
        async def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
            begun.release()
            await asyncio.Event().wait()
            return []

    class WaitsPlainly(trunkline.SmsProvider):
        def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
            begun.release()
            release.wait(PATIENCE)
            return accept(request)

    rt = trunkline.Runtime(config)
    sms = client(rt, WaitsPlainly() if plainly else Waits())
    outcomes: list[object] = []

    def call() -> None:
        try:
            outcomes.append(sms.send(request("hi")))
        except trunkline.TrunklineError as error:
            outcomes.append(error)

    callers = [threading.Thread(target=call) for _ in range(5)]
    for caller in callers:
        caller.start()
    for _ in callers:
        assert begun.acquire(timeout=PATIENCE)
    if plainly:
        release.set()
    rt.close()
    for caller in callers:
        caller.join(PATIENCE)
    assert len(outcomes) == 5
    if not plainly:
        assert all(isinstance(outcome, trunkline.CancelledError) for outcome in outcomes)


def test_stop_is_called_and_everything_is_let_go(config: dict[str, Any]) -> None:
    ended: list[str] = []

    class Ends(Carrier):
        def stop(self) -> None:  # type: ignore[override]
            ended.append("stopped")

    acme = Ends()
    kept = weakref.ref(acme)
    rt = trunkline.Runtime(config)
    client(rt, acme).send(request("hi"))
    rt.close()
    assert ended == ["stopped"]
    for thread in threading.enumerate():
        if thread.name.startswith("trunkline-acme"):
            thread.join(PATIENCE)
            assert not thread.is_alive()
    del acme, rt
    gc.collect()
    assert kept() is None


def test_the_interpreter_ends_with_a_provider_that_is_open() -> None:
    program = """
import trunkline
from trunkline.sms import Recipient, SmsSendRequest, SmsSendResult
class Acme(trunkline.SmsProvider):
    async def send(self, request): return [SmsSendResult(message_id=r.message_id, accepted=True) for r in request.recipients]
class Plain(trunkline.SmsProvider):
    def send(self, request): return []
rt = trunkline.Runtime({"log": {"level": "off"}})
rt.register_provider("acme", Acme())
rt.register_provider("plain", Plain())
r = SmsSendRequest(from_="+14255550100", recipients=[Recipient(to="+14255550123", message_id="m")], text="x")
print(rt.provider("acme", trunkline.sms.SmsProvider).send(r)[0].accepted)
rt.provider("plain", trunkline.sms.SmsProvider).send(r)
"""
    env = {"PYTHONPATH": str(BUILD / "python"), "PATH": "/usr/bin:/bin"}
    ended = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "True\n", "")


# ---- the kit ----


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
