"""The application's end of media streaming and transcription: a WebSocket server that hears one call and speaks into it."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import threading
import time
from types import TracebackType
from typing import Any

PATIENCE_SECONDS = 30
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class MediaSocket:
    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self.listener.getsockname()[1]}/media"
        self.changed = threading.Condition()
        self.heard = b""  # 16 kHz
        self.kinds: set[str] = set()
        self.written: list[dict[str, Any]] = []  # TranscriptionData
        self.metadata: dict[str, Any] = {}
        self.closed = False
        self.client: socket.socket | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        stream = client.makefile("rb")
        key = ""
        while (entry := stream.readline().decode().strip()) != "":
            name, _, value = entry.partition(":")
            if name.lower() == "sec-websocket-key":
                key = value.strip()
        accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        client.sendall((head + accept + "\r\n\r\n").encode())
        with self.changed:
            self.client = client
            self.changed.notify_all()
        while len(start := stream.read(2)) == 2:
            length = start[1] & 0x7F
            if length == 126:
                length = struct.unpack(">H", stream.read(2))[0]
            elif length == 127:
                length = struct.unpack(">Q", stream.read(8))[0]
            mask, data = stream.read(4), stream.read(length)
            if start[0] & 0x0F != 1:
                continue
            text = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
            message = json.loads(text)
            with self.changed:
                self.kinds.add(message["kind"])
                if message["kind"] == "AudioData":
                    self.heard += base64.b64decode(message["audioData"]["data"])
                elif message["kind"] == "TranscriptionData":
                    self.written.append(message["transcriptionData"])
                elif message["kind"].endswith("Metadata"):
                    self.metadata = message[message["kind"][0].lower() + message["kind"][1:]]
                self.changed.notify_all()
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def texts(self, status: str = "Final") -> list[str]:
        with self.changed:
            return [one["text"] for one in self.written if one["resultStatus"] == status]

    def say(self, samples: bytes) -> None:
        """16 kHz, 16 bits, at the pace at which it is spoken."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.client is not None, PATIENCE_SECONDS)
        assert self.client is not None
        due = time.monotonic()
        for at in range(0, len(samples), 640):
            data = base64.b64encode(samples[at : at + 640]).decode()
            text = json.dumps({"kind": "AudioData", "audioData": {"data": data}}).encode()
            self.client.sendall(struct.pack(">BBH", 0x81, 126, len(text)) + text)
            due += 0.02
            time.sleep(max(due - time.monotonic(), 0))  # the pace of speech

    def wait(self, predicate: object) -> bool:
        assert callable(predicate)
        with self.changed:
            return self.changed.wait_for(predicate, PATIENCE_SECONDS)

    def __enter__(self) -> MediaSocket:
        self.thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.listener.close()
        if self.client:
            self.client.close()
