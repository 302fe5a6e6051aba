"""What a stranger writes: their carrier in a process of its own, which is killed while it has messages."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trunkline

NUMBER, PHONE = "+14255550100", "+14255550123"
LIMIT_SECONDS = 30


class Carrier(BaseHTTPRequestHandler):
    """The carrier's API, which on demand takes a message and does not answer."""

    posts = 0
    answers = threading.Event()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        Carrier.posts += 1
        Carrier.answers.wait(LIMIT_SECONDS)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"id":"c-%d"}' % Carrier.posts)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Whoever asked may have been killed."""


def plugin_process() -> int:
    """The process of the plugin; 0: there is none."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        state, parent = text.rpartition(")")[2].split()[:2]
        if "(trunkline-plug" in text and int(parent) == os.getpid() and state != "Z":
            return int(stat.parent.name)
    return 0


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def send(rt: trunkline.Runtime) -> str:
    (outcome,) = rt.sms.send(from_=NUMBER, to=[PHONE], message="hello")
    return outcome.message_id


def told(rt: trunkline.Runtime, message_id: str) -> str:
    return "\n".join(f"{step.rule} {step.detail}" for step in rt.sms.explain(message_id).steps)


server = Server(("127.0.0.1", 0), Carrier)
threading.Thread(target=server.serve_forever, daemon=True).start()
Carrier.answers.set()
config = {
    "runtime": {"clock": "virtual"},
    "log": {"level": "off"},
    "plugins": {"paths": [sys.argv[1]]},
    "providers": [
        {
            "name": "acme",
            "plugin": "acme",
            "isolation": "process",
            "config": {"url": f"http://127.0.0.1:{server.server_port}/messages"},
            "secrets": {"api_key": {"value": "secret"}},
        },
        {"name": "sim", "plugin": "sms-sandbox"},
        {"name": "id", "plugin": "identity-local"},
    ],
    "routes": [{"interface": "sms", "providers": ["acme", "sim"]}],
    "resources": [{"name": "shop", "numbers": [{"number": NUMBER, "sms": "both"}]}],
}

with trunkline.Runtime(config) as rt:
    first = send(rt)
    until(lambda: rt.sms.get(first).state.name == "SENT")
    print("sent by", rt.sms.get(first).provider)

    process = plugin_process()
    os.kill(process, signal.SIGSTOP)
    second = send(rt)
    os.kill(process, signal.SIGKILL)
    until(lambda: rt.sms.get(second).provider == "sim")
    assert "its process ended by signal 9 (SIGKILL)" in told(rt, second), told(rt, second)
    print("killed before it had begun: sent by", rt.sms.get(second).provider)

    rt.clock.advance(60)
    until(lambda: plugin_process() not in (0, process))
    process, posts = plugin_process(), Carrier.posts
    Carrier.answers.clear()
    third = send(rt)
    until(lambda: Carrier.posts > posts)
    os.kill(process, signal.SIGKILL)
    until(lambda: rt.sms.get(third).state.name == "UNCERTAIN")
    assert "whether send took effect is not known" in told(rt, third), told(rt, third)
    print("killed mid-flight:", rt.sms.get(third).state.name.lower(), "and left with", rt.sms.get(third).provider)
    Carrier.answers.set()
server.shutdown()
