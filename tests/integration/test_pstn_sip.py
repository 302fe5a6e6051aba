"""Calls over a SIP trunk: SIPp and phones with real sound at the other end."""

from __future__ import annotations

import io
import json
import socket
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from phone import CONTACT, Sipp, Sound, free_port, in_dialog_ok, loudest, message, reply, sdp, tone
from receiver import Receiver
from server import Server
from test_calls import CALLS, OURS, Phones, phone

PHONE = "+14255550123"
TRUNK = "sbc.example.test"


def configuration(folder: Path, sip_port: int, *trunks: dict[str, Any], **config: Any) -> list[str]:
    first = free_port(pairs=True)
    sip = {
        "address": "127.0.0.1",
        "port": sip_port,
        "rtp_port_first": first,
        "rtp_port_last": min(first + 199, 65535),
        "options_seconds": 0,
        "trunks": list(trunks),
        **config,
    }
    whole = {
        "listen": {"port": 0, "tls": "off"},
        "control": {"enabled": True},
        "log": {"level": "info"},
        "store": {"mode": "file", "path": str(folder / "data")},
        "providers": [{"name": "sip", "plugin": "pstn-sip", "config": sip, "secrets": {"password": {"value": "secret"}}}],
        "resources": [{"name": "main", "numbers": [{"number": OURS, "calling": "both"}]}],
    }
    (folder / "trunkline.yaml").write_text(json.dumps(whole))
    return ["--config", str(folder / "trunkline.yaml")]


class Line(Phones):
    """An application behind a trunk."""

    def __init__(self, server: Server, application: Receiver, sip_port: int) -> None:
        super().__init__(server, application)
        self.sip_port = sip_port

    def play(self, connection: str, url: str, **members: Any) -> None:
        source = {"kind": "file", "file": {"uri": url}}
        self.ask("POST", f"{CALLS}/{connection}:play", {"playSources": [source], **members}, 202)

    def hang_up(self, connection: str) -> None:
        self.ask("POST", f"{CALLS}/{connection}:terminate", {}, 204)

    def nothing_is_left(self) -> None:
        assert self.ask("GET", "/_control/calls", expect=200)["items"] == []


def wav(samples: bytes, rate: int) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples)
    return out.getvalue()


@contextmanager
def line(folder: Path, *trunks: dict[str, Any], **config: Any) -> Iterator[Line]:
    sip_port = free_port()
    with Server(*configuration(folder, sip_port, *trunks, **config), command="serve") as server, Receiver() as application:
        yield Line(server, application, sip_port)


@contextmanager
def prompts(samples: bytes, rate: int = 8000) -> Iterator[str]:
    """The address of a sound file."""
    import http.server
    import threading

    content = wav(samples, rate)

    class Files(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    files = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=files.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{files.server_port}/prompt.wav"
    finally:
        files.shutdown()
        files.server_close()


def taken(sound: Sound, *, until: str = '<recv request="BYE"/>', codec: str = "0 101") -> list[str]:
    """Rings, answers, waits for the end."""
    return [
        '<recv request="INVITE"/>',
        f"<send>{reply('180 Ringing')}</send>",
        f'<send retrans="500">{reply("200 OK", body=sdp(sound.port, codec))}</send>',
        '<recv request="ACK"/>',
        until,
        f"<send>{in_dialog_ok()}</send>",
    ]


INVITE_LINES = (
    "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
    f"From: <sip:{PHONE}@[local_ip]:[local_port]>;tag=[pid]phone[call_number]",
    "To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]",
    "Call-ID: [call_id]",
    "Max-Forwards: 70",
    CONTACT,
)


def request(method: str, number: int, *lines: str, body: str = "") -> str:
    return message(f"{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0", *INVITE_LINES, f"CSeq: {number} {method}", *lines, body=body)


def calling(sound: Sound, *rest: str, codec: str = "0 101", lines: tuple[str, ...] = ()) -> list[str]:
    """Calls and is answered."""
    return [
        f'<send retrans="500">{request("INVITE", 1, *lines, body=sdp(sound.port, codec))}</send>',
        '<recv response="100" optional="true"/>',
        '<recv response="180" optional="true"/>',
        '<recv response="200"/>',
        f"<send>{request('ACK', 1)}</send>",
        *rest,
    ]


def hang_up_by_phone() -> list[str]:
    return [f'<send retrans="500">{request("BYE", 2)}</send>', '<recv response="200"/>']


def hung_up_on() -> list[str]:
    return ['<recv request="BYE"/>', f"<send>{in_dialog_ok()}</send>"]


def trunk_at(port: int, **members: Any) -> dict[str, Any]:
    return {"host": TRUNK, "address": "127.0.0.1", "port": port, **members}


@pytest.mark.parametrize(("codec", "a_law"), [("0 101", False), ("8 101", True)])
def test_a_call_that_goes_out(tmp_path: Path, codec: str, a_law: bool) -> None:
    """What is played is heard, digits are recognised, and the recording holds what both sides said."""
    with Sound(a_law) as sound, Sipp(*taken(sound, codec=codec)) as sipp, prompts(tone(1000, 1.0)) as prompt:
        with line(tmp_path, trunk_at(sipp.port)) as calls:
            connection = calls.call(PHONE)
            connected = calls.event("CallConnected", connection)
            started = calls.ask("POST", "/calling/recordings", {"callLocator": {"serverCallId": connected["serverCallId"], "kind": "serverCallLocator"}}, 200)
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
            calls.ask("POST", f"{CALLS}/{connection}:sendDtmfTones", {"tones": ["five", "pound"], "targetParticipant": phone(PHONE)}, 202)
            calls.event("SendDtmfTonesCompleted", connection)
            assert sound.wait(lambda: sound.digits == "5#")
            calls.ask("DELETE", f"/calling/recordings/{started['recordingId']}", expect=204)
            calls.hang_up(connection)
            assert calls.event("CallDisconnected", connection)["resultInformation"]["code"] == 200
            assert sipp.succeeded()
            calls.nothing_is_left()
            recorded = recording(calls, started["recordingId"])
            assert {600.0, 1000.0} <= loudest(recorded, 16000, [600.0, 1000.0])


def recording(calls: Line, recording_id: str) -> bytes:
    """Its samples, 16 kHz."""
    done = calls.server.cli("wait", "event", "--type", "Microsoft.Communication.RecordingFileStatusUpdated", "--after", "0", "--json")
    event = json.loads(done.stdout.splitlines()[-1])
    assert recording_id in event["subject"]
    chunk = event["data"]["recordingStorageInfo"]["recordingChunks"][0]
    _, content, _ = calls.server.request("GET", "/v1/objects/" + chunk["documentId"] + "/content/audio")
    with wave.open(io.BytesIO(content)) as file:
        return file.readframes(file.getnframes())


def test_a_call_that_comes_in(tmp_path: Path) -> None:
    """IncomingCall, answer, play, hang up."""
    sip_port = free_port()
    port = free_port()
    trunk = trunk_at(port)
    with Server(*configuration(tmp_path, sip_port, trunk), command="serve") as server, Receiver() as application, Receiver() as events:
        calls = Line(server, application, sip_port)
        server.cli("subscription", "create", "calls", events.url, "--type", "IncomingCall")
        steps = calling(sound := Sound(), *hung_up_on(), lines=("X-Customer: 42",))
        with sound, prompts(tone(1000, 0.6)) as prompt, Sipp(*steps, peer=sip_port, port=port, number=OURS) as sipp:
            assert events.wait(lambda told: any(one["eventType"].endswith("IncomingCall") for one in told))
            incoming = next(one["data"] for one in events.events if one["eventType"].endswith("IncomingCall"))
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
            calls.nothing_is_left()


@pytest.mark.parametrize(
    ("status", "code", "cause"),
    [("486 Busy Here", 486, 17), ("603 Decline", 603, 21), ("404 Not Found", 404, 1), ("480 Temporarily Unavailable", 480, 18), ("500 Oops", 500, 41)],
)
def test_who_does_not_take_a_call(tmp_path: Path, status: str, code: int, cause: int) -> None:
    steps = ['<recv request="INVITE"/>', f"<send>{reply(status)}</send>", '<recv request="ACK"/>']
    with Sipp(*steps) as sipp, line(tmp_path, trunk_at(sipp.port)) as calls:
        connection = calls.call(PHONE)
        why = calls.event("CreateCallFailed", connection)["resultInformation"]
        assert (why["code"], why["q850Details"]["code"], why["sipDetails"]["code"]) == (code, cause, int(status[:3]))
        assert sipp.succeeded()
        calls.nothing_is_left()


def test_the_phone_hangs_up(tmp_path: Path) -> None:
    with Sound() as sound:
        steps = taken(sound)[:3] + [
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


# Who is who, for requests of the side that was called.
REMEMBERING_ACK = """<recv request="ACK"><action>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/><ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>
<ereg regexp="127.0.0.1:[0-9]+" search_in="hdr" header="Via:" assign_to="peer"/>
</action></recv>"""


def in_dialog_bye() -> str:
    return in_dialog("BYE", 1)


def in_dialog(method: str, number: int, *lines: str, body: str = "") -> str:
    return message(
        f"{method} sip:[$peer] SIP/2.0",
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
        "From: [$to]",
        "To: [$from]",
        "[last_Call-ID:]",
        f"CSeq: {number} {method}",
        "Max-Forwards: 70",
        CONTACT,
        *lines,
        body=body,
    )


# --- who we are -----------------------------------------------------------------------------------------------------------


def challenged(sound: Sound, password: str = "secret", tries: int = 1) -> list[str]:
    """Wants to know who calls, then takes the call; with a wrong password it says so."""
    ask = 'WWW-Authenticate: Digest realm="trunk.test", nonce="47ebe028cda119c35d4877b383027d28da013815", qop="auth", algorithm=MD5'
    return [
        '<recv request="INVITE"/>',
        f"<send>{reply('401 Unauthorized', ask)}</send>",
        '<recv request="ACK"/>',
        f'<recv request="INVITE"><action><verifyauth assign_to="fine" username="alice" password="{password}"/></action></recv>',
        '<nop test="fine" next="good"/>',
        f"<send>{reply('403 Forbidden')}</send>",
        '<recv request="ACK" next="end"/>',
        '<label id="good"/>',
        f'<send retrans="500">{reply("200 OK", body=sdp(sound.port))}</send>',
        '<recv request="ACK"/>',
        '<recv request="BYE"/>',
        f"<send>{in_dialog_ok()}</send>",
        '<label id="end"/>',
    ]


def test_credentials_are_given_when_asked(tmp_path: Path) -> None:
    with Sound() as sound, Sipp(*challenged(sound)) as sipp, line(tmp_path, trunk_at(sipp.port, username="alice")) as calls:
        connection = calls.call(PHONE)
        calls.event("CallConnected", connection)
        calls.hang_up(connection)
        assert sipp.succeeded()
        assert 'username="alice"' in sipp.messages()


@pytest.mark.parametrize(("members", "words"), [({"username": "alice"}, "refused the credentials of alice"), ({}, "wants credentials, and no username")])
def test_wrong_or_missing_credentials_are_said(tmp_path: Path, members: dict[str, Any], words: str) -> None:
    steps = challenged(Sound(), password="another")
    with Sipp(*(steps if members else steps[:3])) as sipp, line(tmp_path, trunk_at(sipp.port, **members)) as calls:
        why = calls.event("CreateCallFailed", calls.call(PHONE))["resultInformation"]
        assert why["q850Details"]["code"] == 21
        assert words in why["message"]
        assert "secret" not in why["message"] + "".join(calls.server.log)
        assert sipp.succeeded()
        calls.nothing_is_left()


# --- which trunk ----------------------------------------------------------------------------------------------------------


def test_routes_pick_the_trunk_and_the_next_one_stands_in(tmp_path: Path) -> None:
    """The first trunk of the route says 503; one that no route names is never asked."""
    busy = ['<recv request="INVITE"/>', f"<send>{reply('503 Service Unavailable')}</send>", '<recv request="ACK"/>']
    with Sound() as sound, Sipp(*busy) as first, Sipp(*taken(sound)) as second:
        trunks = [{"host": "spare.example.test", "address": "127.0.0.1", "port": free_port()}]
        trunks += [{"host": name, "address": "127.0.0.1", "port": sipp.port} for name, sipp in (("a.example.test", first), ("b.example.test", second))]
        with line(tmp_path, *trunks) as calls:
            for name in ("a.example.test", "b.example.test"):
                calls.server.cli("trunk", "set", name)
            calls.server.cli("trunk", "route", "west", "--pattern", r"^\+1425", "--to", "a.example.test", "--to", "b.example.test")
            connection = calls.call(PHONE)
            calls.event("CallConnected", connection)
            calls.hang_up(connection)
            assert first.succeeded()
            assert second.succeeded()
            # No route leads to Germany.
            why = calls.event("CreateCallFailed", calls.call("+493055700000"))["resultInformation"]
            assert "no route matches" in why["message"]
            calls.nothing_is_left()


def test_trunk_test_shows_the_ladder_and_what_refused(tmp_path: Path) -> None:
    there = ['<recv request="OPTIONS"/>', f"<send>{reply('200 OK')}</send>"]
    with Sipp(*there) as sipp:
        trunks = [{"host": "a.example.test", "address": "127.0.0.1", "port": sipp.port}, {"host": "b.example.test", "address": "127.0.0.1", "port": free_port()}]
        with line(tmp_path, *trunks) as calls:
            for name in ("a.example.test", "b.example.test", "c.example.test"):
                calls.server.cli("trunk", "set", name)
                calls.server.cli("trunk", "route", name[0], "--pattern", {"a": r"^\+1", "b": r"^\+49", "c": r"^\+44"}[name[0]], "--to", name)
            shown = calls.server.cli("trunk", "test", PHONE).stdout
            assert f"ask   a.example.test  127.0.0.1:{sipp.port} over udp" in shown
            assert "  →  OPTIONS sip:a.example.test" in shown
            assert "  ←  200 OK" in shown
            assert "pass  trunk.answer  a.example.test" in shown
            assert "reject  trunk.answer  b.example.test" in calls.server.cli("trunk", "test", "+493055700000", expect=1).stdout
            assert "none of the trunks of this provider" in calls.server.cli("trunk", "test", "+442079460000", expect=1).stdout
            assert "reject  route.found" in calls.server.cli("trunk", "test", "+81312345678", expect=1).stdout


# --- what happens within a call -------------------------------------------------------------------------------------------


def test_over_tcp_with_hold_and_back(tmp_path: Path) -> None:
    """The phone holds the call and takes it back; nothing is sent to it in between."""
    with Sound() as sound:
        steps = taken(sound)[:3] + [
            REMEMBERING_ACK,
            f'<send retrans="500">{in_dialog("INVITE", 1, body=sdp(sound.port, extra="a=sendonly"))}</send>',
            '<recv response="100" optional="true"/>',
            '<recv response="200"><action><ereg regexp="a=recvonly" search_in="body" check_it="true" assign_to="held"/></action></recv>',
            '<nop><action><log message="[$held]"/></action></nop>',
            f"<send>{in_dialog('ACK', 1)}</send>",
            '<pause milliseconds="200"/>',
            f'<send retrans="500">{in_dialog("INVITE", 2, body=sdp(sound.port))}</send>',
            '<recv response="100" optional="true"/>',
            '<recv response="200"><action><ereg regexp="a=sendrecv" search_in="body" check_it="true" assign_to="back"/></action></recv>',
            '<nop><action><log message="[$back]"/></action></nop>',
            f"<send>{in_dialog('ACK', 2)}</send>",
            *hung_up_on(),
        ]
        with Sipp(*steps, transport="t1") as sipp, prompts(tone(1000, 0.5)) as prompt:
            with line(tmp_path, trunk_at(sipp.port, transport="tcp")) as calls:
                connection = calls.call(PHONE)
                calls.event("CallConnected", connection)
                assert sound.wait(lambda: sipp.messages().count("INVITE sip:") >= 2 and sipp.messages().count("CSeq: 2 ACK") >= 1)
                calls.play(connection, prompt)
                calls.event("PlayCompleted", connection)
                assert sound.hears(1000), "after the hold it hears again"
                calls.hang_up(connection)
                assert sipp.succeeded()
                calls.nothing_is_left()


def test_a_transfer_connects_two_phones(tmp_path: Path) -> None:
    """The application leaves; the two phones hear each other, each only the other one."""
    with Sound() as one, Sound() as two, Sipp(*taken(one)) as first, Sipp(*taken(two)) as second:
        trunks = [{"host": name, "address": "127.0.0.1", "port": sipp.port} for name, sipp in (("a.example.test", first), ("b.example.test", second))]
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


# --- what is wrong --------------------------------------------------------------------------------------------------------


def raw(port: int, text: str) -> str:
    """The final answer to a datagram; empty: none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", 0))
        own.settimeout(0.5)
        own.sendto(text.replace("\n", "\r\n").replace("PORT", str(own.getsockname()[1])).encode("latin-1"), ("127.0.0.1", port))
        try:
            while (answer := own.recv(4000).decode("latin-1")).startswith("SIP/2.0 1"):
                pass
        except TimeoutError:
            return ""
        return answer


HEAD = f"""Via: SIP/2.0/UDP 127.0.0.1:PORT;branch=z9hG4bKtorture
From: <sip:{PHONE}@127.0.0.1>;tag=t
To: <sip:{OURS}@127.0.0.1>
Call-ID: torture
Contact: <sip:127.0.0.1:PORT>
Max-Forwards: 70
"""
GOOD_SDP = "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 4000 RTP/AVP 0\n"


def invite(head: str, sdp_text: str, first: str = f"INVITE sip:{OURS}@127.0.0.1 SIP/2.0", kind: str = "application/sdp", length: int | None = None) -> str:
    size = len(sdp_text.replace("\n", "\r\n")) if length is None else length
    return f"{first}\n{head}CSeq: 1 INVITE\nContent-Type: {kind}\nContent-Length: {size}\n\n{sdp_text}"


TORTURE = {
    "a description that is none": (invite(HEAD, "hello\n"), "SIP/2.0 400"),
    "no codec in common": (invite(HEAD, GOOD_SDP.replace("AVP 0", "AVP 18")), "SIP/2.0 488"),
    "an address that is none": (invite(HEAD, GOOD_SDP.replace("IP4 127.0.0.1\nt", "IP4 nowhere\nt")), "SIP/2.0 400"),
    "a description of video only": (invite(HEAD, GOOD_SDP.replace("m=audio", "m=video")), "SIP/2.0 400"),
    "a port out of range": (invite(HEAD, GOOD_SDP.replace("4000", "70000")), "SIP/2.0 400"),
    "no To": (invite(HEAD.replace("To:", "X-To:"), GOOD_SDP), "SIP/2.0 400"),
    "no Call-ID": (invite(HEAD.replace("Call-ID:", "X-Call:"), GOOD_SDP), "SIP/2.0 400"),
    "two From": (invite(HEAD + "From: <sip:b@b>;tag=u\n", GOOD_SDP), "SIP/2.0 400"),
    "a CSeq of another method": (invite(HEAD, GOOD_SDP).replace("CSeq: 1 INVITE", "CSeq: 1 BYE"), "SIP/2.0 400"),
    "a CSeq that is no number": (invite(HEAD, GOOD_SDP).replace("CSeq: 1", "CSeq: one"), "SIP/2.0 400"),
    "another version": (invite(HEAD, GOOD_SDP, first=f"INVITE sip:{OURS}@127.0.0.1 SIP/7.0"), "SIP/2.0 505"),
    "an address in angle brackets": (invite(HEAD, GOOD_SDP, first=f"INVITE <sip:{OURS}@127.0.0.1> SIP/2.0"), "SIP/2.0 400"),
    "a length beyond the end": (invite(HEAD, GOOD_SDP, length=9999), "SIP/2.0 400"),
    "a negative length": (invite(HEAD, GOOD_SDP, length=-1), "SIP/2.0 400"),
    "a scheme that is not known": (invite(HEAD, GOOD_SDP, first="INVITE nobody:x SIP/2.0"), "SIP/2.0 4"),
    "no method at all": ("\n\n\n", ""),
    "a method that is not known": (invite(HEAD, GOOD_SDP, first=f"DANCE sip:{OURS}@127.0.0.1 SIP/2.0").replace("1 INVITE", "1 DANCE"), "SIP/2.0 501"),
    "control characters": ("\xf0\x01\x02\xff" * 100, ""),
    "a BYE of no call": (f"BYE sip:{OURS}@127.0.0.1 SIP/2.0\n{HEAD}CSeq: 2 BYE\nContent-Length: 0\n\n".replace(">\nCall", ">;tag=x\nCall"), "SIP/2.0 481"),
    "a REFER of no call": (f"REFER sip:{OURS}@127.0.0.1 SIP/2.0\n{HEAD}CSeq: 2 REFER\nRefer-To: <sip:x@x>\nContent-Length: 0\n\n", "SIP/2.0 405"),
    "a number that nobody has": (invite(HEAD, GOOD_SDP, first="INVITE sip:+14255559999@127.0.0.1 SIP/2.0"), "SIP/2.0 404"),
}


def test_malformed_messages_leave_nothing_behind(tmp_path: Path) -> None:
    with line(tmp_path, trunk_at(free_port())) as calls:
        wrong = {}
        for number, (name, (text, expected)) in enumerate(TORTURE.items()):
            answer = raw(calls.sip_port, text.replace("torture", f"torture{number}"))
            if not answer.startswith(expected) or (not expected and answer):
                wrong[name] = answer.split("\r\n")[0]
        assert wrong == {}
        calls.nothing_is_left()
        # It still works.
        assert raw(calls.sip_port, f"OPTIONS sip:127.0.0.1 SIP/2.0\n{HEAD}CSeq: 1 OPTIONS\nContent-Length: 0\n\n").startswith("SIP/2.0 200")


def test_a_stranger_may_not_call(tmp_path: Path) -> None:
    with line(tmp_path, {"host": "192.0.2.1"}) as calls:
        assert " 403 " in raw(calls.sip_port, invite(HEAD, GOOD_SDP))
        calls.nothing_is_left()
