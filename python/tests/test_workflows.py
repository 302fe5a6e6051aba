"""Workflows in the process: deploy, run, look at, functions behind connectors."""

from __future__ import annotations

import asyncio
import base64
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trunkline
import trunkline.aio
from trunkline.testing import check_workflow
from trunkline.workflows import WorkflowStatus

pytest_plugins = ["pytester"]

SCHEMA = "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#"
CONFIG = {
    "providers": [
        {"name": "sim", "plugin": "sms-sandbox"},
        {"name": "id", "plugin": "identity-local"},
        {"name": "talk", "plugin": "chat-local"},
    ],
    "resources": [
        {"name": "demo", "numbers": [{"number": "+14255550100", "type": "geographic", "sms": "both", "calling": "none"}]}
    ],
    "connections": {"crm": {"function": "crm"}},
}


def definition(actions: dict[str, Any], trigger: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    request = {"type": "Request", "kind": "Http", "inputs": {}}
    return {
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "triggers": {"manual": trigger or request},
        "actions": actions,
        **more,
    }


def connector(path: str, **more: Any) -> dict[str, Any]:
    inputs = {"host": {"connection": {"name": "crm"}}, "method": "get", "path": path, "retryPolicy": {"type": "none"}}
    return {"type": "ApiConnection", "inputs": {**inputs, **more}}


@pytest.fixture
def rt() -> Iterator[trunkline.Runtime]:
    with trunkline.Runtime(CONFIG, clock="virtual") as runtime:
        yield runtime


def test_deploy_run_and_look(rt: trunkline.Runtime) -> None:
    actions = {"Sum": {"type": "Compose", "inputs": "@add(triggerBody()['n'], 1)"}}
    info = rt.workflows.deploy(name="sum", definition=definition(actions))
    assert (info.name, info.enabled, [trigger.type for trigger in info.triggers]) == ("sum", True, ["Request"])
    details = rt.workflows.run_to_end("sum", {"n": 41}, timeout=20)
    assert details.run.status == WorkflowStatus.SUCCEEDED
    assert [(step.name, step.outputs) for step in details.steps] == [("Sum", 42)]
    assert details.trigger_outputs["body"] == {"n": 41}
    assert [run.name for run in rt.workflows.all_runs("sum", page_size=1)] == [details.run.name]


def test_parameters_of_a_standard_project_declare_themselves(rt: trunkline.Runtime) -> None:
    name = "who_#workflowname#"
    say = definition({"Say": {"type": "Compose", "inputs": f"@parameters('{name}')"}})
    rt.workflows.deploy(name="say", definition=say, parameters={name: {"type": "String", "value": "Ada"}})
    assert rt.workflows.run_to_end("say", timeout=20).steps[0].outputs == "Ada"


def test_inline_code_runs_in_a_process_of_its_own(rt: trunkline.Runtime) -> None:
    code = "return { n: workflowContext.trigger.outputs.body.n + 1, name: workflowContext.workflow.name };"
    rt.workflows.deploy(name="code", definition=definition({"Code": {"type": "JavaScriptCode", "inputs": {"code": code}}}))
    assert rt.workflows.run_to_end("code", {"n": 41}, timeout=20).steps[0].outputs["body"] == {"n": 42, "name": "code"}


def test_a_managed_identity_has_a_token_of_the_development_issuer() -> None:
    seen: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    service = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=service.serve_forever, daemon=True)
    thread.start()
    identity = {"type": "ManagedServiceIdentity", "audience": "https://vault.example"}
    call = {"method": "GET", "uri": f"http://127.0.0.1:{service.server_port}/", "authentication": identity}
    ask = definition({"Ask": {"type": "Http", "inputs": call}})
    try:
        with trunkline.Runtime({**CONFIG, "auth": {"development_issuer": True}}, clock="virtual") as runtime:
            runtime.workflows.deploy(name="ask", definition=ask)
            assert runtime.workflows.run_to_end("ask", timeout=20).run.status == WorkflowStatus.SUCCEEDED
        with trunkline.Runtime(CONFIG, clock="virtual") as runtime:
            runtime.workflows.deploy(name="ask", definition=ask)
            assert runtime.workflows.run_to_end("ask", timeout=20).steps[0].error["code"] == "ManagedIdentityNotAvailable"
    finally:
        service.shutdown()
        thread.join()
        service.server_close()
    claims = seen[0].removeprefix("Bearer ").split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["aud"] == "https://vault.example"
    assert len(seen) == 1


def test_options_keep_what_workflows_can_do(rt: trunkline.Runtime) -> None:
    workflows = rt.workflows.with_options(traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    with workflows.function("crm", lambda call: {"path": call.inputs["path"]}):
        workflows.deploy(name="ask", definition=definition({"Ask": connector("/x")}))
        assert workflows.run_to_end("ask", timeout=20).steps[0].outputs["body"] == {"path": "/x"}

    async def both() -> None:
        async with trunkline.aio.Runtime(CONFIG, clock="virtual") as runtime:
            again = runtime.workflows.with_options(idempotency_key="a")
            async with again.function("crm", lambda call: 1):
                pass

    asyncio.run(both())


def test_a_response_comes_back(rt: trunkline.Runtime) -> None:
    answer = {"type": "Response", "inputs": {"statusCode": 202, "headers": {"x-a": "b"}, "body": "@triggerBody()"}}
    rt.workflows.deploy(name="echo", definition=definition({"Answer": answer}))
    started = rt.workflows.run(workflow="echo", body=[1, 2], client_tracking_id="mine", timeout=20)
    assert started.response is not None
    assert (started.response.status_code, started.response.body, started.response.headers["x-a"]) == (202, [1, 2], "b")
    assert rt.workflows.show("echo", started.run).run.client_tracking_id == "mine"


def test_loops_show_every_repetition_behind_their_loop(rt: trunkline.Runtime) -> None:
    loop = {"type": "Foreach", "foreach": "@range(0, 2)", "actions": {"Say": {"type": "Compose", "inputs": "@items('Each')"}}}
    rt.workflows.deploy(name="loop", definition=definition({"Each": loop}))
    steps = rt.workflows.run_to_end("loop", timeout=20).steps
    assert [(step.name, step.depth, step.repetition, step.outputs) for step in steps if step.name == "Say"] == [
        ("Say", 1, "000000", 0),
        ("Say", 1, "000001", 1),
    ]
    assert steps[0].name == "Each"


def test_versions_and_files(rt: trunkline.Runtime, tmp_path: Path) -> None:
    file = tmp_path / "flow.json"
    empty = {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "triggers": {}, "actions": {}}
    file.write_text(json.dumps({"definition": empty}))
    first = rt.workflows.deploy_file(file)
    assert first.name == "flow"
    assert rt.workflows.deploy_file(file).version == first.version
    second = rt.workflows.deploy(name="flow", definition=definition({"A": {"type": "Compose", "inputs": 1}}))
    assert [version.name for version in rt.workflows.versions("flow")] == [second.version, first.version]
    assert [workflow.name for workflow in rt.workflows] == ["flow"]
    assert rt.workflows.remove("flow")
    assert not rt.workflows.remove("flow")


def test_what_is_wrong_is_said_with_its_place(rt: trunkline.Runtime) -> None:
    bad = definition({"A": {"type": "Compose", "inputs": "@body('Nobody')"}, "B": {"type": "Nonsense"}})
    problems = rt.workflows.validate(name="bad", definition=bad)
    assert {problem.pointer for problem in problems} == {"/actions/A/inputs", "/actions/B", "/actions/B/type"}
    with pytest.raises(trunkline.InvalidArgumentError, match="Nobody"):
        rt.workflows.deploy(name="bad", definition=bad)
    with pytest.raises(trunkline.NotFoundError):
        rt.workflows.get("bad")


def test_parameters_that_are_given_win(rt: trunkline.Runtime) -> None:
    whole = definition({"Say": {"type": "Compose", "inputs": "@parameters('word')"}}, parameters={"word": {"type": "String"}})
    rt.workflows.deploy(
        name="say", definition={"definition": whole, "parameters": {"word": {"value": "a"}}}, parameters={"word": "b"}
    )
    assert rt.workflows.run_to_end("say", timeout=20).steps[0].outputs == "b"


def test_a_function_performs_the_actions_of_a_connector(rt: trunkline.Runtime) -> None:
    seen: list[trunkline.workflows.WorkflowFunctionCall] = []

    @rt.workflows.function("crm")
    def crm(call: trunkline.workflows.WorkflowFunctionCall) -> dict[str, str]:
        seen.append(call)
        return {"customer": "Ada"}

    rt.workflows.deploy(name="ask", definition=definition({"Ask": connector("/customers/7", queries={"full": True})}))
    details = rt.workflows.run_to_end("ask", timeout=20)
    assert details.steps[0].outputs["body"] == {"customer": "Ada"}
    assert (seen[0].workflow, seen[0].action, seen[0].attempt) == ("ask", "Ask", 1)
    assert seen[0].inputs == {"method": "get", "path": "/customers/7", "queries": {"full": True}}
    crm.close()


def test_a_function_that_fails_fails_its_action(rt: trunkline.Runtime) -> None:
    def refuse(call: trunkline.workflows.WorkflowFunctionCall) -> None:
        raise trunkline.WorkflowFunctionError("CustomerUnknown", "no such customer")

    with rt.workflows.function("crm", refuse):
        rt.workflows.deploy(name="ask", definition=definition({"Ask": connector("/customers/8")}))
        details = rt.workflows.run_to_end("ask", timeout=20)
    assert details.run.status == WorkflowStatus.FAILED
    assert details.steps[0].error == {"code": "CustomerUnknown", "message": "no such customer"}


def test_without_a_function_the_action_says_so(rt: trunkline.Runtime) -> None:
    rt.workflows.deploy(name="ask", definition=definition({"Ask": connector("/customers/9")}))
    details = rt.workflows.run_to_end("ask", timeout=20)
    assert details.steps[0].error["code"] == "FunctionNotAvailable"


def test_connectors_of_communication_services(rt: trunkline.Runtime) -> None:
    def acs(name: str, path: str, body: Any, **more: Any) -> dict[str, Any]:
        return {
            "type": "ApiConnection",
            "inputs": {"host": {"connection": {"name": name}}, "method": "post", "path": path, "body": body, **more},
        }

    token = {"Access-Token": "@body('User')['accessToken']['token']"}
    actions = {
        "User": acs("acsidentity", "/identities", {"createTokenWithScopes": ["chat"]}),
        "Thread": {**acs("acschat", "/chat/threads", {"topic": "orders"}, headers=token), "runAfter": {"User": ["Succeeded"]}},
        "Say": {
            **acs(
                "acschat",
                "/chat/threads/@{encodeURIComponent(body('Thread')['chatThread']['id'])}/messages",
                {"content": "hello", "senderDisplayName": "flow"},
                headers=token,
            ),
            "runAfter": {"Thread": ["Succeeded"]},
        },
        "Text": acs(
            "azurecommunicationservicessms",
            "/v2/sms",
            {"from": "+14255550100", "smsRecipients": [{"to": "+14255550123"}], "message": "hi"},
        ),
        "Refused": acs(
            "azurecommunicationservicessms", "/v2/sms", {"from": "+19999999999", "smsRecipients": [], "message": "hi"}
        ),
    }
    rt.workflows.deploy(name="acs", definition=definition(actions))
    steps = {step.name: step for step in rt.workflows.run_to_end("acs", timeout=20).steps}
    assert steps["Say"].outputs["statusCode"] == 201, steps["Say"]
    assert steps["Text"].outputs["body"]["value"][0]["successful"] is True
    assert steps["Refused"].status == WorkflowStatus.FAILED
    assert steps["Refused"].outputs["statusCode"] in (400, 401)


def test_with_asyncio() -> None:
    async def story() -> None:
        async with trunkline.aio.Runtime(CONFIG, clock="virtual") as rt:

            async def crm(call: trunkline.workflows.WorkflowFunctionCall) -> str:
                await asyncio.sleep(0)
                return call.inputs["path"]

            async with rt.workflows.function("crm", crm):
                await rt.workflows.deploy(name="ask", definition=definition({"Ask": connector("/a")}))
                details = await rt.workflows.run_to_end("ask", timeout=20)
                assert details.steps[0].outputs["body"] == "/a"
            assert [run.name async for run in rt.workflows.all_runs("ask")] == [details.run.name]

    asyncio.run(story())


CASE = Path(__file__).parents[2] / "tests" / "workflow" / "cases" / "01-order-acknowledge.json"


def test_tests_of_workflows_hold_or_say_what_differs(tmp_path: Path) -> None:
    assert check_workflow(CASE).covered_actions > 0
    case = json.loads(CASE.read_text())
    case["expect"]["runStatus"] = "Failed"
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(case))
    with pytest.raises(AssertionError, match="runStatus"):
        check_workflow(wrong)


def test_files_are_collected_by_pytest(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["trunkline.testing"]')
    (pytester.path / "orders.workflow-test.json").write_text(CASE.read_text())
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
