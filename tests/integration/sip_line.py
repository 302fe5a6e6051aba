"""An application behind a SIP trunk, and what phones do there."""

from __future__ import annotations

import contextlib
import http.server
import io
import json
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from phone import CONTACT, Sound, free_port, in_dialog_ok, message, reply, sdp
from receiver import Receiver
from server import Server
from test_calls import CALLS, OURS, Phones

PHONE = "+14255550123"
TRUNK = "sbc.example.test"


def configuration(
    folder: Path, sip_port: int, *trunks: dict[str, Any], calls: dict[str, Any] | None = None, **config: Any
) -> list[str]:
    """`calls`: that section; what else there is goes to the provider."""
    first = free_port(pairs=True)
    sip = {
        "address": "127.0.0.1",
        "port": sip_port,
        "rtp_port_first": first,
        "rtp_port_last": min(first + 199, 65535),
        "options_seconds": 0,
        "trunks": list(trunks),
        **config,
    }
    whole = {
        "listen": {"port": 0, "tls": "off"},
        "control": {"enabled": True},
        "log": {"level": "info"},
        "store": {"mode": "file", "path": str(folder / "data")},
        "calls": calls or {},
        "providers": [{"name": "sip", "plugin": "pstn-sip", "config": sip, "secrets": {"password": {"value": "secret"}}}],
        "resources": [{"name": "main", "numbers": [{"number": OURS, "calling": "both"}]}],
    }
    (folder / "trunkline.yaml").write_text(json.dumps(whole))
    return ["--config", str(folder / "trunkline.yaml")]


class Line(Phones):
    """An application behind a trunk."""

    def __init__(self, server: Server, application: Receiver, sip_port: int) -> None:
        super().__init__(server, application)
        self.sip_port = sip_port

    def play(self, connection: str, url: str, **members: Any) -> None:
        source = {"kind": "file", "file": {"uri": url}}
        self.ask("POST", f"{CALLS}/{connection}:play", {"playSources": [source], **members}, 202)

    def hang_up(self, connection: str) -> None:
        self.ask("POST", f"{CALLS}/{connection}:terminate", {}, 204)

    def nothing_is_left(self) -> None:
        assert self.ask("GET", "/_control/calls", expect=200)["items"] == []


def wav(samples: bytes, rate: int) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples)
    return out.getvalue()


@contextmanager
def line(folder: Path, *trunks: dict[str, Any], **config: Any) -> Iterator[Line]:
    sip_port = free_port()
    with Server(*configuration(folder, sip_port, *trunks, **config), command="serve") as server, Receiver() as application:
        yield Line(server, application, sip_port)


def prompts(samples: bytes, rate: int = 8000) -> contextlib.AbstractContextManager[str]:
    """The address of a sound file."""
    return served(wav(samples, rate), "prompt.wav")


@contextmanager
def served(content: bytes, name: str) -> Iterator[str]:
    """The address of a file."""

    class Files(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    files = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=files.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{files.server_port}/{name}"
    finally:
        files.shutdown()
        files.server_close()


def taken(sound: Sound, *, until: str = '<recv request="BYE"/>', codec: str = "0 101") -> list[str]:
    """Rings, answers, waits for the end."""
    return [
        '<recv request="INVITE"/>',
        f"<send>{reply('180 Ringing')}</send>",
        f'<send retrans="500">{reply("200 OK", body=sdp(sound.port, codec))}</send>',
        '<recv request="ACK"/>',
        until,
        f"<send>{in_dialog_ok()}</send>",
    ]


INVITE_LINES = (
    "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
    f"From: <sip:{PHONE}@[local_ip]:[local_port]>;tag=[pid]phone[call_number]",
    "To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]",
    "Call-ID: [call_id]",
    "Max-Forwards: 70",
    CONTACT,
)


def request(method: str, number: int, *lines: str, body: str = "") -> str:
    return message(
        f"{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0", *INVITE_LINES, f"CSeq: {number} {method}", *lines, body=body
    )


def calling(sound: Sound, *rest: str, codec: str = "0 101", lines: tuple[str, ...] = ()) -> list[str]:
    """Calls and is answered."""
    return [
        f'<send retrans="500">{request("INVITE", 1, *lines, body=sdp(sound.port, codec))}</send>',
        '<recv response="100" optional="true"/>',
        '<recv response="180" optional="true"/>',
        '<recv response="200"/>',
        f"<send>{request('ACK', 1)}</send>",
        *rest,
    ]


def hang_up_by_phone() -> list[str]:
    return [f'<send retrans="500">{request("BYE", 2)}</send>', '<recv response="200"/>']


def hung_up_on() -> list[str]:
    return ['<recv request="BYE"/>', f"<send>{in_dialog_ok()}</send>"]


def trunk_at(port: int, **members: Any) -> dict[str, Any]:
    return {"host": TRUNK, "address": "127.0.0.1", "port": port, **members}


def recording(calls: Line, recording_id: str) -> bytes:
    """Its samples, 16 kHz."""
    done = calls.server.cli(
        "wait", "event", "--type", "Microsoft.Communication.RecordingFileStatusUpdated", "--after", "0", "--json"
    )
    event = json.loads(done.stdout.splitlines()[-1])
    assert recording_id in event["subject"]
    chunk = event["data"]["recordingStorageInfo"]["recordingChunks"][0]
    _, content, _ = calls.server.request("GET", "/v1/objects/" + chunk["documentId"] + "/content/audio")
    with wave.open(io.BytesIO(content)) as file:
        return file.readframes(file.getnframes())


# Who is who, for requests of the side that was called.
REMEMBERING_ACK = """<recv request="ACK"><action>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/><ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>
<ereg regexp="127.0.0.1:[0-9]+" search_in="hdr" header="Via:" assign_to="peer"/>
</action></recv>"""


# The headers of an INVITE, for an answer after something else came in between.
REMEMBERING_INVITE = (
    '<recv request="INVITE"><action>'
    + "".join(
        f'<ereg regexp=".*" search_in="hdr" header="{name}:" assign_to="{name}"/>' for name in ("Via", "From", "To", "CSeq")
    )
    + "</action></recv>"
)
REMEMBERED = ("Via: [$Via]", "From: [$From]", "To: [$To];tag=[pid]phone[call_number]", "CSeq: [$CSeq]", "[last_Call-ID:]")


def in_dialog_bye() -> str:
    return in_dialog("BYE", 1)


def in_dialog(method: str, number: int, *lines: str, body: str = "", kind: str = "application/sdp") -> str:
    return message(
        f"{method} sip:[$peer] SIP/2.0",
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
        "From: [$to]",
        "To: [$from]",
        "[last_Call-ID:]",
        f"CSeq: {number} {method}",
        "Max-Forwards: 70",
        CONTACT,
        *lines,
        body=body,
        kind=kind,
    )


def incoming_call(calls: Line, events: Receiver) -> dict[str, Any]:
    """The data of the event, once it is there."""
    assert events.wait(lambda told: any(one["eventType"].endswith("IncomingCall") for one in told))
    return dict(next(one["data"] for one in events.events if one["eventType"].endswith("IncomingCall")))


def answered() -> list[str]:
    """An answer to a request within the call."""
    return [f"<send>{in_dialog_ok()}</send>"]
