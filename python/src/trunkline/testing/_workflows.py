"""Tests of workflows with pytest.

    from trunkline.testing import check_workflow

    def test_orders():
        check_workflow("tests/orders.workflow-test.json")

With `pytest_plugins = ["trunkline.testing"]` in a conftest.py, every file `*.workflow-test.json` is a test by itself.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .._runtime import Runtime
from ..workflows import WorkflowTestReport

__all__ = ["check_workflow", "run_workflow_test"]

SUFFIX = ".workflow-test.json"
_lock = threading.Lock()
_runtime: Runtime | None = None


def run_workflow_test(file: str | os.PathLike[str]) -> WorkflowTestReport:
    """Runs a test of a workflow, with mocked services and a clock of its own.

    Args:
        file: Path of the test's file.

    Returns:
        What it found.
    """
    global _runtime
    with _lock:
        if _runtime is None or _runtime.closed:
            _runtime = Runtime(clock="virtual")
        runtime = _runtime
    return runtime.workflows.run_test(os.fspath(file))


def check_workflow(file: str | os.PathLike[str]) -> WorkflowTestReport:
    """The same, for use in a test of one's own.

    Raises:
        AssertionError: Something is not as the file says; the message has every difference.
    """
    report = run_workflow_test(file)
    if not report.passed:
        raise AssertionError(describe(report))
    return report


def describe(report: WorkflowTestReport) -> str:
    lines = [f"{report.name or report.file} does not hold"]
    if report.problem:
        lines.append(f"  {report.problem}")
    for difference in report.differences:
        lines += [f"  {difference.where}", f"    expected  {difference.expected}", f"    got       {difference.actual}"]
    lines.append(
        f"  {report.covered_actions} of {report.actions} actions ran, "
        f"{report.covered_branches} of {report.branches} branches were taken"
    )
    return "\n".join(lines)


def pytest_collect_file(file_path: Path, parent: Any) -> Any:
    """Files `*.workflow-test.json` are tests."""
    if not file_path.name.endswith(SUFFIX):
        return None
    import pytest

    class Item(pytest.Item):
        def runtest(self) -> None:
            check_workflow(self.path)

        def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
            if isinstance(excinfo.value, AssertionError):
                return str(excinfo.value)
            return super().repr_failure(excinfo, style)

        def reportinfo(self) -> tuple[Path, int | None, str]:
            return self.path, None, self.name

    class File(pytest.File):
        def collect(self) -> Iterator[pytest.Item]:
            yield Item.from_parent(self, name=file_path.name.removesuffix(SUFFIX))

    return File.from_parent(parent, path=file_path)
