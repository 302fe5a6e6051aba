"""The package as people see it: its names, its types, its program."""

from __future__ import annotations

import importlib.util
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest
import trunkline.aio
from conftest import BUILD

HERE = Path(__file__).parent
GOLDEN = HERE / "public_names.txt"


def public_names() -> list[str]:
    names = []
    modules = [trunkline, trunkline.aio]
    modules += [getattr(trunkline, name) for name in ("common", "identity", "sandbox", "service", "sms")]
    modules += [getattr(trunkline.aio, name) for name in ("identity", "sandbox", "service", "sms")]
    for module in modules:
        for name in module.__all__:
            value = getattr(module, name)
            where = f"{module.__name__}.{name}"
            if inspect.ismodule(value):
                continue
            names.append(where)
            if inspect.isclass(value) and value.__module__ == module.__name__:
                fields = getattr(value, "__dataclass_fields__", None)
                members = fields or [
                    n
                    for n, v in vars(value).items()
                    if not n.startswith("_") and (inspect.isfunction(v) or isinstance(v, property))
                ]
                names += [f"{where}.{member}" for member in members]
    return sorted(set(names))


def test_public_names() -> None:
    """A name that goes or changes breaks people. UPDATE_GOLDEN=1 accepts the difference."""
    found = "\n".join(public_names()) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(found)
    assert found == GOLDEN.read_text()


def test_everything_public_is_documented() -> None:
    missing = []
    for where in public_names():
        module, _, name = where.partition(".")
        value: object = sys.modules[module]
        for part in name.split("."):
            value = getattr(value, part, None)
        if (inspect.isclass(value) or inspect.isfunction(value)) and not inspect.getdoc(value):
            missing.append(where)
    assert missing == []


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_types_are_strict(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(HERE / "typing_sample.py")],
        env={**os.environ, "MYPYPATH": str(BUILD / "python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_program_is_found() -> None:
    if not (BUILD / "bin" / "trunkline").exists():
        pytest.skip("this build has no program")
    done = subprocess.run(
        [sys.executable, "-m", "trunkline", "--version"], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert trunkline.__version__ in done.stdout
