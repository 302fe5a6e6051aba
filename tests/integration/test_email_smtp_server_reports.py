"""Who hands in mail by SMTP is told by mail what became of it, as it asks (RFC 3461)."""

from __future__ import annotations

import email
import json
import smtplib
import uuid
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from patience import eventually
from server import Server
from smtp_sink import SmtpSink
from test_email_reports import reports_in_inbox
from test_email_smtp_server import APPLICATION, SENDER, acs, free_port, issuer, mail, relay

__all__ = ["acs", "issuer"]  # fixtures

CODE = "c0de"
NAME = "relay.test"


def start(folder: Path, acs: Server, issuer: str, port: int, to: int, *more: str, **reports: Any) -> Server:
    """On this machine, without TLS; the applications' secrets are known to it."""
    secrets = {"management_secret": "management", "applications": f"{APPLICATION}:known", "callback_code": CODE}
    where = {"host": "127.0.0.1", "port": to, "tls": "off", "name": NAME} | reports
    return Server("--config", relay(folder, acs, issuer, port, secrets, reports=where), *more)


def hand_in(port: int, recipients: dict[str, str], subject: str, options: str = "", expect: int = 250) -> str:
    """The operation's id. `recipients`: what follows each of their addresses."""
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.login("relay", "known")
        assert client.has_extn("dsn")
        assert client.docmd(f"MAIL FROM:<{SENDER}> {options}".strip())[0] == 250
        for address, asked in recipients.items():
            assert client.docmd(f"RCPT TO:<{address}> {asked}".strip())[0] == 250
        code, words = client.data(mail(subject).as_bytes())
        assert code == expect, words
        return words.decode().split()[-1]


def tell(server: Server, operation_id: str, recipient: str, status: str, words: str = "", code: str = CODE) -> int:
    """As the resource does. The status of the answer."""
    data = {
        "sender": SENDER,
        "recipient": recipient,
        "messageId": operation_id,
        "status": status,
        "deliveryStatusDetails": {"statusMessage": words},
    }
    event = {"id": str(uuid.uuid4()), "eventType": "Microsoft.Communication.EmailDeliveryReportReceived", "data": data}
    body = json.dumps([event]).encode()
    return int(server.request("POST", f"/_webhooks/relay/events?code={code}", body, headers={})[0])


def fields(report: Message) -> tuple[Message, Message, Message]:
    """What it says of the mail and of the recipient, and what comes back."""
    assert report.get_content_type() == "multipart/report"
    _, status, back = report.get_payload()
    assert isinstance(status, Message)
    assert isinstance(back, Message)
    of_mail, of_recipient = status.get_payload()
    assert isinstance(of_mail, Message)
    assert isinstance(of_recipient, Message)
    return of_mail, of_recipient, back


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, acs: Server, issuer: str) -> Iterator[int]:
    """A relay whose reports go to the resource's own inbox."""
    door = acs.cli("mail").stdout.splitlines()[0].rsplit(":", 1)[1]
    chosen = free_port()
    with start(tmp_path_factory.mktemp("relay"), acs, issuer, chosen, int(door)) as server:
        acs.cli(
            "subscription", "create", "reports", f"http://{server.host}/_webhooks/relay/events?code={CODE}",
            "--type", "EmailDeliveryReportReceived",
        )  # fmt: skip
        yield chosen


def test_success_and_failure_are_told_as_they_were_asked_for(port: int, acs: Server) -> None:
    acs.request(
        "POST", "/_control/mail-rules", {"match": "gone@*", "outcome": "bounced", "status_code": "5.1.1", "detail": "no one"}
    )
    recipients = {
        "ann@example.com": "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;ann+2Bx@example.com",
        "bob@example.com": "",  # the custom: failures
        "gone@one.example": "",
        "gone@two.example": "NOTIFY=NEVER",
        "gone@three.example": "notify=success",
    }
    hand_in(port, recipients, "with reports", "RET=FULL ENVID=Q+2B1")
    found = reports_in_inbox(acs, SENDER, 2)
    by_action = {fields(report)[1]["Action"]: report for report in found}
    assert sorted(by_action) == ["delivered", "failed"]
    for report in found:
        assert fields(report)[0]["Original-Envelope-Id"] == "Q+1"
        assert fields(report)[0]["Reporting-MTA"] == f"dns; {NAME}"
        assert report["From"] == f"Mail Delivery System <mailer-daemon@{NAME}>"
    _, of_ann, back = fields(by_action["delivered"])
    assert of_ann["Final-Recipient"] == "rfc822; ann@example.com"
    assert of_ann["Original-Recipient"] == "rfc822;ann+2Bx@example.com"
    assert back.get_content_type() == "text/rfc822-headers"
    assert "with reports" in back.as_string()
    assert "a line with a dot" not in back.as_string(), "RET is about failures"
    _, of_gone, back = fields(by_action["failed"])
    assert (of_gone["Final-Recipient"], of_gone["Status"]) == ("rfc822; gone@one.example", "5.1.1")
    assert of_gone["Diagnostic-Code"] == "smtp; 550 5.1.1 no one"
    assert back.get_content_type() == "message/rfc822"
    assert "a line with a dot" in back.as_string()


def test_malformed_parameters_are_refused(port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.login("relay", "known")
        for line, code in (
            (f"MAIL FROM:<{SENDER}> RET=SOME", 501),
            (f"MAIL FROM:<{SENDER}> RET=HDRS RET=HDRS", 501),
            (f"MAIL FROM:<{SENDER}> ENVID=a+b", 501),
            (f"MAIL FROM:<{SENDER}> ENVID=", 501),
            (f"MAIL FROM:<{SENDER}> NOTIFY=NEVER", 555),
            (f"MAIL FROM:<{SENDER}> SIZE=10 ret=hdrs ENVID=x BODY=8BITMIME", 250),
            ("RCPT TO:<c@d.example> NOTIFY=", 501),
            ("RCPT TO:<c@d.example> NOTIFY=NEVER,SUCCESS", 501),
            ("RCPT TO:<c@d.example> ORCPT=ann@example.com", 501),
            ("RCPT TO:<c@d.example> RET=FULL", 555),
            ("RCPT TO:<c@d.example> NOTIFY=FAILURE  ORCPT=rfc822;c@d.example ", 250),
        ):
            assert client.docmd(line)[0] == code, line


def test_each_outcome_is_told_once_and_nothing_else(tmp_path: Path, acs: Server, issuer: str) -> None:
    port = free_port()
    states = {"Delivered": "delivered", "Expanded": "expanded", "Bounced": "failed", "Failed": "failed", "Suppressed": "failed",
              "FilteredSpam": "failed", "Quarantined": "failed"}  # fmt: skip
    with SmtpSink() as sink, start(tmp_path, acs, issuer, port, sink.port) as server:
        both = dict.fromkeys((f"{status}@example.com" for status in states), "NOTIFY=SUCCESS,FAILURE")
        operation = hand_in(port, both, "outcomes")
        assert tell(server, operation, "Bounced@example.com", "Bounced", code="wrong") == 401
        assert server.request("POST", "/_webhooks/relay/events?code=c0de", b"{", headers={})[0] == 400
        report = "Microsoft.Communication.EmailDeliveryReportReceived"
        odd = [7, {"eventType": 5}, {"eventType": report}, {"eventType": report, "data": 1}, {"eventType": report, "data": {}}]
        for body in (odd, [{"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent"}]):
            assert server.request("POST", "/_webhooks/relay/events?code=c0de", json.dumps(body).encode(), headers={})[0] == 200
        assert tell(server, "another-operation", "Bounced@example.com", "Bounced") == 200
        assert tell(server, operation, "stranger@example.com", "Bounced") == 200
        assert tell(server, operation, "Bounced@example.com", "OutForDelivery") == 200
        assert sink.mails == 0
        for times, (status, action) in enumerate(states.items(), 1):
            for _ in range(2):  # events may come twice
                assert tell(server, operation, f"{status}@example.com".lower(), status, "4.4.7 given up") == 200
            assert sink.mails == times, status
            sender, raw = sink.contents[-1]
            assert sender == "MAIL FROM:<>", "no report is made of a report"
            _, of_recipient, _ = fields(email.message_from_bytes(raw))
            assert (of_recipient["Action"], of_recipient["Status"]) == (action, "4.4.7")
            assert of_recipient["Final-Recipient"] == f"rfc822; {status}@example.com"
        # What counted as delivered comes back.
        assert tell(server, operation, "Delivered@example.com", "Bounced", "no code in it") == 200
        _, of_recipient, _ = fields(email.message_from_bytes(sink.contents[-1][1]))
        assert (of_recipient["Action"], of_recipient["Status"]) == ("failed", "5.0.0")
        assert sink.mails == len(states) + 1


def test_a_report_that_nobody_takes_comes_again_also_after_a_kill(tmp_path: Path, acs: Server, issuer: str) -> None:
    port, to = free_port(), free_port()
    data = ("--data", str(tmp_path / "data"))
    with start(tmp_path, acs, issuer, port, to, *data) as server:
        operation = hand_in(port, {"ann@example.com": "", "bob@example.com": ""}, "kept")
        assert tell(server, operation, "ann@example.com", "Bounced") == 503, "nobody listens there"
        server.kill()
    with start(tmp_path, acs, issuer, port, to, *data) as server, SmtpSink(port=to) as sink:
        sink.answer = "451 4.3.0 later"
        assert tell(server, operation, "ann@example.com", "Bounced") == 503
        sink.answer = "250 taken"
        assert tell(server, operation, "ann@example.com", "Bounced") == 200
        assert [of for of, _ in sink.contents] == ["MAIL FROM:<>"] * 2
        sink.answer = "550 5.7.1 no reports here"
        assert tell(server, operation, "bob@example.com", "Bounced") == 200, "for good: it is not tried again"
        assert tell(server, operation, "bob@example.com", "Bounced") == 200
        assert sink.mails == 3
        # After a week nobody asks any more; what was kept goes when the next mail comes.
        sink.answer = "250 taken"
        server.request("POST", "/_control/clock/advance", {"by": "168h"})
        hand_in(port, {"ann@example.com": "NOTIFY=NEVER"}, "the next", expect=451)  # to the resource it comes from another week
        assert tell(server, operation, "ann@example.com", "Bounced") == 200
        assert sink.mails == 3


@pytest.mark.parametrize(
    ("reports", "secrets", "fault"),
    [
        ({"host": "a b"}, {"callback_code": CODE}, "reports.host"),
        ({"host": "mx.example", "name": "<x>"}, {"callback_code": CODE}, "reports.name"),
        ({"host": "mx.example", "tls": "maybe"}, {"callback_code": CODE}, "tls"),
        ({"host": "mx.example"}, {}, "callback_code"),
        ({}, {"callback_code": CODE}, "host"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(
    tmp_path: Path, acs: Server, issuer: str, reports: dict[str, Any], secrets: dict[str, str], fault: str
) -> None:
    with pytest.raises(AssertionError, match=fault):
        Server("--config", relay(tmp_path, acs, issuer, free_port(), secrets, reports=reports))


def test_mail_goes_on_while_who_asked_cannot_be_told(tmp_path: Path, acs: Server, issuer: str) -> None:
    """The mail server of the reports is away: mail is accepted all the same."""
    port = free_port()
    with start(tmp_path, acs, issuer, port, free_port()) as server:
        operation = hand_in(port, {"ann@example.com": "NOTIFY=SUCCESS"}, "goes on")
        eventually(
            lambda: acs.request("GET", f"/_control/emails/{operation}")[1]["recipients"][0]["state"],
            lambda state: state == "delivered",
        )
        assert tell(server, operation, "ann@example.com", "Delivered") == 503
