"""run_expressions.py BUILD: expressions of the golden table a second, ours beside the npm package adaptive-expressions, in turns.

Needs `npm ci --prefix tests/bench/workflow` once. Only cases that the package evaluates without an error count. Each is measured
three times; the ratio is that of the medians.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
GOLDEN = HERE.parents[1] / "workflow/golden-expressions.json"
ROUNDS, SECONDS = 3, "2"
WANTED = 20  # times the peer, each expression compiled once


def run(*command: str) -> dict[str, object]:
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> int:
    if not (HERE / "node_modules/adaptive-expressions").exists():
        print("expressions: the peer is missing; run `npm ci --prefix tests/bench/workflow`", file=sys.stderr)
        return 2
    ours: list[dict[str, object]] = []
    peers: list[dict[str, object]] = []
    with tempfile.NamedTemporaryFile("w", suffix=".json") as ids:
        peers.append(run("node", str(HERE / "expression_peer.mjs"), SECONDS))
        json.dump(peers[0]["ids"], ids)
        ids.flush()
        for _ in range(ROUNDS):
            ours.append(run(f"{sys.argv[1]}/bin/bench_expression", str(GOLDEN), ids.name, SECONDS))
            peers.append(run("node", str(HERE / "expression_peer.mjs"), SECONDS, ids.name))

    def median(of: list[dict[str, object]], what: str) -> float:
        return statistics.median(float(str(each[what])) for each in of)

    print(f"{ours[0]['cases']} of the golden cases")
    evaluate, whole = median(peers[1:], "evaluate"), median(peers[1:], "whole")
    rows = [
        ("compiled once", median(ours, "evaluate"), evaluate),
        ("compiled once, without computing constants then", median(ours, "unfolded"), evaluate),
        ("compiled each time", median(ours, "whole"), whole),
    ]
    for name, mine, peer in rows:
        print(f"{name:50} {mine:12,.0f}/s   adaptive-expressions {peer:10,.0f}/s   {mine / peer:8.1f}x")
    return 0 if rows[0][1] >= WANTED * rows[0][2] else 1


if __name__ == "__main__":
    sys.exit(main())
