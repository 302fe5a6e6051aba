"""Accepted means durable: kill -9 under load loses no mail that was answered."""

from __future__ import annotations

import json
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest
from patience import eventually
from postfix import free_port
from server import Server
from smtp_sink import SmtpSink

SEND = "/emails:send?api-version=2025-09-01"
WRITERS = 6
KILL_AFTER = 250


def test_kill_9_loses_no_accepted_mail(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    accepted: dict[str, bytes] = {}
    lock = threading.Lock()
    enough = threading.Event()

    def mail(writer: int, i: int) -> bytes:
        return json.dumps(
            {
                "senderAddress": "donotreply@sandbox.trunkline.test",
                "content": {"subject": f"{writer}/{i}", "plainText": "x" * 500},
                "recipients": {"to": [{"address": f"w{writer}@example.com"}]},
            }
        ).encode()

    with Server("--data", data) as server:
        # Some are still to be tried again when the end comes.
        rule = {"match": "w0@*", "outcome": "delivered", "refuse": True, "temporary": True}
        server.request("POST", "/_control/mail-rules", rule)

        def write(writer: int) -> None:
            connection = server.connection()
            for i in range(100_000):
                operation_id = str(uuid.uuid4())
                content = mail(writer, i)
                headers = server.headers("POST", SEND, content) | {"Operation-Id": operation_id}
                try:
                    status, answer, _ = server.request("POST", SEND, content, headers=headers, connection=connection)
                except Exception:
                    return  # killed
                assert status == 202, answer
                with lock:
                    accepted[operation_id] = content
                    if len(accepted) >= KILL_AFTER:
                        enough.set()

        writers = [threading.Thread(target=write, args=(n,)) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        assert enough.wait(60), f"only {len(accepted)} mails were accepted"
        server.kill()
        for writer in writers:
            writer.join(30)
            assert not writer.is_alive()

    with Server("--data", data) as server:
        connection = server.connection()
        for _ in range(100):
            server.request("POST", "/_control/clock/advance", {"by": "30s"}, connection=connection)
            _, page, _ = server.request("GET", "/_control/emails?limit=1000", connection=connection)
            states = {recipient["state"] for item in page["items"] for recipient in item["recipients"]}
            if "queued" not in states:
                break
        for operation_id in accepted:
            status, record, _ = server.request("GET", f"/_control/emails/{operation_id}", connection=connection)
            assert status == 200, f"{operation_id} was accepted and is gone"
            assert record["status"] == "succeeded", record
            # What the sandbox had taken before the end is not reported any more: it keeps nothing on disk.
            assert record["recipients"][0]["state"] in ("sent", "delivered"), record
        # A retry of an accepted send, after the crash, is still the same mail.
        operation_id, content = next(iter(accepted.items()))
        headers = server.headers("POST", SEND, content) | {"Operation-Id": operation_id}
        status, answer, _ = server.request("POST", SEND, content, headers=headers, connection=connection)
        assert (status, answer["status"]) == (202, "Succeeded")


def test_kill_9_while_mail_goes_over_smtp(tmp_path: Path) -> None:
    """Nothing is lost. SMTP cannot be asked what became of a mail: one that may go twice says so, and keeps its Message-ID."""
    with SmtpSink() as sink:
        whole = {
            "listen": {"port": 0, "tls": "off"},
            "control": {"enabled": True},
            "log": {"level": "off"},
            "store": {"mode": "file", "path": str(tmp_path / "data")},
            "providers": [
                {"name": "relay", "plugin": "email-smtp", "config": {"host": "127.0.0.1", "port": sink.port, "tls": "off"}}
            ],
            "resources": [{"name": "shop", "email_domains": [{"domain": "shop.test", "senders": [{"username": "news"}]}]}],
        }
        config = tmp_path / "trunkline.yaml"
        config.write_text(json.dumps(whole))
        accepted: list[str] = []

        with Server("--config", str(config), command="serve") as server:

            def write(writer: int) -> None:
                connection = server.connection()
                for i in range(100_000):
                    content = json.dumps(
                        {
                            "senderAddress": "news@shop.test",
                            "content": {"subject": f"{writer}/{i}", "plainText": "x" * 2000},
                            "recipients": {"to": [{"address": f"w{writer}@example.com"}]},
                        }
                    ).encode()
                    try:
                        status, answer, _ = server.request("POST", SEND, content, connection=connection)
                    except Exception:
                        return  # killed
                    assert status == 202, answer
                    accepted.append(answer["id"])

            writers = [threading.Thread(target=write, args=(n,)) for n in range(WRITERS)]
            for writer in writers:
                writer.start()
            eventually(lambda: sink.mails, lambda mails: mails >= KILL_AFTER)
            server.kill()
            for writer in writers:
                writer.join(30)
                assert not writer.is_alive()

        with Server("--config", str(config), command="serve") as server:
            connection = server.connection()
            said = set()
            for operation_id in accepted:
                path = f"/_control/emails/{operation_id}"
                eventually(
                    lambda path=path: server.request("GET", path, connection=connection)[1],
                    lambda record: record["recipients"][0]["state"] == "delivered",
                )
                _, why, _ = server.request("GET", f"{path}/explain", connection=connection)
                if any(step["rule"] == "recovery" for step in why["steps"]):
                    said.add(f"<{operation_id}@shop.test>")
            assert {f"<{operation_id}@shop.test>" for operation_id in accepted} <= set(sink.message_ids), "nothing was lost"
            twice = {one for one in sink.message_ids if sink.message_ids.count(one) > 1}
            assert twice <= said, "what goes twice says so"
            assert said, "some had no outcome when the runtime ended"
            assert len(said) < len(accepted)


@pytest.mark.parametrize("under_way", [False, True])
def test_only_a_mail_that_a_server_may_have_says_so(tmp_path: Path, under_way: bool) -> None:
    """A mail waits to be tried again when the process ends, or its second attempt is under way."""
    port = free_port()
    whole = {
        "listen": {"port": 0, "tls": "off"},
        "control": {"enabled": True},
        "log": {"level": "off"},
        "store": {"mode": "file", "path": str(tmp_path / "data")},
        "providers": [{"name": "relay", "plugin": "email-smtp", "config": {"host": "127.0.0.1", "port": port, "tls": "off"}}],
        "resources": [{"name": "shop", "email_domains": [{"domain": "shop.test", "senders": [{"username": "news"}]}]}],
    }
    config = tmp_path / "trunkline.yaml"
    config.write_text(json.dumps(whole))
    mail = {
        "senderAddress": "news@shop.test",
        "content": {"subject": "S", "plainText": "text"},
        "recipients": {"to": [{"address": "ann@example.com"}]},
    }

    def recipient(server: Server) -> dict[str, Any]:
        _, record, _ = server.request("GET", f"/_control/emails/{operation['id']}")
        return dict(record["recipients"][0])

    with Server("--config", str(config), command="serve") as server:
        _, operation, _ = server.request("POST", SEND, mail)
        eventually(lambda: recipient(server).get("attempts", 0) >= 1)  # nobody listens
        if under_way:
            with SmtpSink(port=port, mute=True) as sink:
                eventually(lambda: sink.mails == 1)
                server.kill()
        else:
            server.kill()
    with SmtpSink(port=port) as sink, Server("--config", str(config), command="serve") as server:
        eventually(lambda: recipient(server)["state"] == "delivered")
        _, why, _ = server.request("GET", f"/_control/emails/{operation['id']}/explain")
        assert ("recovery" in [step["rule"] for step in why["steps"]]) == under_way
        assert sink.mails == 1
