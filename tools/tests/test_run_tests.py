from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import run_tests


def junit(path: Path, cases: str) -> run_tests.Outcome:
    path.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    return run_tests.read_junit(path)


def test_counts_every_kind_of_case(tmp_path: Path) -> None:
    outcome = junit(
        tmp_path / "r.xml",
        '<testcase name="a"/><testcase name="b" status="run"/><testcase name="c"><failure/></testcase>'
        '<testcase name="d"><error/></testcase><testcase name="e"><skipped/></testcase>',
    )
    assert (outcome.passed, outcome.failures, outcome.skipped) == (2, ["c", "d"], 1)


def test_a_test_program_that_is_missing_is_a_failure(tmp_path: Path) -> None:
    outcome = junit(
        tmp_path / "r.xml", '<testcase name="a" status="notrun"><skipped message="Unable to find executable"/></testcase>'
    )
    assert outcome.failures == ["a"]


def test_a_result_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "r.xml").write_text("<testsuites>")
    assert run_tests.read_junit(tmp_path / "r.xml").failed == 1


def test_an_exit_code_that_no_test_explains_is_a_failure() -> None:
    assert run_tests.closed(run_tests.Outcome(passed=3), 139, "x").failures == ["x ended with exit code 139"]
    assert run_tests.closed(run_tests.Outcome(passed=3), 0, "x").failures == []
    assert run_tests.closed(run_tests.Outcome(failures=["t"]), 1, "x").failures == ["t"]
