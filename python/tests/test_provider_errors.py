"""What goes wrong in providers that are written in Python."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
import trunkline
import trunkline.aio
import trunkline.providers
from acme import PATIENCE, Acme, Fails, FailsPlainly, client
from conftest import request
from trunkline.common import ErrorCode
from trunkline.sms import (
    SmsSendRequest,
    SmsSendResult,
)


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
