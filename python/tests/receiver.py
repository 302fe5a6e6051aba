"""A webhook of the tests: real HTTP on a port of this machine, which answers as it is told."""

from __future__ import annotations

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


class Receiver:
    """Agrees to every subscription. `status` is what it answers to events; `got` are the requests with events:
    their headers, by name in lower case, and the events."""

    def __init__(self) -> None:
        self.status = 200
        self.got: queue.Queue[tuple[dict[str, str], list[dict[str, Any]]]] = queue.Queue()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                events = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer, status = b"", receiver.status
                if self.headers.get("aeg-event-type") == "SubscriptionValidation":
                    answer, status = json.dumps({"validationResponse": events[0]["data"]["validationCode"]}).encode(), 200
                else:
                    receiver.got.put(({name.lower(): value for name, value in self.headers.items()}, events))
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def next(self) -> tuple[dict[str, str], list[dict[str, Any]]]:
        """The next request, once it is there."""
        return self.got.get(timeout=30)

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
