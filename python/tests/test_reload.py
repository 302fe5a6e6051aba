"""Providers of a runtime that is open: another build takes over, another object does, and one goes."""

from __future__ import annotations

import asyncio
import datetime
import threading
from pathlib import Path
from typing import Any

import pytest
import trunkline
import trunkline.aio
from acme import PATIENCE, Acme, accept
from conftest import DELIVERED, OURS, PHONE
from trunkline.sms import SmsSendRequest, SmsSendResult


def send(rt: trunkline.Runtime) -> str:
    [sent] = rt.sms.send(from_=OURS, to=[PHONE], message="hello", delivery_report=True)
    assert sent.message_id is not None
    return sent.message_id


def test_a_library_is_reloaded_with_another_configuration(plain: trunkline.Runtime) -> None:
    before = plain.providers.get("sim")
    assert (before.instance, before.state, before.last_reload, before.plugin) == (1, "serving", None, "sms-sandbox")
    now = plain.providers.reload("sim", config={"latency_ms": 500}, probation=5, drain=datetime.timedelta(seconds=3))
    assert (now.instance, now.state, now.last_reload) == (2, "probation", "probation")
    plain.clock.advance(5)
    assert plain.providers.wait("sim", timeout=PATIENCE).last_reload == "switched"
    assert plain.providers.get("sim").draining == 1
    plain.clock.advance(3)
    assert plain.providers.get("sim").draining == 0
    assert [info.name for info in plain.providers] == [info.name for info in plain.providers.list()]
    send(plain)


def test_what_is_wrong_changes_nothing(plain: trunkline.Runtime, tmp_path: Path) -> None:
    with pytest.raises(trunkline.InvalidArgumentError, match=r"goes on with the instance that it has.*latency_ms"):
        plain.providers.reload("sim", config={"latency_ms": "soon"})
    with pytest.raises(trunkline.NotFoundError):
        plain.providers.reload("sim", library=tmp_path / "nowhere")
    with pytest.raises(trunkline.NotFoundError):
        plain.providers.reload("nobody")
    with pytest.raises(trunkline.NotFoundError):
        plain.providers.get("nobody")
    with pytest.raises(trunkline.InvalidArgumentError, match="wanted sms-sandbox"):
        plain.providers.reload("sim", Acme())
    with pytest.raises(TypeError, match="secrets: is said of a provider object"):
        plain.providers.reload("sim", secrets={"a": "b"})
    with pytest.raises(TypeError, match="one of them"):
        plain.providers.reload("sim", Acme(), library="x.so")
    assert plain.providers.get("sim").instance == 1


def test_an_object_takes_over_and_the_one_before_drains(plain: trunkline.Runtime) -> None:
    stopped: list[str] = []

    class Named(Acme):
        def __init__(self, label: str) -> None:
            super().__init__()
            self.label = label

        async def stop(self) -> None:
            stopped.append(self.label)

    old, new = Named("old"), Named("new")
    plain.register_provider("acme", old)
    first = send(plain)
    plain.settle()
    assert plain.providers.reload("acme", new, probation=0, drain=5).last_reload == "switched"
    second = send(plain)
    plain.settle()
    assert (len(old.requests), len(new.requests)) == (1, 1)
    plain.clock.advance(1)
    for message in (first, second):  # the receipt of the one before is taken as well
        report = plain.wait_for(DELIVERED, lambda event, id=message: event.data["messageId"] == id, timeout=PATIENCE)
        assert report.data["deliveryStatus"] == "Delivered"
    assert stopped == []
    plain.clock.advance(5)
    assert stopped == ["old"]


def test_an_object_that_cannot_start_stays_outside(plain: trunkline.Runtime) -> None:
    class Broken(Acme):
        async def start(self, host: trunkline.ProviderHost) -> None:
            raise trunkline.UnauthenticatedError("the carrier does not know us")

    acme = Acme()
    plain.register_provider("acme", acme)
    with pytest.raises(trunkline.UnauthenticatedError, match=r"goes on with the instance that it has.*does not know us"):
        plain.providers.reload("acme", Broken())
    with pytest.raises(trunkline.InvalidArgumentError, match="wanted one that takes over"):
        plain.providers.reload("acme", config={})
    send(plain)
    plain.settle()
    assert len(acme.requests) == 1


def test_under_load_every_text_is_sent_once(config: dict[str, Any]) -> None:
    config["runtime"] = {"clock": "real"}
    handed: list[str] = []
    lock = threading.Lock()

    class Counting(trunkline.SmsProvider):
        async def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
            await asyncio.sleep(0.002)
            with lock:
                handed.extend(recipient.message_id for recipient in request.recipients)
            return accept(request)

    with trunkline.Runtime(config) as rt:
        rt.register_provider("acme", Counting)
        ids: list[str] = []
        over = threading.Event()

        def load() -> None:
            while not over.is_set():
                message = send(rt)
                with lock:
                    ids.append(message)

        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        for turn in range(8):
            rt.providers.reload("acme", Counting, probation=0 if turn % 2 else 10, drain=0)
        over.set()
        for thread in threads:
            thread.join()
        rt.settle()
    assert sorted(handed) == sorted(ids)


def test_a_registered_provider_goes_and_its_name_is_free(plain: trunkline.Runtime) -> None:
    stopped = threading.Event()

    class Leaving(Acme):
        async def stop(self) -> None:
            stopped.set()

    plain.register_provider("acme", Leaving())
    send(plain)
    plain.settle()
    plain.providers.remove("acme", timeout=PATIENCE)
    assert stopped.is_set()
    assert "acme" not in [info.name for info in plain.providers]
    assert "acme" not in [plugin.id for plugin in plain.plugins()]
    message = send(plain)  # the others stand in
    plain.settle()
    assert plain.sms.get(message).provider == "sim"
    again = Acme()
    plain.register_provider("acme", again)
    send(plain)
    plain.settle()
    assert len(again.requests) == 1


def test_calls_that_are_under_way_end_before_it_goes(config: dict[str, Any]) -> None:
    config["runtime"] = {"clock": "real"}
    may_answer = threading.Event()
    called = threading.Event()

    class Slow(trunkline.SmsProvider):
        def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
            called.set()
            assert may_answer.wait(PATIENCE)
            return accept(request)

    with trunkline.Runtime(config) as rt:
        rt.register_provider("acme", Slow())
        message = send(rt)
        assert called.wait(PATIENCE)
        gone = threading.Thread(target=rt.providers.remove, args=("acme",))
        gone.start()
        while "acme" in [info.name for info in rt.providers]:
            pass
        assert gone.is_alive(), "it waits for the call"
        may_answer.set()
        gone.join(PATIENCE)
        assert not gone.is_alive()
        rt.settle()
        record = rt.sms.get(message)
        assert (record.state.name, record.provider) == ("SENT", "acme")


def test_with_nobody_left_the_error_says_so(config: dict[str, Any]) -> None:
    config["providers"] = [{"name": "id", "plugin": "identity-local"}]
    config["routes"] = []
    config["runtime"] = {"clock": "virtual"}
    with trunkline.Runtime(config) as rt:
        rt.register_provider("acme", Acme())
        rt.providers.remove("acme", timeout=PATIENCE)
        message = send(rt)
        rt.settle()
        rt.clock.advance(datetime.timedelta(days=2))
        record = rt.sms.get(message)
        assert record.state.name == "FAILED"
        steps = [(step.rule, step.detail) for step in rt.sms.explain(message).steps]
        assert any("no sms provider is configured" in (detail or "") for _, detail in steps), steps


def test_only_what_was_registered_can_go(plain: trunkline.Runtime) -> None:
    with pytest.raises(trunkline.FailedPreconditionError, match="is one of the configuration"):
        plain.providers.remove("sim")
    with pytest.raises(trunkline.NotFoundError):
        plain.providers.remove("nobody")


def test_a_registered_provider_has_a_rate(plain: trunkline.Runtime) -> None:
    acme = Acme()
    plain.register_provider("acme", acme, settings={"rate": {"messages": 1, "per": "10s"}})
    for _ in range(3):
        send(plain)
    plain.settle()
    assert len(acme.requests) == 1
    plain.clock.advance(10)
    assert len(acme.requests) == 2
    plain.providers.remove("acme", timeout=PATIENCE)
    again = Acme()
    plain.register_provider("acme", again)
    for _ in range(3):
        send(plain)
    plain.settle()
    assert len(again.requests) == 3, "the rate went with the one that had it"


def test_asyncio(config: dict[str, Any]) -> None:
    async def main() -> None:
        config["runtime"] = {"clock": "virtual"}
        async with trunkline.aio.Runtime(config) as rt:
            await rt.register_provider("acme", Acme())
            now = await rt.providers.reload("acme", Acme(), probation=0, drain=0)
            assert (now.instance, now.last_reload) == (2, "switched")
            assert (await rt.providers.reload("sim", config={"latency_ms": 1})).state == "probation"
            waiting = asyncio.ensure_future(rt.providers.wait("sim", timeout=PATIENCE))
            await rt.clock.advance(10)
            assert (await waiting).last_reload == "switched"
            await rt.providers.remove("acme")
            assert [info.name for info in await rt.providers.list() if info.name == "acme"] == []
            assert (await rt.providers.get("sim")).instance == 2
            with pytest.raises(trunkline.NotFoundError):
                await rt.providers.remove("acme")

    asyncio.run(main())
