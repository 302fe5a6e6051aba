"""kill -9 under load, again and again: no text that was accepted is lost, and none goes on the air twice."""

from __future__ import annotations

import collections
import json
import random
import threading
import uuid
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from server import PROGRAM, Server, sms_body

SENDS = "/sms?api-version=2021-03-07"
KILLS = 12
WRITERS = 4
PER_LIFE = 60
OPEN = {"queued", "uncertain", "scheduled"}


def config(folder: Path, *, idempotent: bool) -> Path:
    """One carrier with a journal, which takes idempotency keys or can be asked."""
    carrier = {
        "name": "carrier",
        "plugin": "test-carrier",
        "interfaces": ["sms"] if idempotent else ["sms", "sms.query"],
        "config": {"idempotent": idempotent, "journal": str(folder / "journal")},
    }
    file = folder / "trunkline.yaml"
    file.write_text(
        json.dumps(
            {
                "log": {"level": "error"},
                "listen": {"tls": "off"},
                "control": {"enabled": True},
                "plugins": {"paths": [str(PROGRAM.parents[1] / "test_plugins")]},
                "providers": [carrier],
                "sms": {"reconcile_schedule": ["1s"]},
                "resources": [{"name": "world", "numbers": [{"number": "+14255550100", "sms": "both"}]}],
            }
        )
    )
    return file


class Load:
    """Writers that send until the server is killed; `enough` is set when so many texts were accepted."""

    def __init__(self, server: Server, count: int) -> None:
        self.server, self.count = server, count
        self.enough = threading.Event()
        self.lock = threading.Lock()
        self.accepted: list[str] = []
        self.writers = [threading.Thread(target=self.write, args=(n,)) for n in range(WRITERS)]
        for writer in self.writers:
            writer.start()

    def write(self, writer: int) -> None:
        connection = self.server.connection()
        numbers = [f"+1425555{2000 + writer * 10 + i}" for i in range(1 + writer % 3)]
        for i in range(100_000):
            keys = [str(uuid.uuid4()) for _ in numbers]
            try:
                body = sms_body(numbers, f"{writer}/{i}", ids=keys)
                status, answer, _ = self.server.request("POST", SENDS, body, connection=connection)
            except Exception:
                return  # killed
            assert status == 202, answer
            with self.lock:
                self.accepted.extend(item["messageId"] for item in answer["value"])
                if len(self.accepted) >= self.count:
                    self.enough.set()

    def join(self) -> list[str]:
        for writer in self.writers:
            writer.join(30)
            assert not writer.is_alive()
        return self.accepted


def states(server: Server) -> dict[str, str]:
    found: dict[str, str] = {}
    continuation = ""
    while True:
        _, page, _ = server.request("GET", f"/_control/messages?limit=1000{continuation}")
        found.update({item["message_id"]: item["state"] for item in page["items"]})
        if "continuation" not in page:
            return found
        continuation = f"&continuation={page['continuation']}"


@pytest.mark.parametrize("idempotent", [True, False], ids=["idempotency-key", "query"])
def test_accepted_texts_are_sent_once_although_the_process_is_killed(tmp_path: Path, idempotent: bool) -> None:
    file = config(tmp_path, idempotent=idempotent)
    data = str(tmp_path / "data")
    start = ("--config", str(file), "--data", data)
    draw = random.Random(7)
    accepted: set[str] = set()
    for _ in range(KILLS):
        with Server(*start, command="serve") as server:
            load = Load(server, draw.randrange(1, PER_LIFE))
            assert load.enough.wait(60)
            server.kill()
            accepted.update(load.join())

    with Server(*start, command="serve") as server:
        for _ in range(100):
            server.request("POST", "/_control/clock/advance", {"by": "1s"})
            now = states(server)
            if not OPEN & set(now.values()):
                break
        assert accepted <= set(now), "a text was accepted and is gone"
        assert set(now.values()) == {"sent"}, collections.Counter(now.values())
    on_air = collections.Counter(line.split()[1] for line in (tmp_path / "journal").read_text().splitlines())
    twice = {message: times for message, times in on_air.items() if times > 1}
    assert not twice, "a text went on the air twice"
    assert set(on_air) == set(now), "every text that is recorded went on the air"


def test_a_scheduled_text_survives_a_crash(tmp_path: Path) -> None:
    start = ("--config", str(config(tmp_path, idempotent=True)), "--data", str(tmp_path / "data"))
    body = {"from": "+14255550100", "to": ["+14255550123"], "message": "later"}
    with Server(*start, command="serve") as server:
        _, clock, _ = server.request("GET", "/_control/clock")
        later = (datetime.fromisoformat(clock["now"]) + timedelta(hours=1)).isoformat()
        status, answer, _ = server.request("POST", "/_control/messages", {**body, "send_at": later})
        assert status == 202
        message_id = answer["items"][0]["message_id"]
        assert "expected_at" in answer["items"][0]
        server.kill()
    with Server(*start, command="serve") as server:
        assert states(server)[message_id] == "scheduled"
        server.request("POST", "/_control/clock/advance", {"by": "1h"})
        assert states(server)[message_id] == "sent"
    assert len((tmp_path / "journal").read_text().splitlines()) == 1
