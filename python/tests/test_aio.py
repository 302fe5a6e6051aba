"""The asyncio side: the same calls awaited, cancelled, streamed, on several loops."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trunkline.aio
from conftest import DELIVERED, OURS, PHONE, make_config, request
from trunkline.aio.sms import SmsProvider


def run(body: Callable[[trunkline.aio.Runtime], Awaitable[None]]) -> None:
    async def main() -> None:
        async with trunkline.aio.Runtime(make_config()) as rt:
            await asyncio.wait_for(body(rt), 60)

    asyncio.run(main())


def test_send_and_report() -> None:
    async def body(rt: trunkline.aio.Runtime) -> None:
        (outcome,) = await rt.sms.send(from_=OURS, to=[PHONE], message="hi", delivery_report=True)
        await rt.clock.advance(1)
        event = await rt.wait_for(DELIVERED, timeout=30)
        assert event.data["messageId"] == outcome.message_id

    run(body)


def test_many_at_once() -> None:
    async def body(rt: trunkline.aio.Runtime) -> None:
        script = rt.provider("script", SmsProvider)
        texts = ["pool", "hello"] * 300
        results = await asyncio.gather(*[script.send(request(text, f"+1{i}")) for i, text in enumerate(texts)])
        assert [result[0].provider_message_id for result in results] == [f"script-+1{i}" for i in range(600)]

    run(body)


def test_errors_and_timeouts() -> None:
    async def body(rt: trunkline.aio.Runtime) -> None:
        script = rt.provider("script", SmsProvider)
        with pytest.raises(trunkline.ResourceExhaustedError, match="too fast"):
            await script.send(request("refuse"))
        with pytest.raises(trunkline.DeadlineExceededError):
            await script.send(request("hang"), timeout=0.01)
        assert script.capabilities().max_recipients == 1
        with pytest.raises(TypeError, match="expected str"):
            await script.send(request(3))  # type: ignore[arg-type]

    run(body)


def test_cancelling_a_task_reaches_the_plugin() -> None:
    async def body(rt: trunkline.aio.Runtime) -> None:
        script = rt.provider("script", SmsProvider)
        task = asyncio.create_task(script.send(request("hang")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert script.capabilities().max_recipients == 1
        assert (await script.send(request("pool")))[0].accepted  # the late answer harmed nobody

    run(body)


def test_streams() -> None:
    async def body(rt: trunkline.aio.Runtime) -> None:
        async with rt.events.subscribe(DELIVERED) as events:
            with pytest.raises(trunkline.DeadlineExceededError):
                await events.next(timeout=0.001)
            waiting = asyncio.create_task(events.next())
            await asyncio.sleep(0)
            waiting.cancel()  # what it waited for goes to the next one
            sent = []
            for i in range(100):
                (outcome,) = await rt.sms.send(from_=OURS, to=[PHONE], message=f"{i}", delivery_report=True)
                sent.append(outcome.message_id)
            await rt.clock.advance(1)
            seen = []
            async for event in events:
                seen.append(event.data["messageId"])
                if len(seen) == 100:
                    break
            assert sorted(seen) == sorted(filter(None, sent))
        assert [e async for e in events] == []

    run(body)


def test_a_closed_runtime() -> None:
    async def main() -> None:
        rt = trunkline.aio.Runtime(make_config())
        with pytest.raises(trunkline.FailedPreconditionError, match="not open"):
            rt.sms  # noqa: B018
        await rt
        sms = rt.sms
        hanging = asyncio.create_task(rt.provider("script", SmsProvider).send(request("hang")))
        await asyncio.sleep(0)
        await rt.aclose()
        await rt.aclose()
        with pytest.raises(trunkline.CancelledError):
            await hanging
        with pytest.raises(trunkline.FailedPreconditionError, match="closed"):
            await sms.list()

    asyncio.run(main())


def test_one_runtime_on_two_loops() -> None:
    native = trunkline.Runtime(make_config())._native
    failures: list[BaseException] = []

    def loop() -> None:
        async def main() -> None:
            script = SmsProvider._open(native, "script")
            for _ in range(20):
                results = await asyncio.gather(*[script.send(request("pool")) for _ in range(20)])
                assert all(result[0].accepted for result in results)

        try:
            asyncio.run(main())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=loop) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    native.close()
    assert failures == []


def test_loops_come_and_go() -> None:
    native = trunkline.Runtime(make_config())._native
    script = SmsProvider._open(native, "script")

    async def once(text: str) -> Any:
        return await script.send(request(text))

    async def abandon() -> None:
        script._impl.send_async(request("hang"))  # nobody waits; the loop goes first

    for _ in range(30):
        assert asyncio.run(once("pool"))[0].accepted
        asyncio.run(abandon())
    native.close()
    assert native.closed


def test_without_a_loop(rt: trunkline.Runtime) -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        SmsProvider._open(rt._native, "script")._impl.send_async(request("hello"))


def test_resources() -> None:
    async def body(rt: trunkline.aio.Runtime) -> None:
        await rt.resources.snapshot("main", "clean")
        await rt.sms.send(from_=OURS, to=[PHONE], message="hi")
        await rt.resources.restore("main", "clean")
        assert (await rt.sms.list()).items == []
        copy = await rt.resources.fork("main", "copy")
        assert copy.lineage == [(await rt.resources.get("main")).resource_id]
        await rt.resources.drop("copy")
        assert [info.name for info in await rt.resources.list()] == ["main"]

    run(body)
