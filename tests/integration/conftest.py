from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from server import Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--clock", "virtual") as running:
        yield running
