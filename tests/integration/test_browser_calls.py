"""Pages that call, as far as requests go; their sound is in tests/browser and tests/plugins/pstn-webrtc."""

from __future__ import annotations

import base64
import hmac
import json
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from receiver import Receiver
from server import Server

OURS = "+14255550100"
VERSION = "?api-version=2026-03-12"
ROOMS = "?api-version=2025-03-13"
BASE = "/_webrtc/browsers"
FINGERPRINT = ":".join(["AB"] * 32)
OFFER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n"
    f"a=ice-ufrag:page\r\na=ice-pwd:a/password/of/the/page/\r\na=fingerprint:sha-256 {FINGERPRINT}\r\na=setup:actpass\r\n"
    "a=mid:0\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("browsers")
    config = {
        "store": {"mode": "memory"},
        "listen": {"port": 0, "tls": "off"},
        "control": {"enabled": True},
        "providers": [
            {"name": "identity", "plugin": "identity-local"},
            {"name": "browsers", "plugin": "pstn-webrtc"},
            {
                "name": "relayed",
                "plugin": "pstn-webrtc",
                "config": {
                    "rtp_port_first": 24100,
                    "rtp_port_last": 24199,
                    "ice_seconds": 3600,
                    "ice_servers": [{"urls": ["stun:stun.example"]}, {"urls": ["turn:relay.example", "turns:relay.example"]}],
                },
                "secrets": {"turn": {"value": "north"}},
            },
            {
                "name": "apart",
                "plugin": "pstn-webrtc",
                "isolation": "process",
                "config": {"rtp_port_first": 24000, "rtp_port_last": 24099},
            },
        ],
        "resources": [
            {"name": "main", "numbers": [{"number": OURS, "calling": "both"}]},
            {"name": "other", "numbers": [{"number": "+14255550101", "calling": "both"}]},
        ],
    }
    (directory / "trunkline.yaml").write_text(json.dumps(config))
    with Server("--config", str(directory / "trunkline.yaml"), command="serve") as running:
        yield running


@pytest.fixture
def application(server: Server) -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


class Page:
    def __init__(self, server: Server, *scopes: str) -> None:
        self.server = server
        body = {"createTokenWithScopes": list(scopes or ["voip"])}
        status, made, _ = server.request("POST", "/identities?api-version=2023-10-01", body)
        assert status == 201, made
        self.user: str = made["identity"]["id"]
        self.token: str = made["accessToken"]["token"]

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, Any, dict[str, str]]:
        full = {"Authorization": f"Bearer {self.token}", **({"Content-Type": "application/sdp"} if body else {}), **headers}
        return self.server.request(method, path, body.encode() or None, headers=full)

    def status(self, method: str, path: str, body: str = "", **headers: str) -> int:
        return self.ask(method, path, body, **headers)[0]

    def calls(self, after: str = "") -> dict[str, Any]:
        status, answer, _ = self.ask("GET", f"{BASE}/calls?after={after}")
        assert status == 200, answer
        return dict(answer)


def test_a_session_is_made_and_ended(server: Server) -> None:
    page = Page(server)
    status, answer, fields = page.ask("POST", f"{BASE}?to=%2B14255550100", OFFER)
    assert status == 201
    assert fields["content-type"] == "application/sdp"
    assert b"a=ice-lite" in answer
    session = fields["location"]
    assert fields["etag"] == f'"{session.rsplit("/", 1)[1]}"'
    assert page.ask("GET", f"{session}/state")[1] == {"state": "ringing"}
    assert Page(server).status("DELETE", session) == 404, "somebody else's"
    assert page.status("GET", session) == 405
    assert page.status("DELETE", session) == 200
    assert page.ask("GET", f"{session}/state")[1] == {"state": "ended", "cause": 16, "text": "the caller gave up"}
    assert page.status("DELETE", session) == 404


def test_nobody_says_for_others_who_they_are(server: Server) -> None:
    page, other = Page(server), Page(server)
    forged = {"trunkline-user": other.user, "trunkline-resource": "main", "trunkline-scopes": "voip"}
    assert server.request("GET", "/_webhooks/browsers/calls", headers=forged)[0] == 401
    assert server.request("GET", f"{BASE}/calls", headers=forged)[0] == 401
    session = page.ask("POST", f"{BASE}?to=%2B14255550100", OFFER, **forged)[2]["location"]
    assert other.status("DELETE", session) == 404
    assert page.status("DELETE", session) == 200


def test_what_is_wrong_is_said(server: Server) -> None:
    page = Page(server)
    for target, offer, wanted in [
        ("?to=%2B14255550199", OFFER, 404),  # nobody's
        ("?to=%2B14255550101", OFFER, 404),  # of another resource
        ("?to=8:acs:someone", OFFER, 400),
        ("", OFFER, 400),
        ("?to=%2B14255550100", "nonsense", 400),
        ("?to=%2B14255550100", OFFER.replace("opus", "isac"), 406),
        ("?to=%2B14255550100", OFFER + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n", 406),
        ("?to=%2B14255550100", OFFER + "a=x:" + "x" * 70_000, 413),
    ]:
        status, answer, _ = page.ask("POST", BASE + target, offer)
        assert status == wanted, (target, answer)
        assert status == 413 or answer["error"]["message"]
    assert page.status("POST", f"{BASE}?to=%2B14255550100", OFFER, **{"Content-Type": "text/plain"}) == 415
    assert page.status("PUT", f"{BASE}?to=%2B14255550100", OFFER) == 405
    assert page.status("GET", "/_webrtc/nobody/calls") == 404
    assert page.status("GET", "/_webrtc/identity/calls") == 404, "no provider of sound"


def relay_configuration(server: Server, **members: Any) -> tuple[int, Any]:
    path = "/networkTraversal/:issueRelayConfiguration?api-version=2022-03-01-preview"
    status, answer, _ = server.request("POST", path, members)
    return status, answer


def test_applications_get_relays(server: Server) -> None:
    """As Azure's network traversal: credentials that the TURN server can verify with the secret that it shares."""
    status, answer = relay_configuration(server, ttl=600, routeType="nearest")
    assert status == 200, answer
    stun, turn = answer["iceServers"]
    assert stun == {"urls": ["stun:stun.example"], "username": "", "credential": "", "routeType": "nearest"}
    assert turn["urls"] == ["turn:relay.example", "turns:relay.example"]
    expires = int(turn["username"].split(":")[0])
    assert datetime.fromisoformat(answer["expiresOn"]).timestamp() == expires
    assert abs(expires - time.time() - 600) < 60
    made = base64.b64encode(hmac.digest(b"north", turn["username"].encode(), "sha1")).decode()
    assert turn["credential"] == made
    assert relay_configuration(server)[1]["iceServers"][1]["username"] > turn["username"], "as long as configured"
    for wrong in ({"ttl": 0}, {"ttl": 172801}, {"routeType": "far"}, {"id": "4:+14255550100"}):
        assert relay_configuration(server, **wrong)[0] == 400, wrong


def test_rooms_let_those_in_who_are_invited(server: Server) -> None:
    invited, stranger = Page(server, "voip.join"), Page(server)
    body = {"participants": {invited.user: {"role": "Consumer"}}}
    headers = server.headers("POST", f"/rooms{ROOMS}", json.dumps(body).encode())
    headers |= {"Repeatability-Request-ID": str(uuid.uuid4()), "Repeatability-First-Sent": headers["x-ms-date"]}
    status, room, _ = server.request("POST", f"/rooms{ROOMS}", body, headers=headers)
    assert status == 201, room
    assert stranger.status("POST", f"{BASE}?room={room['id']}", OFFER) == 403
    status, answer, fields = invited.ask("POST", f"{BASE}?room={room['id']}", OFFER)
    assert status == 201, answer
    assert invited.ask("GET", f"{fields['location']}/state?after=ringing")[1] == {"state": "connecting"}
    assert invited.status("POST", f"{BASE}?to=%2B14255550100", OFFER) == 403, "it may join, and start nothing"
    assert invited.status("DELETE", fields["location"]) == 200


def create_call(server: Server, application: Receiver, user: str) -> str:
    body = {"targets": [{"kind": "communicationUser", "communicationUser": {"id": user}}], "callbackUri": application.url}
    status, made, _ = server.request("POST", f"/calling/callConnections{VERSION}", body)
    assert status == 201, made
    return str(made["callConnectionId"])


def test_an_application_that_answers_for_the_user_ends_the_ringing(server: Server, application: Receiver) -> None:
    server.cli("subscription", "create", "pages", application.url, "--type", "IncomingCall")
    page = Page(server)
    before = page.calls()
    create_call(server, application, page.user)
    ringing = page.calls(before["revision"])
    assert [call["from"][:6] for call in ringing["calls"]] == ["8:acs:"]
    incoming: list[dict[str, Any]] = []

    def look(events: list[dict[str, Any]]) -> bool:
        incoming[:] = [event["data"] for event in events if event.get("eventType", "").endswith("IncomingCall")]
        return bool(incoming)

    assert application.wait(look)
    body = {"incomingCallContext": incoming[0]["incomingCallContext"], "callbackUri": application.url}
    status, answer, _ = server.request("POST", f"/calling/callConnections:answer{VERSION}", body)
    assert status == 200, answer
    assert page.calls(ringing["revision"])["calls"] == []
    assert page.status("POST", f"{BASE}/calls/{ringing['calls'][0]['id']}", OFFER) == 404


def test_in_a_process_of_its_own(server: Server) -> None:
    page = Page(server)
    status, answer, fields = page.ask("POST", "/_webrtc/apart?group=g", OFFER)
    assert status == 201, answer
    assert fields["location"].startswith("/_webrtc/apart/sessions/")
    assert page.status("DELETE", fields["location"]) == 200
