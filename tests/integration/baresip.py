"""baresip, a phone by others: steered over its control socket, with a tone for a voice and a file for an ear."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import wave
from pathlib import Path
from types import TracebackType
from typing import Any

from phone import PATIENCE_SECONDS, free_port

MODULES = "/usr/lib/baresip/modules"


def sip_port() -> int:
    """A free port whose neighbour, which is for TLS, is free as well."""
    while True:
        port = free_port()
        with socket.socket() as neighbour:
            try:
                neighbour.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
        return port


class Baresip:
    """A phone with this number that takes every call; with a certificate over TLS (one port further) and with SRTP."""

    def __init__(
        self, number: str, hz: int, codec: str = "PCMU/8000/1", address: str = "127.0.0.1", certificate: Path | None = None
    ) -> None:
        program = shutil.which("baresip")
        assert program, "baresip is not installed; run tools/setup.sh"
        self.port = sip_port()
        self.tls_port = self.port + 1
        self.folder = Path(tempfile.mkdtemp(prefix="baresip-"))
        control = next(port for port in iter(free_port, 0) if port not in (self.port, self.port + 1))
        host = f"[{address}]" if ":" in address else address
        first = free_port(pairs=True)
        lines = [
            f"sip_listen {host}:{self.port}",
            f"net_interface {address}",
            f"rtp_ports {first}-{first + 20}",
            f"ctrl_tcp_listen 127.0.0.1:{control}",
            f"audio_source ausine,{hz}",
            "audio_player aubridge,nobody",
            "audio_alert aubridge,nobody",
            "ausrc_srate 48000",
            "ausrc_channels 2",
            f"snd_path {self.folder}",
            f"module_path {MODULES}",
            *([f"sip_certificate {certificate}"] if certificate else []),
            *(f"module {name}.so" for name in ("g711", "g722", "ausine", "aubridge", "sndfile", "srtp")),
            *(f"module_app {name}.so" for name in ("account", "menu", "ctrl_tcp")),
        ]
        (self.folder / "config").write_text("\n".join(lines) + "\n")
        at = f"{host}:{self.tls_port};transport=tls" if certificate else f"{host}:{self.port}"
        security = ";mediaenc=srtp-mand" if certificate else ""
        (self.folder / "accounts").write_text(f"<sip:{number}@{at}>;regint=0;answermode=auto;audio_codecs={codec}{security}\n")
        (self.folder / "contacts").write_text("")
        self.log = (self.folder / "log").open("w")
        self.process = subprocess.Popen(
            [program, "-f", str(self.folder), "-v", "-s"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT
        )
        self.events: list[dict[str, Any]] = []
        self.changed = threading.Condition()
        self.socket = self._connect(control)
        threading.Thread(target=self._read, daemon=True).start()

    def _connect(self, port: int) -> socket.socket:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port), 1)
            except OSError:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < until, (self.folder / "log").read_text()
                time.sleep(0.02)  # it says nothing when it listens

    def _read(self) -> None:
        """Netstrings of JSON."""
        self.socket.settimeout(None)
        rest = b""
        while True:
            try:
                more = self.socket.recv(65536)
            except OSError:
                return
            if not more:
                return
            rest += more
            while b":" in rest:
                size, _, after = rest.partition(b":")
                if len(after) < int(size) + 1:
                    break
                with self.changed:
                    self.events.append(json.loads(after[: int(size)]))
                    self.changed.notify_all()
                rest = after[int(size) + 1 :]

    def command(self, command: str, parameters: str = "") -> None:
        text = json.dumps({"command": command, "params": parameters}).encode()
        self.socket.sendall(b"%d:%s," % (len(text), text))

    def event(self, kind: str) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: any(one.get("type") == kind for one in self.events), PATIENCE_SECONDS)

    def heard(self) -> tuple[bytes, int]:
        """Samples and their rate, once the call is over."""
        [file] = self.folder.glob("dump-*-dec.wav")
        with wave.open(str(file)) as sound:
            samples, channels = sound.readframes(sound.getnframes()), sound.getnchannels()
            if channels == 2:
                samples = b"".join(samples[at : at + 2] for at in range(0, len(samples), 4))
            return samples, sound.getframerate()

    def __enter__(self) -> Baresip:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.socket.close()
        self.log.close()
        if kind is not None:
            print((self.folder / "log").read_text()[-8000:])
        shutil.rmtree(self.folder, ignore_errors=True)
