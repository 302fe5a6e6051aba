"""Makes a folder of binaries self-contained: what they need of this machine goes into its lib/, and they look for it there.

    vendor.py FOLDER

Below FOLDER lie bin/, lib/, plugins/ and perhaps modules of Python and Node.js. Libraries that every Linux of the same age has
(those of the manylinux policies) stay where they are. The others are copied under a name with a digest in it, as auditwheel
does: a process loads one library of a name, and Python has brought its own OpenSSL. Stands on patchelf and ldd alone: CMake
runs it while `pip wheel` installs.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# The C and C++ runtimes of the policy manylinux_2_36; newer systems have them too. It also allows libraries of desktops (libX11,
# libglib), which servers and containers do not have.
SYSTEM = {
    *("libc.so.6", "libm.so.6", "libmvec.so.1", "libdl.so.2", "librt.so.1", "libpthread.so.0", "libresolv.so.2", "libutil.so.1"),
    *("libanl.so.1", "libnsl.so.1", "libgcc_s.so.1", "libstdc++.so.6", "libatomic.so.1"),
    *("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"),
}
FOUND = re.compile(r"^\s*(\S+) => (\S+)(?: \(0x[0-9a-f]+\))?$", re.M)
MISSING = re.compile(r"^\s*(\S+) => not found$", re.M)


class VendorError(Exception):
    """What is missing, for people."""


def run(*command: str | Path) -> str:
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise VendorError(f"{command[0]} was not found; it is needed to make a package that works elsewhere") from None
    if done.returncode != 0:
        raise VendorError(f"{' '.join(str(part) for part in command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def binaries(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield path


def needed_by(path: Path) -> list[str]:
    return run("patchelf", "--print-needed", path).split()


def where_they_are(path: Path) -> dict[str, Path]:
    """Where this machine has the libraries that `path` needs, and those that they need."""
    text = run("ldd", path)
    if missing := MISSING.findall(text):
        raise VendorError(f"{path} needs {', '.join(missing)}, which this machine does not have")
    return {name: Path(found) for name, found in FOUND.findall(text)}


def copy_library(source: Path, name: str, into: Path) -> str:
    """Copies a library; the name that it has from now on."""
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:8]
    stem, dot, suffix = name.partition(".so")
    new_name = f"{stem}-{digest}{dot}{suffix}"
    target = into / new_name
    shutil.copyfile(source.resolve(), target)
    target.chmod(0o755)
    copy_licence(source, into / "licenses")
    strip(target)
    run("patchelf", "--set-soname", new_name, target)
    return new_name


def copy_licence(source: Path, into: Path) -> None:
    """What Debian says of the library's copyright; on other systems whoever packs has to."""
    if shutil.which("dpkg-query") is None:
        return
    for path in (source, source.resolve(), Path(str(source).removeprefix("/usr"))):
        found = subprocess.run(["dpkg-query", "-S", str(path)], capture_output=True, text=True, check=False).stdout
        package = found.partition(":")[0]
        text = Path("/usr/share/doc") / package / "copyright"
        if package and text.is_file():
            into.mkdir(exist_ok=True)
            shutil.copyfile(text.resolve(), into / f"{package}.txt")
            return


def strip(path: Path) -> None:
    """Before patchelf has been at it: what it moves, strip does not understand."""
    run("strip", "--strip-unneeded", path)


def outside(path: Path, own: set[str]) -> dict[str, Path]:
    """The libraries that `path` and what it needs come with from outside the folder."""
    return {name: found for name, found in where_they_are(path).items() if name not in own and name not in SYSTEM}


def vendor(folder: Path) -> list[str]:
    """Returns the names of the libraries that lib/ has got."""
    into = folder / "lib"
    into.mkdir(exist_ok=True)
    ours = list(binaries(folder))
    own = {path.name for path in ours}
    wanted: dict[str, Path] = {}
    for path in ours:
        wanted |= outside(path, own)
    for path in ours:
        strip(path)
    names = {name: copy_library(source, name, into) for name, source in sorted(wanted.items())}
    for path in [*ours, *(into / name for name in names.values())]:
        point_at(path, names, into)
    return sorted(names.values())


def point_at(path: Path, names: dict[str, str], libraries: Path) -> None:
    """Makes one file look for libraries in `libraries`, under their new names."""
    options: list[str | Path] = []
    for name in needed_by(path):
        if name in names:
            options += ["--replace-needed", name, names[name]]
    relative = os.path.relpath(libraries, path.parent)
    origin = "$ORIGIN" if relative == "." else f"$ORIGIN/{relative}"
    run("patchelf", *options, "--set-rpath", origin, path)


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        names = vendor(Path(sys.argv[1]))
    except VendorError as error:
        print(f"vendor: {error}", file=sys.stderr)
        return 1
    print(f"vendor: {len(names)} libraries came along")
    return 0


if __name__ == "__main__":
    sys.exit(main())
