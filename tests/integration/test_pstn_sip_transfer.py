"""Transfers by REFER, both ways, and what a trunk learns of a hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from phone import Sipp, Sound, in_dialog_ok, reply, sdp, tone
from sip_line import PHONE, REMEMBERING_ACK, TRUNK, Line, hung_up_on, in_dialog, line, prompts, taken, trunk_at
from test_calls import CALLS, OURS, phone

TARGET = "+12065550150"
OTHER = "b.example.test"


def answering(sound: Sound) -> list[str]:
    """Takes a call and remembers who is who."""
    return [*taken(sound)[:3], REMEMBERING_ACK]


def expect(method: str, status: str = "200 OK") -> list[str]:
    answer = in_dialog_ok() if status == "200 OK" else reply(status)
    return [f'<recv request="{method}"/>', f"<send>{answer}</send>"]


def tells(number: int, fragment: str, state: str = "active;expires=60") -> list[str]:
    """A NOTIFY of what becomes of the transfer."""
    lines = ("Event: refer", f"Subscription-State: {state}")
    body = f"SIP/2.0 {fragment}\n"
    return [
        f'<send retrans="500">{in_dialog("NOTIFY", number, *lines, body=body, kind="message/sipfrag;version=2.0")}</send>',
        '<recv response="200"/>',
    ]


def asks_for(target: str, number: int = 1) -> str:
    return f'<send retrans="500">{in_dialog("REFER", number, f"Refer-To: <{target}>")}</send>'


@contextmanager
def two_trunks(
    folder: Path, first: Sipp, second: Sipp | None, first_is: dict[str, Any], second_is: dict[str, Any] | None = None
) -> Iterator[Line]:
    """Numbers of +1425 go over the first, those of +1206 over the second."""
    port = second.port if second else first.port
    trunks = [trunk_at(first.port, **first_is), {"host": OTHER, "address": "127.0.0.1", "port": port, **(second_is or {})}]
    with line(folder, *trunks) as calls:
        for name, route, pattern in ((TRUNK, "a", r"^\+1425"), (OTHER, "b", r"^\+1206")):
            calls.server.cli("trunk", "set", name)
            calls.server.cli("trunk", "route", route, "--pattern", pattern, "--to", name)
        yield calls


def rosters(events: list[dict[str, Any]], connection: str) -> list[set[str]]:
    return [
        {one["identifier"]["rawId"].removeprefix("4:") for one in event["data"]["participants"]}
        for event in events
        if event["type"].endswith("ParticipantsUpdated") and event["source"].endswith(connection)
    ]


def test_the_phone_hands_the_call_on(tmp_path: Path) -> None:
    """REFER of the far end: the application talks to the target then, and the phone has been told how it went."""
    with Sound() as one, Sound() as two, ExitStack() as phones:
        steps = [
            *answering(one),
            asks_for(f"sip:{TARGET}@127.0.0.1"),
            '<recv response="202"/>',
            *expect("NOTIFY"),
            *expect("NOTIFY"),
            *expect("NOTIFY"),
            *hung_up_on(),
        ]
        first = phones.enter_context(Sipp(*steps))
        second = phones.enter_context(Sipp(*taken(two)))
        prompt = phones.enter_context(prompts(tone(1000, 0.6)))
        calls = phones.enter_context(two_trunks(tmp_path, first, second, {"accept_refer": True}))
        connection = calls.call(PHONE)
        assert calls.application.wait(lambda events: {OURS, TARGET} in rosters(events, connection))
        assert first.succeeded()
        told = first.messages().splitlines()
        for line_of_it in ("SIP/2.0 100 Trying", "SIP/2.0 180 Ringing", "SIP/2.0 200 OK"):
            assert line_of_it in told
        assert "Subscription-State: terminated;reason=noresource" in told
        calls.play(connection, prompt)
        calls.event("PlayCompleted", connection)
        assert two.hears(1000)
        calls.hang_up(connection)
        assert second.succeeded()
        assert f"From: <sip:{OURS}@" in second.messages(), "the target sees the number of the application"
        calls.nothing_is_left()


def test_the_target_does_not_answer(tmp_path: Path) -> None:
    with Sound() as one, ExitStack() as phones:
        steps = [
            *answering(one),
            asks_for(f"sip:{TARGET}@127.0.0.1"),
            '<recv response="202"/>',
            *expect("NOTIFY"),
            *expect("NOTIFY"),
            *hung_up_on(),
        ]
        busy = ['<recv request="INVITE"/>', f"<send>{reply('486 Busy Here')}</send>", '<recv request="ACK"/>']
        first = phones.enter_context(Sipp(*steps))
        second = phones.enter_context(Sipp(*busy))
        prompt = phones.enter_context(prompts(tone(1000, 0.6)))
        calls = phones.enter_context(two_trunks(tmp_path, first, second, {"accept_refer": True}))
        connection = calls.call(PHONE)
        assert second.succeeded()
        assert one.wait(lambda: "SIP/2.0 486 Busy Here" in first.messages())
        calls.play(connection, prompt)
        assert one.hears(1000), "the call goes on with the phone"
        calls.hang_up(connection)
        assert first.succeeded()
        calls.nothing_is_left()


def test_a_phone_that_goes_at_once_leaves_the_call_to_the_target(tmp_path: Path) -> None:
    """A BYE right after the 202: the application waits for the target."""
    with Sound() as one, Sound() as two, ExitStack() as phones:
        steps = [
            *answering(one),
            asks_for(f"sip:{TARGET}@127.0.0.1"),
            '<recv response="202"/>',
            *expect("NOTIFY"),
            f'<send retrans="500">{in_dialog("BYE", 2)}</send>',
            '<recv response="200"/>',
        ]
        slow = taken(two)
        slow[1] = '<pause milliseconds="1000"/>'  # rings without a word
        first = phones.enter_context(Sipp(*steps))
        second = phones.enter_context(Sipp(*slow))
        calls = phones.enter_context(two_trunks(tmp_path, first, second, {"accept_refer": True}))
        connection = calls.call(PHONE)
        assert calls.application.wait(lambda events: {OURS, TARGET} in rosters(events, connection))
        assert {OURS} in rosters(calls.events(connection), connection), "in between it was alone"
        calls.hang_up(connection)
        assert second.succeeded()
        calls.nothing_is_left()


@pytest.mark.parametrize(
    ("accepts", "target", "status"),
    [
        (False, f"sip:{TARGET}@127.0.0.1", 403),
        (True, "sip:bob@127.0.0.1", 400),
        (True, f"sip:{OURS}@127.0.0.1", 603),
        (True, f"sip:{TARGET}@127.0.0.1?Subject=hello", 501),
    ],
)
def test_a_transfer_that_is_refused(tmp_path: Path, accepts: bool, target: str, status: int) -> None:
    with Sound() as sound:
        steps = [*answering(sound), asks_for(target), f'<recv response="{status}"/>', *hung_up_on()]
        with Sipp(*steps) as sipp, two_trunks(tmp_path, sipp, None, {"accept_refer": accepts}, {"accept_refer": True}) as calls:
            connection = calls.call(PHONE)
            calls.event("CallConnected", connection)
            assert sound.wait(lambda: f"SIP/2.0 {status}" in sipp.messages())
            calls.hang_up(connection)
            assert sipp.succeeded()
            calls.nothing_is_left()


def hand_on(calls: Line, connection: str) -> None:
    transfer = {"targetParticipant": phone(TARGET), "sourceCallerIdNumber": {"value": OURS}, "operationContext": "on"}
    calls.event("CallConnected", connection)
    calls.ask("POST", f"{CALLS}/{connection}:transferToParticipant", transfer, 202)


def test_the_trunk_transfers_the_call(tmp_path: Path) -> None:
    with Sound() as sound:
        steps = [
            *answering(sound),
            *expect("REFER", "202 Accepted"),
            *tells(1, "100 Trying"),
            *tells(2, "200 OK", "terminated;reason=noresource"),
            *hung_up_on(),
        ]
        with Sipp(*steps) as sipp, line(tmp_path, trunk_at(sipp.port, transfer="refer")) as calls:
            connection = calls.call(PHONE)
            hand_on(calls, connection)
            accepted = calls.event("CallTransferAccepted", connection)
            assert accepted["operationContext"] == "on"
            assert accepted["transferTarget"]["rawId"] == "4:" + TARGET
            assert accepted["transferee"]["rawId"] == "4:" + PHONE
            assert calls.event("CallDisconnected", connection)["resultInformation"]["code"] == 200
            assert sipp.succeeded()
            assert f"Refer-To: <sip:{TARGET}@{TRUNK}>" in sipp.messages()
            calls.nothing_is_left()


def test_a_trunk_that_takes_the_transfer_and_goes(tmp_path: Path) -> None:
    with Sound() as sound:
        steps = [
            *answering(sound),
            *expect("REFER", "202 Accepted"),
            f'<send retrans="500">{in_dialog("BYE", 1)}</send>',
            '<recv response="200"/>',
        ]
        with Sipp(*steps) as sipp, line(tmp_path, trunk_at(sipp.port, transfer="refer")) as calls:
            connection = calls.call(PHONE)
            hand_on(calls, connection)
            calls.event("CallTransferAccepted", connection)
            calls.event("CallDisconnected", connection)
            assert sipp.succeeded()
            calls.nothing_is_left()


def test_the_target_of_the_trunk_is_busy(tmp_path: Path) -> None:
    with Sound() as sound:
        steps = [
            *answering(sound),
            *expect("REFER", "202 Accepted"),
            *tells(1, "486 Busy Here", "terminated;reason=noresource"),
            *hung_up_on(),
        ]
        with Sipp(*steps) as sipp, line(tmp_path, trunk_at(sipp.port, transfer="refer")) as calls:
            connection = calls.call(PHONE)
            hand_on(calls, connection)
            why = calls.event("CallTransferFailed", connection)["resultInformation"]
            assert (why["code"], why["sipDetails"]["code"], why["q850Details"]["code"]) == (486, 486, 17)
            assert calls.ask("GET", f"{CALLS}/{connection}", expect=200)["callConnectionState"] == "connected"
            calls.hang_up(connection)
            assert sipp.succeeded()
            calls.nothing_is_left()


@pytest.mark.parametrize("status", ["405 Method Not Allowed", "501 Not Implemented", "603 Decline"])
def test_a_trunk_that_does_not_transfer_is_stood_in_for(tmp_path: Path, status: str) -> None:
    with Sound() as one, Sound() as two, ExitStack() as phones:
        first = phones.enter_context(Sipp(*taken(one)[:4], *expect("REFER", status), '<recv request="BYE"/>'))
        second = phones.enter_context(Sipp(*taken(two)))
        calls = phones.enter_context(two_trunks(tmp_path, first, second, {"transfer": "refer"}))
        connection = calls.call(PHONE)
        hand_on(calls, connection)
        calls.event("CallTransferAccepted", connection)
        one.say(tone(600, 3.0))
        two.say(tone(900, 3.0))
        assert one.hears(900)
        assert two.hears(600)


def looks(direction: str, answer: str) -> list[str]:
    """An INVITE within the call that says so, and its answer."""
    look = f'<ereg regexp="a={direction}" search_in="body" check_it="true" assign_to="{direction}"/>'
    return [
        f'<recv request="INVITE"><action>{look}<log message="[${direction}]"/></action></recv>',
        answer,
        '<recv request="ACK"/>',
    ]


@pytest.mark.parametrize("glare", [False, True])
def test_a_trunk_learns_of_a_hold(tmp_path: Path, glare: bool) -> None:
    """An offer that meets one of the other side is made again."""
    with Sound() as sound:
        pending = ['<recv request="INVITE"/>', f"<send>{reply('491 Request Pending')}</send>", '<recv request="ACK"/>']
        steps = [
            *taken(sound)[:4],
            *(pending if glare else []),
            *looks("sendonly", f"<send>{reply('200 OK', body=sdp(sound.port, extra='a=recvonly'))}</send>"),
            *looks("sendrecv", f"<send>{reply('200 OK', body=sdp(sound.port))}</send>"),
            *hung_up_on(),
        ]
        with (
            Sipp(*steps) as sipp,
            prompts(tone(1000, 0.6)) as prompt,
            line(tmp_path, trunk_at(sipp.port, hold="reinvite")) as calls,
        ):
            connection = calls.call(PHONE)
            calls.event("CallConnected", connection)
            calls.ask("POST", f"{CALLS}/{connection}:hold", {"targetParticipant": phone(PHONE)}, 200)
            assert sound.wait(lambda: "a=recvonly" in sipp.messages())
            calls.ask("POST", f"{CALLS}/{connection}:unhold", {"targetParticipant": phone(PHONE)}, 200)
            assert sound.wait(lambda: sipp.messages().count("ACK sip:") >= (4 if glare else 3))
            calls.play(connection, prompt)
            calls.event("PlayCompleted", connection)
            assert sound.hears(1000)
            calls.hang_up(connection)
            assert sipp.succeeded()
            calls.nothing_is_left()
