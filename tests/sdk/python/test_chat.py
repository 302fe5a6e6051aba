"""The unmodified azure-communication-chat package: two people talk, and who is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from azure.communication.chat import ChatMessageType
from azure.communication.identity import CommunicationIdentityClient, CommunicationTokenScope
from azure.core.exceptions import HttpResponseError
from people import Person, Ready, identity_client


@pytest.fixture(scope="module")
def identity(ready: Ready) -> CommunicationIdentityClient:
    return identity_client(ready)


def refused(call: Callable[[], object], status: int, code: str) -> None:
    with pytest.raises(HttpResponseError) as caught:
        call()
    assert caught.value.error is not None
    assert (caught.value.status_code, caught.value.error.code) == (status, code)


def test_two_people_talk(ready: Ready, identity: CommunicationIdentityClient) -> None:
    alice, bob = Person(ready, identity), Person(ready, identity)
    made = alice.chat.create_chat_thread("orders", thread_participants=[bob.participant()], idempotency_token="once")
    thread_id = made.chat_thread.id
    assert not made.errors
    again = alice.chat.create_chat_thread("orders", thread_participants=[bob.participant()], idempotency_token="once")
    assert again.chat_thread.id == thread_id
    hers, his = (person.chat.get_chat_thread_client(thread_id) for person in (alice, bob))

    sent = hers.send_message(
        "Are you <b>open</b>?", chat_message_type=ChatMessageType.HTML, sender_display_name="Alice", metadata={"order": "7"}
    ).id
    got = his.get_message(sent)
    assert (got.content.message, got.sender_display_name, got.metadata) == ("Are you <b>open</b>?", "Alice", {"order": "7"})
    assert got.type == ChatMessageType.HTML
    assert got.sender.raw_id == alice.id
    his.send_typing_notification(sender_display_name="Bob")
    his.send_read_receipt(sent)
    assert [(one.sender.raw_id, one.chat_message_id) for one in hers.list_read_receipts()] == [(bob.id, sent)]
    reply = his.send_message("Until six.").id
    hers.update_message(sent, content="Are you open today?")
    assert his.get_message(sent).edited_on is not None
    his.delete_message(reply)
    assert hers.get_message(reply).deleted_on is not None

    texts = [one.content.message for one in his.list_messages(results_per_page=1) if one.type == ChatMessageType.HTML]
    assert texts == ["Are you open today?"]
    hers.update_topic("orders of today")
    assert his.get_properties().topic == "orders of today"
    assert [one.id for one in bob.chat.list_chat_threads()] == [thread_id]


def test_people_come_and_go(ready: Ready, identity: CommunicationIdentityClient) -> None:
    alice, bob, carol = (Person(ready, identity) for _ in range(3))
    thread_id = alice.chat.create_chat_thread("team").chat_thread.id
    thread = alice.chat.get_chat_thread_client(thread_id)
    assert thread.add_participants([bob.participant(), carol.participant()]) == []
    assert {one.identifier.raw_id for one in thread.list_participants()} == {alice.id, bob.id, carol.id}
    thread.remove_participant(carol.participant().identifier)
    assert {one.identifier.raw_id for one in thread.list_participants(results_per_page=1)} == {alice.id, bob.id}
    refused(carol.chat.get_chat_thread_client(thread_id).get_properties, 403, "Forbidden")
    alice.chat.delete_chat_thread(thread_id)
    refused(thread.get_properties, 404, "NotFound")


def test_what_is_refused(ready: Ready, identity: CommunicationIdentityClient) -> None:
    alice, mallory = Person(ready, identity), Person(ready, identity)
    guest = Person(ready, identity, CommunicationTokenScope.CHAT_JOIN)
    caller = Person(ready, identity, CommunicationTokenScope.VOIP)
    thread_id = alice.chat.create_chat_thread("private").chat_thread.id
    thread = alice.chat.get_chat_thread_client(thread_id)
    refused(lambda: mallory.chat.get_chat_thread_client(thread_id).send_message("x"), 403, "Forbidden")
    refused(lambda: guest.chat.create_chat_thread("x"), 403, "Forbidden")
    refused(lambda: caller.chat.get_chat_thread_client(thread_id).send_message("x"), 403, "Forbidden")
    refused(lambda: thread.send_message("x" * (28 * 1024 + 1)), 413, "RequestEntityTooLarge")
    refused(lambda: thread.get_message("1000000000000"), 404, "NotFound")
    refused(alice.chat.get_chat_thread_client("19:nothing@thread.v2").get_properties, 404, "NotFound")
