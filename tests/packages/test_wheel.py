"""The wheel alone is enough: for the README, for the program, for tests, for a carrier of one's own."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT, Dist, PythonProject, clean_environment, run, tracked
from documents import Block, blocks, matches

README = ROOT / "README.md"
# What runs in the process, with the built-in carriers.
SAMPLES = [
    block
    for block in blocks(README)
    if block.language == "python" and "import trunkline" in block.text and "paths" not in block.text
]


def test_it_is_of_this_platform_and_brings_everything_along(dist: Dist) -> None:
    said = run(sys.executable, "-m", "auditwheel", "show", dist.wheel, cwd=dist.folder)
    tag = dist.wheel.name.removesuffix(".whl").split("-")[-1]
    assert tag.startswith("manylinux_2_")
    (oldest,) = re.findall(r'platform tag: "manylinux_2_(\d+)_\w+"', " ".join(said.split()))
    assert int(oldest) <= int(tag.split("_")[2]), said
    names = zipfile.ZipFile(dist.wheel).namelist()
    for wanted in (
        "trunkline/bin/trunkline",
        "trunkline/bin/trunkline-plugin-host",
        "trunkline/bin/trunkline-script",
        "trunkline/lib/trunkline/trunkline-voices.so",
        "trunkline/plugins/sms-sandbox/plugin.json",
        "trunkline/py.typed",
    ):
        assert wanted in names
    libraries = [name for name in names if name.startswith("trunkline/lib/lib") and "-" in name]
    assert any("libgmime" in name for name in libraries)
    assert any(name.startswith("trunkline/lib/licenses/libgmime") for name in names)
    assert not any("__pycache__" in name or name.startswith("trunkline/node/") for name in names)


def test_nothing_is_looked_for_elsewhere(python_project: PythonProject) -> None:
    """Every library comes from the package or is one that each Linux has."""
    sys.path.insert(0, str(ROOT / "tools" / "packages"))
    import vendor

    package = python_project.site / "trunkline"
    for binary in vendor.binaries(package):
        for name, found in vendor.where_they_are(binary).items():
            assert name in vendor.SYSTEM or found.resolve().is_relative_to(package.resolve()), f"{binary}: {name} => {found}"


@pytest.mark.parametrize("block", SAMPLES, ids=lambda block: block.where)
def test_samples_of_the_readme(python_project: PythonProject, block: Block) -> None:
    (python_project.folder / "sample.py").write_text(block.text)
    printed = python_project.run("sample.py")
    assert matches(block.output or "", printed), printed


def test_the_readme_has_samples() -> None:
    assert len(SAMPLES) >= 3


def test_the_program(python_project: PythonProject) -> None:
    version = python_project.run("-c", "import trunkline; print(trunkline.__version__)").strip()
    assert version in python_project.run("-m", "trunkline", "--version")
    assert version in run(python_project.python.parent / "trunkline", "--version", cwd=python_project.folder)
    server = subprocess.Popen(
        [str(python_project.python), "-m", "trunkline", "dev", "--port", "0", "--json"],
        cwd=python_project.folder,
        env=clean_environment(XDG_DATA_HOME=str(python_project.folder / "data")),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        ready = json.loads(next(line for line in server.stdout if line.startswith("{")))
        sent = python_project.run(
            "-m", "trunkline", "send", "sms", "--to", "+14255550123", "hello", "--connection-string", ready["connection_string"]
        )
        assert "accepted" in sent
    finally:
        server.terminate()
        server.wait(30)


def test_pytest_finds_the_fixture(python_project: PythonProject, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "def test_it(trunkline):\n"
        "    trunkline.phone('+14255550123').send('hello')\n"
        "    assert trunkline.events.expect('SMSReceived').data['message'] == 'hello'\n"
    )
    # pytest is of our environment, the package of theirs.
    said = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path, PYTHONPATH=str(python_project.site))
    assert "1 passed" in said


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_a_carrier_is_scaffolded_passes_the_kit_and_is_killed(
    python_project: PythonProject, tmp_path: Path, language: str
) -> None:
    program = python_project.python.parent / "trunkline"
    run(program, "plugin", "new", "acme", "--lang", language, "--interface", "sms", cwd=tmp_path)
    project = tmp_path / "acme"
    run("cmake", "-S", project, "-B", project / "build", f"-DCMAKE_PREFIX_PATH={python_project.site / 'trunkline'}", cwd=tmp_path)
    run("cmake", "--build", project / "build", cwd=tmp_path)
    said = run("ctest", "--test-dir", project / "build", "--output-on-failure", cwd=tmp_path)
    assert "100% tests passed, 0 tests failed out of 2" in said
    shutil.copy(Path(__file__).parent / "isolated_carrier.py", tmp_path)
    told = run(python_project.python, "isolated_carrier.py", project / "build", cwd=tmp_path)
    assert told.splitlines() == [
        "sent by acme",
        "killed before it had begun: sent by sim",
        "killed mid-flight: uncertain and left with acme",
    ]


def test_the_sources_are_enough_to_build(sources: Path, tmp_path: Path) -> None:
    """Everything that a build reads is there, and CMake is content; that it compiles, the build of this tree has shown."""
    import pybind11

    for name in tracked(
        "CMakeLists.txt", "pyproject.toml", "cmake", "runtime", "plugins", "bindings", "python", "tools/packages"
    ):
        assert (sources / name).is_file(), name
    options = ["-DTRUNKLINE_TESTS=OFF", "-DTRUNKLINE_NODE=OFF", "-DTRUNKLINE_PYTHON=ON", f"-DPython_EXECUTABLE={sys.executable}"]
    options += [f"-Dpybind11_DIR={pybind11.get_cmake_dir()}", "-DCMAKE_BUILD_TYPE=Release", "--log-level=ERROR"]
    run("cmake", "-S", sources, "-B", tmp_path / "build", "-G", "Ninja", *options, cwd=tmp_path)
    assert "_native" in run("ninja", "-C", tmp_path / "build", "-t", "targets", "all", cwd=tmp_path)
