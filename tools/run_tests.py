"""Runs every test suite and sums them up.

    run_tests.py [--build build/release] [--list] [SUITE...]

A suite that fails does not keep the others from running. The last line is `N passed, N failed` over all suites; the exit
code is not 0 when a test failed or a suite ran nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Outcome:
    passed: int = 0
    failures: list[str] = field(default_factory=list)
    skipped: int = 0
    seconds: float = 0.0

    @property
    def failed(self) -> int:
        return len(self.failures)


@dataclass
class Context:
    build: Path
    results: Path

    def environment(self) -> dict[str, str]:
        env = dict(os.environ)
        env["TRUNKLINE_BIN"] = str(self.build / "bin" / "trunkline")
        env["TRUNKLINE_BUILD_DIR"] = str(self.build)
        # Tests of the packages must find what was just built, not what somebody installed.
        env["PYTHONPATH"] = str(self.build / "python")
        env["PYTHONDONTWRITEBYTECODE"] = "1"
        env.pop("NODE_TEST_CONTEXT", None)
        return env

    def run(self, command: list[str], cwd: Path = ROOT, limit_seconds: float = 1800) -> int:
        """Runs with output to the terminal; the exit code, or -1 when it did not end in time."""
        try:
            return subprocess.run(command, cwd=cwd, env=self.environment(), timeout=limit_seconds, check=False).returncode
        except subprocess.TimeoutExpired:
            print(f"{command[0]} did not end within {limit_seconds:.0f} s", flush=True)
            return -1
        except OSError as error:
            print(f"{command[0]}: {error}", flush=True)
            return -1


def read_junit(path: Path) -> Outcome:
    """Counts the test cases of a JUnit file, whoever wrote it."""
    outcome = Outcome()
    if not path.is_file():
        return outcome
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        outcome.failures.append(f"{path.name} cannot be read: {error}")
        return outcome
    for case in root.iter("testcase"):
        name = case.get("name", "?")
        # ctest says "notrun" for a program that is missing: that is a failure, not a skip.
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") in ("fail", "notrun"):
            outcome.failures.append(name)
        elif case.find("skipped") is not None or case.get("status") == "disabled":
            outcome.skipped += 1
        else:
            outcome.passed += 1
    return outcome


def closed(outcome: Outcome, exit_code: int, what: str) -> Outcome:
    """An exit code that the counted tests do not explain is a failure of its own."""
    if exit_code != 0 and not outcome.failures:
        outcome.failures.append(f"{what} ended with exit code {exit_code}")
    return outcome


def read_after(context: Context, command: list[str], result: Path, cwd: Path = ROOT) -> Outcome:
    result.unlink(missing_ok=True)
    code = context.run(command, cwd)
    return closed(read_junit(result), code, command[0])


def run_ctest(context: Context) -> Outcome:
    result = context.results / "ctest.xml"
    jobs = str(os.cpu_count() or 2)
    command = ["ctest", "--test-dir", str(context.build), "--output-junit", str(result), "--output-on-failure", "-j", jobs]
    return read_after(context, command, result)


def pytest_suite(name: str, *folders: str) -> Callable[[Context], Outcome]:
    def run(context: Context) -> Outcome:
        present = [folder for folder in folders if (ROOT / folder).is_dir()]
        if not present:
            return Outcome()
        result = context.results / f"{name}.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-o",
            "asyncio_default_fixture_loop_scope=function",
            f"--junitxml={result}",
            *present,
        ]
        result.unlink(missing_ok=True)
        code = context.run(command)
        # 5: nothing was collected; the empty outcome says so better.
        return closed(read_junit(result), 0 if code == 5 else code, "pytest")

    return run


def node_suite(name: str, folder: str, *patterns: str) -> Callable[[Context], Outcome]:
    """node:test over the files that match, from `folder`."""

    def run(context: Context) -> Outcome:
        base = ROOT / folder
        files = sorted(
            str(path.relative_to(base)) for pattern in patterns for path in base.glob(pattern) if "node_modules" not in path.parts
        )
        if not files:
            return Outcome()
        result = context.results / f"{name}.xml"
        reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout"]
        reporters += ["--test-reporter=junit", f"--test-reporter-destination={result}"]
        return read_after(context, ["node", "--no-warnings", "--test", *reporters, *files], result, base)

    return run


def run_conformance(context: Context) -> Outcome:
    result = context.results / "conformance.json"
    result.unlink(missing_ok=True)
    code = context.run(["node", "tests/conformance/run-subset.mjs", "--json", str(result)])
    outcome = Outcome()
    if result.is_file():
        for test in json.loads(result.read_text())["expected"]:
            if test["ok"]:
                outcome.passed += 1
            else:
                outcome.failures.append(f"{test['service']} > {test['name']}: {test.get('message', '')}")
    return closed(outcome, code, "run-subset.mjs")


def run_checks(context: Context) -> Outcome:
    """What `make lint` checks and a change must never break."""
    outcome = Outcome()
    for name, command in {
        "layers": [sys.executable, "tools/check_layers.py"],
        "generated files": ["tools/check_generated.sh"],
        "lock files": ["tools/check_locks.sh"],
    }.items():
        if context.run(command) == 0:
            outcome.passed += 1
        else:
            outcome.failures.append(name)
    return outcome


SUITES: dict[str, Callable[[Context], Outcome]] = {
    "checks": run_checks,
    "tools": pytest_suite("tools", "tools/tests"),
    "generator": node_suite("generator", "bindings/generator", "test/**/*.test.js", "test/**/*.test.mjs"),
    "ctest": run_ctest,
    "python": pytest_suite("python", "python/tests"),
    "node": node_suite("node", "node", "*/test/**/*.test.js", "*/test/**/*.test.mjs", "test/**/*.test.mjs"),
    "integration": pytest_suite("integration", "tests/integration"),
    "sdk-python": pytest_suite("sdk-python", "tests/sdk/python"),
    "sdk-node": node_suite("sdk-node", "tests/sdk/node", "*.test.mjs"),
    "conformance": run_conformance,
    "browser": node_suite("browser", "tests/browser", "*.test.mjs"),
    "examples": pytest_suite("examples", "tests/examples"),
    "packages": pytest_suite("packages", "tests/packages"),
}


def print_table(outcomes: dict[str, Outcome]) -> None:
    width = max(len(name) for name in outcomes)
    print(f"\n{'suite'.ljust(width)}  {'passed':>6}  {'failed':>6}  {'skipped':>7}  {'seconds':>7}")
    for name, outcome in outcomes.items():
        print(f"{name.ljust(width)}  {outcome.passed:>6}  {outcome.failed:>6}  {outcome.skipped:>7}  {outcome.seconds:>7.1f}")
    for name, outcome in outcomes.items():
        for failure in outcome.failures:
            print(f"FAILED {name}: {failure}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release")
    parser.add_argument("--list", action="store_true", help="print the suites' names")
    parser.add_argument("suites", nargs="*", metavar="SUITE")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(SUITES))
        return 0
    if unknown := [name for name in arguments.suites if name not in SUITES]:
        parser.error(f"unknown suite {', '.join(unknown)}; known: {', '.join(SUITES)}")
    context = Context(arguments.build.resolve(), arguments.build.resolve() / "test-results")
    shutil.rmtree(context.results, ignore_errors=True)
    context.results.mkdir(parents=True)

    outcomes: dict[str, Outcome] = {}
    for name in arguments.suites or SUITES:
        print(f"\n=== {name}", flush=True)
        started = time.monotonic()
        try:
            outcome = SUITES[name](context)
        except Exception as error:  # one broken suite must not hide the others
            outcome = Outcome(failures=[f"{type(error).__name__}: {error}"])
        outcome.seconds = time.monotonic() - started
        if outcome.passed + outcome.failed == 0:
            outcome.failures.append("the suite ran nothing")
        outcomes[name] = outcome

    print_table(outcomes)
    passed = sum(outcome.passed for outcome in outcomes.values())
    failed = sum(outcome.failed for outcome in outcomes.values())
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
