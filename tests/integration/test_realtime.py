from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from realtime import EventStream, Socket, User
from server import Server

MESSAGES = 400
RECEIVED = "Microsoft.Communication.ChatMessageReceivedInThread"


@pytest.fixture(scope="module")
def real_time() -> Iterator[Server]:
    with Server() as running:
        yield running


def open_socket(user: User, after: str) -> Socket:
    return Socket(user, after)


def open_tls_socket(user: User, after: str) -> Socket:
    return Socket(user, after, tls=True)


def open_events(user: User, after: str) -> EventStream:
    return EventStream(user, after)


@pytest.mark.parametrize("connect", [open_socket, open_tls_socket, open_events])
def test_dropped_at_any_point_nothing_is_missed_and_nothing_comes_twice(
    real_time: Server, connect: Callable[[User, str], Socket | EventStream]
) -> None:
    ann, bob = User(real_time), User(real_time)
    thread = ann.create_thread(bob)
    dice = random.Random(7)
    seen: list[str] = []
    first = connect(bob, "0")
    begin = first.next()
    assert begin is not None
    cursor = begin["cursor"]
    first.drop()

    def speak() -> None:
        for number in range(MESSAGES):
            ann.say(thread, f"m{number}")

    speaker = threading.Thread(target=speak)
    speaker.start()
    connections = 0
    while len(seen) < MESSAGES:
        stream = connect(bob, cursor)
        connections += 1
        stream.next()
        for _ in range(dice.randrange(40)):
            if len(seen) == MESSAGES:
                break
            event = stream.next()
            assert event is not None
            cursor = event["cursor"]
            if event["type"] == RECEIVED:
                seen.append(event["data"]["messageBody"])
        stream.drop()
    speaker.join()
    assert seen == [f"m{number}" for number in range(MESSAGES)]
    assert connections > 10


def test_a_cursor_outlives_the_server(tmp_path: Path) -> None:
    with Server("--data", str(tmp_path / "data")) as running:
        ann, bob = User(running), User(running)
        thread = ann.create_thread(bob)
        stream = Socket(bob, "0")
        stream.next()
        created = stream.next()
        assert created is not None
        for number in range(5):
            ann.say(thread, f"m{number}")
        running.kill()
    with Server("--data", str(tmp_path / "data")) as running:
        bob.server = running
        stream = Socket(bob, created["cursor"])
        stream.next()
        bodies = []
        for _ in range(5):
            event = stream.next()
            assert event is not None
            bodies.append(event["data"]["messageBody"])
        assert bodies == [f"m{number}" for number in range(5)]


def test_only_participants_are_told(real_time: Server) -> None:
    ann, bob, eve = User(real_time), User(real_time), User(real_time)
    thread = ann.create_thread(bob)
    outside = Socket(eve)
    outside.next()
    inside = Socket(bob)
    inside.next()
    ann.say(thread, "before")
    event = inside.next()
    assert event is not None
    assert event["data"]["messageBody"] == "before"
    other = eve.create_thread()
    event = outside.next()
    assert event is not None
    assert event["data"]["threadId"] == other  # and nothing of the others' thread before it


def test_the_end_of_a_token_ends_its_streams(real_time: Server) -> None:
    bob = User(real_time)
    stream, events = Socket(bob), EventStream(bob)
    stream.next()
    events.next()
    bob.revoke()
    assert stream.next() is None
    assert stream.code == 4401
    assert events.next() is None
    assert Socket(bob).status == 401
