"""Kannel sends through us, gets its receipts, and texts from phones."""

from __future__ import annotations

import os
import queue
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import parse_qs, quote, urlencode, urlsplit
from urllib.request import urlopen

import pytest
from patience import PATIENCE_SECONDS, eventually
from smpp_gate import DEAD, OURS, PHONE, Gate, free_port

ACCEPTED, FORBIDDEN = 202, 403
SEARCHED = os.environ["PATH"] + ":/usr/sbin"
pytestmark = pytest.mark.skipif(not shutil.which("bearerbox", path=SEARCHED), reason="kannel is not installed")


class Application:
    """What Kannel tells over HTTP."""

    def __init__(self) -> None:
        told: queue.Queue[tuple[str, dict[str, str]]] = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                told.put((url.path, {name: values[0] for name, values in parse_qs(url.query).items()}))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.told = told
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def wait(self, path: str) -> dict[str, str]:
        while True:
            found, members = self.told.get(timeout=PATIENCE_SECONDS)
            if found == path:
                return members


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Kannel:
    """A bearerbox that binds to us, and a smsbox."""

    def __init__(self, folder: Path, gate_port: int, application: Application) -> None:
        self.http = free_port()
        box, admin = free_port(), free_port()
        mo = application.url("/mo?from=%p&to=%P&text=%b")
        (folder / "kannel.conf").write_text(
            f"group = core\nadmin-port = {admin}\nadmin-interface = 127.0.0.1\nadmin-password = x\nsmsbox-port = {box}\n"
            "smsbox-interface = 127.0.0.1\nbox-allow-ip = 127.0.0.1\nsms-resend-freq = 1\n"
            f"\ngroup = smsc\nsmsc = smpp\nsmsc-id = us\nhost = 127.0.0.1\nport = {gate_port}\nsmsc-username = shop\n"
            'smsc-password = hunter2\nsystem-type = ""\ntransceiver-mode = true\nsource-addr-ton = 1\nsource-addr-npi = 1\n'
            "dest-addr-ton = 1\ndest-addr-npi = 1\n"
            f"\ngroup = smsbox\nsmsbox-id = box\nbearerbox-host = 127.0.0.1\nbearerbox-port = {box}\nsendsms-port = {self.http}\n"
            "sendsms-interface = 127.0.0.1\nhttp-queue-delay = 0\n\ngroup = smsbox-route\nsmsbox-id = box\nsmsc-id = us\n"
            f'\ngroup = sms-service\nkeyword = default\nget-url = "{mo}"\nmax-messages = 0\ncatch-all = true\n'
            "\ngroup = sendsms-user\nusername = u\npassword = p\nuser-allow-ip = 127.0.0.1\n"
            "concatenation = true\nmax-messages = 10\n"
        )
        self.folder = folder
        self.started: list[subprocess.Popen[bytes]] = []
        for program, port in (("bearerbox", box), ("smsbox", self.http)):
            full = shutil.which(program, path=SEARCHED)
            assert full
            with (folder / f"{program}.log").open("w") as log:
                self.started.append(subprocess.Popen([full, str(folder / "kannel.conf")], stdout=log, stderr=log))
            eventually(lambda port=port: is_open(port), told=self.logs)
        # smsbox listens before it knows its users: until then it forbids everything.
        eventually(lambda: self.asked({"username": "u", "password": "p"}), lambda code: code != FORBIDDEN, told=self.logs)

    def asked(self, fields: dict[str, str]) -> int:
        try:
            url = f"http://127.0.0.1:{self.http}/cgi-bin/sendsms?{urlencode(fields, quote_via=quote)}"
            with urlopen(url, timeout=PATIENCE_SECONDS) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code

    def send(self, text: str, to: str, **more: str) -> None:
        fields = {"username": "u", "password": "p", "from": OURS[1:], "to": to[1:], "smsc": "us", "text": text, **more}
        assert self.asked(fields) == ACCEPTED

    def logs(self) -> str:
        return "".join((self.folder / f"{name}.log").read_text(errors="replace") for name in ("bearerbox", "smsbox"))

    def stop(self) -> None:
        for process in reversed(self.started):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    made = Gate(tmp_path_factory.mktemp("gate"))
    yield made
    made.server.stop()


@pytest.fixture(scope="module")
def application() -> Application:
    return Application()


@pytest.fixture(scope="module")
def kannel(tmp_path_factory: pytest.TempPathFactory, gate: Gate, application: Application) -> Iterator[Kannel]:
    started = Kannel(tmp_path_factory.mktemp("kannel"), gate.port, application)
    yield started
    started.stop()


def test_kannel_sends_through_us(gate: Gate, kannel: Kannel) -> None:
    text = "From Kannel " + "x" * 200
    kannel.send(text, PHONE)
    assert gate.has(text), kannel.logs()


@pytest.mark.parametrize(("text", "to", "state"), [("one", PHONE, "1"), ("long " * 60, PHONE, "1"), ("lost", DEAD, "2")])
def test_its_receipts(kannel: Kannel, application: Application, text: str, to: str, state: str) -> None:
    """State 1 is delivered, 2 is not (Kannel's user's guide, dlr-mask). Of a long text Kannel asks with its first part only."""
    kannel.send(text, to, **{"dlr-mask": "3", "dlr-url": application.url(f"/dlr?state=%d&to={to[1:]}&words=%A")})
    told = application.wait("/dlr")
    assert (told["state"], told["to"]) == (state, to[1:])
    assert f"stat:{'DELIVRD' if state == '1' else 'UNDELIV'}" in told["words"]


def test_unicode(gate: Gate, kannel: Kannel) -> None:
    text = "Через Kannel: " + "я" * 100
    kannel.send(text, PHONE, coding="2", charset="UTF-8")
    assert gate.has(text), kannel.logs()


def test_texts_from_phones(gate: Gate, kannel: Kannel, application: Application) -> None:
    del kannel
    gate.server.cli("phone", "send", PHONE, "--to", OURS, "Hello Kannel")
    assert application.wait("/mo") == {"from": PHONE, "to": OURS, "text": "Hello Kannel"}
