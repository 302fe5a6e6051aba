"""The tarballs alone are enough: for the README, for the program, for tests; and where there are no binaries, they build."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, Dist, NodeProject, clean_environment, run, tracked
from documents import Block, blocks, matches

README = ROOT / "README.md"
SAMPLES = [block for block in blocks(README) if block.language == "js" and 'from "trunkline"' in block.text]


def test_the_two_packages(node_project: NodeProject) -> None:
    modules = node_project.folder / "node_modules"
    main = json.loads((modules / "trunkline" / "package.json").read_text())
    ((name, version),) = main["optionalDependencies"].items()
    platform = json.loads((modules / name / "package.json").read_text())
    assert platform["version"] == main["version"] == version
    assert (platform["os"], platform["libc"]) == (["linux"], ["glibc"])
    assert not list((modules / "trunkline").rglob("*.node"))
    # Not the one of the repository, nor one that was built.
    assert not (modules / "trunkline" / "build").exists()


@pytest.mark.parametrize("block", SAMPLES, ids=lambda block: block.where)
def test_samples_of_the_readme(node_project: NodeProject, block: Block) -> None:
    (node_project.folder / "sample.mjs").write_text(block.text)
    printed = node_project.run("node", "sample.mjs")
    assert matches(block.output or "", printed), printed


def test_the_readme_has_samples() -> None:
    assert SAMPLES


def test_require_gives_the_same(node_project: NodeProject) -> None:
    script = (
        'const { Runtime } = require("trunkline");'
        "Runtime.open().then(async (rt) => { console.log(rt.version); await rt.close(); });"
    )
    version = json.loads((ROOT / "node/trunkline/package.json").read_text())["version"]
    assert node_project.run("node", "-e", script).strip() == version


def test_npx_trunkline_dev(node_project: NodeProject) -> None:
    assert "0." in node_project.run("npx", "--no-install", "trunkline", "--version")
    server = subprocess.Popen(
        ["npx", "--no-install", "trunkline", "dev", "--port", "0", "--json"],
        cwd=node_project.folder,
        env=clean_environment(XDG_DATA_HOME=str(node_project.folder / "data")),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert server.stdout is not None
        ready = json.loads(next(line for line in server.stdout if line.startswith("{")))
        sent = node_project.run(
            "npx",
            "--no-install",
            "trunkline",
            "send",
            "sms",
            "--to",
            "+14255550123",
            "hello",
            "--connection-string",
            ready["connection_string"],
        )
        assert "accepted" in sent
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)


def test_the_fixtures(node_project: NodeProject) -> None:
    (node_project.folder / "it.test.mjs").write_text(
        'import assert from "node:assert/strict";\n'
        'import { test } from "trunkline/test";\n'
        'test("it", async ({ trunkline }) => {\n'
        '  await trunkline.phone("+14255550123").send("hello");\n'
        '  assert.equal((await trunkline.events.expect("SMSReceived")).data.message, "hello");\n'
        "});\n"
    )
    assert "# pass 1" in node_project.run("node", "--test", "--test-reporter=tap", "it.test.mjs")


@pytest.fixture(scope="module")
def alone(dist: Dist, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The main package on a platform that nobody has built for."""
    folder = tmp_path_factory.mktemp("alone")
    shutil.unpack_archive(dist.npm, folder, "gztar", filter="data")
    return folder / "package"


def test_without_binaries_it_says_what_to_do(alone: Path, tmp_path: Path) -> None:
    # A PATH with node and nothing else.
    node = shutil.which("node")
    assert node is not None
    (tmp_path / "node").symlink_to(node)
    said = run("node", alone / "scripts" / "install.cjs", cwd=tmp_path, PATH=str(tmp_path))
    assert "cmake and ninja are needed" in said
    script = f"require({json.dumps(str(alone))}).Runtime.open().catch((error) => console.log(error.code, error.message));"
    said = run("node", "-e", script, cwd=tmp_path)
    assert said.startswith("unavailable The native part of Trunkline was not found for linux-")
    assert "Install @trunkline/runtime-linux-" in said


def test_without_binaries_it_builds_them(alone: Path, tmp_path: Path) -> None:
    """What it would run, and that it is enough to run: compiling all of it is what the build of this tree has done."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("cmake", "ninja"):
        program = programs / name
        program.write_text(f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/called\n')
        program.chmod(0o755)
    said = run("node", alone / "scripts" / "install.cjs", cwd=tmp_path, PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")
    assert "built" in said
    lines = (tmp_path / "called").read_text().splitlines()
    configure, build = [line for line in lines if "--version" not in line]
    assert build == f"cmake --build {alone / 'build'} --target product"
    arguments = configure.removeprefix("cmake ").split()
    arguments[arguments.index(str(alone / "build"))] = str(tmp_path / "build")
    run("cmake", *arguments, cwd=tmp_path)
    assert "trunkline.node" in run("ninja", "-C", tmp_path / "build", "-t", "targets", "all", cwd=tmp_path)
    # npm packs no .gitignore.
    parts = (
        "CMakeLists.txt",
        "cmake",
        "runtime",
        "plugins",
        "bindings/CMakeLists.txt",
        "bindings/c",
        "bindings/cpp",
        "bindings/node",
    )
    missing = [name for name in tracked(*parts) if not (alone / "source" / name).is_file()]
    assert [name for name in missing if not name.endswith("/.gitignore")] == []
