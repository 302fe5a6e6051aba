"""A stranger's provider, of every kind and in every language, made from the packages alone: it passes its own tests, that is the
conformance kit, and traffic goes through it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import NodeProject, PythonProject, run

# How a scaffold is used, and what it says then.
USES = {
    "sms": (["+14255550123", "hello"], "+14255550123 accepted"),
    "email": (["ann@example.com", "hello"], "ann@example.com running"),
    "chat": (["hello"], "hello"),
    "identity": (["alice"], "alice may chat"),
    "pstn": (["+14255550123"], "+14255550123 answered"),
}
# Of the SMS scaffold tests/packages/test_wheel.py has more.
COMPILED = [(language, interface) for language in ("c", "cpp") for interface in ("email", "chat", "identity", "pstn", "media")]


class Carrier:
    """The carrier's HTTP API, at which traffic arrives."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        carrier = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                carrier.arrived.set()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"id":"c-1"}')

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def carrier() -> Iterator[Carrier]:
    made = Carrier()
    yield made
    made.server.shutdown()
    made.server.server_close()


def lead_to(carrier: Carrier, file: Path, path: str) -> None:
    text = file.read_text()
    url = f"https://api.acme.example/{path}"
    assert url in text
    file.write_text(text.replace(url, f"http://127.0.0.1:{carrier.server.server_port}/{path}"))


PATHS = {"sms": "messages", "email": "mails"}


@pytest.mark.parametrize("interface", USES)
def test_in_python(python_project: PythonProject, tmp_path: Path, carrier: Carrier, interface: str) -> None:
    python = python_project.python
    run(python.parent / "trunkline", "plugin", "new", "acme", "--lang", "python", "--interface", interface, cwd=tmp_path)
    project = tmp_path / "acme"
    assert "OK" in run(python, "-m", "unittest", cwd=project)
    if interface in PATHS:
        lead_to(carrier, project / "trunkline.yaml", PATHS[interface])
    arguments, wanted = USES[interface]
    assert wanted in run(python, "main.py", *arguments, cwd=project)
    if interface in PATHS:
        assert carrier.arrived.is_set()


@pytest.mark.parametrize("interface", USES)
def test_in_javascript(node_project: NodeProject, carrier: Carrier, interface: str) -> None:
    folder = f"acme-{interface}"
    command = ["npx", "--no-install", "trunkline", "plugin", "new", "acme", "--lang", "js", "--interface", interface]
    # Below the project, whose node_modules it finds.
    node_project.run(*command, "--dir", folder)
    project = node_project.folder / folder
    assert "# fail 0" in run("npm", "test", "--", "--test-reporter=tap", cwd=project)
    if interface in PATHS:
        lead_to(carrier, project / "main.mjs", PATHS[interface])
    arguments, wanted = USES[interface]
    assert wanted in run("node", "main.mjs", *arguments, cwd=project)
    if interface in PATHS:
        assert carrier.arrived.is_set()


@pytest.mark.parametrize(("language", "interface"), COMPILED)
def test_compiled(python_project: PythonProject, tmp_path: Path, language: str, interface: str) -> None:
    program = python_project.python.parent / "trunkline"
    run(program, "plugin", "new", "acme", "--lang", language, "--interface", interface, cwd=tmp_path)
    project = tmp_path / "acme"
    run("cmake", "-S", project, "-B", project / "build", f"-DCMAKE_PREFIX_PATH={python_project.site / 'trunkline'}", cwd=tmp_path)
    run("cmake", "--build", project / "build", cwd=tmp_path)
    said = run("ctest", "--test-dir", project / "build", "--output-on-failure", cwd=tmp_path)
    assert "100% tests passed, 0 tests failed out of 2" in said
