"""A webhook receiver for tests: proves itself, takes what it is told to take, remembers everything."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


class Receiver:
    """Listens on a port of its own while it is used. `status` decides the answer to a request with events."""

    def __init__(self, port: int = 0) -> None:
        self.status: Callable[[list[dict[str, Any]]], int] = lambda events: 200
        self.reply = b""
        self.connections: set[socket.socket] = set()
        self.given = 0  # requests that next() has given
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.events: list[dict[str, Any]] = []  # those that were taken, in order
        self.requests: list[tuple[dict[str, str], Any]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_OPTIONS(self) -> None:
                self.answer(200, b"", {"WebHook-Allowed-Origin": self.headers["WebHook-Request-Origin"], "Allow": "POST"})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.headers["aeg-event-type"] == "SubscriptionValidation":
                    return self.answer(200, json.dumps({"validationResponse": body[0]["data"]["validationCode"]}).encode())
                events = body if isinstance(body, list) else [body]
                status = receiver.status(events)
                with receiver.changed:
                    receiver.requests.append((dict(self.headers), body))
                    if status == 200:
                        receiver.events += events
                    receiver.changed.notify_all()
                self.answer(status, receiver.reply)

            def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
                try:
                    self.send_response(status)
                    for name, value in (headers or {}).items():
                        self.send_header(name, value)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # whoever asked is gone

            def log_message(self, *args: Any) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def process_request(self, request: Any, client_address: Any) -> None:
                receiver.connections.add(request)  # in the order in which they were accepted
                super().process_request(request, client_address)

            def shutdown_request(self, request: Any) -> None:
                super().shutdown_request(request)
                with receiver.changed:
                    receiver.connections.discard(request)
                    receiver.changed.notify_all()

            def handle_error(self, *args: Any) -> None:
                pass  # a peer that was killed

        self.server = Quiet(("127.0.0.1", port), Handler)
        self.port = int(self.server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def wait(self, done: Callable[[list[dict[str, Any]]], bool], seconds: float = 30) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: done(self.events), seconds)

    def next(self, seconds: float = 30) -> tuple[dict[str, str], Any]:
        """Headers, with names in lower case, and body of the next request with events, taken or not."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.requests) > self.given, seconds), "no request came"
            headers, body = self.requests[self.given]
            self.given += 1
        return {name.lower(): value for name, value in headers.items()}, body

    def wait_until_left_alone(self, seconds: float = 30) -> None:
        """Until everything was read that a killed process had sent: its connections are done, those in the backlog too."""
        probe = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        probe.request("OPTIONS", "/", headers={"WebHook-Request-Origin": "probe"})
        probe.getresponse().read()
        probe.close()
        with self.changed:
            assert self.changed.wait_for(lambda: not self.connections, seconds)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        for connection in list(self.connections):  # kept alive; whoever is gone answers on none of them
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
