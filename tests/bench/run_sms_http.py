"""POST /sms with HMAC verified and durably accepted, 64 connections; cold start and idle memory of `trunkline dev`.

    run_sms_http.py BUILD [seconds]

Needs wrk. One signed request is sent again and again: the server verifies each one. Bounded in time.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
import server as harness

TARGET = "/sms?api-version=2026-01-23"


def wrk(running: harness.Server, seconds: int, script: str, path: str) -> float:
    command = ["wrk", "-t1", "-c64", f"-d{seconds}s", "-s", script, f"http://{running.host}{path}"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    assert not bad, text
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))  # type: ignore[union-attr]


def main() -> None:
    build = Path(sys.argv[1])
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    harness.PROGRAM = build / "bin" / "trunkline"
    starts = []
    for _ in range(5):
        began = time.perf_counter()
        with harness.Server() as running:
            starts.append((time.perf_counter() - began) * 1000)
            pages = int(Path(f"/proc/{running.process.pid}/statm").read_text().split()[1])
            memory = pages * 4096 / (1 << 20)
    print(f"cold start to listening: {min(starts):.0f} ms (best of 5)   idle memory: {memory:.1f} MiB")
    floor = subprocess.run([str(build / "bin" / "bench_sms")], capture_output=True, text=True, check=True).stdout
    rate = max(float(found) for found in re.findall(r"floor\s+(\d+)", floor))
    with tempfile.TemporaryDirectory() as folder, harness.Server("--data", folder + "/data") as running:
        body = json.dumps(harness.sms_body(["+14255550123"], report=False))
        headers = running.headers("POST", TARGET, body.encode())
        script = Path(folder) / "post.lua"
        fields = "\n".join(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items())
        script.write_text(f"wrk.method = 'POST'\nwrk.body = {json.dumps(body)}\n{fields}\n")
        accepted = wrk(running, seconds, str(script), TARGET)
    print(f"POST /sms, 64 connections: {accepted:.0f} req/s; floor {rate:.0f} msg/s; ratio {accepted / rate:.2f}")


if __name__ == "__main__":
    main()
