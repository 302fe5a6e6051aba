"""The npm tarballs: `trunkline`, which is JavaScript and the sources to build from, and one with this platform's binaries."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from stage import ROOT, Stage

PACKAGE = ROOT / "node" / "trunkline"
# What a build of the addon, the program and the plugins needs, and nothing else.
BINDINGS = ("CMakeLists.txt", "c", "cpp", "node", "wire")
SOURCES = ["CMakeLists.txt", "LICENSE", "cmake", "runtime", "plugins", *(f"bindings/{part}" for part in BINDINGS)]
HEADERS = {"node-api-headers": "include", "node-addon-api": "."}


def platform_name() -> str:
    """As Node.js names it, with the C library."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    libc = "-gnu" if sys.platform == "linux" and platform.libc_ver()[0] == "glibc" else ""
    return f"{sys.platform}-{machine}{libc}"


def manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PACKAGE / "package.json").read_text())
    return found


def pack(folder: Path, package: dict[str, Any], dist: Path) -> Path:
    (folder / "package.json").write_text(json.dumps(package, indent=2) + "\n")
    shutil.copy2(ROOT / "LICENSE", folder / "LICENSE")
    done = subprocess.run(
        ["npm", "pack", "--json", "--ignore-scripts", "--pack-destination", str(dist)],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    name = str(json.loads(done.stdout)[0]["filename"])
    return dist / name.replace("@", "").replace("/", "-")


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def make_platform(stage: Stage, work: Path, dist: Path) -> Path:
    """The binaries, laid out as in a build folder."""
    folder = fresh(work / "npm-platform")
    name = platform_name()
    for part in ("bin", "lib", "plugins", "node", "include", "share"):
        if (stage.package / part).is_dir():
            shutil.copytree(stage.package / part, folder / part)
    main = manifest()
    package = {
        "name": f"@trunkline/runtime-{name}",
        "version": main["version"],
        "description": f"The native part of trunkline for {name}",
        "license": main["license"],
        "engines": main["engines"],
        "os": [name.split("-")[0]],
        "cpu": [name.split("-")[1]],
    }
    if name.endswith("-gnu"):
        package["libc"] = ["glibc"]
    text = f"# {package['name']}\n\n{package['description']}. Install `trunkline`, which brings it along.\n"
    (folder / "README.md").write_text(text)
    return pack(folder, package, dist)


def copy_sources(into: Path) -> None:
    """Tracked files only: a working copy has more."""
    listed = subprocess.run(["git", "ls-files", "-z", *SOURCES], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    for name, part in HEADERS.items():
        source = ROOT / "node" / "node_modules" / name
        headers = source / part
        # npm packs no folder that is called node_modules.
        target = into / "node" / "headers" / name / part
        target.mkdir(parents=True, exist_ok=True)
        for header in headers.glob("*.h"):
            shutil.copy2(header, target / header.name)
        for text in source.glob("LICENSE*"):
            shutil.copy2(text, into / "node" / "headers" / name / text.name)


def make_main(work: Path, dist: Path) -> Path:
    folder = fresh(work / "npm-main")
    package = manifest()
    for part in package["files"]:
        if (PACKAGE / part).is_dir():
            shutil.copytree(PACKAGE / part, folder / part)
    shutil.copy2(PACKAGE / "README.md", folder / "README.md")
    copy_sources(folder / "source")
    package["optionalDependencies"] = {f"@trunkline/runtime-{platform_name()}": package["version"]}
    return pack(folder, package, dist)
