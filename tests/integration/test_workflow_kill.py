"""Runs of workflows end as they would have, although their process is killed at random, again and again."""

from __future__ import annotations

import collections
import json
import os
import random
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from server import PROGRAM

KILLS = 50
RUNS = 200
REQUESTS_BEFORE_KILL = 30  # at most; 200 runs make some 1000
PATIENCE_SECONDS = 30
WORKER = Path(os.environ.get("TRUNKLINE_WORKFLOW_WORKER") or PROGRAM.parent / "workflow_worker")
# Three values of 1, 2 and 3, then 2 more until 10 is reached.
EXPECTED = {"result": {"total": 10, "child": 12}, "status": "Succeeded", "iterations": 2}


class Service(BaseHTTPRequestHandler):
    """Gives values, takes posts; one request in ten fails."""

    protocol_version = "HTTP/1.1"
    posts: collections.Counter[tuple[str, str]] = collections.Counter()
    lock = threading.Lock()
    randomness = random.Random(5)
    requests = 0
    requested = threading.Condition()

    @classmethod
    def wait_for_requests(cls, more: int) -> None:
        with cls.requested:
            wanted = cls.requests + more
            cls.requested.wait_for(lambda: cls.requests >= wanted, PATIENCE_SECONDS)

    def answer(self, status: int, body: object) -> None:
        with self.requested:
            Service.requests += 1
            self.requested.notify_all()
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def fails(self) -> bool:
        with self.lock:
            return self.randomness.random() < 0.1

    def do_GET(self) -> None:
        self.answer(503, {}) if self.fails() else self.answer(200, {"value": int(self.path.rsplit("/", 1)[1])})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.fails():
            self.answer(503, {})
            return
        assert body["total"] == 6, body
        with self.lock:
            self.posts[(body["id"], self.headers["x-ms-client-request-id"])] += 1
        self.answer(200, {"ok": True})

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_every_run_ends_as_it_would_have(tmp_path: Path) -> None:
    randomness = random.Random(6)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = [str(WORKER), str(tmp_path / "data"), f"http://127.0.0.1:{server.server_port}", str(RUNS)]
    (tmp_path / "data").mkdir()
    try:
        for _ in range(KILLS):
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
                assert worker.stdout is not None
                assert worker.stdout.readline() == "ready\n"
                Service.wait_for_requests(randomness.randrange(REQUESTS_BEFORE_KILL))
                worker.kill()
        last = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300, check=True)
    finally:
        server.shutdown()
    lines = last.stdout.splitlines()
    assert lines[0] == "ready"
    assert lines[-1] == f"children {RUNS}", "each run called one child, whatever happened"
    results = {one.pop("id"): one for one in map(json.loads, lines[1:-1])}
    assert sorted(results) == sorted(f"run-{i}" for i in range(RUNS))
    for name, result in results.items():
        assert result == EXPECTED, (name, result)
    # A post may come twice, after a crash that hid its answer, but always as the same message.
    assert len(Service.posts) == RUNS
    assert len({run for run, _ in Service.posts}) == RUNS
