"""Phones behind a SIP trunk: SIPp does the signalling, this file the sound (G.711, RFC 4733)."""

from __future__ import annotations

import audioop
import math
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType

KEYS = "0123456789*#ABCD"
RATE = 8000
FRAME = 160
PATIENCE_SECONDS = 30


def free_port(pairs: bool = False) -> int:
    """A port that nobody has over UDP and TCP; with `pairs` an even one whose neighbour is free over UDP, too."""
    for _ in range(100):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second,
        ):
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                with socket.socket() as stream:
                    stream.bind(("127.0.0.1", port))
            except OSError:
                continue
            if not pairs:
                return port
            if port % 2 == 0:
                try:
                    second.bind(("127.0.0.1", port + 1))
                except OSError:
                    continue
                return port
    raise AssertionError("no port is free")


def strength(samples: bytes, hz: float, rate: int) -> float:
    """How much of the energy of 16-bit samples has this frequency: 0 to 1."""
    values = struct.unpack(f"<{len(samples) // 2}h", samples)
    energy = sum(value * value for value in values) or 1
    real = sum(value * math.cos(2 * math.pi * hz * i / rate) for i, value in enumerate(values))
    imaginary = sum(value * math.sin(2 * math.pi * hz * i / rate) for i, value in enumerate(values))
    return 2 * (real * real + imaginary * imaginary) / (energy * max(len(values), 1))


def tone(hz: float, seconds: float, rate: int = RATE, level: float = 8000) -> bytes:
    count = int(rate * seconds)
    return struct.pack(f"<{count}h", *(int(level * math.sin(2 * math.pi * hz * i / rate)) for i in range(count)))


def loudest(samples: bytes, rate: int, candidates: list[float]) -> set[float]:
    """Which of these frequencies are heard anywhere, in pieces of 40 ms."""
    size = rate // 25 * 2
    found: set[float] = set()
    for at in range(0, len(samples) - size, size):
        piece = samples[at : at + size]
        if audioop.rms(piece, 2) > 200:
            found |= {hz for hz in candidates if strength(piece, hz, rate) > 0.7}
    return found


def sounds(samples: bytes, rate: int, hz: float) -> bool:
    """Whether it is heard anywhere, also beside something else: it has a third of the energy of a piece."""
    size = rate // 25 * 2
    return any(strength(samples[at : at + size], hz, rate) > 0.3 for at in range(0, len(samples) - size, size))


class Sound:
    """The RTP side of one call: hears, says, presses keys. A-law when asked, else µ-law."""

    def __init__(self, a_law: bool = False, event_type: int = 101) -> None:
        self.port = free_port(pairs=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", self.port))
        self.socket.settimeout(0.2)
        self.a_law = a_law
        self.event_type = event_type
        self.heard = b""
        self.digits = ""
        self.packets = 0
        self.changed = threading.Condition()
        self.to: tuple[str, int] | None = None
        self._say: list[bytes] = []
        self._press: list[str] = []
        self._last_event = -1
        self.silent = False  # sends nothing at all
        self._over = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._hear, self._send)]

    def _hear(self) -> None:
        decode = audioop.alaw2lin if self.a_law else audioop.ulaw2lin
        while not self._over.is_set():
            try:
                packet, source = self.socket.recvfrom(2000)
            except TimeoutError:
                continue
            except OSError:
                return
            kind, stamp, payload = packet[1] & 0x7F, struct.unpack(">I", packet[4:8])[0], packet[12:]
            with self.changed:
                self.packets += 1
                self.to = self.to or source
                if kind == self.event_type:
                    if stamp != self._last_event:
                        self._last_event = stamp
                        self.digits += KEYS[payload[0]]
                elif kind == (8 if self.a_law else 0):
                    self.heard += decode(payload, 2)
                self.changed.notify_all()

    def _send(self) -> None:
        encode = audioop.lin2alaw if self.a_law else audioop.lin2ulaw
        sequence, stamp = 100, 0
        due = time.monotonic()
        while not self._over.is_set():
            due += 0.02
            time.sleep(max(due - time.monotonic(), 0))  # the pace of RTP
            stamp += FRAME
            with self.changed:
                to = self.to
                key = self._press.pop(0) if self._press and to else None
                frame = self._say.pop(0) if self._say and to and not key else bytes(2 * FRAME)
            if to is None or self.silent:
                continue
            if key:
                begun = stamp
                for step in range(1, 9):
                    ended = step > 5
                    event = struct.pack(">BBH", KEYS.index(key), 0x8A if ended else 0x0A, FRAME * min(step, 6))
                    self._packet(to, self.event_type | (0x80 if step == 1 else 0), sequence, begun, event)
                    sequence += 1
                    if not ended:
                        stamp += FRAME
                due += 0.1
                continue
            self._packet(to, 8 if self.a_law else 0, sequence, stamp, encode(frame, 2))
            sequence += 1

    def _packet(self, to: tuple[str, int], kind: int, sequence: int, stamp: int, payload: bytes) -> None:
        header = struct.pack(">BBHII", 0x80, kind, sequence & 0xFFFF, stamp & 0xFFFFFFFF, 0x1234)
        try:
            self.socket.sendto(header + payload, to)
        except OSError:
            return

    def say(self, samples: bytes) -> None:
        with self.changed:
            self._say += [samples[at : at + 2 * FRAME].ljust(2 * FRAME, b"\0") for at in range(0, len(samples), 2 * FRAME)]

    def press(self, digits: str) -> None:
        with self.changed:
            self._press += list(digits)

    def wait(self, predicate: object) -> bool:
        """Until `predicate()` holds, which may look at everything here."""
        assert callable(predicate)
        with self.changed:
            return self.changed.wait_for(predicate, PATIENCE_SECONDS)

    def hears(self, hz: float) -> bool:
        """Until this frequency is heard."""
        return self.wait(lambda: loudest(self.heard[-RATE:], RATE, [hz]) == {hz})

    def __enter__(self) -> Sound:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self.socket.close()


def message(first: str, *lines: str, body: str = "", kind: str = "application/sdp") -> str:
    """A message of a scenario, which SIPp fills in. Lines in square brackets with last_ are repeated from what came."""
    head = [first, *lines]
    if body:
        head.append(f"Content-Type: {kind}")
    text = "\n".join([*head, "Content-Length: [len]" if body else "Content-Length: 0", "", body])
    return f"<![CDATA[\n{text}\n]]>"


def sdp(port: int, codec: str = "0 101", extra: str = "") -> str:
    maps = {"0": "a=rtpmap:0 PCMU/8000", "8": "a=rtpmap:8 PCMA/8000", "9": "a=rtpmap:9 G722/8000", "18": "a=rtpmap:18 G729/8000"}
    lines = ["v=0", "o=phone 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", f"m=audio {port} RTP/AVP {codec}"]
    lines += [maps[kind] for kind in codec.split() if kind in maps]
    if "101" in codec.split():
        lines += ["a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15"]
    return "\n".join(lines) + "\n" + extra


REPLY = ("[last_Via:]", "[last_From:]", "[last_Call-ID:]", "[last_CSeq:]")
TAGGED = (*REPLY, "[last_To:];tag=[pid]phone[call_number]")
CONTACT = "Contact: <sip:[local_ip]:[local_port];transport=[transport]>"


def reply(status: str, *lines: str, body: str = "") -> str:
    return message(f"SIP/2.0 {status}", *TAGGED, CONTACT, *lines, body=body)


def in_dialog_ok() -> str:
    return message("SIP/2.0 200 OK", *REPLY, "[last_To:]")


class Sipp:
    """One run of SIPp with a scenario of ours; without a peer it is called."""

    def __init__(
        self,
        *steps: str,
        peer: int = 0,
        port: int = 0,
        calls: int = 1,
        transport: str = "u1",
        number: str = "",
        more: tuple[str, ...] = (),
    ) -> None:
        self.port = port or free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="sipp-"))
        scenario = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="phone">\n' + "\n".join(steps) + "\n</scenario>\n"
        (self.folder / "scenario.xml").write_text(scenario)
        command = ["sipp", "-sf", "scenario.xml", "-i", "127.0.0.1", "-p", str(self.port), "-m", str(calls), "-t", transport]
        command += [
            "-nostdin",
            "-timeout",
            "60",
            "-timeout_error",
            "-trace_err",
            "-trace_msg",
            "-error_file",
            "errors",
            "-message_file",
            "messages",
        ]
        command += ["-s", number] if number else []
        command += more
        command += [f"127.0.0.1:{peer}"] if peer else []
        self.process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self._await_port(transport)

    def _await_port(self, transport: str) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        table = Path("/proc/net/tcp" if transport.startswith("t") else "/proc/net/udp")
        while time.monotonic() < until and self.process.poll() is None:
            if any(f":{self.port:04X} " in line for line in table.read_text().splitlines()):
                return
            time.sleep(0.02)

    def messages(self) -> str:
        file = self.folder / "messages"
        return file.read_text(errors="replace") if file.exists() else ""

    def succeeded(self) -> bool:
        """Waits for the end."""
        code = self.process.wait(PATIENCE_SECONDS * 2)
        if code != 0:
            errors = self.folder / "errors"
            print(errors.read_text() if errors.exists() else "", self.messages()[-6000:])
        return code == 0

    def __enter__(self) -> Sipp:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if kind is not None:
            print(self.messages()[-8000:], self.process.stderr.read() if self.process.stderr else "")
        if self.process.stderr:
            self.process.stderr.close()
        shutil.rmtree(self.folder, ignore_errors=True)
