"""Expressions of the Workflow Definition Language, without a runtime."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import trunkline

GOLDEN = Path(__file__).parents[2] / "tests/workflow/golden-expressions.json"


def test_values_have_their_python_types() -> None:
    assert trunkline.evaluate("@createArray(1, 2.5, true, null, 'ü')") == [1, 2.5, True, None, "ü"]
    assert trunkline.evaluate("@ticks('2018-03-15T12:34:56.7890123Z')") == 636567140967890123
    assert isinstance(trunkline.evaluate("@float('5')"), float)
    assert isinstance(trunkline.evaluate("@int('5')"), int)
    assert trunkline.evaluate({"a": ["@add(1, 1)", "x@{3}"], "plain": 1}) == {"a": [2, "x3"], "plain": 1}


def test_the_context_answers() -> None:
    context = {"variables": {"n": 9007199254740993}, "utcNow": "2020-01-02T03:04:05Z"}
    assert trunkline.evaluate("@variables('N')", context) == 9007199254740993
    assert trunkline.evaluate("@utcNow()", context) == "2020-01-02T03:04:05.0000000Z"
    assert trunkline.evaluate("@utcNow('yyyy')") >= "2025"
    assert trunkline.evaluate("@guid()") != trunkline.evaluate("@guid()")


def test_errors_say_what_and_where() -> None:
    with pytest.raises(trunkline.InvalidArgumentError) as raised:
        trunkline.evaluate(["fine", "@concat(substring('abc', 9))"])
    error = raised.value
    assert error.service_code == "InvalidTemplate"
    assert error.target == "expression/1"
    assert error.details == {"argument": "1", "function": "substring", "offset": "8", "pointer": "/1"}
    with pytest.raises(trunkline.InvalidArgumentError, match="variables has to be an object"):
        trunkline.evaluate("@1", {"variables": 5})


@pytest.mark.parametrize("value", [object(), {"a": {1, 2}}, float("nan")])
def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(trunkline.InvalidArgumentError, match="expression cannot be written as JSON"):
        trunkline.evaluate(value)


def test_the_golden_table_through_this_door() -> None:
    golden = json.loads(GOLDEN.read_text())
    wrong = []
    for case in golden["cases"]:
        context = golden["contexts"].get(case.get("context"))
        try:
            result = trunkline.evaluate(case["expression"], context)
        except trunkline.InvalidArgumentError as error:
            if case.get("error", {}).get("code") != error.service_code:
                wrong.append((case["id"], str(error)))
        else:
            if "error" in case or result != case["result"]:
                wrong.append((case["id"], result))
    assert wrong == []


def test_threads_share_nothing() -> None:
    with ThreadPoolExecutor(8) as pool:
        results = pool.map(
            lambda n: trunkline.evaluate("@join(range(0, variables('n')), '')", {"variables": {"n": n}}), range(50)
        )
        assert list(results) == ["".join(map(str, range(n))) for n in range(50)]
