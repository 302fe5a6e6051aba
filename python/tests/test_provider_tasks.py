"""Coroutines of a provider share a task as long as none of them can tell: what belongs to a task is each one's own."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import trunkline
import trunkline.aio
from acme import PATIENCE, SMALL, accept
from conftest import request
from trunkline.sms import SmsSendRequest, SmsSendResult

CALLS = 40


class Together(trunkline.SmsProvider):
    """The first call keeps the loop until the others have come, so that they are there together. `does` is awaited for each."""

    def __init__(self, does: Callable[[str], Any]) -> None:
        self.does = does
        self.come = threading.Event()
        self.names: dict[str, str] = {}

    async def send(self, request: SmsSendRequest) -> list[SmsSendResult]:
        if request.text == "first":
            self.come.wait(PATIENCE)
            return accept(request)
        self.names[request.text] = task().get_name()
        given = self.does(request.text)
        if given is not None:
            await given
        return accept(request)


def task() -> asyncio.Task[Any]:
    current = asyncio.current_task()
    assert current is not None
    return current


def send_all(provider: Together) -> list[Any]:
    """Sends "0", "1", …; what came of each."""

    async def body() -> list[Any]:
        async with trunkline.aio.Runtime(SMALL) as rt:
            await rt.register_provider("acme", provider)
            sms = rt.provider("acme", trunkline.aio.sms.SmsProvider)
            first = asyncio.ensure_future(sms.send(request("first")))
            calls = [asyncio.ensure_future(sms.send(request(f"{i}"))) for i in range(CALLS)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)  # they have been posted
            provider.come.set()
            ended = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), PATIENCE)
            await first
            return ended

    return asyncio.run(body())


def test_what_does_not_wait_makes_no_task_of_its_own() -> None:
    provider = Together(lambda text: None)
    assert all(result[0].accepted for result in send_all(provider))
    assert len(provider.names) == CALLS
    assert len(set(provider.names.values())) < CALLS / 4


def test_what_waits_goes_on_beside_the_others_in_its_own_task() -> None:
    under_way: set[str] = set()
    all_there = asyncio.Event()
    later: dict[str, str] = {}

    async def waits(text: str) -> None:
        mine = task()
        under_way.add(text)
        if len(under_way) == CALLS:
            all_there.set()
        await all_there.wait()
        assert task() is mine
        await asyncio.sleep(0)
        assert task() is mine
        later[text] = mine.get_name()

    provider = Together(waits)
    assert all(result[0].accepted for result in send_all(provider))
    assert later == provider.names
    assert len(set(later.values())) == CALLS


def test_some_wait_and_some_do_not() -> None:
    def does(text: str) -> Any:
        return asyncio.sleep(0.001) if int(text) % 3 == 0 else None

    provider = Together(does)
    assert all(result[0].accepted for result in send_all(provider))
    waiting = {name for text, name in provider.names.items() if int(text) % 3 == 0}
    assert len(waiting) == len(range(0, CALLS, 3))


def test_context_variables_are_each_calls_own() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="nothing")
    found: list[str] = []
    after: dict[str, str] = {}

    async def does(text: str) -> None:
        found.append(variable.get())
        variable.set(text)
        if int(text) % 2:
            await asyncio.sleep(0)
        after[text] = variable.get()

    assert all(result[0].accepted for result in send_all(Together(does)))
    assert found == ["nothing"] * CALLS
    assert after == {text: text for text in after}


KEPT: list[Any] = []


class Held:
    pass


def _keep() -> None:
    KEPT.append(task())


def _keep_weakly() -> None:
    KEPT.append(weakref.WeakKeyDictionary({task(): 1}))


def _write_into() -> None:
    task().ours = Held()  # type: ignore[attr-defined]


def _rename() -> None:
    task().set_name("renamed")


def _listen() -> None:
    task().add_done_callback(lambda ended: KEPT.append(ended.exception()))


@pytest.mark.parametrize("leave", [_keep, _keep_weakly, _write_into, _rename, _listen])
def test_a_task_that_bears_a_trace_serves_nobody_else(leave: Callable[[], None]) -> None:
    KEPT.clear()
    later: list[str] = []
    dirty: list[str] = []

    def does(text: str) -> None:
        if text == "5":
            leave()
            dirty.append(task().get_name())
        elif int(text) > 5:
            assert not hasattr(task(), "ours")
            later.append(task().get_name())

    provider = Together(does)
    assert all(result[0].accepted for result in send_all(provider))
    assert len(later) == CALLS - 6
    assert dirty[0] not in later
    assert "renamed" not in later
    if leave is _keep:
        assert KEPT[0].result()[0].message_id == "m0"  # as if the coroutine had been its own
    if leave is _listen:
        assert KEPT == [None]


def test_who_cancels_its_own_task_cancels_only_itself() -> None:
    def does(text: str) -> Any:
        if text == "7":
            task().cancel()
        return asyncio.sleep(0) if text == "9" else None

    ended = send_all(Together(does))
    assert isinstance(ended[7], (asyncio.CancelledError, trunkline.CancelledError))
    assert all(result[0].accepted for i, result in enumerate(ended) if i != 7)


def test_what_asyncio_hangs_on_tasks_works() -> None:
    async def does(text: str) -> None:
        if text == "3":
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        async with asyncio.timeout(PATIENCE):
            pass
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0))
        if text == "4":
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.Event().wait())
                raise LookupError("of the group")

    ended = send_all(Together(does))
    assert isinstance(ended[3], trunkline.TrunklineError)
    assert "TimeoutError" in str(ended[3])
    assert "ExceptionGroup" in str(ended[4])
    assert all(result[0].accepted for i, result in enumerate(ended) if i not in (3, 4))


def test_an_error_is_its_calls_own() -> None:
    def does(text: str) -> None:
        if int(text) % 2:
            raise trunkline.NotFoundError(f"of {text}")
        if text == "4":
            raise SystemExit(3)

    ended = send_all(Together(does))
    for i, result in enumerate(ended):
        if i % 2:
            assert isinstance(result, trunkline.NotFoundError)
            assert f"of {i}" in str(result)
        elif i == 4:
            assert "SystemExit" in str(result)
        else:
            assert result[0].accepted


def test_a_task_shows_the_coroutine_that_waits() -> None:
    shown: list[str] = []

    async def does(text: str) -> None:
        if text != "1":
            return
        mine = task()
        asyncio.get_running_loop().call_soon(
            lambda: shown.extend([repr(mine), *[frame.f_code.co_name for frame in mine.get_stack()]])
        )
        await asyncio.sleep(0.01)

    assert all(result[0].accepted for result in send_all(Together(does)))
    assert "Together.send" in shown[0]
    assert "send" in shown[1:]
