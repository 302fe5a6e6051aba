"""Providers in Python that are slow, are cancelled, are closed, or outlive their runtime."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from typing import Any

import pytest
import trunkline
import trunkline.aio
import trunkline.providers
from acme import PATIENCE, SMALL, Acme, Carrier, accept, client
from conftest import BUILD, OURS, PHONE, request
from trunkline.sms import (
    SmsSendRequest,
    SmsSendResult,
)


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
