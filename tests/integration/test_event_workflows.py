"""An event subscription whose destination is a workflow: from the event to the run, also when the workflow is not ready."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from server import Server
from test_events import cli
from test_workflows import definition, one

ORDER = {"Say": {"type": "Compose", "inputs": "@triggerBody()"}}


def runs(server: Server, name: str) -> list[Any]:
    return [json.loads(line) for line in server.cli("--json", "workflow", "runs", name).stdout.splitlines()]


def publish(server: Server, total: float, kind: str = "Contoso.Order") -> None:
    server.cli("topic", "publish", "shop", "--type", kind, "--subject", "orders/7", json.dumps({"total": total}))
    server.cli("clock", "advance", "1s")


def last(server: Server) -> Any:
    [event] = cli(server, "events", "show", "last", "--topic", "shop", "--wait", "10s")
    [at] = event["subscriptions"]
    return at


def test_an_event_starts_a_run_with_the_event_as_its_body(server: Server, tmp_path: Path) -> None:
    server.cli("workflow", "deploy", definition(tmp_path, "on-order", ORDER))
    server.cli("topic", "create", "shop")
    create = ("subscription", "create", "orders", "--workflow", "on-order/manual", "--topic", "shop", "--type", "Contoso.Order")
    server.cli(*create, "--filter", "data.total NumberGreaterThan 10")
    publish(server, 12.5)
    run = one(server, "show", "on-order", "--wait", "20s")
    assert run["status"] == "succeeded"
    event = run["steps"][0]["outputs"]
    assert (event["eventType"], event["subject"], event["data"]) == ("Contoso.Order", "orders/7", {"total": 12.5})
    assert last(server)["state"] == "delivered"
    # What the filter does not let through starts nothing, and its history says why.
    publish(server, 9)
    assert last(server)["verdict"]["rule"] == "advancedFilters[0] NumberGreaterThan data.total"
    publish(server, 20, "Contoso.Refund")
    assert last(server)["state"] == "filtered"
    assert len(runs(server, "on-order")) == 1
    server.cli("topic", "delete", "shop")


def test_a_workflow_that_is_not_there_is_an_answer_and_no_retry(server: Server) -> None:
    server.cli("topic", "create", "shop")
    server.cli("subscription", "create", "nobody", "--workflow", "no-such-workflow", "--topic", "shop")
    publish(server, 1)
    at = last(server)
    assert (at["state"], len(at["attempts"])) == ("dropped", 1)
    assert "no workflow with such a trigger" in at["attempts"][0]["reply"]
    server.cli("topic", "delete", "shop")


def test_a_disabled_workflow_gets_its_events_later_also_after_a_crash(tmp_path: Path) -> None:
    config = tmp_path / "trunkline.yaml"
    config.write_text(
        json.dumps(
            {
                "listen": {"tls": "off"},
                "control": {"enabled": True},
                "log": {"level": "error"},
                "resources": [{"name": "world"}],
                "topics": [{"name": "shop"}],
            }
        )
    )
    start = ("--config", str(config), "--data", str(tmp_path / "data"), "--clock", "virtual")
    with Server(*start) as server:
        server.cli("workflow", "deploy", definition(tmp_path, "on-order", ORDER))
        server.cli("subscription", "create", "orders", "--workflow", "on-order", "--topic", "shop")
        server.cli("workflow", "disable", "on-order")
        for total in (1, 2, 3):
            publish(server, total)
        at = last(server)
        assert (at["state"], at["attempts"][0]["reply"]) == ("retrying", "the workflow is disabled")
        server.kill()
    with Server(*start) as server:
        server.cli("workflow", "enable", "on-order")
        server.cli("clock", "advance", "1m")
        totals = []
        for run in runs(server, "on-order"):
            shown = one(server, "show", "on-order", run["run"], "--wait", "20s")
            totals.append(shown["steps"][0]["outputs"]["data"]["total"])
        assert sorted(totals) == [1, 2, 3], "each started one run"
        assert last(server)["state"] == "delivered"
