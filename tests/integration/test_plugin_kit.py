"""The conformance kit finds every sin of a plugin that was made to have it, and nothing in plugins that have none."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from kit_runs import BUILD, ROOT, describe, kit
from server import PROGRAM

AWKWARD = BUILD / "test_plugins" / "test-awkward"

# A sin, and a check that must fail because of it with these words.
SINS = [
    ("answers_twice", "sms.normal", "more than once"),
    ("answers_after_stop", "sms.stop_with_calls", "operations open"),
    ("never_answers", "sms.normal", "never completed"),
    ("never_answers", "sms.deadline_during", "never completed"),
    ("open_calls", "sms.stop_with_calls", "operations open"),
    ("forgets_cancelled", "sms.cancel_during", "never completed"),
    ("stop_never", "lifecycle.create_stop", "stop: did not complete"),
    ("stop_twice", "lifecycle.create_stop", "completed its stop more than once"),
    ("global_state", "sms.interleaved_instances", "refuses calls since the first one stopped"),
    ("leaks_calls", "sms.leaks", "every call leaves"),
    ("leaks_instances", "lifecycle.leaks", "leaves"),
    ("owns_a_thread", "lifecycle.owned_threads", "made 1 threads"),
    ("crashes", "sms.normal", "SIGSEGV|Segmentation fault"),
    ("exits", "sms.normal", "exit code 7"),
    ("hangs", "sms.normal", "hung"),
    ("throws", "sms.normal", "let an exception out|bad_alloc"),
    ("takes_c_strings", "sms.send.nul_in_id", "message_id"),
    ("swaps_results", "sms.send.answers_each_recipient", "in the order of the request"),
    ("forgets_a_result", "sms.send.answers_each_recipient", "wanted one for each"),
    ("undeclared_error", "sms.send.empty_arguments", "does not declare"),
    ("undeclared_error", "sms.send.error.invalid_argument", "wanted invalid_argument"),
    ("internal_on_odd_text", "sms.send.empty_text", "internal"),
    ("crashes_on_unknown_enum", "sms.send.unknown_enum", "Aborted"),
    ("ignores_size", "sms.structs.send_call_of_8_bytes", "Aborted"),
    ("ignores_stride", "sms.structs.large_request", "message_id|died|results"),
    ("changes_capabilities", "sms.capabilities", "changed while the instance lived"),
    ("capabilities_never", "sms.capabilities", "@sync|before it had completed"),
    ("contradicts_itself", "sms.receipts.own", "2 final reports"),
    ("reports_strangers", "sms.receipts.own", "never sent"),
]


def awkward(tmp_path: Path, sin: str) -> list[str]:
    """Options that make the awkward plugin sin, and the kit impatient: what never comes need not be waited for long."""
    config = tmp_path / "trunkline.yaml"
    config.write_text(f"providers:\n  - name: awkward\n    plugin: test-awkward\n    config: {{sin: {sin}}}\n")
    quirks = tmp_path / "quirks.json"
    quirks.write_text(json.dumps({"patience_ms": 300, "clock_limit_s": 60, "load": {"calls": 200}}))
    return ["--config", str(config), "--quirks", str(quirks)]


@pytest.mark.parametrize(("sin", "check", "words"), SINS, ids=[f"{sin}-{check}" for sin, check, _ in SINS])
def test_a_sin_is_found(tmp_path: Path, sin: str, check: str, words: str) -> None:
    report = kit(AWKWARD, *awkward(tmp_path, sin), "--only", check, "--limit", "3" if sin == "hangs" else "60", expect=1)
    [result] = report["checks"]  # type: ignore[misc]
    assert result["name"] == check
    assert result["outcome"] == "failed"
    assert any(one in result["detail"] for one in words.split("|")), result["detail"]


def test_without_a_sin_all_passes(tmp_path: Path) -> None:
    junit = tmp_path / "junit.xml"
    report = kit(AWKWARD, *awkward(tmp_path, "none"), "--junit", str(junit), expect=0)
    assert report["failed"] == 0, describe(report)
    assert int(report["passed"]) > 30  # type: ignore[call-overload]
    suite = ElementTree.parse(junit).getroot()
    assert int(suite.get("tests", "0")) == len(report["checks"])  # type: ignore[arg-type]


def test_a_crash_does_not_end_the_run(tmp_path: Path) -> None:
    report = kit(
        AWKWARD, *awkward(tmp_path, "crashes_on_unknown_enum"), "--only", "sms.send.*", "--only", "sms.structs.*", expect=1
    )
    outcomes = {check["name"]: check["outcome"] for check in report["checks"]}  # type: ignore[attr-defined]
    assert outcomes["sms.send.unknown_enum"] == "failed"
    assert [name for name, outcome in outcomes.items() if outcome == "failed"] == ["sms.send.unknown_enum"]


# What a plugin cannot be asked without a far end. Pages of pstn-webrtc call and are called in its own tests and in Chromium.
ONLY = {"pstn-webrtc": ["lifecycle.*", "webhook.*", "pstn.audio.*", "pstn.dial.*", "pstn.structs*"]}
PLUGINS = sorted(folder.name for folder in (BUILD / "plugins").iterdir() if (folder / "plugin.json").is_file())


def needs(plugin: str) -> list[str]:
    """What its manifest wants to be configured."""
    manifest = json.loads((BUILD / "plugins" / plugin / "plugin.json").read_text())
    return [*manifest.get("secrets", []), *manifest.get("config_schema", {}).get("required", [])]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_plugins_of_this_repository(plugin: str) -> None:
    options = []
    for option, name in (("--config", "conformance.yaml"), ("--quirks", "quirks.json")):
        found = [folder / plugin / name for folder in (ROOT / "plugins", ROOT / "tests" / "plugins")]
        options += next(([option, str(file)] for file in found if file.is_file()), [])
    if "--config" not in options and needs(plugin):
        pytest.skip(f"there is no tests/plugins/{plugin}/conformance.yaml, and it needs {', '.join(needs(plugin))}")
    for pattern in ONLY.get(plugin, []):
        options += ["--only", pattern]
    report = kit(BUILD / "plugins" / plugin, *options, expect=0)
    assert report["failed"] == 0, describe(report)


@pytest.mark.parametrize("plugin", sorted(folder.name for folder in (BUILD / "test_plugins").glob("kept-*")))
def test_plugins_of_former_releases(plugin: str) -> None:
    source = Path(__file__).resolve().parents[1] / "abi" / "kept_plugins" / plugin.removeprefix("kept-").replace("-", "_")
    report = kit(BUILD / "test_plugins" / plugin, "--quirks", str(source / "quirks.json"), expect=0)
    assert report["failed"] == 0, describe(report)


def test_bad_input(tmp_path: Path) -> None:
    def said(*arguments: str) -> str:
        done = subprocess.run(
            [str(PROGRAM), "plugin", "test", *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 1
        return done.stderr

    quirks = tmp_path / "quirks.json"
    quirks.write_text('{"htpp": []}')
    assert "htpp: unknown member; wanted one of" in said(str(AWKWARD), "--quirks", str(quirks))
    quirks.write_text('{"http": [{"status": "ok"}]}')
    assert "http[0].status" in said(str(AWKWARD), "--quirks", str(quirks))
    assert "there is no file" in said(str(AWKWARD), "--quirks", str(tmp_path / "none.json"))
    assert "no check has such a name" in said(str(AWKWARD), "--only", "nothing.*")
    other = tmp_path / "trunkline.yaml"
    other.write_text("providers:\n  - name: other\n    plugin: sms-sandbox\n")
    assert "no provider of plugin test-awkward; found other (sms-sandbox)" in said(str(AWKWARD), "--config", str(other))


def test_in_a_process_of_its_own_a_crash_is_attributed(tmp_path: Path) -> None:
    report = kit(
        AWKWARD, *awkward(tmp_path, "crashes"), "--isolation", "process", "--only", "sms.normal", "--in-process", expect=1
    )
    [result] = report["checks"]  # type: ignore[misc]
    assert "provider under-test (plugin test-awkward): its process ended by signal 11 (SIGSEGV)" in result["detail"]


def test_the_configuration_can_ask_for_isolation(tmp_path: Path) -> None:
    options = awkward(tmp_path, "exits")
    config = Path(options[1])
    config.write_text(config.read_text() + "    isolation: process\n")
    report = kit(AWKWARD, *options, "--only", "sms.normal", "--in-process", expect=1)
    [result] = report["checks"]  # type: ignore[misc]
    assert "its process ended with exit status 7" in result["detail"]


def test_the_list_says_what_can_be_isolated() -> None:
    done = subprocess.run([str(PROGRAM), "plugin", "list", "--verbose"], capture_output=True, text=True, timeout=60, check=True)
    assert "    isolation     none, process\n" in done.stdout
