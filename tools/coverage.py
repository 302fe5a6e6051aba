"""Sums gcov's line counts by folder: coverage.py BUILD."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def line_hits(build: Path) -> dict[str, dict[int, int]]:
    """Hits of every line of our own files; a line of a header is hit when any object hit it."""
    hits: dict[str, dict[int, int]] = defaultdict(dict)
    for notes in sorted(build.resolve().rglob("*.gcda")):
        out = subprocess.run(["gcov", "--json-format", "--stdout", str(notes)], cwd=build, capture_output=True, check=True)
        for document in out.stdout.splitlines():
            for file in json.loads(document)["files"]:
                path = (build.resolve() / file["file"]).resolve()
                if not path.is_relative_to(ROOT):
                    continue
                name = str(path.relative_to(ROOT))
                if name.startswith(("runtime/", "plugins/", "bindings/")):
                    counts = hits[name]
                    for line in file["lines"]:
                        number = line["line_number"]
                        counts[number] = max(counts.get(number, 0), line["count"])
    return hits


def main() -> int:
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, lines in line_hits(Path(sys.argv[1])).items():
        for key in ("/".join(name.split("/")[:2]), "total"):
            totals[key][0] += sum(1 for hit in lines.values() if hit)
            totals[key][1] += len(lines)
    for key in sorted(totals, key=lambda k: (k == "total", k)):
        covered, count = totals[key]
        print(f"{key:<28} {covered:>6} of {count:>6} lines  {100 * covered / max(count, 1):5.1f} %")
    return 0 if totals else 1


if __name__ == "__main__":
    sys.exit(main())
