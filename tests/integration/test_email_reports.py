"""Reports of delivery (RFC 3461): asked for by email-smtp, given by the sandbox's mail server, read by the email service."""

from __future__ import annotations

import email
import smtplib
from collections.abc import Iterator
from email.message import EmailMessage, Message
from pathlib import Path
from typing import Any

import pytest
from patience import eventually
from server import Server
from test_email_postfix import config, free_port, message

SEND = "/emails:send?api-version=2025-09-01"


def start(folder: Path, **settings: Any) -> tuple[Server, int]:
    door = free_port()
    return Server("--config", config(folder, door, door, **settings)), door


@pytest.fixture
def door(tmp_path: Path) -> Iterator[tuple[Server, int]]:
    server, port = start(tmp_path, reports="dsn")
    with server:
        yield server, port


def rule(server: Server, match: str, **more: Any) -> None:
    status, answer, _ = server.request("POST", "/_control/mail-rules", {"match": match} | more)
    assert status in (200, 201, 204), answer


def states(server: Server, operation_id: str) -> dict[str, str]:
    _, record, _ = server.request("GET", f"/_control/emails/{operation_id}")
    return {recipient["address"]: recipient["state"] for recipient in record["recipients"]}


def reports_in_inbox(server: Server, address: str, count: int) -> list[Message]:
    def found() -> list[Message]:
        _, page, _ = server.request("GET", f"/_control/mails?address={address}")
        raws = []
        for item in page["items"]:
            _, raw, _ = server.request("GET", f"/_control/mails/{item['mail_id']}/raw")
            raws.append(email.message_from_bytes(raw))
        return raws

    return eventually(found, lambda raws: len(raws) == count)


def test_success_and_failure_come_back_by_the_envelope(door: tuple[Server, int]) -> None:
    server, _ = door
    rule(server, "gone@*", outcome="bounced", status_code="5.1.1", detail="no such mailbox")
    _, answer, _ = server.request("POST", SEND, message(["ann@example.com", "gone@example.com"]))
    wanted = {"ann@example.com": "delivered", "gone@example.com": "bounced"}
    eventually(lambda: states(server, answer["id"]), lambda found: found == wanted)
    _, record, _ = server.request("GET", f"/_control/emails/{answer['id']}")
    assert record["recipients"][1]["status_code"] == "5.1.1"
    assert "no such mailbox" in record["recipients"][1]["detail"]


def test_a_failure_comes_back_after_success_was_assumed(tmp_path: Path) -> None:
    server, _ = start(tmp_path)
    with server:
        rule(server, "gone@*", outcome="bounced")
        _, answer, _ = server.request("POST", SEND, message(["gone@example.com", "j\u00fcrgen+2b@example.com"]))
        wanted = {"gone@example.com": "bounced", "j\u00fcrgen+2b@example.com": "delivered"}
        eventually(lambda: states(server, answer["id"]), lambda found: found == wanted)


def test_an_address_beyond_ascii_is_found_again(door: tuple[Server, int]) -> None:
    server, _ = door
    rule(server, "j\u00fcrgen*", outcome="bounced")
    _, answer, _ = server.request("POST", SEND, message(["ann@example.com", "j\u00fcrgen+2b@example.com"]))
    wanted = {"ann@example.com": "delivered", "j\u00fcrgen+2b@example.com": "bounced"}
    eventually(lambda: states(server, answer["id"]), lambda found: found == wanted)


def test_any_program_gets_the_reports_that_it_asks_for(door: tuple[Server, int]) -> None:
    server, port = door
    rule(server, "gone@*", outcome="bounced")
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "app@example.com", "ann@example.com", "hello"
    mail.set_content("the body")
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as smtp:
        smtp.ehlo()
        assert smtp.has_extn("dsn")
        for recipient, options, sender in (
            ("ann@example.com", ["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;ann+2Bx@example.com"], "one@example.com"),
            ("ann@example.com", [], "none@example.com"),  # nobody asked
            ("gone@example.com", [], "failed@example.com"),  # the custom
            ("gone@example.com", ["NOTIFY=SUCCESS"], "none@example.com"),
            ("gone@example.com", ["notify=never"], "none@example.com"),
            ("ann@example.com", ["NOTIFY=SUCCESS"], "last@example.com"),
        ):
            options_of_mail = ["RET=FULL", 'ENVID=Q"+2B1;+5C+20x']
            assert smtp.sendmail(sender, [recipient], mail.as_bytes(), options_of_mail, options) == {}
        mail.set_content("the body\n" * (32 << 10))
        assert smtp.sendmail("large@example.com", ["gone@example.com"], mail.as_bytes(), ["RET=FULL"]) == {}
        for line, code in (
            ("MAIL FROM:<a@b.example> RET=SOME", 501),
            ("MAIL FROM:<a@b.example> RET=HDRS RET=HDRS", 501),
            ("MAIL FROM:<a@b.example> ENVID=", 501),
            ("MAIL FROM:<a@b.example> ENVID=a+b", 501),
            ("MAIL FROM:<a@b.example> ENVID=a+0A", 501),
            ("MAIL FROM:<a@b.example> ENVID=" + "x" * 101, 501),
            ("MAIL FROM:<a@b.example> RET=hdrs ENVID=" + "x" * 100, 250),
            ("RCPT TO:<c@d.example> NOTIFY=", 501),
            ("RCPT TO:<c@d.example> NOTIFY=NEVER,SUCCESS", 501),
            ("RCPT TO:<c@d.example> NOTIFY=SUCCESS NOTIFY=SUCCESS", 501),
            ("RCPT TO:<c@d.example> ORCPT=ann@example.com", 501),
            ("RCPT TO:<c@d.example> ORCPT=rfc822;a=b@example.com", 501),
            ("RCPT TO:<c@d.example> ORCPT=rfc822;c@d.example NOTIFY=FAILURE", 250),
        ):
            assert smtp.docmd(line)[0] == code, line
    [success] = reports_in_inbox(server, "one@example.com", 1)
    [failure] = reports_in_inbox(server, "failed@example.com", 1)
    assert success.get_content_type() == failure.get_content_type() == "multipart/report"
    for report, action, returned in ((success, "delivered", "text/rfc822-headers"), (failure, "failed", "message/rfc822")):
        _, status, back = report.get_payload()
        assert status.get_payload()[0]["Original-Envelope-Id"] == 'Q"+1;\\ x'
        assert status.get_payload()[1]["Action"] == action
        assert back.get_content_type() == returned
        assert ("the body" in back.as_string()) == (action == "failed")  # RET is about failures
    assert success.get_payload()[1].get_payload()[1]["Original-Recipient"] == "rfc822;ann+2Bx@example.com"
    [large] = reports_in_inbox(server, "large@example.com", 1)
    assert large.get_payload()[2].get_content_type() == "text/rfc822-headers"
    reports_in_inbox(server, "last@example.com", 1)
    assert reports_in_inbox(server, "none@example.com", 0) == []
