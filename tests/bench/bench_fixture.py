"""What the fixture `trunkline` costs a test, as a ratio to a fixture that does nothing.

    PYTHONPATH=build/release/python python tests/bench/bench_fixture.py [--check]

Both are a thousand tests in one pytest; the time is that of the processor, on all threads. In the last row each test waits for a
code on a phone, so the fixture has something to clean up.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = 1000
WANTED_MS = 3.0
EMPTY = """
import pytest

@pytest.fixture
def nothing(): yield

@pytest.mark.parametrize("i", range({tests}))
def test_it(nothing, i): pass
"""
OURS = """
import pytest

@pytest.mark.parametrize("i", range({tests}))
def test_it(trunkline, i): pass
"""
USED = """
import pytest

@pytest.mark.parametrize("i", range({tests}))
def test_it(trunkline, i):
    trunkline.sms.send(from_=trunkline.number, to=["+14255550123"], message="Your code is 123456")
    assert trunkline.phone("+14255550123").wait_code() == "123456"
"""


def used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def per_test(text: str) -> float:
    """Milliseconds of one test among a thousand, without what one alone costs. The better of two runs."""

    def once(tests: int) -> float:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "test_it.py").write_text(text.format(tests=tests))
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder]
            before = used()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return used() - before

    alone = min(once(1) for _ in range(2))
    return (min(once(TESTS) for _ in range(2)) - alone) * 1000 / TESTS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="fail when the target is missed")
    arguments = parser.parse_args()
    floor = per_test(EMPTY)
    print(f"{'a fixture that does nothing':40} {floor:7.2f} ms a test")
    ours = per_test(OURS)
    print(f"{'trunkline':40} {ours:7.2f} ms a test  {ours / floor:5.1f} x nothing  wanted < {WANTED_MS} ms more")
    used = per_test(USED)
    print(f"{'trunkline, a text sent and waited for':40} {used:7.2f} ms a test  {used / floor:5.1f} x nothing")
    return 1 if arguments.check and ours - floor > WANTED_MS else 0


if __name__ == "__main__":
    sys.exit(main())
