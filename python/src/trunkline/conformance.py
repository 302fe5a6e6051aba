"""The conformance kit on a provider that is written in Python: the checks that every plugin passes, in this process.

    report = trunkline.conformance.run(Acme, config={"url": "https://api.acme.example"}, secrets={"api_key": "secret"})
    assert report.passed, report.text

Or from a shell: `python -m trunkline.conformance acme:Acme --config trunkline.yaml --quirks quirks.json`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import _native
from ._errors import InvalidArgumentError
from ._provider import Plugin

__all__ = ["CheckResult", "Report", "main", "run"]


@dataclass(slots=True, kw_only=True)
class CheckResult:
    """What one check found."""

    name: str
    """Such as `sms.cancel_during`."""
    outcome: str
    """`passed`, `failed` or `skipped`."""
    detail: str = ""
    """Why it failed or was skipped; remarks of one that passed."""
    seconds: float = 0.0
    """How long it took."""
    figures: dict[str, float] = field(default_factory=dict)
    """Measured numbers, by name with unit, such as `calls_per_s`."""


@dataclass(slots=True, kw_only=True)
class Report:
    """What a run of the kit found."""

    plugin: str
    """Id of the plugin."""
    results: list[CheckResult]
    """The checks that ran, in order."""
    text: str = field(repr=False)
    """For people."""
    json: str = field(repr=False)
    """As `trunkline plugin test --report` writes it."""
    junit: str = field(repr=False)
    """As `trunkline plugin test --junit` writes it."""

    @property
    def passed(self) -> bool:
        """Checks ran, and none failed."""
        return bool(self.results) and not self.failed

    @property
    def failed(self) -> list[CheckResult]:
        """Those that failed."""
        return [result for result in self.results if result.outcome == "failed"]


def run(
    provider: object,
    *,
    interface: object = None,
    id: str = "under-test",
    config: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    quirks: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    only: Iterable[str] = (),
    workers: int = 8,
) -> Report:
    """Runs the conformance kit. Blocks.

    Args:
        provider: A provider class, or a function that makes a provider: the kit makes several instances. An object is shared by
            all of them.
        interface: What it offers, where no base class says so: `sms`, or several.
        id: Name of the plugin in the report.
        config: Its configuration.
        secrets: Its secrets, by name.
        quirks: How its carrier behaves: the content of a quirks.json, or the path of one.
        only: Checks to run, such as `sms.*`; empty: all.
        workers: Threads for methods that are plain functions.

    Raises:
        InvalidArgumentError: The configuration or the quirks are wrong.
    """
    options: dict[str, Any] = {
        "config": dict(config or {}),
        "secrets": dict(secrets or {}),
        "only": [only] if isinstance(only, str) else list(only),
    }
    if isinstance(quirks, Mapping):
        options["quirks"] = dict(quirks)
    elif quirks is not None:
        options["quirks"] = json.loads(Path(quirks).read_text(encoding="utf-8"))
    plugin = Plugin(provider, id=id, interfaces=interface, secrets=tuple(options["secrets"]) or None, most_workers=workers)
    as_json, text, junit = _native.run_conformance(plugin, json.dumps(options))
    results = [CheckResult(**check) for check in json.loads(as_json)["checks"]]
    return Report(plugin=id, results=results, text=text, json=as_json, junit=junit)


def load(name: str) -> object:
    """The object of `module:Name`. The working directory is looked into, too.

    Raises:
        InvalidArgumentError: There is none.
    """
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise InvalidArgumentError(f"found {name!r}, wanted module:Name such as acme:Acme", target="provider")
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    found: object = importlib.import_module(module)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise InvalidArgumentError(f"{module} has no {attribute}", target="provider")
        found = getattr(found, part)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Gives the exit code: 0 when every check passed."""
    parser = argparse.ArgumentParser(
        prog="python -m trunkline.conformance", description="Runs the conformance kit on a provider."
    )
    parser.add_argument("provider", help="module:Name of a provider class or of a function that makes a provider")
    parser.add_argument("--interface", action="append", help="what it offers, where no base class says so; may be repeated")
    parser.add_argument("--config", help="its configuration: a JSON file")
    parser.add_argument("--secret", action="append", default=[], metavar="NAME=VALUE", help="may be repeated")
    parser.add_argument("--quirks", help="how its carrier behaves: a quirks.json")
    parser.add_argument("--only", action="append", default=[], help="checks to run, with *; may be repeated")
    parser.add_argument("--junit", help="write the report here, as JUnit")
    parser.add_argument("--report", help="write the report here, as JSON")
    options = parser.parse_args(arguments)
    report = run(
        load(options.provider),
        interface=options.interface,
        id=options.provider.partition(":")[0].replace("_", "-"),
        config=json.loads(Path(options.config).read_text(encoding="utf-8")) if options.config else None,
        secrets=dict(secret.split("=", 1) for secret in options.secret),
        quirks=options.quirks,
        only=options.only,
    )
    for path, content in ((options.junit, report.junit), (options.report, report.json)):
        if path:
            Path(path).write_text(content + "\n", encoding="utf-8")
    print(report.text)
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
