"""Mail through a Postfix that this program starts: a picture and a file arrive, reports come back, and so does an answer.

Needs Debian's postfix, and root to start it (`postfix.py`).
"""

import email
import email.policy
import smtplib
from email.message import EmailMessage

import trunkline
from postfix import Postfix, free_port
from trunkline.email import EmailAttachment

PAGE = '<p>It is on its way. <img src="cid:logo"></p>'
FILES = [
    EmailAttachment(name="receipt.txt", content_type="text/plain", content=b"42 EUR"),
    EmailAttachment(name="logo.png", content_type="image/png", content=b"\x89PNG", content_id="logo"),
]


def show(where: str, mime: bytes) -> None:
    mail = email.message_from_bytes(mime, policy=email.policy.default)
    print(f"{where}: {mail['subject']}, from {mail['from']}")
    for part in mail.walk():
        if not part.is_multipart():
            print("  " + " ".join([part.get_content_type(), part.get_filename() or "", part["content-id"] or ""]).rstrip())


door = free_port()  # where mail for shop.test comes in
with Postfix(door) as postfix:
    config = {
        "log": {"level": "warning"},
        "providers": [
            {
                "name": "relay",
                "plugin": "email-smtp",
                "config": {"host": "127.0.0.1", "port": postfix.port, "tls": "off", "reports": "dsn"},
            },
            {"name": "inbox", "plugin": "email-sandbox", "config": {"smtp_port": door, "smtp_resource": "shop"}},
        ],
        "routes": [
            {"interface": "email", "match": {"from": "news@try.test"}, "providers": ["inbox"]},
            {"interface": "email", "providers": ["relay"]},
        ],
        "resources": [
            {
                "name": "shop",
                "email_domains": [
                    {"domain": "shop.test", "senders": [{"username": "news", "display_name": "The Shöp"}]},
                    {"domain": "try.test", "senders": [{"username": "news", "display_name": "The Shöp"}]},
                ],
            }
        ],
    }
    with trunkline.Runtime(config) as rt:
        recipients = ["ann@example.test", "nobody@example.test"]
        sent = rt.email.send_to(
            recipients, "Grüße", "It is on its way.", html=PAGE, sender_address="news@shop.test", attachments=FILES
        )
        for recipient in recipients:
            rt.wait_for(
                "Microsoft.Communication.EmailDeliveryReportReceived",
                lambda event, recipient=recipient: event.data["recipient"] == recipient,
                timeout=30,
            )
        [raw] = postfix.mails("ann", 1)
        show("ann's maildir", raw)
        for one in rt.email.get(sent.operation_id).recipients:
            print(f"{one.address}: {one.state.name.lower()} {one.status_code}")

        # The same to the sandbox, where nothing leaves the process.
        rt.email.send_to(
            "ann@example.test", "Grüße", "It is on its way.", html=PAGE, sender_address="news@try.test", attachments=FILES
        )
        rt.wait_for(
            "Microsoft.Communication.EmailDeliveryReportReceived",
            lambda event: event.data["sender"] == "news@try.test",
            timeout=30,
        )
        [caught] = rt.sandbox_mail.mails("ann@example.test")
        show("sandbox inbox", rt.sandbox_mail.raw_mail(caught.mail_id))

        # Ann answers; Postfix brings it to our door.
        answer = EmailMessage()
        answer["From"], answer["To"], answer["Subject"] = "ann@example.test", "news@shop.test", "Re: Grüße"
        answer.set_content("Thank you!")
        with smtplib.SMTP("127.0.0.1", postfix.port) as client:
            client.send_message(answer)
        event = rt.wait_for("Trunkline.EmailReceived", timeout=30)
        print(f"{event.data['from']} answers: {event.data['subject']}, {event.data['plainText'].strip()}")
