"""A webhook receiver that does as it is told, and readers of the open stream of events."""

from __future__ import annotations

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"


class Receiver:
    """Keeps what it gets; answers validations. `answer`: status and body for everything else."""

    def __init__(self, port: int = 0, answer: tuple[int, str] = (200, "")) -> None:
        self.answer = answer
        self.got: queue.Queue[tuple[dict[str, str], Any]] = queue.Queue()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_OPTIONS(self) -> None:
                self.send_response(200)
                self.send_header("WebHook-Allowed-Origin", self.headers.get("WebHook-Request-Origin", ""))
                self.send_header("WebHook-Allowed-Rate", "*")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, text = receiver.answer
                if isinstance(body, list) and body[0].get("eventType") == VALIDATION:
                    status, text = 200, json.dumps({"validationResponse": body[0]["data"]["validationCode"]})
                else:
                    receiver.got.put(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def next(self, seconds: float = 20) -> tuple[dict[str, str], Any]:
        return self.got.get(timeout=seconds)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
