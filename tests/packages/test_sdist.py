"""The source distribution has every file that a build reads."""

from __future__ import annotations

import os
from pathlib import Path

from conftest import BUILD, ROOT, run

# What a wheel is made of: the program, the plugins, the Python module.
WANTED = "product"
# Objects of these folders are of no product.
NOT_OURS = ("tests/", "examples/", "bindings/node/")


def ninja(*arguments: str) -> list[str]:
    return run("ninja", "-C", BUILD, *arguments, cwd=BUILD).splitlines()


def of_the_repository(paths: set[str]) -> set[str]:
    """Those below the repository and not made by its build, by their path from there."""
    found = set()
    for name in paths:
        path = Path(os.path.normpath(BUILD / name))
        if path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / "build") and not path.is_relative_to(ROOT / ".venv"):
            found.add(str(path.relative_to(ROOT)))
    return found


def what_the_build_read() -> set[str]:
    """As ninja knows it: the inputs of every step, and what the compiler said that it had included."""
    paths = set(ninja("-t", "inputs", WANTED))
    output = ""
    for line in ninja("-t", "deps"):
        if line and not line.startswith(" "):
            output = line.partition(":")[0]
        elif line.strip() and not output.startswith(NOT_OURS):
            paths.add(line.strip())
    return of_the_repository(paths)


def what_cmake_read() -> set[str]:
    """Files whose change makes CMake run again."""
    lines = ninja("-t", "query", "build.ninja")
    begin = next(i for i, line in enumerate(lines) if line.strip().startswith("input:"))
    paths = {line.strip().removeprefix("|").strip() for line in lines[begin + 1 :] if line.startswith("    ")}
    # The tests' own lists are read where there are tests.
    return {path for path in of_the_repository(paths) if not path.startswith(NOT_OURS)}


def test_every_file_that_the_build_read_is_in_it(sources: Path) -> None:
    read = what_the_build_read() | what_cmake_read()
    assert len(read) > 1000, sorted(read)[:20]
    assert {"CMakeLists.txt", "runtime/app/main.cpp", "bindings/c/include/trunkline/abi.h"} <= read
    missing = sorted(name for name in read if not (sources / name).is_file())
    assert missing == []


def test_it_has_what_a_license_asks_for(sources: Path) -> None:
    for name in ("LICENSE", "README.md", "pyproject.toml", "PKG-INFO"):
        assert (sources / name).is_file(), name
    assert not list(sources.rglob("node_modules"))
    assert not (sources / "build").exists()
