"""Mail in the process, caught by the sandbox."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
import trunkline
import trunkline.aio
from conftest import make_config
from trunkline.email import EmailAttachment, EmailState, Mailbox
from trunkline.sandbox import MailRule
from trunkline.service import EmailMessage, EmailOperationStatus, SuppressionReason

SENDER = "support@mail.test"
REPORT = "Microsoft.Communication.EmailDeliveryReportReceived"


@pytest.fixture
def config() -> dict[str, Any]:
    return email_config()


def email_config() -> dict[str, Any]:
    config = make_config()
    config["providers"].append({"name": "mail", "plugin": "email-sandbox", "config": {"smtp_port": 0}})
    config["resources"][0]["email_domains"] = [{"domain": "mail.test", "senders": [{"username": "support"}]}]
    return config


def test_a_mail_is_sent_caught_and_reported(rt: trunkline.Runtime) -> None:
    operation_id = str(uuid.uuid4())
    logo = EmailAttachment(name="logo.png", content_type="image/png", content=b"PNG", content_id="logo")
    sent = rt.email.send_to(
        ["ann@example.com", Mailbox(address="bob@example.com", display_name="Bob")],
        "Grüße",
        "hello",
        sender_address=SENDER,
        html='<img src="cid:logo">',
        headers={"X-Campaign": "spring"},
        attachments=[logo],
        operation_id=operation_id,
    )
    assert (sent.operation_id, sent.status, sent.repeated) == (operation_id, EmailOperationStatus.RUNNING, False)
    rt.clock.advance(1)
    assert [recipient.state for recipient in rt.email.get(operation_id).recipients] == [EmailState.DELIVERED] * 2
    [box, _] = rt.sandbox_mail.mailboxes()
    assert (box.address, box.mail_count) == ("ann@example.com", 1)
    [mail] = rt.sandbox_mail.mails("bob@example.com")
    whole = rt.sandbox_mail.mail(mail.mail_id)
    assert (whole.subject, whole.plain_text, whole.message_id) == ("Grüße", "hello", operation_id)
    assert "X-Campaign: spring" in whole.headers
    assert [(file.name, file.content_id, file.size_bytes) for file in whole.files] == [("logo.png", "logo", 3)]
    assert b"To: ann@example.com, Bob <bob@example.com>\r\n" in rt.sandbox_mail.raw_mail(mail.mail_id)
    assert [event.data["status"] for event in rt.events.list(REPORT)] == ["Delivered", "Delivered"]
    assert [operation.operation_id for operation in rt.email.operations()] == [operation_id]
    assert rt.email.explain(operation_id).steps[0].rule == "sender.allowed"


def test_errors_name_the_member(rt: trunkline.Runtime) -> None:
    with pytest.raises(trunkline.InvalidArgumentError) as refused:
        rt.email.send_to("a@", "s", "t", sender_address=SENDER)
    assert refused.value.target == "recipients.to[0].address"
    with pytest.raises(trunkline.NotFoundError):
        rt.email.send_to("a@b.test", "s", "t", sender_address="a@elsewhere.test")
    first = rt.email.send(EmailMessage(sender_address=SENDER, subject="s", plain_text="t", to=[Mailbox(address="a@b.test")]))
    with pytest.raises(trunkline.AlreadyExistsError):
        rt.email.send_to("a@b.test", "other", "t", sender_address=SENDER, operation_id=first.operation_id)
    with pytest.raises(trunkline.NotFoundError):
        rt.email.get(str(uuid.uuid4()))


def test_a_bounce_suppresses_until_it_is_lifted(rt: trunkline.Runtime) -> None:
    rt.sandbox_mail.add_rule(MailRule(match="gone@*", outcome=EmailState.BOUNCED))
    rt.email.send_to("gone@example.com", "s", "t", sender_address=SENDER)
    rt.clock.advance(1)
    [held] = rt.email.suppressions()
    assert (held.address, held.reason) == ("gone@example.com", SuppressionReason.HARD_BOUNCE)
    again = rt.email.send_to("gone@example.com", "s", "t", sender_address=SENDER)
    rt.settle()
    assert rt.email.get(again.operation_id).error_code == "EmailDroppedAllRecipientsSuppressed"
    rt.email.lift("gone@example.com")
    assert rt.email.suppressions() == []
    rt.email.suppress("bob@example.com", note="asked")
    assert rt.email.suppressions()[0].detail == "asked"


def test_mail_comes_in(rt: trunkline.Runtime) -> None:
    rt.sandbox_mail.receive("ann@example.com", [SENDER], b"Subject: hi\r\n\r\nhello\r\n")
    event = rt.wait_for("Trunkline.EmailReceived", timeout=10)
    assert event.data["subject"] == "hi"
    assert rt.email.received(event.data["messageId"]).mime == b"Subject: hi\r\n\r\nhello\r\n"
    assert [mail.from_ for mail in rt.email.received_mails()] == ["ann@example.com"]
    assert rt.sandbox_mail.smtp_address().startswith("127.0.0.1:")


def test_asyncio() -> None:
    async def main() -> None:
        async with trunkline.aio.Runtime(email_config()) as rt:
            sent = await rt.email.send_to("ann@example.com", "s", "t", sender_address=SENDER)
            await rt.clock.advance(1)
            assert (await rt.email.get(sent.operation_id)).recipients[0].state is EmailState.DELIVERED
            assert len(await rt.sandbox_mail.mails()) == 1
            assert [operation.operation_id async for operation in rt.email.operations()] == [sent.operation_id]

    asyncio.run(main())
