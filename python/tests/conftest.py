"""What the tests of the package share. They need a build: TRUNKLINE_BUILD_DIR, and its python/ folder on the path."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

BUILD = Path(os.environ.get("TRUNKLINE_BUILD_DIR", Path(__file__).resolve().parents[2] / "build" / "release"))
if str(BUILD / "python") not in sys.path:
    sys.path.insert(0, str(BUILD / "python"))

import trunkline

OURS = "+14255550100"
PHONE = "+14255550123"
DELIVERED = "Microsoft.Communication.SMSDeliveryReportReceived"
RECEIVED = "Microsoft.Communication.SMSReceived"


def make_config() -> dict[str, Any]:
    return {
        "runtime": {"seed": 7, "clock": "virtual", "threads": 2},
        "log": {"level": "off"},
        "plugins": {"paths": [str(BUILD / "python" / "test_plugins")]},
        "providers": [
            {"name": "sim", "plugin": "sms-sandbox", "config": {"latency_ms": 20}},
            {"name": "script", "plugin": "test-script"},
            {"name": "identity", "plugin": "identity-local"},
        ],
        "routes": [{"interface": "sms", "providers": ["sim"]}],
        "resources": [{"name": "main", "numbers": [{"number": OURS, "type": "geographic", "sms": "both", "calling": "both"}]}],
    }


@pytest.fixture
def config() -> dict[str, Any]:
    return make_config()


@pytest.fixture
def rt(config: dict[str, Any]) -> Iterator[trunkline.Runtime]:
    with trunkline.Runtime(config) as runtime:
        yield runtime


@pytest.fixture
def script(rt: trunkline.Runtime) -> trunkline.sms.SmsProvider:
    return rt.provider("script", trunkline.sms.SmsProvider)


def request(text: str, *to: str) -> trunkline.sms.SmsSendRequest:
    recipients = [trunkline.sms.Recipient(to=number, message_id=f"m{i}") for i, number in enumerate(to or (PHONE,))]
    return trunkline.sms.SmsSendRequest(from_=OURS, recipients=recipients, text=text)


PRELUDE = f"""
import json, os, signal, sys, threading
sys.path[:0] = [{str(BUILD / "python")!r}, {str(Path(__file__).parent)!r}]
import trunkline
from conftest import OURS, PHONE, make_config, request
"""


@pytest.fixture
def python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a script in a process of its own, in which `trunkline`, `make_config` and `request` are there."""

    def run(code: str, *, ready: Callable[[subprocess.Popen[str]], None] | None = None) -> subprocess.CompletedProcess[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", PRELUDE + code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
        )
        try:
            if ready is not None:
                assert process.stdout is not None
                assert process.stdout.readline().strip() == "ready"
                ready(process)
            out, err = process.communicate(timeout=60)
        except BaseException:
            process.kill()
            raise
        return subprocess.CompletedProcess([], process.returncode, out, err)

    return run


@pytest.fixture
def plain(config: dict[str, Any]) -> Iterator[trunkline.Runtime]:
    """Without routes, so that what is registered is asked."""
    with trunkline.Runtime({**config, "routes": []}) as runtime:
        yield runtime
