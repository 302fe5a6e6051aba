"""Accepted means durable: kill -9 under load loses no mail that was answered."""

from __future__ import annotations

import json
import threading
import uuid
from pathlib import Path

from server import Server

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
