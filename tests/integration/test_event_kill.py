"""Events that were accepted are delivered although the process is killed, again and again, at any moment."""

from __future__ import annotations

import base64
import collections
import json
import random
import threading
import uuid
from pathlib import Path
from typing import Any

from patience import eventually
from receiver import Receiver
from server import Server

KILLS = 50
WRITERS = 4
BATCH = 5
HELD_KILLS = 6
IN_FLIGHT = 8
KEY = base64.b64encode(b"a key of the load topic, long enough").decode()


def config(folder: Path, receiver: Receiver, concurrency: int = 0) -> Path:
    """`concurrency`: requests at the same time; 0: as many as there may be."""
    destination = {"endpointType": "WebHook", "properties": {"endpointUrl": receiver.url}}
    properties = {"destination": destination, "trunkline": {"concurrency": concurrency}}
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
                        "event_subscriptions": [{"name": "hook", "properties": properties}],
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


def delivered(server: Server, most: int = 1000) -> set[str]:
    """Of the newest events that were delivered, those whose attempt is on disk."""
    connection = server.connection()
    query = f"topic=load&subscription=hook&state=delivered&order=newest&limit={most}"
    status, page, _ = server.request("GET", f"/_control/events?{query}", connection=connection)
    assert status == 200, page
    ids: set[str] = set()
    for item in page["items"]:
        # The state counts what is known in memory as well; the attempts are those that were written.
        status, event, _ = server.request("GET", f"/_control/events/{item['id']}?topic=load", connection=connection)
        assert status == 200, event
        if event["subscriptions"][0]["attempts"]:
            ids.add(item["id"])
    connection.close()
    return ids


class Holder:
    """Of a receiver: takes so many events, and leaves the requests of all others without an answer until the process is gone."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.places = 0  # events that will be taken
        self.taken: list[str] = []
        self.held: list[str] = []
        self.gone = threading.Event()

    def status(self, events: list[dict[str, Any]]) -> int:
        [event] = events
        with self.changed:
            take = self.places > 0
            self.places -= take
            (self.taken if take else self.held).append(event["id"])
            self.changed.notify_all()
            gone = self.gone
        if take:
            return 200
        gone.wait(60)
        return 503

    def open(self, places: int) -> None:
        with self.changed:
            self.places, self.gone = places, threading.Event()

    def wait(self, taken: int, held: int) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: len(self.taken) >= taken and len(self.held) >= held, 30)


def test_only_what_was_in_flight_comes_twice(tmp_path: Path) -> None:
    """What was answered and written down never comes again; of the rest, what the killed process was just sending comes again."""
    randomness = random.Random(9)
    headers = {"aeg-sas-key": KEY, "Content-Type": "application/json"}
    holder = Holder()
    accepted: set[str] = set()
    with Receiver() as receiver:
        receiver.status = holder.status
        start = ("--config", str(config(tmp_path, receiver, IN_FLIGHT)), "--data", str(tmp_path / "data"))
        for kill in range(1, HELD_KILLS + 1):
            places = randomness.randrange(1, 60)
            wanted = len(holder.taken) + places
            holder.open(places)
            with Server(*start) as server:
                while len(accepted) < wanted + 3 * IN_FLIGHT:
                    events = batch()
                    status, answer, _ = server.request("POST", "/topics/load/api/events", events, headers=headers)
                    assert status == 200, answer
                    accepted.update(event["id"] for event in events)
                assert holder.wait(wanted, kill * IN_FLIGHT), f"{len(holder.taken)} of {wanted} taken, {len(holder.held)} held"
                eventually(lambda server=server: delivered(server) == set(holder.taken))
                server.kill()
            holder.gone.set()
            receiver.wait_until_left_alone()
            assert len(holder.held) == kill * IN_FLIGHT, "no more than the subscription may have under way"
        holder.open(len(accepted))
        with Server(*start) as server:
            assert receiver.wait(lambda events: accepted <= {event["id"] for event in events}, 60)
            wait_until_idle(server)
            eventually(lambda: delivered(server) == accepted)
    counts = collections.Counter(holder.taken)
    assert set(counts) == accepted
    assert set(counts.values()) == {1}, "none that was taken came again"
    tries = collections.Counter(holder.taken + holder.held)
    assert sum(tries.values()) - len(tries) == HELD_KILLS * IN_FLIGHT, "each kill costs what was in flight, and nothing else"


def wait_until_idle(server: Server) -> None:
    """Until everything that was delivered is written down, too."""
    connection = server.connection()

    def activity() -> dict[str, Any]:
        status, hook, _ = server.request("GET", "/_control/event-subscriptions/hook?topic=load", connection=connection)
        assert status == 200, hook
        return dict(hook["activity"])

    eventually(activity, lambda found: bool(found["idle"]))


def test_kill_9_fifty_times_loses_no_accepted_event(tmp_path: Path) -> None:
    randomness = random.Random(4)
    accepted: set[str] = set()
    lives: list[list[str]] = []
    written: list[set[str]] = []  # what was on disk as delivered when a life ended
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
                written.append(delivered(server, 20))
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
    for number, known in enumerate(written, 1):
        again = known & {id for life in lives[number:] for id in life}
        assert not again, f"{len(again)} events came again that were on disk as delivered"
    repeated = sum(len(life) for life in lives) - len({id for life in lives for id in life})
    # What was in flight (the connections of an endpoint), and on average no more than that again, answered and not written.
    assert repeated <= KILLS * 2 * 32, f"{repeated} of {len(accepted)} events were delivered twice"
