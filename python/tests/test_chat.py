"""Two people talk, in the process."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import trunkline
import trunkline.aio
from conftest import make_config
from trunkline.identity import TokenScope


@pytest.fixture
def config() -> dict[str, Any]:
    config = make_config()
    return config | {"providers": [*config["providers"], {"name": "chat", "plugin": "chat-local"}]}


def test_two_people_talk(rt: trunkline.Runtime) -> None:
    alice, bob = (rt.identity.create_user().user.id for _ in range(2))
    thread = rt.chat.create_thread(as_user=alice, topic="lunch", participants=[trunkline.service.ChatMember(id=bob)]).thread
    with rt.chat.listen(bob, after=0, timeout=10) as events:
        sent = rt.chat.send(as_user=alice, thread_id=thread.id, content="hungry?", metadata={"k": "v"})
        assert next(events).change.thread.topic == "lunch"
        received = next(events)
        assert received.change.message == sent
        assert received.thread_id == thread.id
        cursor = received.cursor
    rt.chat.send(as_user=bob, thread_id=thread.id, content="yes")
    with rt.chat.listen(alice, after=cursor, timeout=10) as events:
        assert next(events).change.message.content == "yes"
    rt.chat.send_read_receipt(alice, thread.id, sent.id)
    assert [receipt.message_id for receipt in rt.chat.read_receipts(bob, thread.id)] == [sent.id]


def test_iterators_page(rt: trunkline.Runtime) -> None:
    alice = rt.identity.create_user().user.id
    ids = [rt.chat.create_thread(as_user=alice, topic=str(i)).thread.id for i in range(5)]
    assert sorted(thread.id for thread in rt.chat.threads(alice, page_size=2)) == sorted(ids)
    for i in range(7):
        rt.chat.send(as_user=alice, thread_id=ids[0], content=str(i))
    texts = [message.content for message in rt.chat.messages(alice, ids[0], page_size=3) if message.content]
    assert texts == [str(i) for i in reversed(range(7))]
    assert [participant.id for participant in rt.chat.participants(alice, ids[0])] == [alice]


def test_a_token_limits_what_may_be_done(rt: trunkline.Runtime) -> None:
    user = rt.identity.create_user(scopes=[TokenScope.CHAT_JOIN])
    assert user.token
    with pytest.raises(trunkline.PermissionDeniedError):
        rt.chat.create_thread(as_user=user.token.token, topic="x")
    thread = rt.chat.create_thread(as_user=user.user.id, topic="x").thread
    assert rt.chat.get_thread(user.token.token, thread.id) == thread
    rt.identity.revoke_tokens(user.user.id)
    with pytest.raises(trunkline.UnauthenticatedError):
        rt.chat.get_thread(user.token.token, thread.id)


def test_errors_name_the_field(rt: trunkline.Runtime) -> None:
    alice, mallory = (rt.identity.create_user().user.id for _ in range(2))
    with pytest.raises(trunkline.InvalidArgumentError) as error:
        rt.chat.create_thread(as_user=alice, topic="")
    assert error.value.target == "topic"
    thread = rt.chat.create_thread(as_user=alice, topic="x").thread
    with pytest.raises(trunkline.PermissionDeniedError):
        rt.chat.send(as_user=mallory, thread_id=thread.id, content="x")
    with pytest.raises(trunkline.NotFoundError):
        rt.chat.get_message(alice, thread.id, "1000000000000")


def test_asyncio(config: dict[str, Any]) -> None:
    async def talk() -> list[str]:
        async with trunkline.aio.Runtime(config) as rt:
            alice = (await rt.identity.create_user()).user.id
            thread = (await rt.chat.create_thread(as_user=alice, topic="x")).thread
            await asyncio.gather(*(rt.chat.send(as_user=alice, thread_id=thread.id, content="m") for _ in range(20)))
            async with rt.chat.listen(alice, after=0, timeout=10) as events:
                received = [await anext(events) for _ in range(21)]
            live = [event.change.message.id for event in received[1:]]
            listed = [message.id async for message in rt.chat.messages(alice, thread.id, page_size=6)]
            assert listed[:-1] == live[::-1]
            return live

    live = asyncio.run(talk())
    assert live == sorted(live)
