"""Runs of workflows from Python: ended, repeated, begun again at an action; what a trigger did; a workflow that is disabled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import trunkline
from trunkline.workflows import WorkflowStatus

SCHEMA = "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#"


@pytest.fixture
def rt() -> Iterator[trunkline.Runtime]:
    with trunkline.Runtime({"connections": {"crm": {"function": "crm"}}}, clock="virtual") as runtime:
        yield runtime


def deploy(rt: trunkline.Runtime, actions: dict[str, Any], **trigger: Any) -> None:
    manual = {"type": "Request", "kind": "Http", "inputs": {}, **trigger}
    definition = {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "triggers": {"manual": manual}, "actions": actions}
    rt.workflows.deploy(name="flow", definition=definition)


def test_a_run_that_waits_is_cancelled(rt: trunkline.Runtime) -> None:
    deploy(rt, {"Pause": {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Day"}}}})
    run = rt.workflows.run(workflow="flow").run
    assert run is not None
    [step] = rt.workflows.show("flow", run).steps
    assert (step.status, step.due_at) == (WorkflowStatus.RUNNING, rt.clock.now() + timedelta(days=1))
    rt.workflows.cancel("flow", run)
    assert rt.workflows.wait("flow", run).run.status == WorkflowStatus.CANCELLED
    with pytest.raises(trunkline.FailedPreconditionError):
        rt.workflows.cancel("flow", run)


def test_a_run_is_repeated_and_begun_again_at_what_failed(rt: trunkline.Runtime) -> None:
    asked: list[int] = []

    def crm(call: trunkline.workflows.WorkflowFunctionCall) -> int:
        asked.append(len(asked))
        if len(asked) == 1:
            raise trunkline.WorkflowFunctionError("Down", "try later")
        return len(asked)

    ask = {"host": {"connection": {"name": "crm"}}, "method": "get", "path": "/", "retryPolicy": {"type": "none"}}
    actions = {
        "Before": {"type": "Compose", "inputs": "@triggerBody()"},
        "Ask": {"type": "ApiConnection", "inputs": ask, "runAfter": {"Before": ["Succeeded"]}},
        "After": {"type": "Compose", "inputs": "@body('Ask')", "runAfter": {"Ask": ["Succeeded"]}},
    }
    deploy(rt, actions)
    with rt.workflows.function("crm", crm):
        failed = rt.workflows.run_to_end("flow", "x", timeout=20)
        assert [step.status for step in failed.steps] == [
            WorkflowStatus.SUCCEEDED,
            WorkflowStatus.FAILED,
            WorkflowStatus.SKIPPED,
        ]
        again = rt.workflows.wait("flow", rt.workflows.rerun("flow", failed.run.name), timeout=20)
        assert (again.run.status, again.run.repeats, again.run.repeats_from) == (
            WorkflowStatus.SUCCEEDED,
            failed.run.name,
            "Ask",
        )
        chosen = rt.workflows.wait("flow", rt.workflows.rerun("flow", again.run.name, "After"), timeout=20)
        assert [(step.name, step.outputs) for step in chosen.steps if step.name == "After"] == [("After", 2)]
        assert len(asked) == 2
        whole = rt.workflows.wait("flow", rt.workflows.resubmit("flow", failed.run.name), timeout=20)
    assert (whole.run.repeats, whole.run.repeats_from, len(asked)) == (failed.run.name, None, 3)
    assert [run.status for run in rt.workflows.all_runs("flow", status=WorkflowStatus.FAILED)] == [WorkflowStatus.FAILED]
    with pytest.raises(trunkline.TrunklineError, match="Nobody"):
        rt.workflows.rerun("flow", failed.run.name, "Nobody")


def test_the_history_of_a_trigger_says_why_it_did_not_fire(rt: trunkline.Runtime) -> None:
    deploy(
        rt,
        {"Say": {"type": "Compose", "inputs": 1}},
        conditions=[{"expression": "@less(triggerBody()?['n'], 3)"}],
    )
    for n in range(5):
        started = rt.workflows.run(workflow="flow", body={"n": n})
        assert (started.run is not None) == (n < 3)
    history = rt.workflows.trigger_history(workflow="flow")
    assert history.continuation is None
    assert [firing.status for firing in history.items] == [WorkflowStatus.SKIPPED] * 2 + [WorkflowStatus.SUCCEEDED] * 3
    assert [firing.run for firing in history.items[2:]] == [run.name for run in rt.workflows.all_runs("flow")]
    assert history.items[0].outputs["body"] == {"n": 4}
    assert {firing.trigger for firing in history.items} == {"manual"}

    page = rt.workflows.trigger_history(workflow="flow", trigger="Manual", status=WorkflowStatus.SUCCEEDED, limit=2)
    rest = rt.workflows.trigger_history(workflow="flow", status=WorkflowStatus.SUCCEEDED, limit=2, continuation=page.continuation)
    assert [firing.name for firing in page.items + rest.items] == [firing.name for firing in history.items[2:]]
    assert rest.continuation is None
    with pytest.raises(trunkline.NotFoundError, match="no trigger 'nobody'"):
        rt.workflows.trigger_history(workflow="flow", trigger="nobody")
    with pytest.raises(trunkline.InvalidArgumentError, match="1 to 250"):
        rt.workflows.trigger_history(workflow="flow", limit=0)


def test_a_disabled_workflow_takes_no_calls(rt: trunkline.Runtime) -> None:
    deploy(rt, {"Say": {"type": "Compose", "inputs": 1}})
    assert rt.workflows.set_enabled("flow", False).enabled is False
    with pytest.raises(trunkline.FailedPreconditionError, match="disabled"):
        rt.workflows.run(workflow="flow")
    rt.workflows.set_enabled("flow", True)
    assert rt.workflows.run_to_end("flow", timeout=20).run.status == WorkflowStatus.SUCCEEDED


def test_a_function_of_the_standard_edition_is_called(rt: trunkline.Runtime) -> None:
    deploy(rt, {"Call": {"type": "InvokeFunction", "inputs": {"functionName": "crm", "parameters": {"id": "@triggerBody()"}}}})
    with rt.workflows.function("crm", lambda call: call.inputs["parameters"]["id"] * 2):
        assert rt.workflows.run_to_end("flow", 21, timeout=20).steps[0].outputs["body"] == 42
