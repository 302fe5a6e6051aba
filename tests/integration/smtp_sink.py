"""A mail server that takes every mail (RFC 5321)."""

from __future__ import annotations

import socket
import socketserver
import threading
from types import TracebackType


class _Session(socketserver.StreamRequestHandler):
    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        self.say("220 sink.test ESMTP")
        while line := self.rfile.readline(4096):
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.say("250-sink.test")
                self.say("250-SMTPUTF8")
                self.say("250 8BITMIME")
            elif verb == b"DATA":
                self.say("354 go on")
                self.take()
            elif verb == b"QUIT":
                return self.say("221 bye")
            else:
                if verb == b"MAIL":
                    self.sender = line.decode().strip()
                self.say("250 OK")

    def take(self) -> None:
        sink: SmtpSink = self.server.sink  # type: ignore[attr-defined]
        message_id = ""
        lines: list[bytes] = []
        while line := self.rfile.readline(1_000_000):
            if not message_id and line.lower().startswith(b"message-id:"):
                message_id = line.split(b":", 1)[1].strip().decode()
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            if line == b".\r\n":
                sink.contents.append((self.sender, b"".join(lines[:-1])))
                sink.message_ids.append(message_id)
                sink.mails += 1
                if sink.mute:
                    return None
                if sink.silent:
                    return self.connection.shutdown(socket.SHUT_RDWR)
                return self.say(sink.answer)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_: object) -> None:
        """Whoever asked may have gone."""


class SmtpSink:
    """`silent`: it takes a mail and hangs up without an answer. `mute`: it takes a mail, and the client waits."""

    def __init__(self, silent: bool = False, port: int = 0, mute: bool = False) -> None:
        self.silent = silent
        self.mute = mute
        self.answer = "250 taken"  # to a mail
        self.mails = 0
        self.message_ids: list[str] = []
        self.contents: list[tuple[str, bytes]] = []  # the line with the sender, and the mail
        self._server = _Server(("127.0.0.1", port), _Session)
        self._server.sink = self  # type: ignore[attr-defined]
        self.port = self._server.server_address[1]

    def __enter__(self) -> SmtpSink:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
