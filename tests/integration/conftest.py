from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Modules of this folder, and the Postfix of the examples.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "examples" / "python")]

from server import Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--clock", "virtual") as running:
        yield running
