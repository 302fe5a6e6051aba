#!/usr/bin/env python3
"""The ABI gates. Each fails on a difference; `bless` accepts one, unless it breaks what was released.

  prefix             every struct of every snapshot is a prefix of today's; enum values have not moved
  surface <library>  the debug information of the surface library equals golden/surface.abi.xml (needs abidiff)
  bless <library>    rewrites the golden file, and the snapshots that are marked UNRELEASED

There are no suppressions: those that permit growth also hide swapped members and changed types.
"""

import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ABI = HERE.parent
HEADERS = ABI.parent.parent / "bindings/c/include/trunkline"
GOLDEN = ABI / "golden/surface.abi.xml"
SNAPSHOTS = ABI / "snapshots"
SKIPPED = 77
ABIDW = ["abidw", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs"]


def text_without_comments(path):
    text = re.sub(r"/\*.*?\*/", " ", path.read_text(), flags=re.S)
    return re.sub(r"^\s*#.*?(?<!\\)$", "", text, flags=re.M)


def members(body):
    """Declarations of a struct in order; a nested union is one declaration."""
    found, depth, current = [], 0, ""
    for char in body:
        depth += {"{": 1, "}": -1}.get(char, 0)
        if char == ";" and depth == 0:
            found.append(" ".join(current.split()))
            current = ""
        else:
            current += char
    return found


def declarations(directory):
    """({struct: [member]}, {constant: value}, {typedef: declaration}) of all headers in a directory."""
    structs, constants, typedefs = {}, {}, {}
    for path in sorted(directory.glob("*.h")):
        text = text_without_comments(path)
        for match in re.finditer(r"struct (tl_\w+) \{(.*?)\n?\}(?: \w+)?;", text, flags=re.S):
            # the shortest match may end inside a nested union: take it up to the brace that closes it
            start = match.start(2)
            depth, end = 1, start
            while depth:
                depth += {"{": 1, "}": -1}.get(text[end], 0)
                end += 1
            structs[match[1]] = members(text[start : end - 1])
        for name, value in re.findall(r"\b(TL_\w+) = (-?\d+),", text):
            constants[name] = value
        for declaration in re.findall(r"typedef ([^;{}]*);", text):
            name = re.search(r"\(\*(\w+)\)|(\w+)$", declaration.strip())
            typedefs[name[1] or name[2]] = " ".join(declaration.split())
    return structs, constants, typedefs


def breaks(old, new):
    """What of `old` is not the same in `new`; growth at the end of a struct is no break."""
    for name, was in old[0].items():
        now = new[0].get(name)
        if now is None:
            yield f"struct {name} is gone"
            continue
        for slot, member in enumerate(was):
            if slot >= len(now) or now[slot] != member:
                yield f"struct {name}, member {slot}: was `{member}`, is `{now[slot] if slot < len(now) else 'gone'}`"
    for kind, was, now in (("constant", old[1], new[1]), ("typedef", old[2], new[2])):
        for name, value in was.items():
            if now.get(name) != value:
                yield f"{kind} {name}: was `{value}`, is `{now.get(name, 'gone')}`"


def is_released(snapshot):
    return not (snapshot / "UNRELEASED").exists()


def snapshots():
    return sorted(path for path in SNAPSHOTS.iterdir() if path.is_dir())


def prefix():
    today = declarations(HEADERS)
    failed = False
    for snapshot in snapshots():
        found = list(breaks(declarations(snapshot / "include/trunkline"), today))
        for line in found:
            print(f"{snapshot.name}: {line}")
        failed |= bool(found)
        print(f"{snapshot.name}{'' if is_released(snapshot) else ' (unreleased)'}: {len(found)} breaks")
    if failed:
        print("An unreleased snapshot follows after: tests/abi/gates/abi_gates.py bless <library>")
    return int(failed)


def surface(library):
    if not shutil.which("abidiff"):
        print("abidiff is not installed (package abigail-tools)")
        return SKIPPED
    run = subprocess.run(["abidiff", "--no-show-locs", str(GOLDEN), library], capture_output=True, text=True)
    print(run.stdout + run.stderr)
    if run.returncode:
        print("The ABI has changed. When that is intended: tests/abi/gates/abi_gates.py bless <library>")
    return int(run.returncode != 0)


def bless(library):
    golden = subprocess.run([*ABIDW, library], capture_output=True, text=True, check=True).stdout
    today = declarations(HEADERS)
    for snapshot in filter(is_released, snapshots()):
        found = list(breaks(declarations(snapshot / "include/trunkline"), today))
        if found:
            print(f"refused: {snapshot.name} is released")
            print("\n".join(found))
            return 1
    for snapshot in snapshots():
        if is_released(snapshot):
            continue
        include = snapshot / "include/trunkline"
        shutil.rmtree(include, ignore_errors=True)
        include.mkdir(parents=True)
        types = (HERE / "generated/function_types.cpp").read_text()
        (snapshot / "function_types.cpp").write_text(types)
        for name in ["abi", *re.findall(r'#include "trunkline/(\w+)\.h"', types)]:
            shutil.copy(HEADERS / f"{name}.h", include)
    GOLDEN.parent.mkdir(exist_ok=True)
    # Where the file was compiled is no part of the ABI.
    GOLDEN.write_text(re.sub(r"path='[^']*/(\w+\.c)'", r"path='\1'", golden))
    return 0


if __name__ == "__main__":
    gates = {"prefix": prefix, "surface": surface, "bless": bless}
    if len(sys.argv) < 2 or sys.argv[1] not in gates:
        sys.exit(__doc__)
    sys.exit(gates[sys.argv[1]](*sys.argv[2:]))
