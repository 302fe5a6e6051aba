"""A stranger's machine: what `make packages` made, and empty projects outside of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TRUNKLINE_BUILD_DIR", ROOT / "build" / "release")).resolve()
LIMIT_SECONDS = 600
# Code blocks of the documentation.
sys.path.insert(0, str(ROOT / "tests" / "examples"))


def clean_environment(**more: str) -> dict[str, str]:
    """Nothing in it leads to the repository, but the programs of its environment: node is there on some machines."""
    ours = ("TRUNKLINE", "PYTHON", "NODE_", "npm_", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | more


def run(*command: object, cwd: Path, expect: int = 0, **more: str) -> str:
    text = [str(part) for part in command]
    done = subprocess.run(
        text, cwd=cwd, env=clean_environment(**more), capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    assert done.returncode == expect, f"{' '.join(text)} gave {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def tracked(*names: str) -> list[str]:
    """Files of the repository, as a working copy of it has them."""
    listed = subprocess.run(["git", "ls-files", "-z", *names], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


@dataclass
class Dist:
    folder: Path

    def one(self, pattern: str) -> Path:
        (found,) = self.folder.glob(pattern)
        return found

    @property
    def wheel(self) -> Path:
        return self.one("*.whl")

    @property
    def sdist(self) -> Path:
        return self.one("*.tar.gz")

    @property
    def npm(self) -> Path:
        return self.one("trunkline-[0-9]*.tgz")

    @property
    def npm_platform(self) -> Path:
        return self.one("trunkline-runtime-*.tgz")


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Dist:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, ROOT / "tools" / "packages", "--build", BUILD, "--out", folder, cwd=folder)
    return Dist(folder)


@dataclass
class PythonProject:
    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "env" / "bin" / "python"

    @property
    def site(self) -> Path:
        (found,) = (self.folder / "env" / "lib").glob("python*/site-packages")
        return found

    def run(self, *command: object, expect: int = 0, **more: str) -> str:
        return run(self.python, *command, cwd=self.folder, expect=expect, **more)


@pytest.fixture(scope="session")
def python_project(dist: Dist, tmp_path_factory: pytest.TempPathFactory) -> PythonProject:
    """An empty project with the wheel installed, and nothing else."""
    project = PythonProject(tmp_path_factory.mktemp("python"))
    run(sys.executable, "-m", "venv", "--without-pip", "env", cwd=project.folder)
    install = ["--disable-pip-version-check", "--python", project.python, "install", "--no-index", dist.wheel]
    run(sys.executable, "-m", "pip", *install, cwd=project.folder)
    return project


@dataclass
class NodeProject:
    folder: Path

    def run(self, *command: object, expect: int = 0, **more: str) -> str:
        return run(*command, cwd=self.folder, expect=expect, **more)


@pytest.fixture(scope="session")
def node_project(dist: Dist, tmp_path_factory: pytest.TempPathFactory) -> NodeProject:
    """An empty project with the two tarballs installed, without a network."""
    project = NodeProject(tmp_path_factory.mktemp("node"))
    (project.folder / "package.json").write_text('{"private": true}')
    cache = tmp_path_factory.mktemp("npm-cache")
    project.run("npm", "install", "--offline", "--no-audit", "--no-fund", f"--cache={cache}", dist.npm, dist.npm_platform)
    return project


@pytest.fixture(scope="session")
def sources(dist: Dist, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the source distribution unpacks to."""
    folder = tmp_path_factory.mktemp("sdist")
    shutil.unpack_archive(dist.sdist, folder, filter="data")
    (found,) = folder.iterdir()
    return found
