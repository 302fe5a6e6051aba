"""Chat messages sent through HTTP, durable, 64 connections; and the cost of a page in a short and in a long thread.

    run_chat_send.py BUILD [seconds]

Needs wrk. The floor is the rate at which the same rows (a message and its event, as large as the server writes them) are inserted
by writers that share commits, in the same run. Bounded in time.
"""

from __future__ import annotations

import json
import re
import sqlite3
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
import server as harness
from run_chat_fanout import THREADS, user
from run_sms_http import wrk

VERSION = "api-version=2024-03-07"
THREAD_COUNT = 16


def floor(folder: Path, database: Path, seconds: float) -> float:
    """Messages a second that SQLite takes: the rows of the newest message, in commits of 64, WAL, synchronous FULL."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as source:
        schema = [
            row[0]
            for row in source.execute("SELECT sql FROM sqlite_master WHERE tbl_name IN ('plugin_rows', 'events')")
            if row[0]
        ]
        row = source.execute("SELECT * FROM plugin_rows WHERE key LIKE 'm/%' ORDER BY key DESC LIMIT 1").fetchone()
        event = source.execute("SELECT * FROM events ORDER BY sequence DESC LIMIT 1").fetchone()
    raw = sqlite3.connect(folder / "floor.db", isolation_level=None)
    raw.execute("PRAGMA journal_mode = WAL")
    raw.execute("PRAGMA synchronous = FULL")
    for sql in schema:
        if "sqlite_sequence" not in sql:
            raw.execute(sql)
    put = f"INSERT INTO plugin_rows VALUES ({', '.join('?' * len(row))})"
    log = f"INSERT INTO events VALUES (NULL, {', '.join('?' * (len(event) - 1))})"
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany(put, [(row[0], row[1], f"m/thread/{done + i:013}", row[3]) for i in range(64)])
        raw.executemany(log, [event[1:]] * 64)
        raw.execute("COMMIT")
        done += 64
    raw.close()
    return done / seconds


def page_ms(running: harness.Server, thread: str, bearer: dict[str, str]) -> float:
    """Median time of a page of 200 from the middle of the history on."""
    url = f"http://{running.host}/chat/threads/{thread}/messages?{VERSION}&maxPageSize=200"
    times = []
    for _ in range(30):
        began = time.perf_counter()
        with urllib.request.urlopen(urllib.request.Request(url, headers=bearer)) as answer:
            assert len(json.load(answer)["value"]) == 200
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def main() -> None:
    build = Path(sys.argv[1])
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    harness.PROGRAM = build / "bin" / "trunkline"
    with tempfile.TemporaryDirectory() as folder, harness.Server("--data", folder + "/data") as running:
        _, token = user(running)
        bearer = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        threads = []
        for _ in range(THREAD_COUNT):
            status, body, _ = running.request("POST", THREADS, {"topic": "bench"}, headers=bearer)
            assert status == 201, body
            threads.append(body["chatThread"]["id"])
        short = threads[0]
        for _ in range(1000):
            status, body, _ = running.request(
                "POST", f"/chat/threads/{short}/messages?{VERSION}", {"content": "x"}, headers=bearer
            )
            assert status == 201, body
        paths = ", ".join(json.dumps(f"/chat/threads/{thread}/messages?{VERSION}") for thread in threads[1:])
        script = Path(folder) / "post.lua"
        script.write_text(
            f"""local paths = {{{paths}}}
local at, made = 0, {{}}
wrk.method = 'POST'
wrk.body = {json.dumps(json.dumps({"content": "Is anybody hungry? The place at the corner is open.", "type": "text"}))}
wrk.headers['Authorization'] = {json.dumps(bearer["Authorization"])}
wrk.headers['Content-Type'] = 'application/json'
-- Made once: the load generator shares the machine, and a sender would not make the same bytes for each message either.
init = function()
  for i, path in ipairs(paths) do made[i] = wrk.format(nil, path) end
end
request = function()
  at = at % #made + 1
  return made[at]
end
"""
        )
        sent = wrk(running, seconds, str(script), "/")
        [database] = [path for path in (Path(folder) / "data").rglob("*.db") if has_messages(path)]
        rate = floor(Path(folder), database, 2.0)
        print(f"chat send, 64 connections: {sent:.0f} messages/s; floor {rate:.0f}; ratio {sent / rate:.2f}")
        long = threads[1]
        print(f"page of 200: {page_ms(running, short, bearer):.2f} ms of 1,000 messages, ", end="")
        count = messages_of(database, long)
        print(f"{page_ms(running, long, bearer):.2f} ms of {count:,}")


def has_messages(path: Path) -> bool:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        found = re.compile("plugin_rows")
        return any(found.search(row[0]) for row in database.execute("SELECT name FROM sqlite_master")) and bool(
            database.execute("SELECT 1 FROM plugin_rows WHERE key LIKE 'm/%' LIMIT 1").fetchone()
        )


def messages_of(path: Path, thread: str) -> int:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT 1 FROM plugin_rows WHERE key > ? AND key < ?", (f"m/{thread}/", f"m/{thread}0"))
        return sum(1 for _ in rows)


if __name__ == "__main__":
    main()
