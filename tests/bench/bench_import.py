"""What importing costs, as ratios to starting an interpreter that does nothing.

    python tests/bench/bench_import.py [--build build/release] [--check]

Each is a process of its own, and the time is that of the processor; the best of several, since a machine that does other things
only makes them slower. What an import costs is the difference to the empty start.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 25


def best(command: list[str], env: dict[str, str]) -> float:
    """Milliseconds of the processor that a process takes."""

    def used() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    found = float("inf")
    for _ in range(ROUNDS):
        before = used()
        subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
        found = min(found, used() - before)
    return found * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release")
    parser.add_argument("--check", action="store_true", help="fail when a target is missed")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    env = {**os.environ, "PYTHONPATH": str(build / "python"), "TRUNKLINE_BUILD_DIR": str(build)}
    # Bytecode is there after the first run, as it is after an installation.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    package = str(ROOT / "node" / "trunkline")
    missed = False
    for language, empty, cases in (
        (
            "Python",
            [sys.executable, "-c", ""],
            [("import trunkline", "import trunkline", 80), ("import trunkline.aio", "import trunkline.aio", None)],
        ),
        (
            "Node.js",
            ["node", "-e", ""],
            [
                ("require('trunkline')", f"require({package!r})", 40),
                ("require('trunkline/test')", f"require({package + '/lib/test/index.cjs'!r})", None),
            ],
        ),
    ):
        floor = best(empty, env)
        print(f"{language + ', empty':40} {floor:8.1f} ms")
        for name, code, target in cases:
            took = best([*empty[:-1], code], env)
            wanted = "" if target is None else f"wanted < {target} ms more"
            print(f"{name:40} {took:8.1f} ms  {took / floor:5.2f} x empty  {took - floor:6.1f} ms more  {wanted}")
            missed |= target is not None and took - floor > target
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
