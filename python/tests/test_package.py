"""The package as people see it: its names, its types, its program."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import trunkline.aio
import trunkline.testing
from conftest import BUILD

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
GOLDEN = HERE / "public_names.txt"


def public_names() -> list[str]:
    names = []
    modules = [trunkline, trunkline.aio]
    modules += [trunkline.testing]
    modules += [
        getattr(trunkline, name)
        for name in ("calling", "chat", "common", "email", "host", "identity", "providers", "sandbox", "service", "sms")
    ]
    modules += [getattr(trunkline.aio, name) for name in ("calling", "chat", "email", "identity", "sandbox", "service", "sms")]
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


def test_types_are_strict_for_pyright(tmp_path: Path) -> None:
    pyright = ROOT / "node" / "node_modules" / "pyright" / "index.js"
    if not pyright.exists():
        pytest.skip("pyright is not installed")
    config = {
        "include": [str(HERE / "typing_sample.py")],
        "extraPaths": [str(BUILD / "python")],
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
        "reportUnnecessaryTypeIgnoreComment": "none",
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))
    command = ["node", str(pyright), "--project", str(tmp_path), "--pythonpath", sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_help_says_what_arguments_mean() -> None:
    """Google style, as `help()` shows it: whoever takes arguments says what they are."""
    wordless = []
    for where in public_names():
        module, _, name = where.partition(".")
        value: object = sys.modules[module]
        for part in name.split("."):
            value = getattr(value, part, None)
        if inspect.isfunction(value) and "timeout" in inspect.signature(value).parameters:
            text = inspect.getdoc(value) or ""
            if "Args:" not in text and "see `" not in text and "those of `" not in text:
                wordless.append(where)
    assert wordless == []


def test_what_is_installed_works_from_anywhere(tmp_path: Path) -> None:
    if not (BUILD / "bin" / "trunkline").exists():
        pytest.skip("this build has no program")
    subprocess.run(
        ["cmake", "--install", str(BUILD), "--component", "python", "--prefix", str(tmp_path / "site")],
        check=True,
        capture_output=True,
    )
    code = (
        "import trunkline, sys\n"
        "with trunkline.Runtime(clock='virtual') as rt:\n"
        "    paths = {plugin.path for plugin in rt.plugins()}\n"
        "    assert rt.sms.send(from_='+14255550100', to=['+14255550123'], message='hi')[0].successful\n"
        "print(trunkline.__file__, trunkline._native.library_path(), *paths, sep='\\n')\n"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run([sys.executable, "-c", code], cwd="/", env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(line.startswith(str(tmp_path / "site")) for line in done.stdout.splitlines()), done.stdout
    version = subprocess.run(
        [sys.executable, "-m", "trunkline", "--version"], cwd="/", env=env, capture_output=True, text=True, check=False
    )
    assert trunkline.__version__ in version.stdout, version.stderr


def test_the_program_is_found() -> None:
    if not (BUILD / "bin" / "trunkline").exists():
        pytest.skip("this build has no program")
    done = subprocess.run(
        [sys.executable, "-m", "trunkline", "--version"], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert trunkline.__version__ in done.stdout
