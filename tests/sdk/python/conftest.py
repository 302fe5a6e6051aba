"""A running `trunkline dev` for the tests of this folder."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = Path(os.environ.get("TRUNKLINE_BIN") or ROOT / "build" / "release" / "bin" / "trunkline")


@pytest.fixture(scope="session")
def ready() -> Iterator[dict[str, str]]:
    """What the server's ready line says."""
    assert PROGRAM.is_file(), f"{PROGRAM} does not exist; run 'make build' first"
    command = [str(PROGRAM), "dev", "--port", "0", "--json"]
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
