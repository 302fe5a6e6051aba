"""A workflow from the command line: a phone texts STATUS, a service answers or does not; the run is read, and run again."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from server import ROOT, Server

OURS = "+14255550100"
PHONE = "+14255550123"
STORY = ROOT / "examples" / "workflows" / "order-status.json"


class Orders:
    """An HTTP service that is up or down."""

    def __init__(self) -> None:
        self.down = False
        self.asked = 0
        orders = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                orders.asked += 1
                self.send_response(503 if orders.down else 200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(b'{"id": 4711, "status": "on its way"}')

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def orders() -> Iterator[Orders]:
    service = Orders()
    yield service
    service.server.shutdown()


def one(server: Server, *args: str, expect: int = 0) -> Any:
    return json.loads(server.cli("--json", "workflow", *args, expect=expect).stdout)


def test_the_story(server: Server, orders: Orders) -> None:
    assert "valid" in server.cli("workflow", "deploy", str(STORY), "--check").stdout
    deployed = one(server, "deploy", str(STORY), "--parameter", f"ordersUrl={orders.url}")
    assert [trigger["type"] for trigger in deployed["triggers"]] == ["ApiConnectionWebhook"]
    server.cli("clock", "advance", "1s")

    server.cli("phone", "send", PHONE, "--to", OURS, "hello")
    server.cli("phone", "send", PHONE, "--to", OURS, "status")
    server.cli("clock", "advance", "1s")
    run = one(server, "show", "order-status", "--wait", "20s")
    assert [(step["name"], step["status"]) for step in run["steps"]] == [
        ("Look_up_the_order", "succeeded"),
        ("Answer_by_SMS", "succeeded"),
        ("Tell_the_team", "skipped"),
    ]
    assert run["steps"][0]["outputs"]["body"] == {"id": 4711, "status": "on its way"}
    server.cli("clock", "advance", "2s")
    assert "Order 4711 is on its way." in server.cli("phone", "show", PHONE).stdout

    told = server.cli("workflow", "history", "order-status").stdout.splitlines()
    assert run["run"] in told[0]
    assert told[1].endswith("started no run"), told
    skipped = json.loads(server.cli("--json", "workflow", "history", "order-status", "--status", "skipped").stdout)
    assert skipped["outputs"]["body"]["data"]["message"] == "hello"
    assert "no trigger 'x'" in server.cli("workflow", "history", "order-status", "--trigger", "x", expect=1).stderr

    orders.down, before = True, orders.asked
    server.cli("phone", "send", PHONE, "--to", OURS, "STATUS")
    for _ in range(6):
        server.cli("clock", "advance", "5s")
    shown = server.cli("workflow", "show", "order-status", "--wait", "20s", "--full", expect=1).stdout
    assert orders.asked == before + 3
    assert shown.count("ServiceUnavailable") >= 3, shown
    assert "failed  Look_up_the_order  (Http)" in shown
    assert "attempt 3  ServiceUnavailable  the last" in shown
    assert "succeeded  Tell_the_team  (ApiConnection)" in shown
    assert "team@contoso.example" in shown

    shown = server.cli("workflow", "show", "order-status").stdout
    assert "because  the 'runAfter' condition for action 'Look_up_the_order' is not satisfied" in shown
    hint = shown.splitlines()[-1].split()
    assert hint[:4] == ["again", "trunkline", "workflow", "rerun"]
    failed = one(server, "rerun", *hint[4:])
    for _ in range(3):
        server.cli("clock", "advance", "5s")
    assert one(server, "show", "order-status", failed["run"], "--wait", "20s", expect=1)["repeats"] == hint[5]

    orders.down = False
    again = one(server, "rerun", "order-status", "--from", "Look_up_the_order", "--wait", "20s")
    assert again["status"] == "succeeded"
    assert again["repeats_from"] == "Look_up_the_order"
    assert {step["name"]: step["status"] for step in again["steps"]}["Answer_by_SMS"] == "succeeded"
    runs = [json.loads(line) for line in server.cli("--json", "workflow", "runs", "order-status").stdout.splitlines()]
    assert [run["status"] for run in runs] == ["succeeded", "failed", "failed", "succeeded"]


def definition(tmp_path: Path, name: str, actions: dict[str, Any]) -> str:
    schema = "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#"
    whole = {
        "$schema": schema,
        "contentVersion": "1.0.0.0",
        "triggers": {"manual": {"type": "Request", "kind": "Http", "inputs": {}}},
        "actions": actions,
    }
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(whole))
    return str(path)


def test_run_show_cancel_resubmit(server: Server, tmp_path: Path) -> None:
    answer = {"type": "Response", "inputs": {"statusCode": 200, "body": {"got": "@triggerBody()"}}}
    server.cli("workflow", "deploy", definition(tmp_path, "echo", {"Answer": answer}))
    started = one(server, "run", "echo", "--body", '{"n": 1}')
    assert started["response"] == {"status_code": 200, "headers": {"Content-Type": "application/json"}, "body": {"got": {"n": 1}}}
    again = one(server, "resubmit", "echo", started["run"], "--wait", "20s")
    assert again["repeats"] == started["run"]

    pause = {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Day"}}}
    server.cli("workflow", "deploy", definition(tmp_path, "slow", {"Pause": pause}))
    server.cli("workflow", "run", "slow")
    assert one(server, "show", "slow")["steps"][0]["status"] == "running"
    server.cli("workflow", "cancel", "slow")
    assert one(server, "show", "slow")["status"] == "cancelled"
    assert "has ended" in server.cli("workflow", "cancel", "slow", expect=1).stderr


def test_disable_list_delete_and_what_is_wrong(server: Server, tmp_path: Path) -> None:
    file = definition(tmp_path, "small", {"Say": {"type": "Compose", "inputs": 1}})
    server.cli("workflow", "deploy", file, "--name", "tiny")
    server.cli("workflow", "disable", "tiny")
    assert "disabled" in server.cli("workflow", "list").stdout
    assert "The workflow is disabled" in server.cli("workflow", "run", "tiny", expect=1).stderr
    server.cli("workflow", "enable", "tiny")
    assert one(server, "run", "tiny", "--wait", "20s")["status"] == "succeeded"
    newer = definition(tmp_path, "newer", {"Say": {"type": "Compose", "inputs": 2}})
    server.cli("workflow", "deploy", newer, "--name", "tiny")
    versions = [json.loads(line) for line in server.cli("--json", "workflow", "versions", "tiny").stdout.splitlines()]
    assert [one["definition"]["actions"]["Say"]["inputs"] for one in versions] == [2, 1]
    assert server.cli("workflow", "versions", "tiny").stdout.splitlines()[0].endswith("new runs follow it")
    server.cli("workflow", "delete", "tiny")
    assert "could not be found" in server.cli("workflow", "show", "tiny", expect=1).stderr
    bad = definition(tmp_path, "bad", {"Say": {"type": "Compose", "inputs": "@body('Nobody')"}})
    problems = one(server, "deploy", bad, "--check", expect=1)["problems"]
    assert problems[0]["pointer"] == "/actions/Say/inputs"
    assert "Nobody" in server.cli("workflow", "deploy", bad, expect=1).stderr


def test_a_connector_that_is_not_mapped_fails_its_action_only(server: Server, tmp_path: Path) -> None:
    queue = {
        "type": "ApiConnection",
        "inputs": {"host": {"connection": {"name": "servicebus"}}, "method": "post", "path": "/queue/messages"},
    }
    after = {"type": "Compose", "inputs": "@actions('Queue')['error']['code']", "runAfter": {"Queue": ["Failed"]}}
    server.cli("workflow", "deploy", definition(tmp_path, "queue", {"Queue": queue, "After": after}))
    run = one(server, "run", "queue", "--wait", "20s")
    assert run["steps"][0]["error"]["code"] == "ConnectorNotMapped"
    assert "connections" in run["steps"][0]["error"]["message"]
    assert run["steps"][1]["outputs"] == "ConnectorNotMapped"
