"""SIP trunks: who we are to them, registrations, routes and failover, and what `trunk test` says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kamailio import Kamailio
from phone import Sipp, Sound, free_port, in_dialog_ok, reply, sdp, tone
from receiver import Receiver
from server import Server
from sip_line import PHONE, Line, calling, configuration, hung_up_on, incoming_call, line, prompts, taken, trunk_at
from test_calls import OURS


def challenged(sound: Sound, password: str = "secret", tries: int = 1) -> list[str]:
    """Wants to know who calls, then takes the call; with a wrong password it says so."""
    ask = (
        'WWW-Authenticate: Digest realm="trunk.test", nonce="47ebe028cda119c35d4877b383027d28da013815", qop="auth", algorithm=MD5'
    )
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


@pytest.mark.parametrize(
    ("members", "words"),
    [({"username": "alice"}, "refused the credentials of alice"), ({}, "wants credentials, and no username")],
)
def test_wrong_or_missing_credentials_are_said(tmp_path: Path, members: dict[str, Any], words: str) -> None:
    steps = challenged(Sound(), password="another")
    with Sipp(*(steps if members else steps[:3])) as sipp, line(tmp_path, trunk_at(sipp.port, **members)) as calls:
        why = calls.event("CreateCallFailed", calls.call(PHONE))["resultInformation"]
        assert why["q850Details"]["code"] == 21
        assert words in why["message"]
        assert "secret" not in why["message"] + "".join(calls.server.log)
        assert sipp.succeeded()
        calls.nothing_is_left()


def test_registered_at_kamailio_calls_go_both_ways(tmp_path: Path) -> None:
    """A registrar that challenges, and a proxy that records itself in the route of every call."""
    with Sound() as called, Sipp(*taken(called)) as phone_behind, Kamailio(phone_behind.port) as kamailio, Receiver() as events:
        trunk = {"host": "kam.example.test", "address": "127.0.0.1", "port": kamailio.port, "username": "alice", "register": True}
        with line(tmp_path, trunk) as calls, Sound() as caller, prompts(tone(1000, 0.6)) as prompt:
            calls.server.cli("subscription", "create", "calls", events.url, "--type", "IncomingCall")
            assert calls.server.logs("registered at a trunk")
            connection = calls.call(PHONE)
            calls.event("CallConnected", connection)
            calls.hang_up(connection)
            assert phone_behind.succeeded()
            with Sipp(*calling(caller, *hung_up_on()), peer=kamailio.port, number=OURS):
                incoming = incoming_call(calls, events)
                assert incoming["to"]["phoneNumber"]["value"] == OURS
                answer = {"incomingCallContext": incoming["incomingCallContext"], "callbackUri": calls.application.url}
                connection = str(calls.ask("POST", "/calling/callConnections:answer", answer, 200)["callConnectionId"])
                calls.event("CallConnected", connection)
                calls.play(connection, prompt)
                assert caller.hears(1000)
                calls.hang_up(connection)
                calls.event("CallDisconnected", connection)
            calls.nothing_is_left()


def test_a_registrar_that_refuses_the_password(tmp_path: Path) -> None:
    with Kamailio() as kamailio:
        trunk = {
            "host": "kam.example.test",
            "address": "127.0.0.1",
            "port": kamailio.port,
            "username": "mallory",
            "register": True,
        }
        arguments = configuration(tmp_path, sip_port := free_port(), trunk)
        file = tmp_path / "trunkline.yaml"
        file.write_text(file.read_text().replace('"value": "secret"', '"value": "wrong"'))
        with Server(*arguments, command="serve") as server, Receiver() as application:
            calls = Line(server, application, sip_port)
            server.cli("trunk", "set", "kam.example.test")
            server.cli("trunk", "route", "all", "--pattern", ".", "--to", "kam.example.test")
            assert server.logs("refused our credentials")
            shown = calls.server.cli("trunk", "test", PHONE, expect=1).stdout
            assert "we are not registered there: 401" in shown


def test_routes_pick_the_trunk_and_the_next_one_stands_in(tmp_path: Path) -> None:
    """The first trunk of the route says 503; one that no route names is never asked."""
    busy = ['<recv request="INVITE"/>', f"<send>{reply('503 Service Unavailable')}</send>", '<recv request="ACK"/>']
    with Sound() as sound, Sipp(*busy) as first, Sipp(*taken(sound)) as second:
        trunks = [{"host": "spare.example.test", "address": "127.0.0.1", "port": free_port()}]
        trunks += [
            {"host": name, "address": "127.0.0.1", "port": sipp.port}
            for name, sipp in (("a.example.test", first), ("b.example.test", second))
        ]
        with line(tmp_path, *trunks) as calls:
            for name in ("a.example.test", "b.example.test"):
                calls.server.cli("trunk", "set", name)
            calls.server.cli(
                "trunk", "route", "west", "--pattern", r"^\+1425", "--to", "a.example.test", "--to", "b.example.test"
            )
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
        trunks = [
            {"host": "a.example.test", "address": "127.0.0.1", "port": sipp.port},
            {"host": "b.example.test", "address": "127.0.0.1", "port": free_port()},
        ]
        with line(tmp_path, *trunks) as calls:
            for name in ("a.example.test", "b.example.test", "c.example.test"):
                calls.server.cli("trunk", "set", name)
                calls.server.cli(
                    "trunk", "route", name[0], "--pattern", {"a": r"^\+1", "b": r"^\+49", "c": r"^\+44"}[name[0]], "--to", name
                )
            shown = calls.server.cli("trunk", "test", PHONE).stdout
            assert f"ask   a.example.test  127.0.0.1:{sipp.port} over udp" in shown
            assert "  →  OPTIONS sip:a.example.test" in shown
            assert "  ←  200 OK" in shown
            assert "pass  trunk.answer  a.example.test" in shown
            assert "reject  trunk.answer  b.example.test" in calls.server.cli("trunk", "test", "+493055700000", expect=1).stdout
            assert "none of the trunks of this provider" in calls.server.cli("trunk", "test", "+442079460000", expect=1).stdout
            assert "reject  route.found" in calls.server.cli("trunk", "test", "+81312345678", expect=1).stdout
