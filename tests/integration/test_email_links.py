"""What comes back by links, by mail and by polling: one-click unsubscribing, workflows that mails start, Operation-Location."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from email import message_from_bytes, policy
from typing import Any
from urllib.parse import urlsplit

from server import ROOT, Server

SEND = "/emails:send?api-version=2025-09-01"
SENDER = "donotreply@sandbox.trunkline.test"
OTHER = "support@sandbox.trunkline.test"
ANSWER = ROOT / "examples" / "workflows" / "answer-mail.json"
ONE_CLICK = b"List-Unsubscribe=One-Click"


def send(server: Server, to: str, sender: str = SENDER, unsubscribe: bool = True) -> dict[str, Any]:
    """The mail's record once everybody has been tried."""
    message = {
        "senderAddress": sender,
        "content": {"subject": "News", "plainText": "news"},
        "recipients": {"to": [{"address": to}]},
        "unsubscribe": unsubscribe,
    }
    status, operation, _ = server.request("POST", SEND, message)
    assert status == 202, operation
    server.request("POST", "/_control/clock/advance", {"by": "1s"})
    _, record, _ = server.request("GET", f"/_control/emails/{operation['id']}")
    return dict(record)


def state(record: dict[str, Any]) -> str:
    [recipient] = record["recipients"]
    return str(recipient["state"])


def raw_mail(server: Server, to: str) -> bytes:
    _, page, _ = server.request("GET", f"/_control/mails?address={to}")
    _, raw, _ = server.request("GET", f"/_control/mails/{page['items'][0]['mail_id']}/raw")
    return bytes(raw)


def call(method: str, url: str, body: bytes | None = None) -> tuple[int, bytes]:
    """As a mail program does it: no keys, no signature, no cookies."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    connection.request(method, parts.path, body, {"Content-Type": "application/x-www-form-urlencoded"} if body else {})
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_one_click_unsubscribing(server: Server) -> None:
    """RFC 8058, section 3: what the mail says, and a POST to where it says."""
    to = "ann@example.com"
    assert state(send(server, to)) == "delivered"
    mail = message_from_bytes(raw_mail(server, to), policy=policy.default)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    [link] = re.findall(r"<([^>]*)>", mail["List-Unsubscribe"])

    status, page = call("GET", link)  # a program that looks at every link
    assert (status, b"<form method" in page) == (200, True)
    assert state(send(server, to)) == "delivered"

    assert call("POST", link, ONE_CLICK)[0] == 200
    assert state(send(server, to)) == "suppressed"
    assert state(send(server, to, sender=OTHER)) == "delivered", "it was said to one sender"
    assert state(send(server, "bob@example.com")) == "delivered"
    assert call("POST", link, ONE_CLICK)[0] == 200, "again"
    _, page, _ = server.request("GET", "/_control/suppressions")
    assert [(one["address"], one["reason"]) for one in page["items"]] == [(to, "unsubscribe")]

    tail = link[:-2] + ("AA" if link[-2:] != "AA" else "BB")
    assert call("POST", tail, ONE_CLICK)[0] == 404, "the link is signed"

    server.cli("send", "email", "--to", "cleo@example.com", "--subject", "News", "news", "--unsubscribe")
    server.request("POST", "/_control/clock/advance", {"by": "1s"})
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in raw_mail(server, "cleo@example.com")


def test_a_mail_starts_a_workflow(server: Server) -> None:
    server.cli("workflow", "deploy", str(ANSWER))
    server.cli("clock", "advance", "1s")
    server.cli("mail", "receive", "zoe@example.com", "--to", OTHER, "--subject", "Hello", "Nothing of interest")
    server.cli("mail", "receive", "zoe@example.com", "--to", OTHER, "--subject", "My Order", "Where is it?")
    server.cli("clock", "advance", "1s")
    run = json.loads(server.cli("--json", "workflow", "show", "answer-mail", "--wait", "20s").stdout)
    assert [(step["name"], step["status"]) for step in run["steps"]] == [("Answer_the_mail", "succeeded")]
    runs = server.cli("--json", "workflow", "runs", "answer-mail").stdout.splitlines()
    assert len(runs) == 1, "the other mail is not about an order"
    server.cli("clock", "advance", "1s")
    mail = message_from_bytes(raw_mail(server, "zoe@example.com"), policy=policy.default)
    assert (mail["Subject"], mail["From"].addresses[0].addr_spec) == ("Re: My Order", OTHER)
    text = mail.get_body(("plain",))
    assert text is not None
    assert "> Where is it?" in text.get_content()


def test_where_the_operation_is_has_the_scheme_of_the_request(server: Server) -> None:
    message = {
        "senderAddress": SENDER,
        "content": {"subject": "S", "plainText": "text"},
        "recipients": {"to": [{"address": "ann@example.org"}]},
    }
    body = json.dumps(message).encode()
    tls = urlsplit(server.ready["tls_endpoint"])
    context = ssl.create_default_context(cafile=server.ready["ca_file"])
    secure = http.client.HTTPSConnection(tls.netloc, timeout=30, context=context)
    for connection, origin in ((secure, f"https://{tls.netloc}"), (server.connection(), f"http://{server.host}")):
        headers = server.headers("POST", SEND, body, host=urlsplit(origin).netloc)
        status, answer, fields = server.request("POST", SEND, body, headers=headers, connection=connection)
        assert status == 202, answer
        assert fields["operation-location"] == f"{origin}/emails/operations/{answer['id']}?api-version=2025-09-01"
        # It can be followed over the connection that it came by.
        target = fields["operation-location"].removeprefix(origin)
        headers = server.headers("GET", target, host=urlsplit(origin).netloc)
        assert server.request("GET", target, headers=headers, connection=connection)[1]["id"] == answer["id"]
