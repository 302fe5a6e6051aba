"""Transfers after a consultation (Replaces, RFC 3891): asked of us, asked by us, and phones that take a call over."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from pathlib import Path

import pytest
from phone import Sipp, Sound, free_port, in_dialog_ok, sdp, tone
from receiver import Receiver
from server import Server
from sip_line import PHONE, TRUNK, Line, calling, configuration, hung_up_on, in_dialog, line, prompts, request, taken, trunk_at
from test_calls import CALLS, OURS, phone
from test_pstn_sip_transfer import TARGET, answering, asks_for, expect, two_trunks


def dialog(sipp: Sipp, called: bool) -> str:
    """What names the call of a phone, as the phone's other side sees it: our tag is the one of `to-tag`."""
    messages = sipp.messages()
    call_id = re.search(r"(?m)^Call-ID: (\S+)", messages)
    theirs = re.search(r"(?m)^%s: .*;tag=(\d+phone\d+)" % ("To" if called else "From"), messages)
    ours = re.search(r"(?m)^%s: (?!.*phone).*;tag=(\S+)" % ("From" if called else "To"), messages)
    assert call_id
    assert theirs
    assert ours
    return f"{call_id[1]};to-tag={ours[1]};from-tag={theirs[1]}"


def escaped(text: str) -> str:
    return text.replace("@", "%40").replace(";", "%3B").replace("=", "%3D")


def answer_incoming(calls: Line, events: Receiver, number: int) -> str:
    """Answers the call that came as the so-manyth; returns the connection."""
    assert events.wait(lambda told: sum(one["eventType"].endswith("IncomingCall") for one in told) >= number)
    data = [one["data"] for one in events.events if one["eventType"].endswith("IncomingCall")][number - 1]
    answer = {"incomingCallContext": data["incomingCallContext"], "callbackUri": calls.application.url}
    connection = str(calls.ask("POST", "/calling/callConnections:answer", answer, 200)["callConnectionId"])
    calls.event("CallConnected", connection)
    return connection


def test_the_target_is_told_which_call_it_gives_up(tmp_path: Path) -> None:
    """A phone has talked to the target elsewhere: we call the target with what it said of that call."""
    with Sound() as one, Sound() as two, ExitStack() as phones:
        steps = [
            *answering(one),
            asks_for(f"sip:{TARGET}@127.0.0.1?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2"),
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
        assert first.succeeded()
        assert "Replaces: a@b;to-tag=1;from-tag=2" in second.messages()
        assert "X-Trunkline" not in second.messages()
        calls.play(connection, prompt)
        assert two.hears(1000)
        calls.event("PlayCompleted", connection)
        calls.hang_up(connection)
        assert second.succeeded()
        calls.nothing_is_left()


def calling_without_offer(sound: Sound, *rest: str, lines: tuple[str, ...] = ()) -> list[str]:
    """Calls without saying where it is, which it does when it acknowledges the answer."""
    steps = calling(sound, *rest, lines=lines)
    steps[0] = f'<send retrans="500">{request("INVITE", 1, *lines)}</send>'
    steps[4] = f"<send>{request('ACK', 1, body=sdp(sound.port))}</send>"
    return steps


def test_what_a_phone_said_stays_with_its_provider(tmp_path: Path) -> None:
    """The target is called by another provider: it knows no call of the phone, and nobody outside learns of our legs."""
    with Sound() as one, Sound() as two, ExitStack() as phones:
        target = phones.enter_context(Sipp(*taken(two)))
        events = phones.enter_context(Receiver())
        other_port, own_port = free_port(), free_port()
        arguments = configuration(tmp_path, own_port, trunk_at(target.port))
        file = tmp_path / "trunkline.yaml"
        whole = json.loads(file.read_text())
        first = free_port(pairs=True)
        other = {**whole["providers"][0], "name": "other"}
        other["config"] = {
            **other["config"],
            "port": other_port,
            "rtp_port_first": first,
            "rtp_port_last": first + 99,
            "trunks": [trunk_at(free_port(), accept_refer=True)],
        }
        whole["providers"].append(other)
        file.write_text(json.dumps(whole))
        server = phones.enter_context(Server(*arguments, command="serve"))
        calls = Line(server, phones.enter_context(Receiver()), other_port)
        server.cli("subscription", "create", "calls", events.url, "--type", "IncomingCall")
        refer_to = f"Refer-To: <sip:{TARGET}@127.0.0.1?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2>"
        steps = calling(
            one,
            '<pause milliseconds="300"/>',
            f'<send retrans="500">{request("REFER", 2, refer_to)}</send>',
            '<recv response="202"/>',
            *expect("NOTIFY"),
            *expect("NOTIFY"),
            *expect("NOTIFY"),
            *hung_up_on(),
        )
        caller = phones.enter_context(Sipp(*steps, peer=other_port, number=OURS))
        connection = answer_incoming(calls, events, 1)
        assert caller.succeeded()
        calls.hang_up(connection)
        assert target.succeeded()
        assert "INVITE" in target.messages()
        assert "X-Trunkline" not in target.messages()
        assert "Replaces" not in target.messages()


@pytest.mark.parametrize("offers", [True, False])
def test_another_phone_takes_the_call_over(tmp_path: Path, offers: bool) -> None:
    """An INVITE with Replaces: the application goes on with the other phone, and hears of nothing. The first one goes on sending
    for a moment, and is not taken for the second."""
    with Sound() as one, Sound() as two, ExitStack() as phones:
        first = phones.enter_context(Sipp(*taken(one)))
        prompt = phones.enter_context(prompts(tone(1000, 0.6)))
        calls = phones.enter_context(line(tmp_path, trunk_at(first.port, accept_refer=True)))
        connection = calls.call(PHONE)
        calls.event("CallConnected", connection)
        assert one.wait(lambda: "ACK sip:" in first.messages() and one.packets > 0)
        replaces = dialog(first, called=True)
        steps = (calling if offers else calling_without_offer)(two, *hung_up_on(), lines=(f"Replaces: {replaces}",))
        second = phones.enter_context(Sipp(*steps, peer=calls.sip_port, number=OURS))
        assert first.succeeded(), "the first phone was hung up on"
        calls.play(connection, prompt)
        assert two.hears(1000)
        calls.event("PlayCompleted", connection)
        assert "CallDisconnected" not in calls.kinds(connection)
        calls.hang_up(connection)
        assert second.succeeded()
        calls.nothing_is_left()


@pytest.mark.parametrize("confirms", [True, False])
def test_the_phone_that_was_replaced_has_no_call_any_more(tmp_path: Path, confirms: bool) -> None:
    """What it asks for, whether it has confirmed its end or not, is of no call, and makes none."""
    with Sound() as one, Sound() as two, ExitStack() as phones:
        steps = [
            *answering(one),
            '<recv request="BYE"/>',
            *([f"<send>{in_dialog_ok()}</send>"] if confirms else []),
            f'<send retrans="500">{in_dialog("INVITE", 1, body=sdp(one.port))}</send>',
            '<recv response="100" optional="true"/>',
            '<recv response="481"/>',
            f"<send>{in_dialog('ACK', 1)}</send>",
            *([] if confirms else hung_up_on()),  # once more, since it was not answered
        ]
        first = phones.enter_context(Sipp(*steps))
        events = phones.enter_context(Receiver())
        calls = phones.enter_context(line(tmp_path, trunk_at(first.port, accept_refer=True)))
        calls.server.cli("subscription", "create", "calls", events.url, "--type", "IncomingCall")
        connection = calls.call(PHONE)
        calls.event("CallConnected", connection)
        assert one.wait(lambda: "ACK sip:" in first.messages())
        lines = (f"Replaces: {dialog(first, called=True)}",)
        second = phones.enter_context(Sipp(*calling(two, *hung_up_on(), lines=lines), peer=calls.sip_port, number=OURS))
        assert first.succeeded()
        assert [one["callConnectionId"] for one in calls.ask("GET", "/_control/calls", expect=200)["items"]] == [connection]
        calls.hang_up(connection)
        assert second.succeeded()
        assert not any(one["eventType"].endswith("IncomingCall") for one in events.events)
        calls.nothing_is_left()


@pytest.mark.parametrize(
    ("accepts", "change", "status"),
    [(False, "", 403), (True, "x", 481), (True, ";early-only", 486)],
)
def test_a_call_that_is_not_taken_over(tmp_path: Path, accepts: bool, change: str, status: int) -> None:
    with Sound() as one, Sound() as two, ExitStack() as phones:
        first = phones.enter_context(Sipp(*taken(one)))
        calls = phones.enter_context(line(tmp_path, trunk_at(first.port, accept_refer=accepts)))
        connection = calls.call(PHONE)
        calls.event("CallConnected", connection)
        assert one.wait(lambda: "ACK sip:" in first.messages())
        replaces = dialog(first, called=True)
        replaces = replaces + change if change.startswith(";") else change + replaces
        refused = [
            f'<send retrans="500">{request("INVITE", 1, f"Replaces: {replaces}", body=sdp(two.port))}</send>',
            '<recv response="100" optional="true"/>',
            f'<recv response="{status}"/>',
            f"<send>{request('ACK', 1)}</send>",
        ]
        second = phones.enter_context(Sipp(*refused, peer=calls.sip_port, number=OURS))
        assert second.succeeded()
        calls.hang_up(connection)
        assert first.succeeded()
        calls.nothing_is_left()


def test_a_phone_brings_its_two_calls_together(tmp_path: Path) -> None:
    """A REFER whose Replaces names another call of the phone with us: those at the other sides talk to each other."""
    with Sound() as one, Sound() as two, Sound() as three, ExitStack() as phones:
        colleague = phones.enter_context(Sipp(*taken(three)))
        events = phones.enter_context(Receiver())
        calls = phones.enter_context(line(tmp_path, trunk_at(colleague.port, accept_refer=True)))
        calls.server.cli("subscription", "create", "calls", events.url, "--type", "IncomingCall")
        second = phones.enter_context(Sipp(*calling(two, *hung_up_on()), peer=calls.sip_port, number=OURS))
        consulted = answer_incoming(calls, events, 1)
        invite = {"participantToAdd": phone(TARGET), "sourceCallerIdNumber": {"value": OURS}}
        calls.ask("POST", f"{CALLS}/{consulted}/participants:add", invite, 202)
        calls.event("AddParticipantSucceeded", consulted)
        assert two.wait(lambda: "ACK sip:" in second.messages())
        refer_to = f"Refer-To: <sip:{OURS}@127.0.0.1?Replaces={escaped(dialog(second, called=False))}>"
        steps = calling(
            one,
            '<pause milliseconds="300"/>',
            f'<send retrans="500">{request("REFER", 2, refer_to)}</send>',
            '<recv response="202"/>',
            *expect("NOTIFY"),
            *expect("NOTIFY"),
            *hung_up_on(),
        )
        first = phones.enter_context(Sipp(*steps, peer=calls.sip_port, number=OURS))
        connection = answer_incoming(calls, events, 2)
        assert first.succeeded()
        assert second.succeeded()
        assert "SIP/2.0 200 OK" in first.messages()
        prompt = phones.enter_context(prompts(tone(1000, 0.6)))
        calls.play(connection, prompt)
        assert three.hears(1000), "the application of the first call talks to the target of the second"
        calls.hang_up(connection)
        assert colleague.succeeded()


def test_the_trunk_connects_two_who_are_in_the_call(tmp_path: Path) -> None:
    """A transfer to somebody who is in the call already: a REFER with Replaces, and both legs go."""
    with Sound() as one, Sound() as two, ExitStack() as phones:
        colleague = phones.enter_context(Sipp(*taken(two)))
        events = phones.enter_context(Receiver())
        calls = phones.enter_context(line(tmp_path, trunk_at(colleague.port, transfer="refer")))
        calls.server.cli("subscription", "create", "calls", events.url, "--type", "IncomingCall")
        told = request(
            "NOTIFY",
            2,
            "Event: refer",
            "Subscription-State: terminated;reason=noresource",
            "Content-Type: message/sipfrag;version=2.0",
            body="",
        ).replace("Content-Length: 0\n\n", "Content-Length: [len]\n\nSIP/2.0 200 OK\n")
        steps = calling(
            one,
            *expect("REFER", "202 Accepted"),
            f'<send retrans="500">{told}</send>',
            '<recv response="200"/>',
            *hung_up_on(),
        )
        caller = phones.enter_context(Sipp(*steps, peer=calls.sip_port, number=OURS))
        connection = answer_incoming(calls, events, 1)
        invite = {"participantToAdd": phone(TARGET), "sourceCallerIdNumber": {"value": OURS}}
        calls.ask("POST", f"{CALLS}/{connection}/participants:add", invite, 202)
        calls.event("AddParticipantSucceeded", connection)
        transfer = {"targetParticipant": phone(TARGET), "transferee": phone(PHONE), "sourceCallerIdNumber": {"value": OURS}}
        calls.ask("POST", f"{CALLS}/{connection}:transferToParticipant", transfer, 202)
        accepted = calls.event("CallTransferAccepted", connection)
        assert accepted["transferTarget"]["rawId"] == "4:" + TARGET
        assert caller.succeeded()
        assert colleague.succeeded()
        sent = re.search(rf"Refer-To: <sip:[^@]*@{re.escape(TRUNK)}\?Replaces=(\S+)>", caller.messages())
        assert sent
        call_id = re.search(r"(?m)^Call-ID: (\S+)", colleague.messages())
        assert call_id
        assert sent[1].lower().startswith(escaped(call_id[1]).lower().split("%40", maxsplit=1)[0])
        calls.event("CallDisconnected", connection)
        calls.nothing_is_left()


def test_two_who_are_in_the_call_are_left_to_each_other(tmp_path: Path) -> None:
    """The trunk does not transfer: the application goes, and they talk here."""
    with Sound() as one, Sound() as two, ExitStack() as phones:
        colleague = phones.enter_context(Sipp(*taken(two)))
        events = phones.enter_context(Receiver())
        calls = phones.enter_context(line(tmp_path, trunk_at(colleague.port, transfer="refer")))
        calls.server.cli("subscription", "create", "calls", events.url, "--type", "IncomingCall")
        steps = calling(one, *expect("REFER", "501 Not Implemented"), '<recv request="BYE"/>')
        phones.enter_context(Sipp(*steps, peer=calls.sip_port, number=OURS))
        connection = answer_incoming(calls, events, 1)
        invite = {"participantToAdd": phone(TARGET), "sourceCallerIdNumber": {"value": OURS}}
        calls.ask("POST", f"{CALLS}/{connection}/participants:add", invite, 202)
        calls.event("AddParticipantSucceeded", connection)
        transfer = {"targetParticipant": phone(TARGET), "transferee": phone(PHONE), "sourceCallerIdNumber": {"value": OURS}}
        calls.ask("POST", f"{CALLS}/{connection}:transferToParticipant", transfer, 202)
        calls.event("CallTransferAccepted", connection)
        calls.event("CallDisconnected", connection)
        one.say(tone(600, 3.0))
        two.say(tone(900, 3.0))
        assert one.hears(900)
        assert two.hears(600)
