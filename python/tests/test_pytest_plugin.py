"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import BUILD


def run(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    env = {**os.environ, "PYTHONPATH": str(BUILD / "python")}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_fixtures(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
import pytest

def test_one(trunkline):
    trunkline.sms.send(from_=trunkline.number, to=["+14255550123"], message="Your code is 1234")
    assert trunkline.phone("+14255550123").wait_code() == "1234"

def test_another(trunkline):
    assert trunkline.phone("+14255550123").texts == []

@pytest.mark.asyncio
async def test_awaited(trunkline_aio):
    await trunkline_aio.sms.send(from_=await trunkline_aio.number(), to=["+14255550123"], message="Your code is 1234")
    assert await trunkline_aio.phone("+14255550123").wait_code() == "1234"
""",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_a_failure_says_what_came(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
def test_it(trunkline):
    trunkline.sms.send(from_=trunkline.number, to=["+14255550123"], message="Hello Ada")
    trunkline.clock.advance(1)
    assert "Hello Bob" in trunkline.phone("+14255550123")
""",
    )
    assert "1 failed" in done.stdout, done.stdout + done.stderr
    assert "'Hello Bob' in <phone +14255550123>" in done.stdout
    assert "from +14255550100  'Hello Ada'" in done.stdout


@pytest.mark.parametrize("way", ["ini", "fixture"])
def test_configuration(tmp_path: Path, way: str) -> None:
    config = {
        "providers": [{"name": "mine", "plugin": "sms-sandbox"}],
        "resources": [{"name": "shop", "numbers": [{"number": "+442079460100", "sms": "both"}]}],
    }
    if way == "ini":
        (tmp_path / "trunkline.yaml").write_text(str(config).replace("'", '"'))
        (tmp_path / "pytest.ini").write_text("[pytest]\ntrunkline_config = trunkline.yaml\n")
    else:
        text = f"import pytest\n@pytest.fixture(scope='session')\ndef trunkline_config(): return {config!r}\n"
        (tmp_path / "conftest.py").write_text(text)
    done = run(
        tmp_path,
        """
def test_it(trunkline):
    assert trunkline.number == "+442079460100"
    trunkline.carrier("mine").fail()
""",
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_a_thousand_in_a_process(tmp_path: Path) -> None:
    """That each of them is alone; tests/bench measures what it costs."""
    done = run(
        tmp_path,
        """
import pytest

@pytest.mark.parametrize("i", range(1000))
def test_it(trunkline, i):
    assert trunkline.sms.list().items == []
    trunkline.sms.send(from_=trunkline.number, to=["+14255550123"], message=f"Your code is {i:04}")
    assert trunkline.phone("+14255550123").wait_code() == f"{i:04}"
""",
        "-q",
    )
    assert "1000 passed" in done.stdout, done.stdout[-2000:] + done.stderr
