"""A running `trunkline dev` for the tests of this folder."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = Path(os.environ.get("TRUNKLINE_BIN") or ROOT / "build" / "release" / "bin" / "trunkline")


@contextmanager
def running(*args: str) -> Iterator[dict[str, str]]:
    """What the ready line of a server says, which ends with the block."""
    assert PROGRAM.is_file(), f"{PROGRAM} does not exist; run 'make build' first"
    command = [str(PROGRAM), "dev", "--port", "0", "--json", *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        # A server that never becomes ready must not hold the suite for ever.
        watchdog = threading.Timer(20, process.kill)
        watchdog.start()
        try:
            assert process.stdout is not None
            line = next((line for line in process.stdout if line.startswith("{")), None)
            assert line, f"trunkline dev ended with {process.wait()} before it was ready"
            watchdog.cancel()
            # Nobody reads further; a full pipe must not stop the server.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield json.loads(line)
        finally:
            watchdog.cancel()
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def trusted(ready: dict[str, str]) -> Iterator[dict[str, str]]:
    """The clients trust the authority of this machine, as guide/identity.md says they are told to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", ready["ca_file"])
        yield ready


@pytest.fixture(scope="session")
def ready() -> Iterator[dict[str, str]]:
    """What the server's ready line says."""
    with running() as line, trusted(line):
        yield line


@pytest.fixture(scope="module")
def virtual() -> Iterator[dict[str, str]]:
    """The same of a server whose clock stands still until it is moved."""
    with running("--clock", "virtual") as line, trusted(line):
        yield line
