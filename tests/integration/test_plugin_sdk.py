"""A stranger's day: the SDK alone, installed and moved, outside of the repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from server import PROGRAM

BUILD = PROGRAM.parent.parent


def run(*command: object, cwd: Path | None = None, expect: int = 0, env: dict[str, str] | None = None) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TRUNKLINE", "PYTHONPATH"))}
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, env={**clean, **(env or {})}, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == expect, f"{command} gave {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the SDK was installed, and moved to afterwards. The program comes along as a link."""
    root = tmp_path_factory.mktemp("sdk")
    run("cmake", "--install", BUILD, "--component", "sdk", "--prefix", root / "first")
    shutil.move(root / "first", root / "moved")
    (root / "moved" / "bin").mkdir()
    (root / "moved" / "bin" / "trunkline").symlink_to(PROGRAM)
    return root / "moved"


def test_what_is_installed(prefix: Path) -> None:
    assert (prefix / "include" / "trunkline" / "abi.h").is_file()
    assert (prefix / "include" / "trunkline" / "plugin.hpp").is_file()
    for file in prefix.rglob("*"):
        if file.is_file() and file.suffix in {".cmake", ".pc", ".h", ".hpp"}:
            text = file.read_text()
            assert str(BUILD) not in text, file
            assert str(prefix.parent / "first") not in text, file


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_a_new_project_builds_and_passes_the_kit(tmp_path: Path, prefix: Path, language: str) -> None:
    written = run(PROGRAM, "plugin", "new", "acme-two", "--lang", language, "--interface", "sms", cwd=tmp_path)
    assert "acme-two/plugin.json" in written
    project = tmp_path / "acme-two"
    assert "@" not in (project / "plugin.json").read_text()
    run("cmake", "-S", project, "-B", project / "build", f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", project / "build")
    library = project / "build" / "acme-two" / "acme-two.so"
    symbols = run("nm", "--dynamic", "--defined-only", library).split()
    assert [name for name in symbols if name.startswith("trunkline")] == ["trunkline_plugin_v1"]
    assert len(symbols) == 3, symbols  # address, type, name: one symbol
    run("ctest", "--test-dir", project / "build", "--output-on-failure")
    report = json.loads(
        run(
            PROGRAM,
            "plugin",
            "test",
            library,
            "--config",
            project / "trunkline.yaml",
            "--quirks",
            project / "quirks.json",
            "--json",
        )
    )
    assert report["failed"] == 0
    assert report["passed"] > 40
    skipped = {check["name"] for check in report["checks"] if check["outcome"] == "skipped"}
    assert not any(name.startswith("sms.send.error.") for name in skipped), skipped


def test_a_new_python_project_passes_the_kit(tmp_path: Path) -> None:
    written = run(PROGRAM, "plugin", "new", "acme-two", "--lang", "python", "--interface", "sms", cwd=tmp_path)
    assert "acme-two/acme_two.py" in written
    project = tmp_path / "acme-two"
    package = {"PYTHONPATH": str(BUILD / "python")}
    assert "OK" in run(sys.executable, "-m", "unittest", cwd=project, env=package)
    command = [sys.executable, "-m", "trunkline.conformance", "acme_two:AcmeTwo", "--secret", "api_key=secret"]
    said = run(*command, "--quirks", "quirks.json", "--report", "report.json", cwd=project, env=package)
    assert "0 failed" in said
    report = json.loads((project / "report.json").read_text())
    assert report["passed"] > 40
    skipped = {check["name"] for check in report["checks"] if check["outcome"] == "skipped"}
    assert not any(name.startswith(("sms.send.error.", "sms.receipts.late")) for name in skipped), skipped
    assert "+14255550123 accepted" in run(sys.executable, "main.py", "+14255550123", "hello", cwd=project, env=package)


@pytest.mark.skipif(shutil.which("node") is None or not (BUILD / "node" / "trunkline.node").is_file(), reason="no addon")
def test_a_new_javascript_project_passes_the_kit(tmp_path: Path) -> None:
    run(PROGRAM, "plugin", "new", "acme-two", "--lang", "js", "--interface", "sms", cwd=tmp_path)
    project = tmp_path / "acme-two"
    (project / "node_modules").mkdir()
    (project / "node_modules" / "trunkline").symlink_to(Path(__file__).resolve().parents[2] / "node" / "trunkline")
    build = {"TRUNKLINE_BUILD_DIR": str(BUILD)}
    said = run("node", "--test", cwd=project, env=build)
    assert "fail 0" in said
    assert "+14255550123 accepted" in run("node", "main.mjs", "+14255550123", "hello", cwd=project, env=build)


def test_pkg_config_builds_a_plugin(tmp_path: Path, prefix: Path) -> None:
    run(PROGRAM, "plugin", "new", "acme", "--lang", "c", cwd=tmp_path)
    env = dict(os.environ, PKG_CONFIG_PATH=str(prefix / "lib" / "pkgconfig"))
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "trunkline-plugin"], env=env, capture_output=True, text=True, timeout=60, check=True
    ).stdout.split()
    folder = tmp_path / "acme"
    run("cc", "-std=c11", "-shared", "-fPIC", "-o", folder / "acme.so", folder / "src" / "acme.c", *flags)
    checked = run(PROGRAM, "plugin", "check", folder, "--config", folder / "trunkline.yaml")
    assert "loads: built for ABI 1.0" in checked
    assert "trunkline.sms/1: 2 of 2 slots" in checked


def test_mistakes_of_an_author(tmp_path: Path, prefix: Path) -> None:
    assert "wanted lower-case letters" in run(PROGRAM, "plugin", "new", "Acme!", cwd=tmp_path, expect=1)
    assert "there are: c with chat, c with email, c with identity, c with media, c with pstn, c with sms, cpp with chat, " in run(
        PROGRAM, "plugin", "new", "acme", "--lang", "cobol", cwd=tmp_path, expect=1
    )
    for language in ("python", "js"):
        said = run(PROGRAM, "plugin", "new", "acme", "--lang", language, "--interface", "media", cwd=tmp_path, expect=1)
        assert "an object of Python or JavaScript cannot offer" in said
    run(PROGRAM, "plugin", "new", "acme", cwd=tmp_path)
    assert "is there already and not empty" in run(PROGRAM, "plugin", "new", "acme", cwd=tmp_path, expect=1)
    manifest = tmp_path / "acme" / "plugin.json"
    manifest.write_text(manifest.read_text().replace("acme.so", "other.so"))
    configured = run("cmake", "-S", tmp_path / "acme", "-B", tmp_path / "b", f"-DCMAKE_PREFIX_PATH={prefix}", expect=1)
    assert '"library": "other.so", wanted' in " ".join(configured.split())


def test_the_doctor_names_what_is_wrong(tmp_path: Path, prefix: Path) -> None:
    folder = tmp_path / "ill"
    folder.mkdir()
    manifest = {"id": "ill", "version": "1.0.0", "abi_min": "1.0", "library": "ill.so", "interfaces": ["trunkline.sms/1"]}
    (folder / "plugin.json").write_text(json.dumps(manifest))
    (folder / "ill.so").write_text("not a library")
    assert "wanted an ELF shared library" in run(PROGRAM, "plugin", "check", folder, expect=1)
    source = tmp_path / "ill.c"
    source.write_text("int answer(void) { return 42; }\n")
    run("cc", "-shared", "-fPIC", "-o", folder / "ill.so", source)
    said = run(PROGRAM, "plugin", "check", folder, expect=1)
    assert "it exports answer, wanted trunkline_plugin_v1" in said
    steps = json.loads(run(PROGRAM, "plugin", "check", folder, "--json", expect=1).splitlines()[0])["steps"]
    assert [step["step"] for step in steps] == ["path", "manifest", "library", "symbols"]
    assert steps[-1]["state"] == "failed"
