"""Threads on a real Matrix homeserver: what one side writes, the other one reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from homeserver import SERVER_NAME, MatrixUser, Synapse
from realtime import Socket, User
from server import Server

PREFIX = "Microsoft.Communication.Chat"
WAIT_MS = 20_000


@pytest.fixture(scope="module")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    with Synapse(tmp_path_factory.mktemp("synapse")) as running:
        yield running


@pytest.fixture(scope="module")
def carol(synapse: Synapse) -> MatrixUser:
    return synapse.register("carol")


def configuration(synapse: Synapse, folder: Path, **config: Any) -> list[str]:
    """Arguments of a server whose chat is on the homeserver; its data rests in `folder`."""
    whole = {
        "listen": {"port": 0, "tls": "off"},
        "control": {"enabled": True},
        "log": {"level": "warning"},
        "store": {"mode": "file", "path": str(folder / "data")},
        "providers": [
            {"name": "identity", "plugin": "identity-local"},
            {
                "name": "chat",
                "plugin": "chat-matrix",
                "config": {"homeserver": synapse.url, "server_name": SERVER_NAME, **config},
                "secrets": {"as_token": {"value": synapse.as_token}},
            },
        ],
        "resources": [{"name": "main", "id": "7472756e-6b6c-496e-8565-0000000000aa"}],
    }
    file = folder / "trunkline.yaml"
    file.write_text(json.dumps(whole))
    return ["--config", str(file)]


@pytest.fixture(scope="module")
def server(synapse: Synapse, carol: MatrixUser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("trunkline")
    with Server(*configuration(synapse, folder, invite=[carol.id]), command="serve") as running:
        yield running


def listen(user: User) -> Socket:
    stream = Socket(user)
    begin = stream.next()
    assert begin
    assert begin["type"] == "begin"
    return stream


def following(stream: Socket, kind: str) -> dict[str, Any]:
    """The next change of a kind."""
    while event := stream.next():
        if event["type"].endswith(kind):
            return dict(event["data"])
    raise AssertionError(f"the stream ended before {kind}")


def matrix_id(user: User) -> str:
    return "@acs_" + user.id.replace(":", "=3a") + ":" + SERVER_NAME


def texts(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(e["sender"], e["content"]["body"]) for e in events if e["type"] == "m.room.message" and "body" in e["content"]]


def in_room(carol: MatrixUser, room: str, count: int) -> list[dict[str, Any]]:
    """The next `count` events of a room that carol is in, by long polls."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        joined = carol.sync(WAIT_MS)["rooms"]["join"]
        found += joined.get(room, {}).get("timeline", {}).get("events", [])
    return found


def page(user: User, thread: str) -> list[dict[str, Any]]:
    """What was written, the oldest first, over pages."""
    messages: list[dict[str, Any]] = []
    query = "&maxPageSize=7"
    while True:
        headers = {"Authorization": f"Bearer {user.token}"}
        target = f"/chat/threads/{thread}/messages?api-version=2024-03-07{query}"
        status, answer, _ = user.server.request("GET", target, headers=headers)
        assert status == 200, answer
        messages += answer["value"]
        if "nextLink" not in answer:
            return messages[::-1]
        query = "&maxPageSize=7&continuation=" + answer["nextLink"].split("continuation=")[1]


def said(messages: list[dict[str, Any]]) -> list[str]:
    return [m["content"]["message"] for m in messages if m["type"] in ("text", "html") and "message" in m.get("content", {})]


def test_a_matrix_client_sees_what_is_sent(server: Server, carol: MatrixUser) -> None:
    alice, bob = User(server), User(server)
    thread = alice.create_thread(bob)
    carol.join(thread)
    alice.say(thread, "hello")
    bob.say(thread, "hi")
    path = f"/chat/threads/{thread}/messages"
    html = {"content": "<p>a <b>bold</b> word</p>", "type": "html", "senderDisplayName": "Alice", "metadata": {"k": "v"}}
    sent = alice.call("POST", path, html, 201)["id"]
    alice.call("PATCH", f"/chat/threads/{thread}", {"topic": "renamed"}, 204)
    history = carol.history(thread)
    assert texts(history)[:2] == [(matrix_id(alice), "hello"), (matrix_id(bob), "hi")]
    rich = history[[e["content"].get("format") for e in history].index("org.matrix.custom.html")]
    assert rich["content"]["formatted_body"] == html["content"]
    assert rich["content"]["body"].strip() == "a bold word"
    assert carol.call("GET", carol.room(thread, "/state/m.room.topic/"))["topic"] == "renamed"
    message = alice.call("GET", f"{path}/{sent}")
    assert message["content"]["message"] == html["content"]
    assert (message["type"], message["senderDisplayName"], message["metadata"]) == ("html", "Alice", {"k": "v"})

    alice.call("PATCH", f"{path}/{sent}", {"content": "better"}, 204)
    replaced = carol.history(thread)[-1]["content"]
    assert replaced["m.relates_to"] == {"rel_type": "m.replace", "event_id": rich["event_id"]}
    assert replaced["m.new_content"]["formatted_body"] == "better"
    assert bob.call("GET", f"{path}/{sent}")["content"]["message"] == "better"
    alice.call("DELETE", f"{path}/{sent}", None, 204)
    left = [e for e in carol.history(thread) if e["event_id"] == rich["event_id"] or "m.new_content" in e["content"]]
    assert [e["content"] for e in left] == [{}], "neither the message nor its edit has kept its content"
    bob.call("DELETE", f"/chat/threads/{thread}", None, 204)
    while thread not in carol.sync(WAIT_MS)["rooms"].get("leave", {}):
        pass


def test_what_matrix_users_do_arrives(server: Server, carol: MatrixUser) -> None:
    alice, bob = User(server), User(server)
    with_alice = listen(alice)
    thread = alice.create_thread(bob)
    carol.join(thread)
    added = following(with_alice, "ParticipantAdded")
    foreign = f"matrix:{carol.id}"
    assert added["participantAdded"]["participantCommunicationIdentifier"]["rawId"] == foreign
    event = carol.say(thread, "I am Carol")
    received = following(with_alice, "MessageReceivedInThread")
    assert received["messageBody"] == "I am Carol"
    assert received["senderCommunicationIdentifier"]["rawId"] == foreign
    assert received["senderDisplayName"] == "carol"
    carol.edit(thread, event, "I am Carola")
    edited = following(with_alice, "MessageEditedInThread")
    assert (edited["messageId"], edited["messageBody"]) == (received["messageId"], "I am Carola")
    assert said(page(bob, thread)) == ["I am Carola"]

    alice.say(thread, "read this")
    mine = following(with_alice, "MessageReceivedInThread")["messageId"]
    newest = texts(carol.history(thread))[-1]
    assert newest[1] == "read this"
    last = carol.history(thread)[-1]["event_id"]
    carol.call("POST", carol.room(thread, f"/receipt/m.read/{last.replace('$', '%24')}"), {})
    receipt = following(with_alice, "ChatReadReceiptReceivedInThread")
    assert (receipt["messageId"], receipt["senderCommunicationIdentifier"]["rawId"]) == (mine, foreign)
    me = carol.id.replace("@", "%40").replace(":", "%3A")
    carol.call("PUT", carol.room(thread, f"/typing/{me}"), {"typing": True, "timeout": 5000})
    assert following(with_alice, "TypingIndicatorReceivedInThread")["senderCommunicationIdentifier"]["rawId"] == foreign

    # And the other way round.
    carol.sync()
    bob.call("POST", f"/chat/threads/{thread}/readReceipts", {"chatMessageId": mine}, 200)
    bob.call("POST", f"/chat/threads/{thread}/typing", {"senderDisplayName": "Bob"}, 200)
    told: dict[str, Any] = {}
    while set(told) != {"m.receipt", "m.typing"}:
        for one in carol.sync(WAIT_MS)["rooms"]["join"].get(thread, {}).get("ephemeral", {}).get("events", []):
            told[one["type"]] = one["content"]
    assert matrix_id(bob) in told["m.typing"]["user_ids"]
    assert matrix_id(bob) in told["m.receipt"][last]["m.read"]

    carol.redact(thread, event)
    assert following(with_alice, "MessageDeletedInThread")["messageId"] == received["messageId"]
    carol.leave(thread)
    removed = following(with_alice, "ParticipantRemoved")
    assert removed["participantRemoved"]["participantCommunicationIdentifier"]["rawId"] == foreign
    assert said(page(bob, thread)) == ["read this"]


def test_both_sides_have_one_order(server: Server, carol: MatrixUser) -> None:
    alice, bob = User(server), User(server)
    thread = alice.create_thread(bob)
    carol.join(thread)
    with_bob = listen(bob)
    expected = []
    for i in range(12):
        expected += [f"alice {i}", f"carol {i}"]
        alice.say(thread, f"alice {i}")
        carol.say(thread, f"carol {i}")
        while following(with_bob, "MessageReceivedInThread")["messageBody"] != f"carol {i}":
            pass
    assert said(page(bob, thread)) == expected
    assert [body for _, body in texts(carol.history(thread))] == expected
    ids = [m["id"] for m in page(bob, thread)]
    assert ids == sorted(ids)


def test_people_are_invited_from_either_side(server: Server, synapse: Synapse, carol: MatrixUser) -> None:
    alice, bob, dave = User(server), User(server), synapse.register("dave")
    thread = alice.create_thread()
    path = f"/chat/threads/{thread}/participants"
    people = [{"communicationIdentifier": {"rawId": f"matrix:{dave.id}"}}, {"communicationIdentifier": {"rawId": "matrix:dave"}}]
    refused = alice.call("POST", path + "/:add", {"participants": people}, 201)["invalidParticipants"]
    assert [one["target"] for one in refused] == ["matrix:dave"]
    assert thread in dave.sync()["rooms"]["invite"]
    dave.join(thread)
    alice.say(thread, "welcome")
    assert texts(dave.history(thread)) == [(matrix_id(alice), "welcome")]
    with_bob = listen(bob)
    dave.call("POST", dave.room(thread, "/invite"), {"user_id": matrix_id(bob)})
    following(with_bob, "ParticipantAdded")
    bob.say(thread, "thank you")
    listed = alice.call("GET", path)["value"]
    assert [one["communicationIdentifier"]["rawId"] for one in listed] == [alice.id, f"matrix:{dave.id}", bob.id]
    remove = {"rawId": f"matrix:{dave.id}"}
    alice.call("POST", path + "/:remove", remove, 204)
    while thread not in dave.sync(WAIT_MS)["rooms"].get("leave", {}):
        pass


def test_what_was_written_while_we_were_away(synapse: Synapse, carol: MatrixUser, tmp_path: Path) -> None:
    args = configuration(synapse, tmp_path, user_prefix="acs_away_", alias_prefix="trunkline_away_", invite=[carol.id])
    with Server(*args, command="serve") as first:
        alice = User(first)
        thread = alice.create_thread()
        carol.join(thread)
        with_alice = listen(alice)
        carol.say(thread, "before")
        following(with_alice, "MessageReceivedInThread")
    expected = [f"missed {i}" for i in range(70)]  # more than one answer of the homeserver has
    for text in expected:
        carol.say(thread, text)
    with Server(*args, command="serve") as second:
        alice.server = second
        with_alice = Socket(alice, after="0")
        while following(with_alice, "MessageReceivedInThread")["messageBody"] != expected[-1]:
            pass
        assert said(page(alice, thread)) == ["before", *expected]


def test_a_homeserver_that_goes_and_comes_back(carol: MatrixUser, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder, home = tmp_path_factory.mktemp("gone"), tmp_path_factory.mktemp("gone-synapse")
    with Synapse(home) as synapse:
        erin = synapse.register("erin")
        with Server(*configuration(synapse, folder, invite=[erin.id]), command="serve") as server:
            alice = User(server)
            thread = alice.create_thread()
            erin.join(thread)
            with_alice = listen(alice)
            synapse.stop()
            answer = alice.call("POST", f"/chat/threads/{thread}/messages", {"content": "x", "type": "text"}, 503)
            assert "error" in answer
            synapse.start()
            erin.say(thread, "still here")
            assert following(with_alice, "MessageReceivedInThread")["messageBody"] == "still here"
            alice.say(thread, "good")
            assert texts(erin.history(thread)) == [(erin.id, "still here"), (matrix_id(alice), "good")]


def test_the_clock_does_not_wait_for_the_long_poll(server: Server) -> None:
    User(server).create_thread()
    status, answer, _ = server.request("POST", "/_control/clock/advance", {"by": "60s"})
    assert status == 200, answer
