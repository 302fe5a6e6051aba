"""What providers say of themselves on a running server: the ports that they listen on."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE_SECONDS, eventually
from server import Server

CONNECTION = {"value": "endpoint=http://127.0.0.1:9;accesskey=c2VjcmV0"}
PROVIDERS: dict[str, dict[str, Any]] = {
    "sms-smpp-server": {
        "config": {"port": 0},
        "secrets": {"connection_string": CONNECTION, "clients": {"value": "shop:hunter2"}, "callback_code": {"value": "c0de"}},
    },
    "email-smtp-server": {
        "config": {
            "port": 0,
            "smtp_usernames_url": "http://127.0.0.1:9/smtpUsernames?api-version=2025-09-01",
            "token_url": "http://127.0.0.1:9/token",
        },
        "secrets": {"connection_string": CONNECTION},
    },
    "pstn-sip": {"config": {"port": 0, "address": "127.0.0.1", "options_seconds": 0}},
}


def listed(server: Server) -> dict[str, Any]:
    lines = server.cli("plugin", "list", "--running", "--json").stdout.splitlines()
    [provider] = [item for line in lines if (item := json.loads(line))["name"] == "gate"]
    return dict(provider)


@pytest.mark.parametrize("isolation", ["none", "process"])
@pytest.mark.parametrize("plugin", PROVIDERS)
def test_the_port_that_was_picked_is_shown(tmp_path: Path, plugin: str, isolation: str) -> None:
    config = tmp_path / "trunkline.yaml"
    gate = {"name": "gate", "plugin": plugin, "isolation": isolation, **PROVIDERS[plugin]}
    config.write_text(json.dumps({"providers": [gate], "resources": [{"name": "main"}]}))
    with Server("--config", str(config)) as server:
        # SIP is told where it listens a moment later.
        provider = eventually(lambda: listed(server), lambda one: bool(one.get("status")))
        port = int(provider["status"]["port"])
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS).close()
        assert f"    port          {port}\n" in server.cli("plugin", "list", "--running").stdout + "\n"
