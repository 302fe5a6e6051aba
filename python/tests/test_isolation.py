"""A provider in a process of its own: the same results, and what an application sees when the process is killed."""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path
from typing import Any

import pytest
import trunkline
from conftest import OURS, PHONE

LIMIT_SECONDS = 20


def plugin_processes() -> list[int]:
    """The processes of plugins that this one has started and that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        state, parent = text.rpartition(")")[2].split()[:2]
        if "(trunkline-plug" in text and int(parent) == os.getpid() and state != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.fixture
def isolated(config: dict[str, Any]) -> dict[str, Any]:
    sim = config["providers"][0]
    config["providers"] = [{**sim, "isolation": "process"}, {**sim, "name": "other"}, config["providers"][2]]
    config["routes"] = [{"interface": "sms", "providers": ["sim", "other"]}]
    return config


def send(rt: trunkline.Runtime) -> str:
    (outcome,) = rt.sms.send(from_=OURS, to=[PHONE], message="hi", delivery_report=True)
    assert outcome.message_id
    return outcome.message_id


def test_it_is_one_line_of_the_configuration(isolated: dict[str, Any]) -> None:
    with trunkline.Runtime(isolated) as rt:
        assert len(plugin_processes()) == 1
        message_id = send(rt)
        rt.clock.advance(1)
        record = rt.sms.get(message_id)
        assert (record.provider, record.state) == ("sim", trunkline.sms.MessageState.DELIVERED)
    assert plugin_processes() == []


def test_when_it_is_killed_the_next_carrier_takes_over(isolated: dict[str, Any]) -> None:
    with trunkline.Runtime(isolated) as rt:
        (process,) = plugin_processes()
        ended = os.pidfd_open(process)
        os.kill(process, signal.SIGKILL)
        assert select.select([ended], [], [], LIMIT_SECONDS)[0]
        os.close(ended)
        message_id = send(rt)
        rt.clock.advance(0.9)
        assert rt.sms.get(message_id).provider == "other"
        told = [step.detail or "" for step in rt.sms.explain(message_id).steps if step.rule == "provider.send"]
        assert "its process ended by signal 9 (SIGKILL)" in told[0]
        rt.clock.advance(1)
        (again,) = plugin_processes()
        assert again != process


def test_bad_input(isolated: dict[str, Any]) -> None:
    isolated["providers"][0]["isolation"] = "container"
    with pytest.raises(trunkline.InvalidArgumentError, match=r"providers\[0\]\.isolation: wanted one of none, process"):
        trunkline.Runtime(isolated)
    isolated["providers"][0].update(isolation="process", isolation_limits={"memory_mib": 1})
    with pytest.raises(trunkline.InvalidArgumentError, match=r"providers\[0\]\.isolation_limits\.memory_mib"):
        trunkline.Runtime(isolated)


class Acme(trunkline.SmsProvider):
    async def send(self, request: trunkline.sms.SmsSendRequest) -> list[trunkline.sms.SmsSendResult]:
        return [trunkline.sms.SmsSendResult(message_id=to.message_id, accepted=True) for to in request.recipients]


def test_an_object_of_the_program_cannot_be_isolated(rt: trunkline.Runtime) -> None:
    with pytest.raises(trunkline.InvalidArgumentError, match="isolation: process is for plugins with a library"):
        rt.register_provider("acme", Acme(), settings={"isolation": "process"})
