"""What people get wrong is refused by name, before anything is sent."""

from __future__ import annotations

import asyncio
import collections.abc
import dataclasses
import datetime
import enum
import inspect
import threading
import types
import typing
from typing import Any

import pytest
import trunkline
import trunkline.aio
from conftest import DELIVERED, OURS, PHONE, make_config
from trunkline._objects import Api


class Strange:
    """No argument is one of these."""


def sample(kind: Any) -> Any:
    """A value of a type."""
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return sample(typing.get_args(kind)[0])
    if origin in (list, collections.abc.Sequence):
        return [sample(typing.get_args(kind)[0])]
    if origin in (dict, collections.abc.Mapping):
        return {}
    if inspect.isclass(kind) and issubclass(kind, enum.IntEnum):
        return next(iter(kind))
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        wanted = [f for f in dataclasses.fields(kind) if f.default is f.default_factory is dataclasses.MISSING]
        return kind(**{field.name: sample(hints[field.name]) for field in wanted})  # type: ignore[operator]
    values: dict[Any, Any] = {
        str: "x",
        int: 1,
        float: 1.0,
        bool: False,
        bytes: b"x",
        datetime.datetime: datetime.datetime.now(datetime.UTC),
        datetime.timedelta: datetime.timedelta(seconds=1),
        typing.Any: None,
    }
    return values[kind]


def generated_services() -> list[tuple[type, str]]:
    """Every operation of every service, as (class, operation)."""
    found = []
    for name in trunkline.service.__all__ + trunkline.workflows.__all__:
        cls = getattr(trunkline.service, name, None) or getattr(trunkline.workflows, name)
        if inspect.isclass(cls) and issubclass(cls, Api):
            found += [(cls, op) for op, fn in vars(cls).items() if inspect.isfunction(fn) and not op.startswith("_")]
    return found


@pytest.fixture(scope="module")
def closed() -> trunkline.Runtime:
    """Whatever gets as far as a call fails with FailedPreconditionError here, so a TypeError came before."""
    rt = trunkline.Runtime(make_config())
    rt.__dict__["kept"] = {cls: cls._open(rt._native, "") for cls, _ in generated_services()}  # type: ignore[attr-defined]
    rt.close()
    return rt


def arguments(cls: type, operation: str) -> dict[str, Any]:
    """The parameters of an operation with their types; one that takes a model or its fields takes the model here."""
    fn = getattr(cls, operation)
    overloads = typing.get_overloads(fn)
    target = overloads[0] if overloads else fn
    hints = typing.get_type_hints(target, vars(inspect.getmodule(cls)))
    return {name: hints[name] for name in inspect.signature(target).parameters if name not in ("self", "timeout")}


@pytest.mark.parametrize(("cls", "operation"), generated_services(), ids=lambda value: getattr(value, "__name__", value))
def test_every_argument_of_every_operation(closed: trunkline.Runtime, cls: type, operation: str) -> None:
    service = closed.__dict__["kept"][cls]
    wanted = arguments(cls, operation)
    for at, (name, kind) in enumerate(wanted.items()):
        given = [sample(each) for each in wanted.values()]
        if kind is not typing.Any:
            given[at] = Strange()
            with pytest.raises(TypeError, match=rf"^{name}[:.\[].* found Strange$"):
                getattr(service, operation)(*given)
        optional = type(None) in typing.get_args(kind) or kind is typing.Any or kind is None
        if not optional and inspect.signature(getattr(cls, operation)).parameters[name].default is not None:
            given[at] = None
            with pytest.raises(TypeError, match=rf"^{name}: .*found NoneType$"):
                getattr(service, operation)(*given)
    if "timeout" in inspect.signature(getattr(cls, operation)).parameters:
        with pytest.raises(TypeError, match="timeout"):
            getattr(service, operation)(*[sample(each) for each in wanted.values()], timeout="soon")
        with pytest.raises(trunkline.FailedPreconditionError, match="closed"):
            getattr(service, operation)(*[sample(each) for each in wanted.values()], timeout=5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"config": 7}, "config: expected str or mapping, found int"),
        ({"config": ["a"]}, "config: expected str or mapping, found list"),
        ({"config_file": 7}, "config_file: expected str or path, found int"),
        ({"clock": 7}, "clock: expected str, found int"),
        ({"seed": "7"}, "seed: expected int, found str"),
        ({"seed": True}, "seed: expected int, found bool"),
    ],
)
def test_a_runtime(given: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}$"):
        trunkline.Runtime(**given)

    async def opened() -> None:
        await trunkline.aio.Runtime(**given)

    with pytest.raises(TypeError, match=f"^{message}$"):
        asyncio.run(opened())


def wrong_calls(rt: Any) -> list[tuple[Any, str]]:
    def nothing(*_: Any) -> None: ...

    return [
        (lambda: rt.resource(7), "name: expected str, found int"),
        (lambda: rt.resource(None), "name: expected str, found NoneType"),
        (lambda: rt.topic(7), "name: expected str, found int"),
        (lambda: rt.provider(7, trunkline.sms.SmsProvider), "name: expected str, found int"),
        (lambda: rt.provider("sim", "sms"), "interface: expected class like trunkline.sms.SmsProvider, found str"),
        (lambda: rt.provider("sim", int), "interface: expected class like"),
        (lambda: rt.clock.advance("1"), "by: expected timedelta or seconds, found str"),
        (lambda: rt.clock.advance(None), "by: expected timedelta or seconds, found NoneType"),
        (lambda: rt.events.subscribe(7), "types: expected str or list of str, found int"),
        (lambda: rt.events.subscribe(["a", 7]), r"types\[1\]: expected str, found int"),
        (lambda: rt.events.list(subject_begins_with=7), "filter.subject_begins_with: expected str, found int"),
        (lambda: rt.wait_for(DELIVERED, 7), "where: expected function, found int"),
        (lambda: rt.wait_for(DELIVERED, timeout="1"), "timeout: expected seconds as a number, found str"),
        (lambda: rt.deliveries("x", lock_time="1"), "lock_time: expected timedelta or seconds, found str"),
        (lambda: rt.on_event("x", 7), "fn: expected function, found int"),
        (lambda: rt.on_event("x", nothing, concurrency="2"), "concurrency: expected int, found str"),
        (lambda: rt.on_event("x", nothing, types=7), "types: expected str or list of str, found int"),
        (lambda: rt.email.send_to(7, "s", "t", sender_address="a@b.c"), "to: expected str, Mailbox or list of them, found int"),
        (lambda: rt.email.send_to("a@b.c", "s", "t", sender_address="a@b.c", cc=7), "cc: expected str, Mailbox or list"),
        (lambda: rt.workflows.function("x", 7), "fn: expected function, found int"),
        (lambda: rt.workflows.function("x", nothing, concurrency="2"), "concurrency: expected int, found str"),
    ]


def test_what_the_package_adds(rt: trunkline.Runtime) -> None:
    for call, message in wrong_calls(rt):
        with pytest.raises(TypeError, match=f"^{message}"):
            call()
    assert rt.events.list() == []
    assert rt.event_subscriptions.list() == []


def test_what_the_package_adds_with_await() -> None:
    async def answer_of(call: Any) -> None:
        result = call()
        if inspect.isawaitable(result):
            await result

    async def body() -> None:
        async with trunkline.aio.Runtime(make_config()) as rt:
            for call, message in wrong_calls(rt):
                with pytest.raises(TypeError, match=f"^{message}"):
                    await answer_of(call)
            assert await rt.event_subscriptions.list() == []

    asyncio.run(body())


def refusal(send: Any) -> str:
    """Why a message was not taken."""
    try:
        (outcome,) = send()
    except trunkline.TrunklineError as error:
        return str(error)
    assert not outcome.successful
    return str(outcome.error_message)


def test_huge_texts_are_refused_in_a_sentence(rt: trunkline.Runtime) -> None:
    huge = "x" * (32 << 20)
    for given in ({"message": huge}, {"from_": huge}, {"to": [huge]}, {"tag": huge}):
        whole: dict[str, Any] = {"from_": OURS, "to": [PHONE], "message": "hi", **given}
        said = refusal(lambda whole=whole: rt.sms.send(**whole))
        assert 0 < len(said) < 1000
    assert rt.sms.list().items == []


def test_half_characters_are_refused(rt: trunkline.Runtime) -> None:
    for given in ({"message": "\ud83d"}, {"from_": "\ude00"}, {"to": ["\ud800"]}, {"tag": "a\udfff"}):
        whole: dict[str, Any] = {"from_": OURS, "to": [PHONE], "message": "hi", **given}
        with pytest.raises(ValueError, match="no valid Unicode") as caught:
            rt.sms.send(**whole)
        assert isinstance(caught.value, trunkline.InvalidArgumentError)
        assert next(iter(given)) in caught.value.target
    assert rt.sms.list().items == []


def test_after_close_everything_says_so() -> None:
    rt = trunkline.Runtime(make_config())
    stream, topics = rt.events.subscribe(after=0), rt.topics
    rt.event_subscriptions.put(name="mine")
    deliveries = rt.deliveries("mine")
    rt.close()
    rt.close()
    for call in (lambda: rt.version, rt.settle, rt.plugins, rt.metrics, topics.list, lambda: rt.resource("main"), rt.clock.now):
        with pytest.raises(trunkline.FailedPreconditionError, match="closed"):
            call()
    for reader in (stream, deliveries):
        with pytest.raises((StopIteration, trunkline.FailedPreconditionError, trunkline.CancelledError)):
            next(reader)
        reader.close()


def test_closing_ends_what_is_in_flight(rt: trunkline.Runtime) -> None:
    """Calls and streams of several threads; each learns why."""
    provider = rt.provider("script", trunkline.sms.SmsProvider)
    ended: list[BaseException] = []
    ready = threading.Barrier(9)

    def call(work: Any) -> None:
        ready.wait()
        try:
            work()
        except BaseException as error:
            ended.append(error)

    request = {"from_": OURS, "recipients": [trunkline.sms.Recipient(to=PHONE, message_id="m")], "text": "hang"}
    jobs = [lambda: provider.send(**request)] * 4 + [lambda: rt.wait_for("never")] * 4
    threads = [threading.Thread(target=call, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    ready.wait()
    rt.close()
    for thread in threads:
        thread.join(30)
    assert len(ended) == 8
    assert all(isinstance(error, (trunkline.TrunklineError, StopIteration)) for error in ended), ended


def test_exceptions_of_callbacks_reach_the_caller(rt: trunkline.Runtime) -> None:
    rt.sandbox.send_from_phone(PHONE, OURS, "hello")

    def where(event: trunkline.Event) -> bool:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        rt.wait_for((), where)

    async def body() -> None:
        async with trunkline.aio.Runtime(make_config()) as other:
            await other.sandbox.send_from_phone(PHONE, OURS, "hello")
            with pytest.raises(ZeroDivisionError, match="mine"):
                await other.wait_for((), where)

    asyncio.run(body())
    assert rt.sms.list().items
