"""Each example prints what is stored beside it, in a folder of its own. UPDATE_GOLDEN=1 accepts the difference."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import postfix
import pytest
from documents import ROOT
from server import PROGRAM

LIMIT_SECONDS = 60
MODULES = {"config.mjs", "postfix.py"}  # what examples have in common
EXAMPLES = sorted(
    path for pattern in ("python/*.py", "node/*.mjs") for path in (ROOT / "examples").glob(pattern) if path.name not in MODULES
)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_example(example: Path, tmp_path: Path) -> None:
    if "import Postfix" in example.read_text(encoding="utf-8") and not postfix.is_usable():
        pytest.skip("needs Postfix, and root to start it")
    stored = example.with_suffix(".out")
    assert stored.is_file() or os.environ.get("UPDATE_GOLDEN"), f"{example.name} has no {stored.name}"
    build = PROGRAM.parent.parent
    env = dict(os.environ, TRUNKLINE_BUILD_DIR=str(build), PYTHONPATH=str(build / "python"))
    if example.suffix == ".py":
        command, cwd = [sys.executable, str(example)], tmp_path
    else:
        # Found from here: node/node_modules/trunkline is the package of this tree.
        copy = tmp_path / "examples"
        copy.mkdir()
        for source in example.parent.glob("*.mjs"):
            (copy / source.name).write_bytes(source.read_bytes())
        (tmp_path / "workflows").symlink_to(ROOT / "examples" / "workflows")
        (tmp_path / "node_modules").mkdir()
        (tmp_path / "node_modules" / "trunkline").symlink_to(ROOT / "node" / "trunkline")
        azure = ROOT / "tests" / "sdk" / "node" / "node_modules" / "@azure"
        (tmp_path / "node_modules" / "@azure").symlink_to(azure)
        for package in ("smpp", "iconv-lite", "safer-buffer"):
            (tmp_path / "node_modules" / package).symlink_to(ROOT / "tests" / "integration" / "smsc" / "node_modules" / package)
        command, cwd = ["node", str(copy / example.name)], copy
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    if os.environ.get("UPDATE_GOLDEN"):
        stored.write_text(done.stdout, encoding="utf-8")
    assert done.stdout == stored.read_text(encoding="utf-8")


def test_there_are_examples() -> None:
    assert {path.parent.name for path in EXAMPLES} == {"node", "python"}
