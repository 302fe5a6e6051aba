"""Voice menus as workflows, on sandbox phones and a clock that is moved: through the connector, and over HTTP as in Azure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from server import ROOT, Server

OURS = "+14255550100"
SALES = "+14255550160"
EXAMPLES = ROOT / "examples" / "workflows"
MENU = "For sales press 1. To hear our opening hours press 2."
HOURS = "We are open from nine to five. Goodbye."
SCHEMA = "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#"


class Menu:
    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name

    def control(self, method: str, path: str, body: Any = None) -> Any:
        status, answer, _ = self.server.request(method, "/_control/" + path, body)
        assert status < 300, answer
        return answer

    def call(self, phone: str, **reply: Any) -> dict[str, Any]:
        """A phone calls, and answers the menu so; the run, once it is over."""
        if reply:
            self.control("POST", "personas", {"match": phone, "replies": [{"prompt": "press", "barge_in": True, **reply}]})
        self.control("POST", "phone-calls", {"from": phone, "to": OURS})
        for turn in range(200):
            # Callbacks come over HTTP, in their own time: what they say is waited for, not how long they take.
            found = self.server.cli("--json", "workflow", "show", self.name, "--wait", "20ms", expect=None)
            run = json.loads(found.stdout) if found.stdout.startswith("{") else {"status": "waiting"}
            caller = run.get("trigger_outputs", {}).get("body", {}).get("data", {}).get("from", {}).get("rawId")
            if caller == "4:" + phone and run["status"] not in ("running", "waiting"):
                return dict(run)
            self.server.cli("clock", "advance", "50ms" if turn < 5 else "500ms")
        raise AssertionError(f"the run of {phone} did not end: {found.stdout}")

    def phone(self, number: str) -> dict[str, Any]:
        found = self.control("GET", f"phone-calls?phone=%2B{number[1:]}")["items"]
        assert found, f"{number} has had no call"
        return dict(found[-1])


@pytest.fixture(scope="module", params=["call-menu", "voice-menu"])
def menu(request: pytest.FixtureRequest) -> Iterator[Menu]:
    with Server("--clock", "virtual") as server:
        more = ["--parameter", f"endpoint={server.ready['endpoint']}"] if request.param == "voice-menu" else []
        said = server.cli("workflow", "deploy", str(EXAMPLES / f"{request.param}.json"), *more).stdout
        assert "nothing stands for" not in said
        server.cli("clock", "advance", "1s")
        yield Menu(server, request.param)


def statuses(run: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["status"] for step in run["steps"]}


def test_who_presses_1_is_put_through(menu: Menu) -> None:
    run = menu.call("+14255550141", digits="1", after="10ms")
    assert run["status"] == "succeeded", run
    steps = {step["name"]: step for step in run["steps"]}
    assert steps["Record"]["outputs"]["body"]["recordingState"] == "active"
    assert steps["Choice"]["inputs"] == {"expressionResult": "one"}
    assert steps["Put_through"]["outputs"]["body"][0]["type"] == "Microsoft.Communication.CallTransferAccepted"
    assert steps["Say_the_hours"]["status"] == "skipped"
    assert menu.phone("+14255550141")["prompts"] == [MENU]
    assert menu.phone(SALES)["state"] == "answered"


def test_who_presses_2_hears_the_hours(menu: Menu) -> None:
    run = menu.call("+14255550142", digits="2", after="10ms")
    assert statuses(run) == {
        "Answer": "succeeded",
        "Record": "succeeded",
        "Ask": "succeeded",
        "Choice": "succeeded",
        "Put_through": "skipped",
        "Say_the_hours": "succeeded",
        "Hang_up": "succeeded",
    }
    phone = menu.phone("+14255550142")
    assert phone["prompts"] == [MENU, HOURS]
    assert phone["state"] == "ended"


def test_who_presses_nothing_hears_them_as_well(menu: Menu) -> None:
    run = menu.call("+14255550143")
    ask = next(step for step in run["steps"] if step["name"] == "Ask")
    assert ask["outputs"]["body"][0]["type"] == "Microsoft.Communication.RecognizeFailed"
    assert menu.phone("+14255550143")["prompts"] == [MENU, HOURS]
    assert menu.phone("+14255550143")["state"] == "ended"


CONNECTOR = {"host": {"connection": {"name": "acscallautomation"}}}


def one_action(server: Server, name: str, **inputs: Any) -> dict[str, Any]:
    """The step that a workflow of one action of the connector comes to."""
    definition = {
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "triggers": {"manual": {"type": "Request", "kind": "Http", "inputs": {}}},
        "actions": {"Do": {"type": "ApiConnection", "inputs": {**CONNECTOR, **inputs}}},
    }
    status, answer, _ = server.request("PUT", f"/_control/workflows/{name}", {"definition": definition})
    assert status in (200, 201), answer
    found = server.cli("--json", "workflow", "run", name, "--wait", "20s", expect=None)
    return dict(json.loads(found.stdout)["steps"][0])


def test_calls_out_of_a_workflow(server: Server) -> None:
    number = {"kind": "phoneNumber", "phoneNumber": {"value": "+14255550144"}}
    made = one_action(
        server,
        "dial",
        method="post",
        path="/calling/callConnections",
        queries={"api-version": "2024-09-15"},
        body={"targets": [number], "sourceCallerIdNumber": {"value": OURS}, "callbackUri": "http://127.0.0.1:1/nobody"},
    )
    assert (made["status"], made["code"]) == ("succeeded", "Created")
    call = made["outputs"]["body"]["callConnectionId"]
    server.cli("clock", "advance", "60ms")
    people = one_action(server, "people", method="get", path=f"/calling/callConnections/{call}/participants")
    assert [one["identifier"]["rawId"] for one in people["outputs"]["body"]["value"]] == ["4:" + OURS, "4:+14255550144"]
    gone = one_action(server, "gone", method="post", path=f"/calling/callConnections/{call}:terminate")
    assert (gone["status"], gone["outputs"]["statusCode"]) == ("succeeded", 204)


def test_what_is_wrong_is_said(server: Server) -> None:
    retry = {"retryPolicy": {"type": "none"}}
    unknown = one_action(server, "unknown", method="post", path="/calling/callConnections/x:terminate", **retry)
    assert (unknown["status"], unknown["outputs"]["statusCode"]) == ("failed", 404)
    operation = one_action(server, "operation", method="post", path="/calling/callConnections/x:whisper", body={}, **retry)
    assert operation["error"]["code"] == "ConnectorOperationNotFound"
    assert "/calling/callConnections/x:whisper" in operation["error"]["message"]
    nothing = one_action(server, "nothing", method="post", path="/calling/callConnections", **retry)
    assert "no body" in nothing["outputs"]["body"]["error"]["message"]
    version = one_action(
        server, "version", method="get", path="/calling/callConnections/x", queries={"api-version": "2019-01-01"}, **retry
    )
    assert "no published version" in version["outputs"]["body"]["error"]["message"]
