"""Users, tokens and their keys, in the process."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import trunkline
import trunkline.aio
from conftest import make_config
from trunkline.identity import TokenScope

APP = "11111111-2222-4333-8444-000000000001"
PERSON = "11111111-2222-4333-8444-000000000002"


@pytest.fixture
def config() -> dict[str, Any]:
    return make_config() | {"auth": {"development_issuer": True}}


def test_an_application_need_not_keep_a_table(rt: trunkline.Runtime) -> None:
    alice = rt.identity.create_user(scopes=[TokenScope.CHAT], custom_id="alice")
    assert rt.identity.create_user(custom_id="alice").user.id == alice.user.id
    assert rt.identity.find_by_custom_id("alice").id == alice.user.id
    assert rt.identity.get_user(alice.user.id).custom_id == "alice"
    assert [user.id for user in rt.identity.list_users().items] == [alice.user.id]
    with pytest.raises(trunkline.NotFoundError):
        rt.identity.find_by_custom_id("bob")


def test_a_token_is_revoked(rt: trunkline.Runtime) -> None:
    user = rt.identity.create_user().user
    token = rt.identity.issue_token(user.id, [TokenScope.VOIP], timedelta(hours=1)).token
    assert rt.identity.verify_token(token).scopes == [TokenScope.VOIP]
    rt.identity.revoke_tokens(user.id)
    with pytest.raises(trunkline.UnauthenticatedError):
        rt.identity.verify_token(token)
    assert rt.identity.verify_token(rt.identity.issue_token(user.id, [TokenScope.VOIP]).token)
    rt.identity.delete_user(user.id)
    with pytest.raises(trunkline.NotFoundError):
        rt.identity.issue_token(user.id, [TokenScope.VOIP])


def test_lifetime_is_limited(rt: trunkline.Runtime) -> None:
    user = rt.identity.create_user().user
    for lifetime in (timedelta(minutes=59), timedelta(minutes=1441)):
        with pytest.raises(trunkline.InvalidArgumentError):
            rt.identity.issue_token(user.id, [TokenScope.CHAT], lifetime)


def test_a_teams_token_is_exchanged(rt: trunkline.Runtime) -> None:
    theirs = rt.identity.development_teams_token(APP, PERSON).token
    ours = rt.identity.exchange_teams_token(theirs, APP, PERSON).token
    assert rt.identity.verify_token(ours).user_id == f"8:orgid:{PERSON}"
    with pytest.raises(trunkline.InvalidArgumentError):
        rt.identity.exchange_teams_token(theirs, PERSON, PERSON)
    with pytest.raises(trunkline.UnauthenticatedError):
        rt.identity.exchange_teams_token("nonsense", APP, PERSON)


def test_keys_rotate() -> None:
    async def body() -> None:
        async with trunkline.aio.Runtime(make_config()) as rt:
            created = await rt.identity.create_user(scopes=[TokenScope.CHAT])
            assert created.token is not None
            [first] = await rt.identity.signing_keys()
            newer, older = await rt.identity.rotate_keys()
            assert older.key_id == first.key_id
            assert (newer.retires_at, newer.algorithm) == (None, "ES256")
            await rt.identity.verify_token(created.token.token)
            await rt.identity.rotate_keys(drop_others=True)
            with pytest.raises(trunkline.UnauthenticatedError):
                await rt.identity.verify_token(created.token.token)

    asyncio.run(body())
