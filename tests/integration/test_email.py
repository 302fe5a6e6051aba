"""Mail over HTTP, by SMTP and on the command line."""

from __future__ import annotations

import base64
import json
import smtplib
import uuid
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from server import Server

SEND = "/emails:send?api-version=2025-09-01"
SENDER = "support@sandbox.trunkline.test"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(server: Server) -> None:
    server.request("POST", "/_control/sandbox/mail/reset", {})


def body(to: list[str], **extra: Any) -> dict[str, Any]:
    message = {
        "senderAddress": SENDER,
        "content": {"subject": "Hello", "plainText": "plain", "html": "<p>html</p>"},
        "recipients": {"to": [{"address": address} for address in to]},
    }
    return message | extra


def send(server: Server, message: Any, operation_id: str | None = None) -> tuple[int, Any, dict[str, str]]:
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    headers = server.headers("POST", SEND, data)
    if operation_id is not None:
        headers["Operation-Id"] = operation_id
    return server.request("POST", SEND, data, headers=headers)


def status(server: Server, operation_id: str) -> Any:
    code, answer, _ = server.request("GET", f"/emails/operations/{operation_id}?api-version=2025-09-01")
    assert code == 200
    return answer


def settle(server: Server) -> None:
    server.request("POST", "/_control/clock/advance", {"by": "1s"})


def test_the_operation_has_the_published_shape(server: Server) -> None:
    operation_id = str(uuid.uuid4())
    code, answer, headers = send(server, body(["ann@example.com"]), operation_id)
    assert code == 202
    assert answer == {"id": operation_id, "status": "Running", "error": None}
    assert headers["operation-location"] == f"{server.ready['endpoint']}/emails/operations/{operation_id}?api-version=2025-09-01"
    assert int(headers["retry-after"]) >= 1
    settle(server)
    assert status(server, operation_id) == {"id": operation_id, "status": "Succeeded", "error": None}


def test_an_operation_id_is_one_mail(server: Server) -> None:
    operation_id = str(uuid.uuid4())
    assert send(server, body(["ann@example.com"]), operation_id)[0] == 202
    assert send(server, body(["ann@example.com"]), operation_id)[0] == 202
    code, answer, headers = send(server, body(["bob@example.com"]), operation_id)
    assert code == 409
    assert answer["error"]["code"] == headers["x-ms-error-code"] == "OperationIdAlreadyExists"
    settle(server)
    _, page, _ = server.request("GET", "/_control/mails")
    assert len(page["items"]) == 1
    code, answer, _ = send(server, body(["ann@example.com"]), "not-a-guid")
    assert (code, answer["error"]["target"]) == (400, "Operation-Id")


@pytest.mark.parametrize(
    ("change", "code", "target"),
    [
        ({"senderAddress": f"Name <{SENDER}>"}, 400, "senderAddress"),
        ({"senderAddress": None}, 400, "senderAddress"),
        ({"senderAddress": "nobody@sandbox.trunkline.test"}, 400, "senderAddress"),
        ({"senderAddress": "a@elsewhere.test"}, 404, "senderAddress"),
        ({"content": {"subject": "s"}}, 400, "content"),
        ({"content": {"plainText": "t"}}, 400, "content.subject"),
        ({"content": {"subject": 7, "plainText": "t"}}, 400, "content.subject"),
        ({"recipients": {}}, 400, "recipients"),
        ({"recipients": {"to": [{"address": "a@"}]}}, 400, "recipients.to[0].address"),
        ({"recipients": {"to": [{"address": f"r{i}@b.test"} for i in range(51)]}}, 400, "recipients"),
        ({"recipients": {"to": [{}]}}, 400, "recipients.to[0].address"),
        ({"headers": {"From": "x@y.z"}}, 400, "headers.From"),
        ({"headers": {"X": "a\r\nb"}}, 400, "headers.X"),
        ({"headers": {"X": 1}}, 400, "headers"),
        ({"replyTo": [{"address": "x"}]}, 400, "replyTo[0].address"),
        (
            {"attachments": [{"name": "a", "contentType": "text/plain", "contentInBase64": "***"}]},
            400,
            "attachments[0].contentInBase64",
        ),
        ({"attachments": [{"name": "a", "contentType": "text", "contentInBase64": ""}]}, 400, "attachments[0].contentType"),
        ({"attachments": [{"name": "a.exe", "contentType": "a/b", "contentInBase64": ""}]}, 400, "attachments[0].name"),
        ({"attachments": [{"name": "a", "contentType": "a/b"}]}, 400, "attachments[0].contentInBase64"),
    ],
)
def test_bad_mail_is_refused_naming_the_member(server: Server, change: dict[str, Any], code: int, target: str) -> None:
    answered, answer, headers = send(server, body(["ann@example.com"], **change))
    assert (answered, answer["error"].get("target")) == (code, target), answer
    assert headers["x-ms-error-code"] == answer["error"]["code"]


def test_what_is_too_large_is_refused(server: Server) -> None:
    content = base64.b64encode(bytes(7_900_000)).decode()
    attachment = {"name": "a.bin", "contentType": "application/octet-stream", "contentInBase64": content}
    code, answer, _ = send(server, body(["ann@example.com"], attachments=[attachment]))
    assert (code, answer["error"]["code"]) == (413, "RequestEntityTooLarge")


def test_an_attachment_and_an_inline_picture_arrive(server: Server) -> None:
    files = [
        {"name": "résumé.txt", "contentType": "text/plain", "contentInBase64": base64.b64encode(b"notes").decode()},
        {
            "name": "logo.png",
            "contentType": "image/png",
            "contentInBase64": base64.b64encode(b"\x89PNG").decode(),
            "contentId": "logo",
        },
    ]
    send(server, body(["ann@example.com"], attachments=files))
    settle(server)
    _, page, _ = server.request("GET", "/_control/mails?address=ANN@example.com")
    _, mail, _ = server.request("GET", f"/_control/mails/{page['items'][0]['mail_id']}")
    found = {file["name"]: file for file in mail["files"]}
    assert found["résumé.txt"]["size"] == 5
    assert found["logo.png"]["content_id"] == "logo"
    assert mail["outcomes"] == {"ann@example.com": "delivered"}


def test_any_program_may_hand_in_mail_by_smtp(server: Server) -> None:
    _, page, _ = server.request("GET", "/_control/mailboxes")
    host, port = page["smtp"].split(":")
    server.request(
        "POST", "/_control/mail-rules", {"match": "no@*", "outcome": "bounced", "refuse": True, "status_code": "5.1.1"}
    )
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "app@example.com", "ann@example.com", "Grüße"
    message.set_content("one\n.two\n")
    with smtplib.SMTP(host, int(port), timeout=20) as smtp:
        smtp.login("trunkline", "whatever")
        refused = smtp.send_message(message, to_addrs=["ann@example.com", "no@example.com"])
        assert refused["no@example.com"][0] == 550
        smtp.send_message(message, to_addrs=["support@sandbox.trunkline.test"])
        assert smtp.docmd("MAIL FROM:<no address>")[0] == 553
        assert smtp.docmd("NONSENSE")[0] == 500
        assert smtp.docmd("DATA")[0] == 503
    _, page, _ = server.request("GET", "/_control/mails?address=ann@example.com")
    assert [item["via"] for item in page["items"]] == ["smtp"]
    _, mail, _ = server.request("GET", f"/_control/mails/{page['items'][0]['mail_id']}")
    assert (mail["subject"], mail["text"].splitlines()) == ("Grüße", ["one", ".two"])
    _, events, _ = server.request("GET", "/_control/events?after=0&type=Trunkline.EmailReceived&limit=1000")
    assert events["items"][-1]["data"]["recipients"] == ["support@sandbox.trunkline.test"]


def test_a_mail_that_is_too_large_is_refused_by_smtp(server: Server) -> None:
    _, page, _ = server.request("GET", "/_control/mailboxes")
    host, port = page["smtp"].split(":")
    with smtplib.SMTP(host, int(port), timeout=20) as smtp:
        smtp.ehlo()
        assert smtp.docmd("MAIL FROM:<a@b.test> SIZE=99999999999")[0] == 552


def test_the_command_line_sends_shows_and_lifts(server: Server, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("hi")
    server.cli(
        "send",
        "email",
        "--from",
        SENDER,
        "--to",
        "ann@example.com",
        "--subject",
        "S",
        "--attach",
        str(notes),
        "text",
        "--wait",
        "20s",
    )
    assert "ann@example.com" in server.cli("mail", "list").stdout
    shown = server.cli("mail", "show", "last").stdout
    assert "Subject: S" in shown
    assert "[notes.txt, text/plain, 2 bytes]" in shown
    mail = json.loads(server.cli("--json", "mail", "show", "last").stdout)
    assert server.cli("mail", "raw", mail["mail_id"]).stdout.startswith("Date: ")
    assert "provider.send" in server.cli("mail", "explain", mail["operation_id"]).stdout
    server.cli("mail", "complain", mail["mail_id"], "ann@example.com")
    assert "ann@example.com  complaint" in server.cli("mail", "suppressed").stdout
    server.cli("send", "email", "--from", SENDER, "--to", "ann@example.com", "--subject", "S", "text", "--wait", "20s", expect=1)
    server.cli("mail", "lift", "ann@example.com")
    assert server.cli("mail", "suppressed").stdout == ""
    server.cli("mail", "lift", "ann@example.com", expect=1)
    server.cli("mail", "rule", "gone@*", "bounced", "--status-code", "5.1.1")
    server.cli("send", "email", "--from", SENDER, "--to", "gone@example.com", "--subject", "S", "text", "--wait", "20s", expect=1)
    server.cli("mail", "suppress", "bob@example.com", "--note", "asked")
    assert "bob@example.com  manual" in server.cli("mail", "suppressed").stdout
    server.cli("mail", "lift", "bob@example.com")
    server.cli("mail", "receive", "ann@example.com", "--to", SENDER, "--subject", "Re: S", "thanks")
    assert "Re: S" in server.cli("wait", "mail", SENDER, "--after", "0").stdout
    server.cli("mail", "receive", "ann@example.com", "--to", "x@elsewhere.test", "thanks", expect=1)


def test_links_that_are_not_ours_lead_nowhere(server: Server) -> None:
    connection = server.connection()
    connection.request("GET", "/_mail/click/bm9uc2Vuc2U")
    answer = connection.getresponse()
    assert answer.status == 404
    answer.read()
    connection.request("GET", "/_mail/open/bm9uc2Vuc2U")
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("content-type")) == (200, "image/gif")
    assert answer.read()[:6] == b"GIF89a"


def test_opening_and_clicking_are_events(tmp_path: Path) -> None:
    config = tmp_path / "trunkline.yaml"
    config.write_text(
        "control: {enabled: true}\nlisten: {tls: off}\nlog: {level: off}\nemail: {rate_limits: documented}\n"
        "providers: [{name: mail, plugin: email-sandbox}]\n"
        "resources:\n  - name: shop\n    primary_key: {value: dHJ1bmtsaW5lLWRldmVsb3BtZW50LWFjY2Vzcy1rZXk=}\n    email_domains:\n"
        "      - {domain: shop.test, engagement_tracking: true}\n"
    )
    with Server("--config", str(config)) as server:
        message = body(["ann@example.com"], senderAddress="donotreply@shop.test")
        message["content"]["html"] = '<a href="https://example.com/?a=1&amp;b=2">go</a>'
        code, answer, _ = send(server, message)
        assert code == 202, answer
        settle(server)
        _, page, _ = server.request("GET", "/_control/mails")
        _, mail, _ = server.request("GET", f"/_control/mails/{page['items'][0]['mail_id']}")
        link = mail["html"].split('href="')[1].split('"')[0]
        picture = mail["html"].split('src="')[1].split('"')[0]
        connection = server.connection()
        connection.request("GET", link.split(server.host)[1], headers={"User-Agent": "Mail/1"})
        answered = connection.getresponse()
        answered.read()
        assert (answered.status, answered.getheader("location")) == (302, "https://example.com/?a=1&b=2")
        connection.request("GET", picture.split(server.host)[1], headers={"User-Agent": "Mail/1"})
        connection.getresponse().read()
        kind = "Microsoft.Communication.EmailEngagementTrackingReportReceived"
        _, events, _ = server.request("GET", f"/_control/events?after=0&type={kind}")
        assert [event["data"]["engagementType"] for event in events["items"]] == ["click", "view"]
        assert events["items"][0]["data"]["engagementContext"] == "https://example.com/?a=1&b=2"
        # The windows are those of the clock: a new minute may begin meanwhile.
        for _ in range(62):
            code, answer, headers = send(server, message)
            if code == 429:
                break
        assert (code, answer["error"]["code"]) == (429, "TooManyRequests")
        assert 0 < int(headers["retry-after"]) <= 60
