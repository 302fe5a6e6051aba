"""Open streams as a client sees them, without a library."""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
from typing import Any

from server import Server


class StreamSocket:
    """A WebSocket. `next` gives messages; None: it was closed, and `code` says why."""

    def __init__(self, server: Server, token: str, target: str, *, tls: bool = False) -> None:
        where = server.ready["tls_endpoint"] if tls else server.ready["endpoint"]
        host, _, port = where.split("//")[1].rstrip("/").partition(":")
        self._socket: socket.socket = socket.create_connection((host, int(port)), timeout=20)
        if tls:
            self._socket = ssl.create_default_context(cafile=server.ready["ca_file"]).wrap_socket(
                self._socket, server_hostname=host
            )
        lines = [
            f"GET {target} HTTP/1.1",
            f"Host: {host}:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode(),
            f"Authorization: Bearer {token}",
        ]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self._file = self._socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        while self._file.readline().strip():
            pass
        self.code: int | None = None

    def next(self) -> dict[str, Any] | None:
        while True:
            head = self._file.read(2)
            if len(head) < 2:
                return None
            size = head[1]
            if size >= 126:
                size = int.from_bytes(self._file.read(2 if size == 126 else 8), "big")
            payload = self._file.read(size)
            if head[0] & 15 == 8:
                self.code = int.from_bytes(payload[:2], "big")
                return None
            if head[0] & 15 == 1:
                event: dict[str, Any] = json.loads(payload)
                return event

    def drop(self) -> None:
        """Gone without a word."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._file.close()
        self._socket.close()


class ServerSentEvents:
    """The same as server-sent events. `key`: an access key, in place of a token."""

    def __init__(
        self, server: Server, token: str, target: str, last_event_id: str | None = None, *, key: str | None = None
    ) -> None:
        self._connection = server.connection()
        headers = {"Authorization": f"Bearer {token}"} if key is None else server.headers("GET", target, key=key)
        headers["Accept"] = "text/event-stream"
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        self._connection.request("GET", target, headers=headers)
        self._answer = self._connection.getresponse()
        self.status = self._answer.status

    def next(self) -> dict[str, Any] | None:
        data = ""
        while line := self._answer.readline().decode():
            if line.startswith("data: "):
                data += line[6:]
            elif not line.strip() and data:
                event: dict[str, Any] = json.loads(data)
                return event
        return None

    def drop(self) -> None:
        self._answer.close()
        self._connection.close()
