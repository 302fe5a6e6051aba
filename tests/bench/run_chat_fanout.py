"""Fan-out of one chat thread to live listeners, beside the floor of plain socket writes.

    run_chat_fanout.py BUILD [listeners]

The server is durable (SQLite on disk); every message is a POST that was answered. Both in one run, so that the ratio means
something.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
import server as harness

IDENTITIES = "/identities?api-version=2023-10-01"
THREADS = "/chat/threads?api-version=2024-03-07"


def user(running: harness.Server) -> tuple[str, str]:
    status, body, _ = running.request("POST", IDENTITIES, {"createTokenWithScopes": ["chat"]})
    assert status == 201, body
    return body["identity"]["id"], body["accessToken"]["token"]


def participant(identifier: str) -> dict[str, object]:
    return {"communicationIdentifier": {"rawId": identifier, "communicationUser": {"id": identifier}}}


def main() -> None:
    build = Path(sys.argv[1])
    listeners = int(sys.argv[2]) if len(sys.argv) > 2 else 249  # with the sender: a full thread
    harness.PROGRAM = build / "bin" / "trunkline"
    with tempfile.TemporaryDirectory() as folder, harness.Server("--data", folder + "/data") as running:
        _, token = user(running)
        others = [user(running) for _ in range(listeners)]
        bearer = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        status, body, _ = running.request("POST", THREADS, {"topic": "fan-out"}, headers=bearer)
        assert status == 201, body
        thread = body["chatThread"]["id"]
        for at in range(0, listeners, 200):
            people = {"participants": [participant(identifier) for identifier, _ in others[at : at + 200]]}
            target = f"/chat/threads/{thread}/participants/:add?api-version=2024-03-07"
            status, body, _ = running.request("POST", target, people, headers=bearer)
            assert status == 201, body
        tokens = Path(folder) / "tokens"
        tokens.write_text("".join(token + "\n" for _, token in others))
        port = running.host.rpartition(":")[2]
        for messages, window in ((200, 1), (600, 16)):
            command = [str(build / "bin" / "bench_chat_fanout"), port, thread, token, str(tokens), str(messages), str(window)]
            print(subprocess.run(command, capture_output=True, text=True, check=True, timeout=240).stdout, end="", flush=True)


if __name__ == "__main__":
    main()
