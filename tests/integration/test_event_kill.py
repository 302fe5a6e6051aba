"""Events that were accepted are delivered although the process is killed, again and again, at any moment."""

from __future__ import annotations

import base64
import collections
import json
import random
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from receiver import Receiver
from server import Server

KILLS = 50
WRITERS = 4
BATCH = 5
KEY = base64.b64encode(b"a key of the load topic, long enough").decode()


def config(folder: Path, receiver: Receiver) -> Path:
    file = folder / "trunkline.yaml"
    file.write_text(
        json.dumps(
            {
                "log": {"level": "error"},
                "listen": {"tls": "off"},
                "control": {"enabled": True},
                "resources": [{"name": "world"}],
                "topics": [
                    {
                        "name": "load",
                        "key1": {"value": KEY},
                        "event_subscriptions": [{"name": "hook", "endpoint": receiver.url}],
                    }
                ],
            }
        )
    )
    return file


def batch() -> list[dict[str, Any]]:
    return [
        {
            "id": str(uuid.uuid4()),
            "eventType": "Load.Event",
            "subject": "load",
            "eventTime": "2026-01-01T00:00:00Z",
            "dataVersion": "1",
            "data": {"filler": "x" * 300},
        }
        for _ in range(BATCH)
    ]


def wait_until_idle(server: Server) -> None:
    """Until everything that was delivered is written down, too."""
    connection = server.connection()
    end = time.monotonic() + 30
    while time.monotonic() < end:
        status, hook, _ = server.request("GET", "/_control/event-subscriptions/hook?topic=load", connection=connection)
        assert status == 200, hook
        if hook["activity"]["idle"]:
            return
    raise AssertionError(f"still busy: {hook['activity']}")


def test_kill_9_fifty_times_loses_no_accepted_event(tmp_path: Path) -> None:
    randomness = random.Random(4)
    accepted: set[str] = set()
    lives: list[list[str]] = []
    lock = threading.Lock()
    headers = {"aeg-sas-key": KEY, "Content-Type": "application/json"}
    with Receiver() as receiver:
        start = ("--config", str(config(tmp_path, receiver)), "--data", str(tmp_path / "data"))
        for _ in range(KILLS):
            seen = len(receiver.events)
            enough = threading.Event()
            wanted = len(accepted) + randomness.randrange(10, 400)
            with Server(*start) as server:

                def write(server: Server = server, wanted: int = wanted, enough: threading.Event = enough) -> None:
                    connection = server.connection()
                    while True:
                        events = batch()
                        try:
                            status, answer, _ = server.request(
                                "POST", "/topics/load/api/events", events, headers=headers, connection=connection
                            )
                        except Exception:
                            return  # killed
                        assert status == 200, answer
                        with lock:
                            accepted.update(event["id"] for event in events)
                            if len(accepted) >= wanted:
                                enough.set()

                writers = [threading.Thread(target=write) for _ in range(WRITERS)]
                for writer in writers:
                    writer.start()
                assert enough.wait(30), f"{len(accepted)} of {wanted} events were accepted"
                server.kill()
                for writer in writers:
                    writer.join(30)
                    assert not writer.is_alive()
            receiver.wait_until_left_alone()
            lives.append([event["id"] for event in receiver.events[seen:]])
        seen = len(receiver.events)
        with Server(*start) as server:
            receiver.wait(lambda events: accepted <= {event["id"] for event in events}, 60)
            wait_until_idle(server)
        lost = accepted - {event["id"] for event in receiver.events}
        assert not lost, f"{len(lost)} of {len(accepted)} accepted events were lost"
        lives.append([event["id"] for event in receiver.events[seen:]])

        # What was delivered and written down stays so: a new life sends what is new, and nothing else.
        seen = len(receiver.events)
        with Server(*start) as server:
            last = batch()
            status, answer, _ = server.request("POST", "/topics/load/api/events", last, headers=headers)
            assert status == 200, answer
            wanted_ids = {event["id"] for event in last}
            assert receiver.wait(lambda events: wanted_ids <= {event["id"] for event in events}, 60)
        assert {event["id"] for event in receiver.events[seen:]} == wanted_ids

    # Within one life nothing is delivered twice; from one to another only what the killed process had no time to write down.
    for life in lives:
        twice = [id for id, count in collections.Counter(life).items() if count > 1]
        assert not twice, f"delivered twice in one life: {twice[:3]}"
    repeated = sum(len(life) for life in lives) - len({id for life in lives for id in life})
    assert repeated < len(accepted) / 2, f"{repeated} of {len(accepted)} events were delivered twice"
