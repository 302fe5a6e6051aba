"""A chat message that was answered survives kill -9, with its event, in one order."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from server import Server

VERSION = "?api-version=2025-03-15"
WRITERS = 8
KILL_AFTER = 400


def user(server: Server) -> tuple[str, dict[str, str]]:
    status, answer, _ = server.request("POST", "/identities?api-version=2025-06-30", {"createTokenWithScopes": ["chat"]})
    assert status == 201, answer
    token = answer["accessToken"]["token"]
    return answer["identity"]["id"], {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def history(server: Server, headers: dict[str, str], thread: str) -> list[dict[str, Any]]:
    target: str | None = f"/chat/threads/{thread}/messages{VERSION}&maxPageSize=200"
    messages: list[dict[str, Any]] = []
    while target:
        status, page, _ = server.request("GET", target, headers=headers)
        assert status == 200, page
        messages += page["value"]
        target = page.get("nextLink")
    return messages


def test_kill_9_loses_no_accepted_message(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    accepted: dict[str, str] = {}
    lock = threading.Lock()
    enough = threading.Event()
    with Server("--data", data) as server:
        _, alice = user(server)
        status, created, _ = server.request("POST", f"/chat/threads{VERSION}", {"topic": "kill"}, headers=alice)
        assert status == 201, created
        thread = created["chatThread"]["id"]

        def write(writer: int) -> None:
            connection = server.connection()
            for i in range(100_000):
                content = f"{writer}/{i}"
                try:
                    status, answer, _ = server.request(
                        "POST",
                        f"/chat/threads/{thread}/messages{VERSION}",
                        {"content": content},
                        headers=alice,
                        connection=connection,
                    )
                except Exception:
                    return  # killed
                assert status == 201, answer
                with lock:
                    accepted[answer["id"]] = content
                    if len(accepted) >= KILL_AFTER:
                        enough.set()

        writers = [threading.Thread(target=write, args=(n,)) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        assert enough.wait(60), f"only {len(accepted)} messages were accepted"
        server.kill()
        for writer in writers:
            writer.join(30)
            assert not writer.is_alive()

    with Server("--data", data) as server:
        messages = history(server, alice, thread)  # the token is still good, too
        texts = {m["id"]: m["content"]["message"] for m in messages if m["type"] == "text"}
        lost = [content for id, content in accepted.items() if texts.get(id) != content]
        assert not lost, f"{len(lost)} accepted messages are gone: {lost[:3]}"
        ids = [m["id"] for m in messages]
        assert ids == sorted(ids, reverse=True)
        assert len(set(ids)) == len(ids)
        sequences = [int(m["sequenceId"]) for m in messages]
        assert sequences == list(range(len(messages), 0, -1)), "no gap and no repetition"

        events: list[str] = []
        after = 0
        while True:
            status, page, _ = server.request(
                "GET", f"/_control/events?after={after}&limit=1000&type=Microsoft.Communication.ChatMessageReceivedInThread"
            )
            assert status == 200, page
            if not page["items"]:
                break
            events += [event["data"]["messageId"] for event in page["items"]]
            after = page["next"]
        assert sorted(events) == sorted(texts), "each message has its event, and each event its message"

        status, answer, _ = server.request(
            "POST", f"/chat/threads/{thread}/messages{VERSION}", {"content": "after"}, headers=alice
        )
        assert status == 201
        assert answer["id"] > ids[0]
