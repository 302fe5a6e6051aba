"""kill -9 while a carrier has a request: nothing is sent twice, and receipts find their messages in the next process."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from patience import eventually
from server import Server

SENDS = "/_control/messages"
OURS = "+14255550100"
PHONE = "+14255550123"
BACK = "https://sms.example/_webhooks/carrier"
TOKEN = "12345"
SENDER = "support@sandbox.trunkline.test"
WAIT_SECONDS = 20


class Carrier:
    """Keeps what it was sent. While `silent`, it never answers."""

    def __init__(self) -> None:
        self.silent = threading.Event()
        self.release = threading.Event()
        self.answers: dict[str, tuple[int, dict[str, str], Any]] = {}
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.came = threading.Condition()
        carrier = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with carrier.came:
                    carrier.requests.append((f"{self.command} {self.path}", headers, body))
                    carrier.came.notify_all()
                if carrier.silent.is_set():
                    carrier.release.wait(60)
                    return
                status, fields, document = carrier.answers[self.command]
                text = b"" if document is None else json.dumps(document).encode()
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = answer

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def posts(self) -> list[tuple[str, dict[str, str], bytes]]:
        with self.came:
            return [request for request in self.requests if request[0].startswith("POST")]

    def wait_for_post(self) -> tuple[str, dict[str, str], bytes]:
        with self.came:
            assert self.came.wait_for(lambda: any(r[0].startswith("POST") for r in self.requests), WAIT_SECONDS)
        return self.posts()[0]

    def close(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def carrier() -> Iterator[Carrier]:
    running = Carrier()
    yield running
    running.close()


def start(folder: Path, *providers: dict[str, Any]) -> tuple[str, ...]:
    """Arguments of a server that keeps its state in `folder`."""
    domains = [{"domain": "sandbox.trunkline.test", "senders": [{"username": "support"}]}]
    file = folder / "trunkline.yaml"
    file.write_text(
        json.dumps(
            {
                "log": {"level": "error"},
                "listen": {"tls": "off"},
                "control": {"enabled": True},
                "providers": [{"name": "carrier"} | provider for provider in providers],
                "sms": {"reconcile_schedule": ["1s"]},
                "resources": [
                    {"name": "world", "numbers": [{"number": OURS, "sms": "both"}], "email_domains": domains},
                ],
            }
        )
    )
    return ("--config", str(file), "--data", str(folder / "data"))


def send_and_kill(arguments: tuple[str, ...], carrier: Carrier) -> str:
    """The id of a text that the carrier has, and whose answer nobody got."""
    carrier.silent.set()
    with Server(*arguments, command="serve") as server:
        status, answer, _ = server.request("POST", SENDS, {"from": OURS, "to": [PHONE], "message": "once"})
        assert status == 202, answer
        carrier.wait_for_post()
        server.kill()
    carrier.silent.clear()
    return str(answer["items"][0]["message_id"])


def state_when(server: Server, message_id: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    def look() -> dict[str, Any]:
        server.request("POST", "/_control/clock/advance", {"by": "1s"})
        return dict(server.request("GET", f"{SENDS}/{message_id}")[1])

    return eventually(look, wanted)


def rules(server: Server, message_id: str) -> list[str]:
    _, record, _ = server.request("GET", f"{SENDS}/{message_id}/explain")
    return [f"{step['rule']} {step['outcome']}" for step in record["steps"]]


def description(folder: Path, carrier: Carrier, query: str) -> dict[str, Any]:
    file = folder / "acme.yaml"
    file.write_text(
        json.dumps(
            {
                "send": {"url": carrier.url + "/send", "json": {"to": "{{to}}", "ref": "{{message_id}}"}},
                "result": {"id": "/id"},
                "query": {"url": carrier.url + query, "state": "/state", "states": {"done": "delivered"}, "unknown": [404]},
                "receipt": {
                    "verify": {"kind": "none"},
                    "message_id": "/ref",
                    "id": "/id",
                    "state": "/state",
                    "states": {"done": "delivered"},
                },
            }
        )
    )
    return {"plugin": "http-carrier", "config": {"file": str(file)}}


def test_a_carrier_that_knows_our_id_is_asked(carrier: Carrier, tmp_path: Path) -> None:
    arguments = start(tmp_path, description(tmp_path, carrier, "/state?ref={{message_id}}"))
    message_id = send_and_kill(arguments, carrier)
    carrier.answers["GET"] = (200, {}, {"state": "done"})
    with Server(*arguments, command="serve") as server:
        state_when(server, message_id, lambda record: record["state"] == "delivered")
    assert len(carrier.posts()) == 1


def test_a_carrier_that_never_had_it_gets_it(carrier: Carrier, tmp_path: Path) -> None:
    arguments = start(tmp_path, description(tmp_path, carrier, "/state?ref={{message_id}}"))
    message_id = send_and_kill(arguments, carrier)
    carrier.answers["GET"] = (404, {}, {})
    carrier.answers["POST"] = (200, {}, {"id": "a1"})
    with Server(*arguments, command="serve") as server:
        record = state_when(server, message_id, lambda record: record["state"] == "sent")
        assert record["provider_message_id"] == "a1"
    assert len(carrier.posts()) == 2


def test_one_that_cannot_be_asked_leaves_it_uncertain_until_its_receipt(carrier: Carrier, tmp_path: Path) -> None:
    arguments = start(tmp_path, description(tmp_path, carrier, "/state/{{id}}"))
    message_id = send_and_kill(arguments, carrier)
    with Server(*arguments, command="serve") as server:
        state_when(server, message_id, lambda _: "inquiry stop" in rules(server, message_id))
        _, record, _ = server.request("GET", f"{SENDS}/{message_id}")
        assert record["state"] == "uncertain"
        receipt = {"ref": message_id, "id": "a1", "state": "done"}
        assert server.request("POST", "/_webhooks/carrier/receipt", receipt)[0] == 204
        state_when(server, message_id, lambda record: record["state"] == "delivered")
    assert len(carrier.posts()) == 1


def test_a_receipt_with_the_carriers_id_finds_its_message(carrier: Carrier, tmp_path: Path) -> None:
    arguments = start(tmp_path, description(tmp_path, carrier, "/state/{{id}}"))
    carrier.answers["POST"] = (200, {}, {"id": "a1"})
    with Server(*arguments, command="serve") as server:
        _, answer, _ = server.request("POST", SENDS, {"from": OURS, "to": [PHONE], "message": "once"})
        message_id = answer["items"][0]["message_id"]
        state_when(server, message_id, lambda record: record["state"] == "sent")
        server.kill()
    with Server(*arguments, command="serve") as server:
        assert server.request("POST", "/_webhooks/carrier/receipt", {"id": "a1", "state": "done"})[0] == 204
        state_when(server, message_id, lambda record: record["state"] == "delivered")
    assert len(carrier.posts()) == 1


def test_twilio(carrier: Carrier, tmp_path: Path) -> None:
    provider = {
        "plugin": "sms-twilio",
        "config": {"account_sid": "AC" + "0" * 32, "base_url": carrier.url, "callback_url": BACK},
        "secrets": {"auth_token": {"value": TOKEN}},
    }
    arguments = start(tmp_path, provider)
    message_id = send_and_kill(arguments, carrier)
    form = dict(urllib.parse.parse_qsl(carrier.posts()[0][2].decode()))
    with Server(*arguments, command="serve") as server:
        state_when(server, message_id, lambda _: "inquiry stop" in rules(server, message_id))
        fields = {"MessageSid": "SM1", "MessageStatus": "delivered"}
        signed = form["StatusCallback"] + "".join(name + value for name, value in sorted(fields.items()))
        signature = base64.b64encode(hmac.new(TOKEN.encode(), signed.encode(), hashlib.sha1).digest()).decode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
        target = "/_webhooks/carrier" + form["StatusCallback"].removeprefix(BACK)
        status, _, _ = server.request("POST", target, urllib.parse.urlencode(fields).encode(), headers=headers)
        assert status == 204
        record = state_when(server, message_id, lambda record: record["state"] == "delivered")
        assert record["provider_message_id"] == "SM1"
    assert len(carrier.posts()) == 1


def test_vonage(carrier: Carrier, tmp_path: Path) -> None:
    provider = {
        "plugin": "sms-vonage",
        "config": {"api_key": "k", "base_url": carrier.url, "unsigned_callbacks": True},
        "secrets": {"api_secret": {"value": "s"}},
    }
    arguments = start(tmp_path, provider)
    message_id = send_and_kill(arguments, carrier)
    reference = json.loads(carrier.posts()[0][2])["client-ref"]
    with Server(*arguments, command="serve") as server:
        state_when(server, message_id, lambda record: record["state"] == "uncertain")
        receipt = {"messageId": "v1", "client-ref": reference, "status": "delivered", "err-code": "0"}
        assert server.request("POST", "/_webhooks/carrier/status", receipt)[0] == 200
        state_when(server, message_id, lambda record: record["state"] == "delivered")
    assert len(carrier.posts()) == 1


def test_azure_takes_the_same_text_once(carrier: Carrier, tmp_path: Path) -> None:
    secrets = {"connection_string": {"value": f"endpoint={carrier.url}/;accesskey=c2VjcmV0"}, "callback_code": {"value": "c"}}
    arguments = start(tmp_path, {"plugin": "sms-azure", "secrets": secrets})
    message_id = send_and_kill(arguments, carrier)
    carrier.answers["POST"] = (202, {}, {"value": [{"to": PHONE, "messageId": "az1", "httpStatusCode": 202, "successful": True}]})
    with Server(*arguments, command="serve") as server:
        record = state_when(server, message_id, lambda record: record["state"] == "sent")
        assert record["provider_message_id"] == "az1"
    keys = [json.loads(body)["smsRecipients"][0]["repeatabilityRequestId"] for _, _, body in carrier.posts()]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def mail_and_kill(arguments: tuple[str, ...], carrier: Carrier, to: list[str]) -> str:
    carrier.silent.set()
    message = {
        "senderAddress": SENDER,
        "content": {"subject": "Once", "plainText": "once"},
        "recipients": {"to": [{"address": address} for address in to]},
    }
    with Server(*arguments, command="serve") as server:
        status, answer, _ = server.request("POST", "/emails:send?api-version=2025-09-01", message)
        assert status == 202, answer
        carrier.wait_for_post()
        server.kill()
    carrier.silent.clear()
    return str(answer["id"])


def mail_when(server: Server, operation_id: str, wanted: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    def look() -> list[dict[str, Any]]:
        server.request("POST", "/_control/clock/advance", {"by": "1m"})
        return list(server.request("GET", f"/_control/emails/{operation_id}")[1]["recipients"])

    return eventually(look, wanted)


def test_sendgrid(carrier: Carrier, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key)], check=True)
    der = subprocess.run(["openssl", "ec", "-in", str(key), "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
    provider = {
        "plugin": "email-sendgrid",
        "config": {"base_url": carrier.url, "webhook_public_key": base64.b64encode(der).decode()},
        "secrets": {"api_key": {"value": "SG.key"}},
    }
    arguments = start(tmp_path, provider)
    operation_id = mail_and_kill(arguments, carrier, ["ann@example.com", "bob@example.com"])
    carrier.answers["POST"] = (202, {"X-Message-Id": "grid-1"}, None)
    with Server(*arguments, command="serve") as server:
        recipients = mail_when(server, operation_id, lambda all: all[0]["attempts"] >= 2)
        assert {one["state"] for one in recipients} == {"queued"}
        ours = {"trunkline_message_id": operation_id, "timestamp": 1767225600}
        body = json.dumps([ours | {"email": "ann@example.com", "event": "delivered", "response": "250 OK"}]).encode()
        done = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", str(key)], input=b"1767225600" + body, check=True, capture_output=True
        )
        headers = {
            "Content-Type": "application/json",
            "X-Twilio-Email-Event-Webhook-Timestamp": "1767225600",
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(done.stdout).decode(),
        }
        assert server.request("POST", "/_webhooks/carrier/events", body, headers=headers)[0] == 200
        recipients = mail_when(server, operation_id, lambda all: all[0]["state"] == "delivered" and all[1]["attempts"] >= 3)
        assert recipients[1]["state"] == "queued"
        # Nobody tells of Bob: the mail is given up after a day, and was sent once.
        for _ in range(30):
            server.request("POST", "/_control/clock/advance", {"by": "1h"})
        recipients = mail_when(server, operation_id, lambda all: all[1]["state"] == "failed")
        assert "may have been sent" in recipients[1]["detail"]
    assert len(carrier.posts()) == 1


def test_an_instance_that_serves_again_knows_what_its_successor_handed_over(carrier: Carrier, tmp_path: Path) -> None:
    grid = {
        "plugin": "email-sendgrid",
        "isolation": "process",
        "config": {"base_url": carrier.url},
        "secrets": {"api_key": {"value": "SG.key"}},
    }
    carrier.answers["POST"] = (202, {"X-Message-Id": "grid-1"}, None)

    def send(server: Server, subject: str) -> str:
        message = {
            "senderAddress": SENDER,
            "content": {"subject": subject, "plainText": "x"},
            "recipients": {"to": [{"address": "ann@example.com"}]},
        }
        status, answer, _ = server.request("POST", "/emails:send?api-version=2025-09-01", message)
        assert status == 202, answer
        return str(answer["id"])

    with Server(*start(tmp_path, grid), command="serve") as server:
        mail_when(server, send(server, "read"), lambda all: all[0]["state"] == "sent")  # the first instance has read its journal
        status, info, _ = server.request("POST", "/_control/providers/carrier/reload", {"probation": "24h"})
        assert (status, info["state"]) == (200, "probation"), info
        carrier.silent.set()
        operation_id = send(server, "once")
        with carrier.came:
            assert carrier.came.wait_for(lambda: len(carrier.requests) == 2, WAIT_SECONDS)
        os.kill(info["process_id"], signal.SIGKILL)
        carrier.silent.clear()
        recipients = mail_when(server, operation_id, lambda all: all[0]["attempts"] >= 2)
        _, info, _ = server.request("GET", "/_control/providers/carrier")
        assert info["last_reload"] == "rolled_back"
        assert recipients[0]["state"] == "queued"
        mail_when(server, send(server, "another"), lambda all: all[0]["state"] == "sent")
    assert [json.loads(body)["subject"] for _, _, body in carrier.posts()] == ["read", "once", "another"]


def test_no_other_provider_sends_a_mail_that_one_may_have(carrier: Carrier, tmp_path: Path) -> None:
    other = Carrier()
    try:
        grid = {"plugin": "email-sendgrid", "config": {"base_url": carrier.url}, "secrets": {"api_key": {"value": "SG.key"}}}
        spare = {
            "name": "spare",
            "plugin": "email-azure",
            "config": {"endpoint": other.url, "poll_seconds": 0},
            "secrets": {"access_key": {"value": "c2VjcmV0"}},
        }
        operation_id = mail_and_kill(start(tmp_path, grid, spare), carrier, ["ann@example.com"])
        other.answers["POST"] = (202, {}, {"id": "x", "status": "Running"})
        with Server(*start(tmp_path, spare, grid), command="serve") as server:  # now the spare one comes first
            recipients = mail_when(server, operation_id, lambda all: all[0]["attempts"] >= 2)
            assert recipients[0]["provider"] == "carrier"
            _, answer, _ = server.request(
                "POST",
                "/emails:send?api-version=2025-09-01",
                {
                    "senderAddress": SENDER,
                    "content": {"subject": "Another", "plainText": "x"},
                    "recipients": {"to": [{"address": "ann@example.com"}]},
                },
            )
            mail_when(server, answer["id"], lambda all: all[0]["state"] == "sent" and all[0]["provider"] == "spare")
        assert len(carrier.posts()) == 1
        assert len(other.posts()) == 1
    finally:
        other.close()


def test_azure_mail_is_one_operation_and_its_report_is_known(carrier: Carrier, tmp_path: Path) -> None:
    provider = {
        "plugin": "email-azure",
        "config": {"endpoint": carrier.url},
        "secrets": {"access_key": {"value": "c2VjcmV0"}, "webhook_token": {"value": "hush"}},
    }
    arguments = start(tmp_path, provider)
    operation_id = mail_and_kill(arguments, carrier, ["bob@example.com"])
    theirs = carrier.posts()[0][1]["operation-id"]
    carrier.silent.set()  # the mail is handed over again, and again nobody answers
    with Server(*arguments, command="serve") as server:
        data = {"messageId": theirs, "recipient": "bob@example.com", "status": "Delivered"}
        events = [{"eventType": "Microsoft.Communication.EmailDeliveryReportReceived", "data": data}]
        assert server.request("POST", "/_webhooks/carrier/events?token=hush", events)[0] == 200
        _, record, _ = server.request("GET", f"/_control/emails/{operation_id}")
        assert record["recipients"][0]["state"] == "delivered"
        server.kill()
    assert {headers["operation-id"] for _, headers, _ in carrier.posts()} == {theirs}
