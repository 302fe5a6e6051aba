"""Every definition deploys, and whatever it calls that nothing here stands for is named when it does.

The definitions of tests/workflow/shapes are ours and always looked at; flowtest's unit tests run them. Published ones by others
are not part of this project: where a copy of them is at hand, TRUNKLINE_PUBLISHED_DEFINITIONS names its folder, and
tests/workflow/published.json says what each needs and what has to be reported of it. tests/workflow/constructs.json names what
they use of the language; our own use all of it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from server import ROOT, Server
from workflow_constructs import of_definition

WORKFLOWS = ROOT / "tests" / "workflow"
PUBLISHED: dict[str, dict[str, Any]] = json.loads((WORKFLOWS / "published.json").read_text())
FOLDER = os.environ.get("TRUNKLINE_PUBLISHED_DEFINITIONS")

# By file: what nothing here stands for.
SHAPES: dict[str, list[str]] = {
    "batch-submit.json": ["graph"],
    "branch-by-header.json": [],
    "condition-per-item.json": [],
    "edi-encode.json": ["ChunkText", "Xslt", "as2"],
    "encoded-in-parts.json": ["arm"],
    "enrich-orders.json": [],
    "events-to-workflow.json": ["eventhubs_#workflowname#"],
    "function-and-answer.json": ["price"],
    "job-of-a-timer.json": [],
    "log-forwarding.json": ["eventhubs"],
    "paged-feed.json": ["feed"],
    "paged-sync.json": ["AzureBlob", "sap"],
    "partner-exchange.json": ["FlatFileDecoding", "XmlValidation", "Xslt", "as2"],
    "route-and-collect.json": ["servicebus"],
    "security-alert.json": ["ascalert", "office365"],
    "session-convoy.json": ["serviceBus"],
    "tag-sync.json": [],
    "timer-job.json": [],
    "window-index.json": ["ChunkText", "ParseDocument", "onedrive_#workflowname#", "openai"],
}


def deploy(server: Server, file: Path, *more: str) -> dict[str, Any]:
    answer = json.loads(server.cli("--json", "workflow", "deploy", str(file), *more).stdout)
    assert answer["name"] == file.stem
    return answer


def missing(deployed: dict[str, Any]) -> list[str]:
    for one in deployed["connectors"]:
        assert one["used_by"], one
    # What is left of a deployment template stands as it is.
    names = ["[…]" if one["name"].startswith("[") else one["name"] for one in deployed["connectors"] if "stands_for" not in one]
    return sorted(names)


def test_the_table_names_every_shape() -> None:
    assert sorted(SHAPES) == sorted(path.name for path in (WORKFLOWS / "shapes").glob("*.json"))


@pytest.mark.parametrize("name", SHAPES)
def test_shape(server: Server, name: str) -> None:
    assert missing(deploy(server, WORKFLOWS / "shapes" / name)) == SHAPES[name]


@pytest.mark.skipif(FOLDER is None, reason="TRUNKLINE_PUBLISHED_DEFINITIONS names no folder with published definitions")
@pytest.mark.parametrize("name", PUBLISHED)
def test_published(server: Server, tmp_path: Path, name: str) -> None:
    expected, more = PUBLISHED[name], []
    if "parameters" in expected:
        values = tmp_path / "parameters.json"
        values.write_text(json.dumps(expected["parameters"]))
        more = ["--parameters", str(values)]
    assert missing(deploy(server, Path(FOLDER or "") / name, *more)) == expected.get("missing", [])


@pytest.mark.skipif(FOLDER is None, reason="TRUNKLINE_PUBLISHED_DEFINITIONS names no folder with published definitions")
def test_the_tables_name_every_published_definition_and_all_they_use() -> None:
    files = sorted(Path(FOLDER or "").glob("*.json"))
    assert sorted(PUBLISHED) == [path.name for path in files]
    used = {construct for path in files for construct in of_definition(json.loads(path.read_text())["definition"])}
    assert json.loads((WORKFLOWS / "constructs.json").read_text()) == sorted(used)


def test_ours_use_all_that_published_definitions_use() -> None:
    used: set[str] = set()
    for file in [*(WORKFLOWS / "shapes").glob("*.json"), *(WORKFLOWS / "cases").glob("*.json")]:
        test = json.loads(file.read_text())
        for holder in [test, *test.get("childWorkflows", [])]:
            used |= of_definition(holder["definition"])
    assert sorted(set(json.loads((WORKFLOWS / "constructs.json").read_text())) - used) == []


def test_what_the_terminal_says(server: Server, tmp_path: Path) -> None:
    said = server.cli("workflow", "deploy", str(WORKFLOWS / "shapes" / "partner-exchange.json")).stdout
    assert "nothing stands for the connector 'as2': Decode" in said
    assert "nothing stands for the action type 'Xslt': Transform" in said
    assert "`connections`" in said
    story = server.cli("workflow", "deploy", str(ROOT / "examples" / "workflows" / "order-status.json")).stdout
    assert "nothing stands for" not in story


def test_mappings_are_told(tmp_path: Path) -> None:
    config = tmp_path / "trunkline.yaml"
    config.write_text(
        "resources:\n  - name: main\nconnections:\n  as2:\n    url: http://127.0.0.1:1/as2\n  price:\n    function: price\n"
    )
    with Server("--config", str(config)) as mapped:
        one = deploy(mapped, WORKFLOWS / "shapes" / "partner-exchange.json")["connectors"][0]
        assert (one["name"], one["stands_for"]) == ("as2", "http://127.0.0.1:1/as2")
        one = deploy(mapped, WORKFLOWS / "shapes" / "function-and-answer.json")["connectors"][0]
        assert (one["kind"], one["stands_for"]) == ("function", "the function 'price'")
        story = deploy(mapped, ROOT / "examples" / "workflows" / "order-status.json")["connectors"]
        assert {one["name"]: one["stands_for"] for one in story} == {
            "azureeventgrid": "this runtime",
            "azurecommunicationservicessms": "this runtime",
            "acsemail": "this runtime",
        }
