"""The unmodified azure-communication-identity package: users, their tokens, and who is refused."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from azure.communication.chat import CommunicationUserIdentifier
from azure.communication.identity import CommunicationIdentityClient, CommunicationTokenScope
from azure.core.exceptions import HttpResponseError
from people import ONCE, Person, Ready, chat_client, control, identity_client

CHAT = CommunicationTokenScope.CHAT


@pytest.fixture(scope="module")
def identity(ready: Ready) -> CommunicationIdentityClient:
    return identity_client(ready)


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return decoded


def refused(call: Callable[[], object], status: int) -> None:
    with pytest.raises(HttpResponseError) as caught:
        call()
    assert caught.value.status_code == status, caught.value


def test_a_user_is_made_gets_tokens_and_goes(identity: CommunicationIdentityClient) -> None:
    user = identity.create_user()
    assert user.properties["id"].startswith("8:acs:")
    issued = identity.get_token(user, [CHAT, CommunicationTokenScope.VOIP], token_expires_in=timedelta(hours=1))
    said = claims(issued.token)
    assert "8:" + said["skypeid"] == user.properties["id"]
    assert (said["acsScope"], said["exp"] - said["iat"]) == ("chat,voip", 3600)
    identity.revoke_tokens(user)
    identity.delete_user(user)
    refused(lambda: identity.get_token(user, [CHAT]), 404)
    both, token = identity.create_user_and_token([CHAT])
    assert "8:" + claims(token.token)["skypeid"] == both.properties["id"]


def test_what_is_refused(ready: Ready, identity: CommunicationIdentityClient) -> None:
    user = identity.create_user()
    refused(lambda: identity.get_token(user, ["everything"]), 400)
    refused(lambda: identity.get_token(user, []), 400)
    for minutes in (59, 1441):
        refused(lambda minutes=minutes: identity.get_token(user, [CHAT], token_expires_in=timedelta(minutes=minutes)), 400)
    stranger = CommunicationUserIdentifier(f"8:acs:{uuid.uuid4()}_{uuid.uuid4()}")
    refused(lambda: identity.get_token(stranger, [CHAT]), 401)
    wrong = CommunicationIdentityClient.from_connection_string(f"endpoint={ready['tls_endpoint']}/;accesskey=d3Jvbmc=", **ONCE)
    refused(wrong.create_user, 401)


def test_tokens_that_are_revoked_expired_or_of_a_deleted_user_open_nothing(virtual: Ready) -> None:
    identity = identity_client(virtual)
    revoked, expired, deleted = (Person(virtual, identity) for _ in range(3))
    for person in (revoked, expired, deleted):
        person.chat.create_chat_thread("before")
    identity.revoke_tokens(revoked.user)
    refused(lambda: revoked.chat.create_chat_thread("after"), 401)
    identity.delete_user(deleted.user)
    refused(lambda: deleted.chat.create_chat_thread("after"), 401)
    control(virtual, "/_control/clock/advance", {"by": "24h"})
    # A client of its own: connections that were idle for a day are closed.
    refused(lambda: chat_client(virtual, expired.token).create_chat_thread("after"), 401)
    again = identity_client(virtual).get_token(expired.user, [CHAT])
    chat_client(virtual, again.token).create_chat_thread("again")


def test_a_token_opens_its_own_resource_only(ready: Ready, identity: CommunicationIdentityClient) -> None:
    mine = Person(ready, identity)
    thread = mine.chat.create_chat_thread("mine").chat_thread.id
    name = "other-" + uuid.uuid4().hex[:8]
    other = control(ready, "/_control/resources/trunkline/fork", {"name": name})
    there = identity_client({**ready, "access_key": other["primary_key"]})
    theirs = there.get_token(mine.user, [CHAT]).token
    chat_client(ready, theirs).get_chat_thread_client(thread).update_topic("theirs")
    assert mine.chat.get_chat_thread_client(thread).get_properties().topic == "mine"
    control(ready, f"/_control/resources/{name}", method="DELETE")
    refused(lambda: chat_client(ready, theirs).get_chat_thread_client(thread).get_properties(), 401)
