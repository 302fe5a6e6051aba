"""Bad input over a real socket: each is refused with a clear error, and the server goes on."""

from __future__ import annotations

import json
import socket
from email.utils import formatdate
from time import time

import pytest
from server import Server, sms_body

SENDS = "/sms?api-version=2026-01-23"


def send(server: Server, body: object, **kwargs: object) -> tuple[int, dict[str, object]]:
    status, answer, _ = server.request("POST", SENDS, body, **kwargs)  # type: ignore[arg-type]
    return status, answer


@pytest.mark.parametrize("version", ["2021-03-07", "2024-01-14-preview", "2025-05-29-preview", "2026-01-23", "2031-01-01"])
def test_every_version_of_send(server: Server, version: str) -> None:
    status, answer, _ = server.request("POST", f"/sms?api-version={version}", sms_body(["+14255550123"]))
    assert status == 202
    assert answer["value"][0]["successful"] is True


@pytest.mark.parametrize("version", ["", "yesterday", "20260123"])
def test_a_malformed_version_is_400(server: Server, version: str) -> None:
    status, answer, _ = server.request("POST", f"/sms?api-version={version}", sms_body(["+14255550123"]))
    assert status == 400
    assert "version" in answer["error"]["message"].lower()


def refused(server: Server, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
    status, answer, fields = server.request("POST", SENDS, body, headers=headers)
    assert "www-authenticate" in fields
    return status, answer["error"]


def test_signatures(server: Server) -> None:
    body = json.dumps(sms_body(["+14255550123"])).encode()
    wrong_key = server.headers("POST", SENDS, body, key="d3JvbmcgYnV0IGxvbmcgZW5vdWdo")
    assert refused(server, wrong_key, body)[0] == 401
    stale = server.headers("POST", SENDS, body, date=formatdate(time() - 3600, usegmt=True))
    assert refused(server, stale, body)[0] == 401
    future = server.headers("POST", SENDS, body, date=formatdate(time() + 3600, usegmt=True))
    assert refused(server, future, body)[0] == 401
    status, error = refused(server, server.headers("POST", SENDS, body), body + b" ")
    assert (status, error["code"]) == (401, "Denied")
    assert "x-ms-content-sha256" in error["message"]
    missing = {k: v for k, v in server.headers("POST", SENDS, body).items() if k != "Authorization"}
    assert refused(server, missing, body)[0] == 401
    other_path = server.headers("POST", SENDS + "&x=1", body)
    assert refused(server, other_path, body)[0] == 401


def test_routes_and_methods(server: Server) -> None:
    assert server.request("GET", "/nothing?api-version=2026-01-23")[0] == 404
    status, _, fields = server.request("DELETE", SENDS)
    assert status == 405
    assert "POST" in fields["allow"]


def test_bodies(server: Server) -> None:
    for bad in (b"{", b'{"from": "\xff"}', b"[]", b"null", b"{}", b"[" * 10_000):
        status, answer, _ = server.request("POST", SENDS, bad)
        assert status == 400, bad[:20]
        assert answer["error"]["message"]
    body = json.dumps(sms_body(["+14255550123"])).encode()
    headers = server.headers("POST", SENDS, body) | {"Content-Type": "text/plain"}
    assert server.request("POST", SENDS, body, headers=headers)[0] == 415
    huge = b'{"from": "' + b"x" * (2 << 20) + b'"}'
    with socket.create_connection(tuple(server.host.rsplit(":", 1))) as raw:  # type: ignore[arg-type]
        raw.sendall(
            b"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n" % (SENDS.encode(), server.host.encode(), len(huge))
        )
        assert b" 413 " in raw.recv(4096)


def test_a_truncated_body_is_no_request(server: Server) -> None:
    host, port = server.host.rsplit(":", 1)
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(b"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 100\r\n\r\n{" % (SENDS.encode(), server.host.encode()))
        raw.shutdown(socket.SHUT_WR)
        answer = raw.recv(4096)
        assert answer == b"" or b" 400 " in answer
    assert server.request("GET", "/health")[0] == 200


def test_wrong_types_name_the_field(server: Server) -> None:
    body = sms_body(["+14255550123", "+14255550124"])
    body["smsRecipients"][1]["to"] = 5
    status, answer = send(server, body)
    assert status == 400
    assert answer["error"]["target"] == "smsRecipients[1].to"  # type: ignore[index]
    del body["message"]
    status, answer = send(server, sms_body([]))
    assert (status, answer["error"]["target"]) == (400, "smsRecipients")  # type: ignore[index]


def test_recipients(server: Server) -> None:
    status, answer = send(server, sms_body([f"+1425555{1000 + i}" for i in range(101)]))
    assert status == 400
    status, answer = send(server, sms_body(["+14255550123", "nonsense", "+1425555012345"]))
    assert status == 202
    items = answer["value"]
    assert [item["httpStatusCode"] for item in items] == [202, 400, 400]  # type: ignore[index,union-attr]
    assert "messageId" not in items[1]  # type: ignore[index,operator]


def test_senders(server: Server) -> None:
    assert send(server, sms_body(["+14255550123"], sender="+14255550199"))[0] == 401
    assert send(server, sms_body(["+14255550123"], sender="TRUNKLINE"))[0] == 202


def test_repeatability(server: Server) -> None:
    body = sms_body(["+14255550123"], ids=["0c7d3f4e-1111-4222-8333-444455556666"])
    first = send(server, body)[1]["value"][0]  # type: ignore[index]
    second = send(server, body)[1]["value"][0]  # type: ignore[index]
    assert first["messageId"] == second["messageId"]
    assert second["repeatabilityResult"] == "accepted"
    body["message"] = "something else"
    third = send(server, body)[1]["value"][0]  # type: ignore[index]
    assert third["successful"] is False
    assert third["repeatabilityResult"] == "rejected"


def test_a_trace_goes_from_the_request_to_the_event(server: Server) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    body = json.dumps(sms_body(["+14255550123"])).encode()
    headers = server.headers("POST", SENDS, body) | {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    status, answer, _ = server.request("POST", SENDS, body, headers=headers)
    assert status == 202
    server.request("POST", "/_control/clock/advance", {"by": "1s"})
    _, page, _ = server.request("GET", "/_control/events?after=0&limit=1000")
    message_id = answer["value"][0]["messageId"]
    event = next(e for e in page["items"] if e["data"]["messageId"] == message_id)
    assert trace in event["traceparent"]


def test_secrets_stay_out_of_the_log(server: Server) -> None:
    assert server.ready["access_key"] not in "".join(server.log)


def test_health_and_metrics(server: Server) -> None:
    assert server.request("GET", "/health", headers={})[0] == 200
    status, text, _ = server.request("GET", "/metrics", headers={})
    assert status == 200
    assert b"trunkline_sms_accepted_total" in text


def test_the_control_api_wants_a_credential(server: Server) -> None:
    assert server.request("GET", "/_control/messages", headers={})[0] == 401
    token = {"Authorization": f"Bearer {server.ready['arm_token']}"}
    assert server.request("GET", "/_control/messages", headers=token)[0] == 200
