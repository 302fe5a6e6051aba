"""SMPP peers in processes of their own: npm `smpp` as the SMSC (smsc/smsc.mjs) and as a client (smsc/client.mjs)."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PROGRAMS = Path(__file__).parent / "smsc"
PATIENCE_SECONDS = 60


class Peer:
    """One side of SMPP. Ended with the block it is used in. `events` has everything it said, in order."""

    def __init__(self, program: str, **options: Any) -> None:
        command = ["node", str(PROGRAMS / program), json.dumps(options)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.events: list[dict[str, Any]] = []
        self._new: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._new.put(json.loads(line))
        self._new.put(None)

    def wait(self, event: str, **members: Any) -> dict[str, Any]:
        """The next event of this name that has these members, from here on."""
        while True:
            seen = self._new.get(timeout=PATIENCE_SECONDS)
            assert seen is not None, f"the peer ended while {event} was waited for"
            self.events.append(seen)
            if seen["event"] == event and all(seen.get(name) == value for name, value in members.items()):
                return seen

    def drain(self) -> list[dict[str, Any]]:
        while not self._new.empty():
            seen = self._new.get()
            if seen is not None:
                self.events.append(seen)
        return self.events

    def say(self, **command: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.kill()
        self.process.wait()


class Smsc(Peer):
    """A carrier."""

    def __init__(self, **options: Any) -> None:
        super().__init__("smsc.mjs", **options)
        self._syncs = 0
        self.port: int = self.wait("listening")["port"]

    def submits(self) -> list[dict[str, Any]]:
        """All that came until now: what it said of them may still be on its way to us."""
        self._syncs += 1
        self.say(sync=self._syncs)
        self.wait("synced", sync=self._syncs)
        return [event for event in self.events if event["event"] == "submit"]


class Client(Peer):
    """A client of a carrier."""

    def __init__(self, port: int, **options: Any) -> None:
        super().__init__("client.mjs", port=port, **options)
