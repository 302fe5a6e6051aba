"""A phone that others have written, baresip, calls and is called; both sides are heard."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from baresip import Baresip
from phone import free_port, loudest, sounds, tone
from receiver import Receiver
from server import Server
from sip_line import PHONE, Line, configuration, incoming_call, line, prompts, recording, trunk_at
from test_calls import OURS


def recorded(calls: Line, connection: str, seconds_of_prompt: float) -> bytes:
    """Plays a prompt while the phone's tone goes on, and records both."""
    server_call_id = calls.event("CallConnected", connection)["serverCallId"]
    locator = {"kind": "serverCallLocator", "serverCallId": server_call_id}
    recording_id = calls.ask("POST", "/calling/recordings", {"callLocator": locator}, 200)["recordingId"]
    with prompts(tone(1000, seconds_of_prompt)) as prompt:
        calls.play(connection, prompt)
        calls.event("PlayCompleted", connection)
        calls.play(connection, prompt)
        calls.event("PlayCompleted", connection)
    calls.ask("DELETE", f"/calling/recordings/{recording_id}", expect=204)
    return recording(calls, recording_id)


@pytest.mark.parametrize("codec", ["PCMU/8000/1", "PCMA/8000/1", "G722/16000/1"])
def test_baresip_is_called(tmp_path: Path, codec: str) -> None:
    with Baresip(PHONE, 600, codec) as baresip, line(tmp_path, trunk_at(baresip.port)) as calls:
        connection = calls.call(PHONE)
        sound = recorded(calls, connection, 1.0)
        calls.hang_up(connection)
        assert baresip.event("CALL_CLOSED")
        assert sounds(sound, 16000, 600)
        samples, rate = baresip.heard()
        assert loudest(samples, rate, [1000.0]) == {1000.0}
        calls.nothing_is_left()


def test_baresip_is_called_over_tls_with_srtp(tmp_path: Path) -> None:
    """Signalling and sound as others understand RFC 5630 and RFC 4568; both sides have the same authority."""
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cafile.pem", "-days", "2"]
    make += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:127.0.0.1"]
    subprocess.run(make, cwd=tmp_path, check=True, capture_output=True)
    certificate = tmp_path / "agent.pem"
    certificate.write_text((tmp_path / "cafile.pem").read_text() + (tmp_path / "key.pem").read_text())
    with (
        Baresip(PHONE, 600, certificate=certificate) as baresip,
        line(
            tmp_path,
            trunk_at(baresip.tls_port, transport="tls", srtp="required"),
            tls_certificate_dir=str(tmp_path),
            tls_port=free_port(),
        ) as calls,
    ):
        connection = calls.call(PHONE)
        sound = recorded(calls, connection, 1.0)
        calls.hang_up(connection)
        assert baresip.event("CALL_CLOSED")
        assert sounds(sound, 16000, 600)
        samples, rate = baresip.heard()
        assert loudest(samples, rate, [1000.0]) == {1000.0}
        calls.nothing_is_left()


def test_baresip_calls(tmp_path: Path) -> None:
    sip_port = free_port()
    with (
        Baresip(PHONE, 600) as baresip,
        Receiver() as application,
        Receiver() as events,
        Server(*configuration(tmp_path, sip_port, trunk_at(baresip.port)), command="serve") as server,
    ):
        calls = Line(server, application, sip_port)
        server.cli("subscription", "create", "calls", events.url, "--type", "IncomingCall")
        baresip.command("dial", f"sip:{OURS}@127.0.0.1:{sip_port}")
        incoming = incoming_call(calls, events)
        assert incoming["from"]["phoneNumber"]["value"] == PHONE
        answer = {"incomingCallContext": incoming["incomingCallContext"], "callbackUri": application.url}
        connection = str(calls.ask("POST", "/calling/callConnections:answer", answer, 200)["callConnectionId"])
        sound = recorded(calls, connection, 1.0)
        assert sounds(sound, 16000, 600)
        baresip.command("hangup")
        assert calls.event("CallDisconnected", connection)["resultInformation"]["code"] == 200
        assert baresip.event("CALL_CLOSED")
        samples, rate = baresip.heard()
        assert loudest(samples, rate, [1000.0]) == {1000.0}
        calls.nothing_is_left()


def test_baresip_hands_the_call_on(tmp_path: Path) -> None:
    """Its transfer is a REFER; the second phone talks to the application."""
    target = "+12065550150"
    with Baresip(PHONE, 600) as first, Baresip(target, 900) as second:
        trunks = [
            trunk_at(first.port, accept_refer=True),
            {"host": "b.example.test", "address": "127.0.0.1", "port": second.port},
        ]
        with line(tmp_path, *trunks) as calls:
            for name, route, pattern in ((trunks[0]["host"], "a", r"^\+1425"), ("b.example.test", "b", r"^\+1206")):
                calls.server.cli("trunk", "set", name)
                calls.server.cli("trunk", "route", route, "--pattern", pattern, "--to", name)
            connection = calls.call(PHONE)
            calls.event("CallConnected", connection)
            assert first.event("CALL_ESTABLISHED")
            first.command("transfer", f"sip:{target}@127.0.0.1")
            assert second.event("CALL_ESTABLISHED")
            assert first.event("CALL_CLOSED")
            assert sounds(recorded(calls, connection, 1.0), 16000, 900)
            calls.hang_up(connection)
            assert second.event("CALL_CLOSED")
            samples, rate = second.heard()
            assert loudest(samples, rate, [1000.0]) == {1000.0}
            calls.nothing_is_left()
