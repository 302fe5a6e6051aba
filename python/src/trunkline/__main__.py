"""`python -m trunkline`: the program of the package."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from . import _native


def program() -> Path | None:
    """The program that belongs to the library: of this package, or of the build that it was made in."""
    here = Path(__file__).parent
    library = Path(_native.library_path())
    for candidate in (here / "bin" / "trunkline", library.parent.parent / "bin" / "trunkline"):
        if os.access(candidate, os.X_OK):
            return candidate
    return None


def main() -> None:
    found = program()
    if found is None:
        sys.exit("trunkline: this installation has no program; install the package with its native parts")
    os.execv(found, [str(found), *sys.argv[1:]])


if __name__ == "__main__":
    main()
