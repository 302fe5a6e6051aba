"""Accepted means durable: kill -9 under load loses nothing that was answered."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path

import pytest
from server import Server, sms_body

SENDS = "/sms?api-version=2026-01-23"
WRITERS = 8
KILL_AFTER = 400


def test_kill_9_loses_no_accepted_send(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    accepted: dict[str, str] = {}
    lock = threading.Lock()
    enough = threading.Event()
    with Server("--data", data) as server:

        def write(writer: int) -> None:
            connection = server.connection()
            for i in range(100_000):
                key = str(uuid.uuid4())
                try:
                    status, answer, _ = server.request(
                        "POST", SENDS, sms_body([f"+1425555{2000 + writer}"], f"{writer}/{i}", ids=[key]), connection=connection
                    )
                except OSError:
                    return  # killed
                except Exception:
                    return
                assert status == 202, answer
                with lock:
                    accepted[answer["value"][0]["messageId"]] = key
                    if len(accepted) >= KILL_AFTER:
                        enough.set()

        writers = [threading.Thread(target=write, args=(n,)) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        assert enough.wait(60), f"only {len(accepted)} sends were accepted"
        server.kill()
        for writer in writers:
            writer.join(30)
            assert not writer.is_alive()

    assert len(accepted) >= KILL_AFTER
    with Server("--data", data) as server:
        connection = server.connection()
        states: dict[str, int] = {}
        for message_id in accepted:
            status, record, _ = server.request("GET", f"/_control/messages/{message_id}", connection=connection)
            assert status == 200, f"{message_id} was accepted and is gone"
            states[record["state"]] = states.get(record["state"], 0) + 1
        # Whatever was under way is taken up again and comes to an end; nothing stays queued.
        for _ in range(100):
            server.request("POST", "/_control/clock/advance", {"by": "1s"}, connection=connection)
            _, page, _ = server.request("GET", "/_control/messages?limit=1000", connection=connection)
            if not any(item["state"] == "queued" for item in page["items"]):
                break
        assert not any(item["state"] == "queued" for item in page["items"]), states
        # A retry of an accepted send, after the crash, is still the same message.
        message_id, key = next(iter(accepted.items()))
        _, record, _ = server.request("GET", f"/_control/messages/{message_id}", connection=connection)
        status, answer, _ = server.request(
            "POST", SENDS, sms_body([record["to"]], record["message"], ids=[key]), connection=connection
        )
        assert status == 202
        assert answer["value"][0]["messageId"] == message_id


def test_a_second_process_on_the_same_data_is_refused(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    with Server("--data", data), pytest.raises(AssertionError, match="in use by another runtime"):
        Server("--data", data)


def test_a_stopped_server_keeps_everything(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    with Server("--data", data) as server:
        _, answer, _ = server.request("POST", SENDS, sms_body(["+14255550123"]))
        message_id = answer["value"][0]["messageId"]
        assert server.stop() == 0
    with Server("--data", data) as server:
        status, record, _ = server.request("GET", f"/_control/messages/{message_id}")
        assert status == 200
        assert record["message"] == "hello"
