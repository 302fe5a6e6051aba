"""Runs of the conformance kit."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from server import PROGRAM

ROOT = Path(__file__).resolve().parents[2]
BUILD = PROGRAM.parent.parent


def kit(target: str | Path, *arguments: str, expect: int) -> dict[str, object]:
    command = [str(PROGRAM), "plugin", "test", str(target), "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == expect, f"{command} gave {done.returncode}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout)


def describe(report: dict[str, object]) -> str:
    return "\n".join(f"{c['name']}: {c['outcome']}: {c['detail']}" for c in report["checks"] if c["outcome"] == "failed")  # type: ignore[attr-defined]
