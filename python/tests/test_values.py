"""Values cross the boundary unchanged, and wrong ones are refused by name."""

from __future__ import annotations

import datetime
import pickle
import sys

import pytest
import trunkline
from conftest import OURS, PHONE, request
from trunkline.identity import CodeCredential, IdentityProvider, TeamsCredential, TokenScope
from trunkline.sandbox import PhoneRule
from trunkline.service import Event, SmsMessage
from trunkline.sms import Encoding, FailureReason, Recipient, SmsCapabilities, SmsProvider, SmsSendRequest


def test_results_are_plain_values(script: SmsProvider) -> None:
    (result,) = script.send(request("hello"))
    assert result == trunkline.sms.SmsSendResult(message_id="m0", accepted=True, provider_message_id=f"script-{PHONE}")
    assert pickle.loads(pickle.dumps(result)) == result
    assert result.reason is FailureReason.NONE
    match result:
        case trunkline.sms.SmsSendResult(accepted=True, provider_message_id=carrier_id):
            assert carrier_id == f"script-{PHONE}"
        case _:
            pytest.fail("not matched")


def test_a_call_takes_a_model_or_its_fields(script: SmsProvider) -> None:
    whole = script.send(request("hello"))
    assert script.send(from_=OURS, recipients=[Recipient(to=PHONE, message_id="m0")], text="hello") == whole
    with pytest.raises(TypeError, match="not both"):
        script.send(request("hello"), text="hello")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="recipients"):
        script.send(from_=OURS, text="hello")  # type: ignore[call-overload]


def test_sync_operation(script: SmsProvider) -> None:
    assert script.capabilities() == SmsCapabilities(max_recipients=0, max_segments=0, countries=["US", "GB"])


def test_text_of_any_kind(script: SmsProvider) -> None:
    for number in ("ünïcode 😀", "", "a\0b", "x" * 100_000):
        (result,) = script.send(request("hello", number))
        assert result.provider_message_id == f"script-{number}"


def test_rules_round_trip_durations_and_optionals(rt: trunkline.Runtime) -> None:
    rule = PhoneRule(
        match="+1425",
        latency=datetime.timedelta(microseconds=1_500_001),
        failure=FailureReason.BLOCKED,
        failure_rate=0.25,
        reply="pong",
        times=3,
    )
    rt.sandbox.add_rule(rule)
    assert rule in rt.sandbox.rules()


def test_times_are_aware_and_exact(rt: trunkline.Runtime) -> None:
    before = rt.clock.now()
    assert before.tzinfo is datetime.UTC
    assert rt.clock.advance(datetime.timedelta(microseconds=1)) - before == datetime.timedelta(microseconds=1)
    assert rt.clock.advance(2.5) == rt.clock.now()


def test_times_are_taken_in_any_zone_but_not_without(script: SmsProvider) -> None:
    message = request("hello")
    message.valid_until = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=5, minutes=30)))
    script.send(message)
    message.valid_until = datetime.datetime(2026, 1, 1)
    with pytest.raises(trunkline.InvalidArgumentError, match="without time zone") as caught:
        script.send(message)
    assert caught.value.target == "request.valid_until"
    message.valid_until = datetime.datetime(9000, 1, 1, tzinfo=datetime.UTC)
    with pytest.raises(trunkline.InvalidArgumentError, match="out of range"):
        script.send(message)


def test_wrong_types_name_the_place(script: SmsProvider) -> None:
    message = request("hello", PHONE, PHONE)
    message.recipients[1].to = 3  # type: ignore[assignment]
    with pytest.raises(TypeError, match=r"request\.recipients\[1\]\.to: expected str, found int"):
        script.send(message)
    for field, value, wanted in (
        ("text", b"bytes", "expected str, found bytes"),
        ("recipients", "text", "expected list, found str"),
        ("recipients", None, "expected list, found NoneType"),
        ("delivery_report", 1, "expected bool, found int"),
        ("encoding", "gsm7", "expected int, found str"),
        ("properties", ["a"], "expected dict, found list"),
    ):
        message = request("hello")
        setattr(message, field, value)
        with pytest.raises(TypeError, match=f"request.{field}: {wanted}"):
            script.send(message)
    with pytest.raises(TypeError, match="request: expected SmsSendRequest, found str"):
        script.send("hello")  # type: ignore[call-overload]
    broken = request("hello")
    del broken.text
    with pytest.raises(TypeError, match="text"):
        script.send(broken)


def test_numbers_have_ranges(rt: trunkline.Runtime, script: SmsProvider) -> None:
    for number in (2**31, -(2**31) - 1, 2**70):
        with pytest.raises(
            trunkline.InvalidArgumentError, match=r"out of range: found -?\d+, wanted -2147483648 to 2147483647"
        ) as caught:
            rt.sms.list(limit=number)
        assert caught.value.target == "limit"
    with pytest.raises(TypeError, match="expected int, found float"):
        rt.sms.list(limit=1.0)  # type: ignore[arg-type]
    with pytest.raises(trunkline.InvalidArgumentError, match="at most 106751 days"):
        rt.clock.advance(datetime.timedelta.max)


def test_broken_text_is_refused(script: SmsProvider) -> None:
    with pytest.raises(trunkline.InvalidArgumentError, match="no valid Unicode"):
        script.send(request("\ud800"))


def test_too_few_items(script: SmsProvider) -> None:
    with pytest.raises(trunkline.InvalidArgumentError, match="found 0, wanted at least 1") as caught:
        script.send(SmsSendRequest(from_=OURS, recipients=[], text="x"))
    assert caught.value.target == "request.recipients"


def test_unknown_enum_values_stay_numbers(script: SmsProvider) -> None:
    script.send(from_=OURS, recipients=[Recipient(to=PHONE, message_id="m")], text="hello", encoding=77)  # type: ignore[arg-type]
    assert Encoding(1) is Encoding.GSM7


def test_any_sequence_is_a_list(script: SmsProvider) -> None:
    recipients = (Recipient(to=PHONE, message_id="m") for _ in range(3))
    assert len(script.send(from_=OURS, recipients=recipients, text="x")) == 3  # type: ignore[arg-type]


GUID = "11111111-2222-4333-8444-555555555555"


def test_unions_take_each_variant(rt: trunkline.Runtime) -> None:
    provider = rt.provider("identity", IdentityProvider)
    variants = [
        TeamsCredential(token="t", app_id="a", user_id="u"),
        CodeCredential(code="c", code_verifier="v", redirect_uri="https://example.com"),
        "refresh",
    ]
    for credential in variants:
        with pytest.raises(trunkline.TrunklineError):  # this provider exchanges nothing, but it understood the question
            provider.exchange(resource_id=GUID, credential=credential, scopes=[TokenScope.CHAT])
    with pytest.raises(TypeError, match="credential: expected"):
        provider.exchange(resource_id=GUID, credential=3, scopes=[])  # type: ignore[arg-type]


def test_secrets_do_not_show(rt: trunkline.Runtime) -> None:
    issued = rt.identity.create_user(scopes=[TokenScope.CHAT])
    assert issued.token is not None
    assert issued.token.token not in repr(issued)
    assert rt.resources.get("main").primary_key not in repr(rt.resources.get("main"))


def test_json_is_decoded(rt: trunkline.Runtime) -> None:
    issued = rt.identity.create_user(scopes=[TokenScope.CHAT])
    assert issued.token is not None
    claims = rt.identity.verify_token(issued.token.token)
    assert isinstance(claims.claims, dict)
    assert claims.user_id == issued.user.id


def test_models_are_keyword_only() -> None:
    with pytest.raises(TypeError):
        SmsMessage("a", ["b"], "c")  # type: ignore[call-arg,misc]
    with pytest.raises(AttributeError):
        SmsMessage(from_="a", to=["b"], message="c").mesage = "typo"  # type: ignore[attr-defined]


def test_models_are_as_dataclasses_are() -> None:
    """They are made faster than those of the standard library, and nobody can tell."""
    import copy
    import dataclasses
    import inspect

    assert list(inspect.signature(Recipient).parameters)[:2] == ["to", "message_id"]
    one, same = Recipient(to=PHONE, message_id="m"), Recipient(to=PHONE, message_id="m")
    assert one == same
    assert one != dataclasses.replace(one, to=OURS)
    assert one != "m"
    assert copy.deepcopy(one) == one
    assert repr(one).startswith(f"Recipient(to='{PHONE}', message_id='m'")
    assert dataclasses.asdict(one)["to"] == PHONE
    assert [f.name for f in dataclasses.fields(Recipient)][:2] == ["to", "message_id"]
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'message_id'"):
        Recipient(to=PHONE)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'number'"):
        Recipient(number=PHONE)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)
    with pytest.raises(AttributeError):
        one.other = 1  # type: ignore[attr-defined]

    class Mine(Recipient):
        pass

    assert Mine(to=PHONE, message_id="m").to == PHONE
    lists = (SmsSendRequest(from_=OURS, recipients=[], text="x").properties, SmsMessage(from_=OURS, to=[], message="x").to)
    assert SmsMessage(from_=OURS, to=[], message="x").to is not lists[1]


def test_no_references_leak(rt: trunkline.Runtime, script: SmsProvider) -> None:
    message = request("hello", *[PHONE] * 5)
    message.properties = {"key": "value"}
    watched = [
        message,
        message.text,
        message.recipients,
        message.recipients[0],
        None,
        FailureReason.NONE,
        Event,
        trunkline.sms.SmsSendResult,
    ]
    for _ in range(10):
        script.send(message)
    before = [sys.getrefcount(item) for item in watched]
    for _ in range(1000):
        script.send(message)
        with pytest.raises(trunkline.ResourceExhaustedError):
            script.send(request("refuse"))
        with pytest.raises(TypeError):
            script.send(from_=OURS, recipients=[3], text="x")  # type: ignore[list-item]
    after = [sys.getrefcount(item) for item in watched]
    grown = [b - a for a, b in zip(before, after, strict=True)]
    assert max(grown) < 100, grown
