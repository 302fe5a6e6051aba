"""Mail through Postfix, with its reports (RFC 3461, RFC 3464) coming back through the SMTP door."""

from __future__ import annotations

import email
import email.policy
import json
from pathlib import Path
from typing import Any

import pytest
from patience import eventually
from postfix import Postfix, free_port, is_usable
from server import Server

pytestmark = pytest.mark.skipif(not is_usable(), reason="needs Postfix, and root to start it")

SEND = "/emails:send?api-version=2025-09-01"


def config(folder: Path, port: int, door: int, **settings: Any) -> str:
    path = folder / "trunkline.yaml"
    relay = {"host": "127.0.0.1", "port": port, "tls": "off"} | settings
    path.write_text(
        json.dumps(
            {
                "control": {"enabled": True},
                "listen": {"tls": "off"},
                "log": {"level": "off"},
                "providers": [
                    {"name": "relay", "plugin": "email-smtp", "config": relay},
                    {"name": "door", "plugin": "email-sandbox", "config": {"smtp_port": door, "smtp_resource": "shop"}},
                ],
                "routes": [{"interface": "email", "providers": ["relay"]}],
                "resources": [
                    {
                        "name": "shop",
                        "primary_key": {"value": "dHJ1bmtsaW5lLWRldmVsb3BtZW50LWFjY2Vzcy1rZXk="},
                        "email_domains": [{"domain": "shop.test", "senders": [{"username": "news", "display_name": "Shöp"}]}],
                    }
                ],
            }
        )
    )
    return str(path)


def message(to: list[str], text: str = ".one\ntwo\n") -> dict[str, Any]:
    return {
        "senderAddress": "news@shop.test",
        "content": {"subject": "Grüße", "plainText": text, "html": '<p>Hi <img src="cid:logo"></p>'},
        "recipients": {"to": [{"address": address} for address in to]},
        "attachments": [
            {"name": "résumé.txt", "contentType": "text/plain", "contentInBase64": "bm90ZXM="},
            {
                "name": "logo.png",
                "contentType": "image/png",
                "contentInBase64": "UE5H",
                "contentId": "logo",
            },
        ],
    }


def states_when(server: Server, operation_id: str, wanted: dict[str, str], postfix: Postfix) -> dict[str, Any]:
    def states(record: dict[str, Any]) -> dict[str, str]:
        return {recipient["address"]: recipient["state"] for recipient in record["recipients"]}

    return eventually(
        lambda: dict(server.request("GET", f"/_control/emails/{operation_id}")[1]),
        lambda record: states(record) == wanted,
        told=postfix.log,
    )


def test_a_mail_with_files_arrives_in_a_maildir(tmp_path: Path) -> None:
    door = free_port()
    with Postfix(door) as postfix, Server("--config", config(tmp_path, postfix.port, door)) as server:
        _, answer, _ = server.request("POST", SEND, message(["ann@example.test", "nobody@example.test"]))
        record = states_when(server, answer["id"], {"ann@example.test": "delivered", "nobody@example.test": "bounced"}, postfix)
        assert record["recipients"][1]["status_code"] == "5.1.1"
        [raw] = postfix.mails("ann", 1)
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        assert (mail["subject"], mail["from"]) == ("Grüße", "Shöp <news@shop.test>")
        text = mail.get_body(("plain",))
        assert text is not None
        assert text.get_content().splitlines() == [".one", "two"]
        files = {part.get_filename(): part.get_content() for part in mail.walk() if part.get_filename()}
        assert files == {"résumé.txt": "notes", "logo.png": b"PNG"}
        assert record["recipients"][0]["provider_message_id"] in postfix.log()


def test_reports_of_delivery_come_back(tmp_path: Path) -> None:
    door = free_port()
    with Postfix(door) as postfix, Server("--config", config(tmp_path, postfix.port, door, reports="dsn")) as server:
        _, answer, _ = server.request("POST", SEND, message(["ann@example.test", "bob@example.test"]))
        record = states_when(server, answer["id"], {"ann@example.test": "delivered", "bob@example.test": "delivered"}, postfix)
        assert "delivered to maildir" in record["recipients"][0]["detail"]
        _, page, _ = server.request("GET", "/_control/events?after=0&type=Microsoft.Communication.EmailDeliveryReportReceived")
        assert sorted(event["data"]["recipient"] for event in page["items"]) == ["ann@example.test", "bob@example.test"]


def test_reports_of_failure_come_back(tmp_path: Path) -> None:
    """To one of several recipients, whose tag looks like xtext, with the whole mail in it."""
    door = free_port()
    settings = {"reports": "dsn", "return": "full", "notify": ["success", "failure", "delay"]}
    with Postfix(door) as postfix, Server("--config", config(tmp_path, postfix.port, door, **settings)) as server:
        rule = {"match": "*@away.test", "outcome": "bounced", "refuse": True, "status_code": "5.1.1", "detail": "no such mailbox"}
        server.request("POST", "/_control/mail-rules", rule)
        _, answer, _ = server.request("POST", SEND, message(["ann@example.test", "zoe+2b@away.test", "j\u00fcrgen@example.test"]))
        wanted = {"ann@example.test": "delivered", "zoe+2b@away.test": "bounced", "j\u00fcrgen@example.test": "delivered"}
        record = states_when(server, answer["id"], wanted, postfix)
        assert record["recipients"][1]["status_code"] == "5.1.1"


def test_a_bounce_comes_back_as_a_report(tmp_path: Path) -> None:
    door = free_port()
    with Postfix(door) as postfix, Server("--config", config(tmp_path, postfix.port, door)) as server:
        # Postfix takes mail for others, and has to send back what the next server refuses.
        rule = {"match": "*@away.test", "outcome": "bounced", "refuse": True, "status_code": "5.1.1", "detail": "no such mailbox"}
        server.request("POST", "/_control/mail-rules", rule)
        _, answer, _ = server.request("POST", SEND, message(["zoe@away.test"]))
        record = states_when(server, answer["id"], {"zoe@away.test": "bounced"}, postfix)
        assert record["recipients"][0]["status_code"] == "5.1.1"
        assert "no such mailbox" in record["recipients"][0]["detail"]
        _, page, _ = server.request("GET", "/_control/events?after=0&type=Microsoft.Communication.EmailDeliveryReportReceived")
        assert [event["data"]["status"] for event in page["items"]] == ["Delivered", "Bounced"]


def test_eight_bit_text_and_addresses_beyond_ascii(tmp_path: Path) -> None:
    """8BITMIME and SMTPUTF8, which Postfix offers and insists on."""
    door, to = free_port(), "jürgen@example.test"
    with Postfix(door) as postfix, Server("--config", config(tmp_path, postfix.port, door, eight_bit=True)) as server:
        _, answer, _ = server.request("POST", SEND, message([to, "ann@example.test"], "Grüße an alle\ntwo\n"))
        states_when(server, answer["id"], {to: "delivered", "ann@example.test": "delivered"}, postfix)
        for user in ("jürgen", "ann"):
            [raw] = postfix.mails(user, 1)
            head, _, body = raw.partition(b"\n\n")
            assert to.encode() in head
            assert b"Content-Transfer-Encoding: 8bit" in body
            mail = email.message_from_bytes(raw, policy=email.policy.default.clone(utf8=True))
            text = mail.get_body(("plain",))
            assert text is not None
            assert text.get_content().splitlines() == ["Grüße an alle", "two"]
