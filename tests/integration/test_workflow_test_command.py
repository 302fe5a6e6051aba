"""`trunkline workflow test` as a command: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from server import PROGRAM, ROOT

CASES = ROOT / "tests" / "workflow" / "cases"
DEFINITION: dict[str, Any] = {
    "$schema": "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
    "contentVersion": "1.0.0.0",
    "triggers": {"manual": {"type": "Request", "kind": "Http", "inputs": {}}},
    "actions": {
        "Big": {
            "type": "If",
            "expression": "@greater(triggerBody()['n'], 3)",
            "actions": {"Yes": {"type": "Compose", "inputs": {"size": "big", "n": "@triggerBody()['n']"}, "runAfter": {}}},
            "else": {"actions": {"No": {"type": "Compose", "inputs": {"size": "small"}, "runAfter": {}}}},
            "runAfter": {},
        }
    },
}
TEST: dict[str, Any] = {
    "name": "a big one",
    "definition": "size.json",
    "trigger": {"body": {"n": 5}},
    "expect": {"runStatus": "Succeeded", "actions": {"Yes": {"outputs": {"size": "big", "n": 5}}}},
}


def run(*args: str | Path, expect: int) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == expect, f"{args} gave {done.returncode}: {done.stdout}{done.stderr}"
    return done


@pytest.fixture
def good(tmp_path: Path) -> Path:
    (tmp_path / "size.json").write_text(json.dumps(DEFINITION, indent=1))
    return write(tmp_path, "good", TEST)


def write(folder: Path, name: str, test: dict[str, Any]) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(test, indent=1))
    return path


def wrong(folder: Path) -> Path:
    test = copy.deepcopy(TEST)
    test["name"] = "a wrong one"
    test["expect"]["actions"]["Yes"]["outputs"] = {"size": "huge", "n": 5}
    return write(folder, "wrong", test)


def test_all_hold(good: Path, tmp_path: Path) -> None:
    said = run("workflow", "test", good, expect=0).stdout.splitlines()
    assert said[0] == "ok      a big one"
    assert said[2] == f"{tmp_path / 'size.json'}: 2 of 3 actions, 1 of 2 branches"
    lines = (tmp_path / "size.json").read_text().splitlines()
    at = {name: next(i for i, text in enumerate(lines, 1) if f'"{name}": {{' in text) for name in ("Big", "No")}
    assert f"  line {at['No']}: No never ran" in said
    assert f"  line {at['Big']}: 'else' of Big was never taken" in said
    assert said[-1] == "1 of 1 tests hold"


def test_a_difference_is_shown_with_its_place(good: Path, tmp_path: Path) -> None:
    said = run("workflow", "test", good, wrong(tmp_path), expect=1).stdout
    assert 'FAILED  a wrong one\n  actions.Yes.outputs.size\n    expected  "huge"\n    actual    "big"\n' in said
    assert said.endswith("1 of 2 tests hold\n")


def test_json(good: Path, tmp_path: Path) -> None:
    lines = run("--json", "workflow", "test", good, wrong(tmp_path), expect=1).stdout.splitlines()
    first, second = (json.loads(line) for line in lines)
    assert (first["name"], first["passed"], first["differences"]) == ("a big one", True, [])
    assert first["coverage"] == {"actions": 3, "coveredActions": 2, "branches": 2, "coveredBranches": 1}
    assert second["differences"] == [{"where": "actions.Yes.outputs.size", "expected": '"huge"', "actual": '"big"'}]
    assert (second["file"], second["passed"]) == (str(tmp_path / "wrong.json"), False)


def test_lcov(good: Path, tmp_path: Path) -> None:
    trace = tmp_path / "coverage.info"
    run("workflow", "test", good, good, "--lcov", trace, expect=0)
    written = trace.read_text().splitlines()
    assert f"SF:{tmp_path / 'size.json'}" in written
    assert [line for line in written if line.startswith("LF") or line.startswith("LH")] == ["LF:3", "LH:2"]
    assert sorted(line.rsplit(",", 1)[1] for line in written if line.startswith("BRDA")) == ["0", "2"]
    assert written[-1] == "end_of_record"
    said = run("workflow", "test", good, "--lcov", tmp_path / "no" / "such.info", expect=3).stderr
    assert "cannot write" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "JSON"),
        ("[]", "must be an object"),
        ("{}", "the test has no definition"),
        ('{"definition": "nowhere.json"}', "cannot read"),
        ('{"definition": {"$schema": 1}}', "$schema"),
        ('{\n "definition": {},\n "expects": {}\n}', "line 3: 'expects' is no member of a test, did you mean 'expect'?"),
    ],
)
def test_a_bad_file(tmp_path: Path, text: str, said: str) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(text)
    shown = run("workflow", "test", bad, expect=1).stdout
    assert shown.startswith("FAILED  bad\n  ")
    assert said in shown
    told = json.loads(run("--json", "workflow", "test", bad, expect=1).stdout)
    assert said in told["problem"]
    assert told["passed"] is False


def test_no_file(tmp_path: Path) -> None:
    assert "cannot read" in run("workflow", "test", tmp_path / "nothing.json", expect=1).stdout
    assert "files is required" in run("workflow", "test", expect=2).stderr


def test_all_cases_at_once() -> None:
    files = sorted(CASES.glob("*.json"))
    said = run("workflow", "test", *files, expect=0).stdout
    assert said.endswith(f"{len(files)} of {len(files)} tests hold\n")
