"""Phones behind a SIP trunk in rooms: called from there, and what a room does not let them do."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from phone import Sipp, Sound, in_dialog_ok, tone
from sip_line import PHONE, Line, hung_up_on, line, prompts, taken, trunk_at
from test_calls import CALLS, OURS, phone
from test_pstn_sip_transfer import TARGET, answering, asks_for, expect, two_trunks


def room(calls: Line, dials_out: bool) -> str:
    made = calls.server.cli("room", "create", "--dial-out", "on" if dials_out else "off")
    return made.stdout.split()[0]


def enter(calls: Line, room_id: str) -> str:
    """The application is in the room."""
    locator = {"kind": "roomCallLocator", "roomId": room_id}
    body = {"callLocator": locator, "callbackUri": calls.application.url}
    connection = str(calls.ask("POST", f"{CALLS}:connect", body, 200)["callConnectionId"])
    calls.event("CallConnected", connection)
    return connection


def invitation(number: str) -> dict[str, Any]:
    return {"participantToAdd": phone(number), "sourceCallerIdNumber": {"value": OURS}}


def test_phones_are_called_into_a_room(tmp_path: Path) -> None:
    """Two of them talk there and hear what is played; the room stays open while the application is in."""
    with Sound() as one, Sound() as two, ExitStack() as phones:
        first = phones.enter_context(Sipp(*taken(one)))
        second = phones.enter_context(Sipp(*taken(two)))
        prompt = phones.enter_context(prompts(tone(1000, 0.6)))
        calls = phones.enter_context(two_trunks(tmp_path, first, second, {}))
        connection = enter(calls, room(calls, dials_out=True))
        for number, sound in ((PHONE, one), (TARGET, two)):
            calls.ask("POST", f"{CALLS}/{connection}/participants:add", invitation(number), 202)
            assert sound.wait(lambda sound=sound: sound.packets > 0)
        calls.play(connection, prompt)
        calls.event("PlayCompleted", connection)
        assert one.hears(1000)
        assert two.hears(1000)
        one.say(tone(600, 3.0))
        two.say(tone(900, 3.0))
        assert one.hears(900)
        assert two.hears(600)
        for number, sipp in ((PHONE, first), (TARGET, second)):
            calls.ask("POST", f"{CALLS}/{connection}/participants:remove", {"participantToRemove": phone(number)}, 202)
            assert sipp.succeeded()
        assert calls.ask("GET", f"{CALLS}/{connection}", expect=200)["callConnectionState"] == "connected"
        calls.hang_up(connection)
        calls.nothing_is_left()


def test_a_room_that_does_not_dial_out(tmp_path: Path) -> None:
    with Sipp('<recv request="INVITE"/>') as sipp, line(tmp_path, trunk_at(sipp.port)) as calls:
        connection = enter(calls, room(calls, dials_out=False))
        status, _ = calls.refusal("POST", f"{CALLS}/{connection}/participants:add", invitation(PHONE))
        assert status == 403
        calls.hang_up(connection)
        assert sipp.messages() == ""


def test_a_phone_in_a_room_hands_its_place_on(tmp_path: Path) -> None:
    """By REFER: only while the room dials out."""
    told = ['<recv request="INFO"/>', f"<send>{in_dialog_ok()}</send>"]
    tones = {"tones": ["one"], "targetParticipant": phone(PHONE)}
    with Sound() as one, Sound() as two, ExitStack() as phones:
        steps = [
            *answering(one),
            *told,
            asks_for(f"sip:{TARGET}@127.0.0.1", 1),
            '<recv response="403"/>',
            *told,
            asks_for(f"sip:{TARGET}@127.0.0.1", 2),
            '<recv response="202"/>',
            *expect("NOTIFY"),
            *expect("NOTIFY"),
            *expect("NOTIFY"),
            *hung_up_on(),
        ]
        first = phones.enter_context(Sipp(*steps))
        second = phones.enter_context(Sipp(*taken(two)))
        # Keys go as INFO here: the phone learns by one that it may try.
        calls = phones.enter_context(two_trunks(tmp_path, first, second, {"accept_refer": True, "dtmf": "info"}))
        room_id = room(calls, dials_out=True)
        connection = enter(calls, room_id)
        calls.ask("POST", f"{CALLS}/{connection}/participants:add", invitation(PHONE), 202)
        calls.event("AddParticipantSucceeded", connection)
        calls.server.cli("room", "update", room_id, "--dial-out", "off")
        calls.ask("POST", f"{CALLS}/{connection}:sendDtmfTones", tones, 202)
        assert one.wait(lambda: "SIP/2.0 403" in first.messages())
        calls.event("SendDtmfTonesCompleted", connection)
        calls.server.cli("room", "update", room_id, "--dial-out", "on")
        calls.ask("POST", f"{CALLS}/{connection}:sendDtmfTones", tones, 202)
        assert first.succeeded()
        calls.ask("POST", f"{CALLS}/{connection}/participants:remove", {"participantToRemove": phone(TARGET)}, 202)
        assert second.succeeded()
        calls.hang_up(connection)
        calls.nothing_is_left()
