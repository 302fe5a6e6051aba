"""`python -m trunkline plugin test module:Class`: the conformance kit on a provider that is written in Python."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

from ._providers import run_kit


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="trunkline plugin test", description="Run the conformance kit on a provider in Python.")
    parser.add_argument("provider", help="module:Class, or module:object")
    parser.add_argument("--config", type=Path, help="its `config`, as JSON")
    parser.add_argument("--secret", action="append", default=[], metavar="NAME=VALUE", help="may be repeated")
    parser.add_argument("--quirks", type=Path, help="how the carrier behaves")
    parser.add_argument("--only", action="append", default=[], help="checks to run, with *; may be repeated")
    parser.add_argument("--interface", action="append", default=[], help="what an object offers; may be repeated")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(arguments)
    module, _, name = options.provider.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    report = run_kit(
        getattr(importlib.import_module(module), name),
        config=_read(options.config),
        secrets=dict(secret.split("=", 1) for secret in options.secret),
        quirks=_read(options.quirks),
        only=options.only,
        interfaces=options.interface,
    )
    print(json.dumps(report) if options.json else _text(report))
    return 1 if report["failed"] or not report["checks"] else 0


def _read(path: Path | None) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path else {}


def _text(report: dict[str, Any]) -> str:
    words = {"passed": "pass", "failed": "FAIL", "skipped": "skip"}
    lines = [f"{report['plugin']}  {report['version']}"]
    for check in report["checks"]:
        figures = "".join(f"  {name}={value:.0f}" for name, value in check["figures"].items())
        lines.append(f"  {words[check['outcome']]}  {check['name']}{figures}")
        lines += [f"        {line}" for line in check["detail"].splitlines()]
    lines.append(f"{report['passed']} passed, {report['failed']} failed, {report['skipped']} skipped")
    return "\n".join(lines)
