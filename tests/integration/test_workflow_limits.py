"""Limits of workflows that a configuration file sets, seen through the server."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from server import Server

CONFIG = """
listen: {port: 0, tls: "off"}
control: {enabled: true}
store: {mode: memory}
resources: [{name: main}]
workflows:
  max_run: 2h
  http_timeout: 300ms
  caller_timeout: 5s
  limits:
    actions: 4
    definition_kb: 4
    foreach_items: 3
    foreach_concurrency: 7
    foreach_concurrency_default: 2
    until_count: 6
    until_count_default: 2
    runs: 2
    runs_default: 1
    waiting_runs: 1
    message_kb: 2
    expression_length: 200
    range_count: 10
    retries: 3
    retry_interval_min: 1s
"""
SCHEMA = "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#"


@pytest.fixture(scope="module")
def silence() -> Iterator[str]:
    """The address of a service that does not answer in time."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            over.wait(10)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    over.set()
    server.shutdown()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("limits")
    (folder / "trunkline.yaml").write_text(CONFIG)
    with Server("--config", str(folder / "trunkline.yaml"), cwd=folder) as running:
        yield running


class Flow:
    """Deploys definitions under one name after the other."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.folder, self.number = server, folder, 0

    def deploy(self, actions: dict[str, Any], *, trigger: dict[str, Any] | None = None, expect: int = 0) -> tuple[str, str]:
        self.number += 1
        name = f"limited-{self.folder.name}-{self.number}"
        definition = {
            "$schema": SCHEMA,
            "contentVersion": "1.0.0.0",
            "triggers": {"manual": {"type": "Request", **(trigger or {})}},
            "actions": actions,
        }
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(definition))
        done = self.server.cli("workflow", "deploy", str(path), "--json", expect=expect)
        return name, done.stdout + done.stderr

    def run(self, actions: dict[str, Any], body: str = "{}") -> str:
        """What a run of it shows."""
        name, _ = self.deploy(actions)
        return self.server.cli("workflow", "run", name, "--body", body, "--wait", "20s", "--full", expect=None).stdout

    def call(self, name: str, body: bytes) -> tuple[int, dict[str, Any]]:
        listed = self.server.cli("workflow", "list", "--json").stdout
        flow = next(one for one in map(json.loads, listed.splitlines()) if one["name"] == name)
        address = urlsplit(flow["triggers"][0]["callback_url"])
        connection = http.client.HTTPConnection(self.server.host, timeout=30)
        connection.request("POST", f"{address.path}?{address.query}", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text else {}


@pytest.fixture
def flow(server: Server, tmp_path: Path) -> Flow:
    return Flow(server, tmp_path)


def compose(value: Any, **more: Any) -> dict[str, Any]:
    return {"type": "Compose", "inputs": value, **more}


@pytest.mark.parametrize(
    ("actions", "trigger", "says"),
    [
        ({f"A{i}": compose(i) for i in range(5)}, None, "has 5 actions; at most 4"),
        ({"A": compose("x" * 5_000)}, None, "bytes; at most 4096"),
        ({"A": compose("@concat('" + "x" * 200 + "','y')")}, None, "/actions/A/inputs"),
        (
            {
                "E": {
                    "type": "Foreach",
                    "foreach": [1],
                    "actions": {},
                    "runtimeConfiguration": {"concurrency": {"repetitions": 8}},
                }
            },
            None,
            "from 1 to 7",
        ),
        ({"U": {"type": "Until", "expression": "@equals(1,2)", "limit": {"count": 7}, "actions": {}}}, None, "from 1 to 6"),
        ({}, {"runtimeConfiguration": {"concurrency": {"runs": 3}}}, "from 1 to 2"),
        (
            {
                "H": {
                    "type": "Http",
                    "inputs": {
                        "method": "GET",
                        "uri": "http://127.0.0.1/",
                        "retryPolicy": {"type": "fixed", "count": 4, "interval": "PT1S"},
                    },
                }
            },
            None,
            "/actions/H/inputs/retryPolicy/count",
        ),
    ],
)
def test_definitions(flow: Flow, actions: dict[str, Any], trigger: dict[str, Any] | None, says: str) -> None:
    _, shown = flow.deploy(actions, trigger=trigger, expect=1)
    assert says in shown, shown


def test_loops_and_expressions(flow: Flow) -> None:
    each = flow.run({"E": {"type": "Foreach", "foreach": "@range(0,4)", "actions": {}}})
    assert "has 4 items; at most 3" in each, each
    assert "InvalidTemplate" in flow.run({"C": compose("@range(0,11)")})
    until = flow.run({"U": {"type": "Until", "expression": "@equals(1,2)", "actions": {"C": compose(1)}}})
    assert "000001" in until, until
    assert "000002" not in until, until


def test_http_timeout(flow: Flow, silence: str) -> None:
    shown = flow.run({"H": {"type": "Http", "inputs": {"method": "GET", "uri": silence, "retryPolicy": {"type": "none"}}}})
    assert "GatewayTimeout" in shown, shown


def test_message_size(flow: Flow) -> None:
    name, _ = flow.deploy({})
    assert flow.call(name, b'"' + b"x" * 1_000 + b'"')[0] == 202
    status, body = flow.call(name, b'"' + b"x" * 3_000 + b'"')
    assert (status, body["error"]["code"]) == (413, "RequestEntityTooLarge")


def test_runs_at_a_time_and_their_duration(flow: Flow) -> None:
    wait = {"P": {"type": "Wait", "inputs": {"interval": {"count": 3, "unit": "Hour"}}}}
    name, _ = flow.deploy(wait, trigger={"runtimeConfiguration": {"concurrency": {}}})
    assert [flow.call(name, b"{}")[0] for _ in range(3)] == [202, 202, 429]
    flow.server.cli("clock", "advance", "125m")
    runs = flow.server.cli("workflow", "runs", name).stdout
    assert "timedout" in runs.lower().replace(" ", "").replace("_", ""), runs
