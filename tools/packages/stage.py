"""The folder that all binary packages are made of: what CMake installs for Python, made self-contained."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from vendor import vendor

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Stage:
    """`site` is what a wheel has, `package` its folder trunkline/: bin/, lib/, plugins/ and the SDK beside the Python files."""

    build: Path
    site: Path

    @property
    def package(self) -> Path:
        return self.site / "trunkline"


def make(build: Path, work: Path) -> Stage:
    """Installs from a build that is there; nothing is compiled."""
    site = work / "site"
    shutil.rmtree(site, ignore_errors=True)
    install = ["cmake", "--install", str(build), "--component", "python", "--prefix", str(site)]
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
    addon = build / "node" / "trunkline.node"
    if addon.is_file():
        # Beside the others while they are made self-contained, so that all share one set of libraries.
        folder = site / "trunkline" / "node"
        folder.mkdir()
        shutil.copy2(addon, folder / addon.name)
    vendor(site / "trunkline")
    return Stage(build, site)
