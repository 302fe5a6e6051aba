"""Calls over a SIP trunk: SIPp and phones with real sound at the other end."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from media_socket import MediaSocket
from phone import CONTACT, Sipp, Sound, free_port, in_dialog_ok, loudest, message, reply, sdp, tone
from receiver import Receiver
from server import Server
from sip_line import (
    PHONE,
    REMEMBERED,
    REMEMBERING_ACK,
    REMEMBERING_INVITE,
    Line,
    calling,
    configuration,
    hung_up_on,
    in_dialog,
    in_dialog_bye,
    incoming_call,
    line,
    prompts,
    recording,
    taken,
    trunk_at,
)
from test_calls import CALLS, OURS, phone


@pytest.mark.parametrize(("codec", "a_law"), [("0 101", False), ("8 101", True)])
def test_a_call_that_goes_out(tmp_path: Path, codec: str, a_law: bool) -> None:
    """What is played is heard, digits are recognised, and the recording holds what both sides said."""
    with (
        Sound(a_law) as sound,
        Sipp(*taken(sound, codec=codec)) as sipp,
        prompts(tone(1000, 1.0)) as prompt,
        line(tmp_path, trunk_at(sipp.port)) as calls,
    ):
        connection = calls.call(PHONE)
        connected = calls.event("CallConnected", connection)
        started = calls.ask(
            "POST",
            "/calling/recordings",
            {"callLocator": {"serverCallId": connected["serverCallId"], "kind": "serverCallLocator"}},
            200,
        )
        calls.ask(
            "POST",
            f"{CALLS}/{connection}:recognize",
            {
                "recognizeInputType": "dtmf",
                "playPrompt": {"kind": "file", "file": {"uri": prompt}},
                "recognizeOptions": {"targetParticipant": phone(PHONE), "dtmfOptions": {"maxTonesToCollect": 3}},
            },
            202,
        )
        assert sound.hears(1000), "the prompt is heard at the phone"
        sound.say(tone(600, 1.0))
        assert sound.wait(lambda: not sound._say)
        calls.event("ParticipantsUpdated", connection)
        # Digits count from the end of the prompt on.
        assert sound.wait(lambda: loudest(sound.heard[-1600:], 8000, [1000]) == set())
        sound.press("12#")
        heard = calls.event("RecognizeCompleted", connection)
        assert heard["dtmfResult"]["tones"] == ["one", "two", "pound"]
        calls.ask(
            "POST",
            f"{CALLS}/{connection}:sendDtmfTones",
            {"tones": ["five", "pound"], "targetParticipant": phone(PHONE)},
            202,
        )
        calls.event("SendDtmfTonesCompleted", connection)
        assert sound.wait(lambda: sound.digits == "5#")
        calls.ask("DELETE", f"/calling/recordings/{started['recordingId']}", expect=204)
        calls.hang_up(connection)
        assert calls.event("CallDisconnected", connection)["resultInformation"]["code"] == 200
        assert sipp.succeeded()
        calls.nothing_is_left()
        recorded = recording(calls, started["recordingId"])
        assert {600.0, 1000.0} <= loudest(recorded, 16000, [600.0, 1000.0])


def test_a_call_that_comes_in(tmp_path: Path) -> None:
    """IncomingCall, answer, play, hang up."""
    sip_port = free_port()
    port = free_port()
    trunk = trunk_at(port)
    with (
        Server(*configuration(tmp_path, sip_port, trunk), command="serve") as server,
        Receiver() as application,
        Receiver() as events,
    ):
        calls = Line(server, application, sip_port)
        server.cli("subscription", "create", "calls", events.url, "--type", "IncomingCall")
        steps = calling(sound := Sound(), *hung_up_on(), lines=("X-Customer: 42",))
        with sound, prompts(tone(1000, 0.6)) as prompt, Sipp(*steps, peer=sip_port, port=port, number=OURS) as sipp:
            incoming = incoming_call(calls, events)
            assert incoming["from"]["phoneNumber"]["value"] == PHONE
            assert incoming["to"]["phoneNumber"]["value"] == OURS
            assert incoming["customContext"]["sipHeaders"] == {"X-Customer": "42"}
            answer = {"incomingCallContext": incoming["incomingCallContext"], "callbackUri": application.url}
            connection = str(calls.ask("POST", "/calling/callConnections:answer", answer, 200)["callConnectionId"])
            calls.event("CallConnected", connection)
            calls.play(connection, prompt)
            calls.event("PlayCompleted", connection)
            assert sound.hears(1000)
            calls.hang_up(connection)
            assert sipp.succeeded()
            assert "Session-Expires: 1800;refresher=uas" in sipp.messages()
            calls.nothing_is_left()


@pytest.mark.parametrize(
    ("status", "code", "cause"),
    [
        ("486 Busy Here", 486, 17),
        ("603 Decline", 603, 21),
        ("404 Not Found", 404, 1),
        ("480 Temporarily Unavailable", 480, 18),
        ("500 Oops", 500, 41),
    ],
)
def test_who_does_not_take_a_call(tmp_path: Path, status: str, code: int, cause: int) -> None:
    steps = ['<recv request="INVITE"/>', f"<send>{reply(status)}</send>", '<recv request="ACK"/>']
    with Sipp(*steps) as sipp, line(tmp_path, trunk_at(sipp.port)) as calls:
        connection = calls.call(PHONE)
        why = calls.event("CreateCallFailed", connection)["resultInformation"]
        assert (why["code"], why["q850Details"]["code"], why["sipDetails"]["code"]) == (code, cause, int(status[:3]))
        assert sipp.succeeded()
        calls.nothing_is_left()


def test_early_media_that_must_be_acknowledged(tmp_path: Path) -> None:
    """A 183 with a description and 100rel gets its PRACK; the answer comes without another description."""
    with Sound() as sound, prompts(tone(1000, 0.5)) as prompt:
        steps = [
            REMEMBERING_INVITE,
            f"<send>{reply('183 Session Progress', 'Require: 100rel', 'RSeq: 1', body=sdp(sound.port))}</send>",
            '<recv request="PRACK"/>',
            f"<send>{in_dialog_ok()}</send>",
            f'<send retrans="500">{message("SIP/2.0 200 OK", *REMEMBERED, CONTACT)}</send>',
            '<recv request="ACK"/>',
            *hung_up_on(),
        ]
        with Sipp(*steps) as sipp, line(tmp_path, trunk_at(sipp.port)) as calls:
            connection = calls.call(PHONE)
            calls.event("CallConnected", connection)
            calls.play(connection, prompt)
            assert sound.hears(1000)
            calls.hang_up(connection)
            assert sipp.succeeded()


def test_the_phone_hangs_up(tmp_path: Path) -> None:
    with Sound() as sound:
        steps = [
            *taken(sound)[:3],
            REMEMBERING_ACK,
            '<pause milliseconds="300"/>',
            f'<send retrans="500">{in_dialog_bye()}</send>',
            '<recv response="200"/>',
        ]
        with Sipp(*steps) as sipp, line(tmp_path, trunk_at(sipp.port)) as calls:
            connection = calls.call(PHONE)
            assert calls.event("CallDisconnected", connection)["resultInformation"]["code"] == 200
            assert sipp.succeeded()
            calls.nothing_is_left()


def answered_with(direction: str, variable: str) -> str:
    look = f'<ereg regexp="a={direction}" search_in="body" check_it="true" assign_to="{variable}"/>'
    return f'<recv response="200"><action>{look}</action></recv>'


def test_over_tcp_with_hold_and_back(tmp_path: Path) -> None:
    """The phone holds the call and takes it back; nothing is sent to it in between."""
    with Sound() as sound:
        steps = [
            *taken(sound)[:3],
            REMEMBERING_ACK,
            f'<send retrans="500">{in_dialog("INVITE", 1, body=sdp(sound.port, extra="a=sendonly"))}</send>',
            '<recv response="100" optional="true"/>',
            answered_with("recvonly", "held"),
            '<nop><action><log message="[$held]"/></action></nop>',
            f"<send>{in_dialog('ACK', 1)}</send>",
            '<pause milliseconds="200"/>',
            f'<send retrans="500">{in_dialog("INVITE", 2, body=sdp(sound.port))}</send>',
            '<recv response="100" optional="true"/>',
            answered_with("sendrecv", "back"),
            '<nop><action><log message="[$back]"/></action></nop>',
            f"<send>{in_dialog('ACK', 2)}</send>",
            *hung_up_on(),
        ]
        with (
            Sipp(*steps, transport="t1") as sipp,
            prompts(tone(1000, 0.5)) as prompt,
            line(tmp_path, trunk_at(sipp.port, transport="tcp")) as calls,
        ):
            connection = calls.call(PHONE)
            calls.event("CallConnected", connection)
            assert sound.wait(lambda: sipp.messages().count("INVITE sip:") >= 2 and sipp.messages().count("CSeq: 2 ACK") >= 1)
            calls.play(connection, prompt)
            calls.event("PlayCompleted", connection)
            assert sound.hears(1000), "after the hold it hears again"
            calls.hang_up(connection)
            assert sipp.succeeded()
            calls.nothing_is_left()


def test_the_server_stops_beside_a_trunk_that_has_died(tmp_path: Path) -> None:
    with Sound() as sound, Sipp(*taken(sound)) as sipp, line(tmp_path, trunk_at(sipp.port)) as calls:
        calls.event("CallConnected", calls.call(PHONE))
        sipp.process.kill()
        sipp.process.wait()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
            mute.bind(("127.0.0.1", sipp.port))
            assert calls.server.stop() == 0


def test_media_streaming_hears_the_phone_and_is_heard(tmp_path: Path) -> None:
    options = {
        "transportType": "websocket",
        "contentType": "audio",
        "audioChannelType": "mixed",
        "startMediaStreaming": True,
        "enableBidirectional": True,
        "audioFormat": "Pcm16KMono",
    }
    with (
        Sound() as sound,
        MediaSocket() as media,
        Sipp(*taken(sound)) as sipp,
        line(tmp_path, trunk_at(sipp.port)) as calls,
    ):
        connection = calls.call(PHONE, mediaStreamingOptions={**options, "transportUrl": media.url})
        calls.event("MediaStreamingStarted", connection)
        sound.say(tone(600, 3.0))
        assert media.wait(lambda: loudest(media.heard[-16000:], 16000, [600]) == {600})
        media.say(tone(900, 1.5, 16000))
        assert sound.hears(900)
        calls.hang_up(connection)
        assert sipp.succeeded()
        assert {"AudioMetadata", "AudioData"} <= media.kinds


def test_a_transfer_connects_two_phones(tmp_path: Path) -> None:
    """The application leaves; the two phones hear each other, each only the other one."""
    with Sound() as one, Sound() as two, Sipp(*taken(one)) as first, Sipp(*taken(two)) as second:
        trunks = [
            {"host": name, "address": "127.0.0.1", "port": sipp.port}
            for name, sipp in (("a.example.test", first), ("b.example.test", second))
        ]
        with line(tmp_path, *trunks) as calls:
            for name, pattern in (("a.example.test", r"^\+1425"), ("b.example.test", r"^\+1206")):
                calls.server.cli("trunk", "set", name)
                calls.server.cli("trunk", "route", name[0], "--pattern", pattern, "--to", name)
            connection = calls.call(PHONE)
            calls.event("CallConnected", connection)
            transfer = {"targetParticipant": phone("+12065550150"), "sourceCallerIdNumber": {"value": OURS}}
            calls.ask("POST", f"{CALLS}/{connection}:transferToParticipant", transfer, 202)
            calls.event("CallTransferAccepted", connection)
            one.say(tone(600, 3.0))
            two.say(tone(900, 3.0))
            assert one.hears(900)
            assert two.hears(600)
            calls.event("CallDisconnected", connection)
    # Both are gone without a word: the trunk sends no sound, and nobody is left (see the silent trunk below).


def test_a_phone_that_only_listens_may_be_silent(tmp_path: Path) -> None:
    """One-way sound that was agreed on: nothing is missing."""
    with Sound() as sound, prompts(tone(1000, 3.0)) as prompt:
        steps = taken(sound)
        steps[2] = f'<send retrans="500">{reply("200 OK", body=sdp(sound.port, extra="a=recvonly"))}</send>'
        sound.silent = True
        with Sipp(*steps) as sipp, line(tmp_path, trunk_at(sipp.port), silence_seconds=1) as calls:
            connection = calls.call(PHONE)
            calls.event("CallConnected", connection)
            calls.play(connection, prompt)
            assert sound.hears(1000)
            calls.event("PlayCompleted", connection)
            assert "CallDisconnected" not in calls.kinds(connection)
            calls.hang_up(connection)
            assert sipp.succeeded()
            calls.nothing_is_left()


def test_a_silent_trunk_ends_the_call(tmp_path: Path) -> None:
    with Sound() as sound, Sipp(*taken(sound)) as sipp, line(tmp_path, trunk_at(sipp.port), silence_seconds=1) as calls:
        sound.silent = True
        connection = calls.call(PHONE)
        calls.event("CallConnected", connection)
        why = calls.event("CallDisconnected", connection)["resultInformation"]
        assert why["q850Details"]["code"] == 41
        assert "sent no sound" in why["message"]
        assert sipp.succeeded(), "the trunk got a BYE"
        calls.nothing_is_left()
