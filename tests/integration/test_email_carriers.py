"""Mail through services with a REST API: another Trunkline as Azure, and a SendGrid-shaped server."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from patience import eventually
from server import Server

KEY = "dHJ1bmtsaW5lLWRldmVsb3BtZW50LWFjY2Vzcy1rZXk="
SEND = "/emails:send?api-version=2025-09-01"
SENDER = "support@sandbox.trunkline.test"


def config(folder: Path, provider: dict[str, Any]) -> str:
    path = folder / "trunkline.yaml"
    domains = [{"domain": "sandbox.trunkline.test", "senders": [{"username": "support"}]}]
    path.write_text(
        json.dumps(
            {
                "control": {"enabled": True},
                "listen": {"tls": "off"},
                "log": {"level": "off"},
                "providers": [provider],
                "resources": [{"name": "shop", "primary_key": {"value": KEY}, "email_domains": domains}],
            }
        )
    )
    return str(path)


def message(to: list[str], bcc: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "senderAddress": SENDER,
        "content": {"subject": "Hello", "plainText": "plain", "html": "<p>html</p>"},
        "recipients": {"to": [{"address": a, "displayName": "Ann"} for a in to], "bcc": [{"address": a} for a in bcc]},
        "replyTo": [{"address": "answers@example.com"}],
        "headers": {"X-Campaign": "spring"},
        "attachments": [
            {
                "name": "a.png",
                "contentType": "image/png",
                "contentInBase64": base64.b64encode(b"PNG").decode(),
                "contentId": "logo",
            }
        ],
    }


def record_when(server: Server, operation_id: str, condition: Any) -> dict[str, Any]:
    return eventually(lambda: dict(server.request("GET", f"/_control/emails/{operation_id}")[1]), condition)


def states(record: dict[str, Any]) -> dict[str, str]:
    return {recipient["address"]: recipient["state"] for recipient in record["recipients"]}


@pytest.fixture
def azure() -> Iterator[Server]:
    with Server() as running:
        yield running


def azure_provider(azure: Server, key: str = KEY) -> dict[str, Any]:
    return {
        "name": "azure",
        "plugin": "email-azure",
        "config": {"endpoint": azure.ready["endpoint"]},
        "secrets": {"access_key": {"value": key}, "webhook_token": {"value": "hush"}},
    }


def test_azure_takes_the_mail_and_its_reports_come_back(azure: Server, tmp_path: Path) -> None:
    with Server("--config", config(tmp_path, azure_provider(azure))) as server:
        _, answer, _ = server.request("POST", SEND, message(["ann@example.com"], bcc=["secret@example.com"]))
        record = record_when(server, answer["id"], lambda r: r["status"] == "succeeded")
        assert states(record) == {"ann@example.com": "sent", "secret@example.com": "sent"}
        _, page, _ = azure.request("GET", "/_control/mails")
        assert page["items"][0]["to"] == ["ann@example.com", "secret@example.com"]
        _, mail, _ = azure.request("GET", f"/_control/mails/{page['items'][0]['mail_id']}")
        assert [file["content_id"] for file in mail["files"]] == ["logo"]
        assert "X-Campaign: spring" in mail["headers"]
        assert not any("secret@" in header for header in mail["headers"])
        assert record["recipients"][0]["provider_message_id"] == mail["operation_id"]

        hook = f"{server.ready['endpoint']}/_webhooks/azure/events?token="
        create = {"endpoint": hook + "hush", "types": ["EmailDeliveryReportReceived"]}
        status, created, _ = azure.request("PUT", "/_control/event-subscriptions/mail", create)
        assert status in (200, 201), created
        _, answer, _ = server.request("POST", SEND, message(["bob@example.com", "x@gone.invalid"]))
        record = record_when(server, answer["id"], lambda r: not {"queued", "sent"} & set(states(r).values()))
        assert states(record) == {"bob@example.com": "delivered", "x@gone.invalid": "bounced"}


def test_azure_may_refuse(azure: Server, tmp_path: Path) -> None:
    with Server("--config", config(tmp_path, azure_provider(azure, key="AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))) as server:
        _, answer, _ = server.request("POST", SEND, message(["ann@example.com"]))
        record = record_when(server, answer["id"], lambda r: r["status"] == "failed")
        assert "Unauthorized" in record["error_message"]
        status, _, _ = server.request(
            "POST", "/_webhooks/azure/events?token=wrong", [], headers={"Content-Type": "application/json"}
        )
        assert status == 401


def test_azure_suppresses(azure: Server, tmp_path: Path) -> None:
    azure.request("POST", "/_control/suppressions", {"address": "bob@example.com"})
    with Server("--config", config(tmp_path, azure_provider(azure))) as server:
        _, answer, _ = server.request("POST", SEND, message(["bob@example.com"]))
        record = record_when(server, answer["id"], lambda r: r["status"] == "failed")
        assert states(record) == {"bob@example.com": "suppressed"}


class HastyAzure(BaseHTTPRequestHandler):
    """Reports a mail before it says that its operation has ended."""

    hook = ""

    def reply(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.reply(202, {"id": self.headers["operation-id"], "status": "Running"})

    def do_GET(self) -> None:
        operation_id = self.path.split("/")[-1].partition("?")[0]
        data = {"messageId": operation_id, "recipient": "bob@example.com", "status": "Delivered"}
        event = {"eventType": "Microsoft.Communication.EmailDeliveryReportReceived", "data": data}
        request = urllib.request.Request(
            self.hook, json.dumps([event]).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
        self.reply(200, {"id": operation_id, "status": "Succeeded"})

    def log_message(self, *_: Any) -> None:
        pass


def test_azure_may_report_before_the_send_has_ended(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), HastyAzure) as azure:
        threading.Thread(target=azure.serve_forever, daemon=True).start()
        provider = {
            "name": "azure",
            "plugin": "email-azure",
            "config": {"endpoint": f"http://127.0.0.1:{azure.server_port}"},
            "secrets": {"access_key": {"value": KEY}, "webhook_token": {"value": "hush"}},
        }
        with Server("--config", config(tmp_path, provider)) as server:
            HastyAzure.hook = f"{server.ready['endpoint']}/_webhooks/azure/events?token=hush"
            _, answer, _ = server.request("POST", SEND, message(["bob@example.com"]))
            record = record_when(server, answer["id"], lambda r: r["status"] == "succeeded")
            assert states(record) == {"bob@example.com": "delivered"}
        azure.shutdown()


class Grid(BaseHTTPRequestHandler):
    """What of SendGrid's API is used."""

    status = 202
    got: list[tuple[dict[str, str], Any]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        Grid.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(Grid.status)
        self.send_header("X-Message-Id", "grid-1")
        text = b"" if Grid.status == 202 else b'{"errors":[{"message":"is bad","field":"from.email"}]}'
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def grid() -> Iterator[str]:
    Grid.status, Grid.got = 202, []
    server = HTTPServer(("127.0.0.1", 0), Grid)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def grid_provider(url: str, public_key: str | None = None) -> dict[str, Any]:
    settings = {"base_url": url} | ({"webhook_public_key": public_key} if public_key else {})
    return {"name": "grid", "plugin": "email-sendgrid", "config": settings, "secrets": {"api_key": {"value": "SG.key"}}}


def test_sendgrid_gets_the_documented_request(grid: str, tmp_path: Path) -> None:
    with Server("--config", config(tmp_path, grid_provider(grid))) as server:
        _, answer, _ = server.request("POST", SEND, message(["ann@example.com"], bcc=["secret@example.com"]))
        record = record_when(server, answer["id"], lambda r: r["status"] == "succeeded")
        assert states(record) == {"ann@example.com": "sent", "secret@example.com": "sent"}
        [(headers, body)] = Grid.got
        assert headers["authorization"] == "Bearer SG.key"
        assert body["personalizations"] == [
            {"to": [{"email": "ann@example.com", "name": "Ann"}]},
            {"to": [{"email": "secret@example.com"}]},
        ]
        assert body["from"]["email"] == SENDER
        assert [part["type"] for part in body["content"]] == ["text/plain", "text/html"]
        assert body["headers"] == {"X-Campaign": "spring"}
        assert body["reply_to_list"] == [{"email": "answers@example.com"}]
        assert body["attachments"][0] | {"content": ""} == {
            "filename": "a.png",
            "type": "image/png",
            "content": "",
            "disposition": "inline",
            "content_id": "logo",
        }
        assert body["custom_args"] == {"trunkline_message_id": answer["id"]}
        Grid.status = 400
        _, answer, _ = server.request("POST", SEND, message(["ann@example.com"]))
        record = record_when(server, answer["id"], lambda r: r["status"] == "failed")
        assert "from.email: is bad" in record["error_message"]
        Grid.status = 503
        _, answer, _ = server.request("POST", SEND, message(["ann@example.com"]))
        record = record_when(server, answer["id"], lambda r: r["recipients"][0]["attempts"] > 0)
        assert states(record) == {"ann@example.com": "queued"}


def test_sendgrid_tells_what_became_of_it(grid: str, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key)], check=True)
    der = subprocess.run(["openssl", "ec", "-in", str(key), "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout

    def sign(payload: bytes) -> str:
        done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(key)], input=payload, check=True, capture_output=True)
        return base64.b64encode(done.stdout).decode()

    with Server("--config", config(tmp_path, grid_provider(grid, base64.b64encode(der).decode()))) as server:
        _, answer, _ = server.request("POST", SEND, message(["ann@example.com", "bob@example.com"]))
        record_when(server, answer["id"], lambda r: r["status"] == "succeeded")
        ours = {"trunkline_message_id": answer["id"], "timestamp": 1767225600}
        events = [
            ours | {"email": "ann@example.com", "event": "processed"},
            ours | {"email": "ann@example.com", "event": "delivered", "response": "250 OK"},
            ours | {"email": "bob@example.com", "event": "bounce", "status": "5.1.1", "reason": "no such user", "type": "bounce"},
            ours | {"email": "ann@example.com", "event": "open", "useragent": "Mail/1"},
            ours | {"email": "ann@example.com", "event": "spamreport"},
            {"email": "other@example.com", "event": "delivered"},
        ]
        body = json.dumps(events).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Twilio-Email-Event-Webhook-Timestamp": "1767225600",
            "X-Twilio-Email-Event-Webhook-Signature": sign(b"1767225600" + body),
        }
        status, _, _ = server.request("POST", "/_webhooks/grid/events", body + b" ", headers=headers)
        assert status == 401
        status, _, _ = server.request("POST", "/_webhooks/grid/events", body, headers=headers)
        assert status == 200
        _, record, _ = server.request("GET", f"/_control/emails/{answer['id']}")
        assert states(record) == {"ann@example.com": "complained", "bob@example.com": "bounced"}
        _, page, _ = server.request("GET", "/_control/suppressions")
        assert {item["address"]: item["reason"] for item in page["items"]} == {
            "ann@example.com": "complaint",
            "bob@example.com": "hard_bounce",
        }
        kind = "Microsoft.Communication.EmailEngagementTrackingReportReceived"
        _, page, _ = server.request("GET", f"/_control/events?after=0&type={kind}")
        assert [event["data"]["engagementType"] for event in page["items"]] == ["view"]


def test_sendgrid_brings_mail(tmp_path: Path) -> None:
    provider = grid_provider("http://127.0.0.1:1")
    provider["secrets"]["inbound_token"] = {"value": "hush"}
    envelope = json.dumps({"to": ["support@sandbox.trunkline.test"], "from": "ann@example.com"})

    def form(**fields: str) -> tuple[bytes, dict[str, str]]:
        parts = "".join(f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items())
        picture = '--b\r\nContent-Disposition: form-data; name="attachment1"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
        body = parts.encode() + picture.encode() + b"\x89PNG\r\n" * 300_000 + b"\r\n--b--\r\n"
        return body, {"Content-Type": "multipart/form-data; boundary=b"}

    headers = "From: Ann <ann@example.com>\nSubject: Hello\nMessage-ID: <m1@example.com>\n"
    with Server("--config", config(tmp_path, provider)) as server:
        hook = "/_webhooks/grid/mail?token=hush"
        body, fields = form(headers=headers, text="plain", html="<p>html</p>", envelope=envelope)
        assert len(body) > 1_500_000
        assert server.request("POST", "/_webhooks/grid/mail?token=wrong", body, headers=fields)[0] == 401
        assert server.request("POST", "/_webhooks/grid/events?token=hush", b"[]", headers=fields)[0] == 401
        assert server.request("POST", hook, body, headers=fields)[0] == 200
        assert server.request("POST", hook, body, headers=fields)[0] == 200  # told twice
        _, page, _ = server.request("GET", "/_control/received-emails")
        assert [(mail["from"], mail["subject"]) for mail in page["items"]] == [("ann@example.com", "Hello")]
        _, page, _ = server.request("GET", "/_control/events?after=0&type=Trunkline.EmailReceived")
        assert len(page["items"]) == 1
        status, answer, _ = server.request("POST", hook, form(headers=headers)[0], headers=fields)
        assert (status, answer["error"]["target"]) == (400, "envelope")
        status, answer, _ = server.request("POST", hook, b"{}", headers={"Content-Type": "application/json"})
        assert (status, answer["error"]["target"]) == (400, "content-type")
        stranger = json.dumps({"to": ["x@elsewhere.example"], "from": "ann@example.com"})
        body, fields = form(headers=headers, text="x", envelope=stranger)
        assert server.request("POST", hook, body, headers=fields)[0] == 404
