"""What README.md and docs/ show does what they say."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import postfix
import pytest
from documents import BROWSER, FENCE, FILES, PAGES, ROOT, RUNNABLE, Block, blocks, commands, matches, started_by_command
from server import PROGRAM, Server

LIMIT_SECONDS = 120
RECEIVER = "8899"  # where the receivers of the documentation listen
BUILD = PROGRAM.parent.parent


class Page:
    """A reader who follows one page from its beginning, in one folder and against one server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = Server()
        self.receiver = free_port()
        self.jobs: list[subprocess.Popen[bytes]] = []
        packages = folder / "node_modules"
        packages.mkdir()
        (packages / "trunkline").symlink_to(ROOT / "node" / "trunkline")
        (packages / "@azure").symlink_to(ROOT / "tests" / "sdk" / "node" / "node_modules" / "@azure")
        for name in ("smpp", "iconv-lite", "safer-buffer"):
            (packages / name).symlink_to(ROOT / "tests" / "integration" / "smsc" / "node_modules" / name)
        self.env = dict(
            os.environ,
            TRUNKLINE=str(ROOT),
            TRUNKLINE_BUILD_DIR=str(BUILD),
            NODE_EXTRA_CA_CERTS=self.server.ready["ca_file"],
            REQUESTS_CA_BUNDLE=self.server.ready["ca_file"],
            TRUNKLINE_CONNECTION_STRING=self.server.ready["connection_string"],
            PYTHONPATH=str(BUILD / "python"),
            PATH=os.pathsep.join([str(PROGRAM.parent), str(Path(sys.executable).parent), os.environ["PATH"]]),
        )

    def _addresses(self) -> list[tuple[str, str]]:
        ready = self.server.ready
        return [
            ("127.0.0.1:4600", ready["endpoint"].removeprefix("http://")),
            ("127.0.0.1:4643", ready["tls_endpoint"].removeprefix("https://")),
            (RECEIVER, str(self.receiver)),
        ]

    def run(self, command: list[str], shown: str | None, where: str) -> None:
        done = subprocess.run(
            command, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
        )
        assert done.returncode == 0, f"{where} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        self.compare(shown, done.stdout, where)

    def compare(self, shown: str | None, printed: str, where: str) -> None:
        for default, actual in self._addresses():
            printed = printed.replace(actual, default)
        assert matches(shown or "", printed), f"{where} shows\n{shown or '(nothing)'}\nbut this was printed:\n{printed}"

    def program(self, text: str) -> str:
        for default, actual in self._addresses():
            text = text.replace(default, actual)
        return text

    def write(self, block: Block, name: str) -> Path:
        path = self.folder / name
        path.write_text(self.program(block.text), encoding="utf-8")
        return path

    def follow(self, block: Block) -> None:
        if block.language == "console":
            for command in commands(block):
                self.command(command.text, "\n".join(command.output), block.where)
            return
        name = block.title or {"python": "block.py", "js": "block.mjs"}.get(block.language, "")
        assert name, f"{block.where}: a block of {block.language} needs the name of its file"
        path = self.write(block, name)
        if block.language in RUNNABLE and not started_by_command(block, blocks(block.page)):
            program = sys.executable if block.language == "python" else "node"
            self.run([program, str(path)], block.output, block.where)

    def command(self, text: str, shown: str, where: str) -> None:
        if "postfix" in text and not postfix.is_usable():
            pytest.skip("needs Postfix, and root to start it")
        if text.startswith("make "):
            self.make(text, shown, where)
        elif text.endswith(" &"):
            self.start(text.removesuffix(" &"), where)
        elif job := re.fullmatch(r"kill %(\d+)", text):
            self.jobs[int(job[1]) - 1].terminate()
            self.jobs[int(job[1]) - 1].wait(LIMIT_SECONDS)
        else:
            self.run(["bash", "-c", self.program(text)], shown, f"{where}: {text}")

    def start(self, text: str, where: str) -> None:
        """In the background; ready when it listens where receivers do."""
        text = self.program(text)
        job = subprocess.Popen(["bash", "-c", f"exec {text}"], cwd=self.folder, env=self.env, stderr=subprocess.DEVNULL)
        self.jobs.append(job)
        until = time.monotonic() + LIMIT_SECONDS
        while True:
            assert job.poll() is None, f"{where}: {text} ended with {job.returncode}"
            assert time.monotonic() < until, f"{where}: {text} does not listen on {self.receiver}"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.receiver)) == 0:
                    return

    def make(self, text: str, shown: str, where: str) -> None:
        """Building is the work of others; here the target exists, and `make run` shows the banner."""
        plan = subprocess.run(
            [*text.split(), "-n", "--no-print-directory"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        assert plan.returncode == 0, f"{where}: {text}: {plan.stderr}"
        if text == "make run":
            assert plan.stdout.rstrip().endswith("bin/trunkline dev"), plan.stdout
            self.compare(shown, banner(), where)
        else:
            assert not shown, f"{where}: what {text} prints is not checked, so do not show it"

    def close(self) -> None:
        for job in self.jobs:
            job.kill()
            job.wait()
        self.server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def banner() -> str:
    with subprocess.Popen(
        [str(PROGRAM), "dev", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        text = ""
        for line in process.stdout:
            text += line
            if "explain last" in line:
                break
        process.terminate()
    text = re.sub(r"(http://127\.0\.0\.1):\d+", r"\1:4600", text)
    return re.sub(r"(https://127\.0\.0\.1):\d+", r"\1:4643", text)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Path, Page]]:
    open_pages: dict[Path, Page] = {}

    class Lazy(dict[Path, Page]):
        def __missing__(self, path: Path) -> Page:
            open_pages[path] = self[path] = Page(tmp_path_factory.mktemp(path.stem))
            return open_pages[path]

    yield Lazy()
    for page in open_pages.values():
        page.close()


ALL = [block for path in PAGES for block in blocks(path)]


@pytest.mark.parametrize("block", [block for block in ALL if block.language in RUNNABLE | FILES], ids=lambda block: block.where)
def test_block(block: Block, pages: dict[Path, Page]) -> None:
    """Blocks of a page build on those before them: run a page as a whole (`-k README`)."""
    pages[block.page].follow(block)


def test_every_block_is_run() -> None:
    """A code block that nobody runs goes stale; text is for what programs print."""
    unknown = [
        f"{block.where} ({block.language or 'no language'})" for block in ALL if block.language not in RUNNABLE | FILES | BROWSER
    ]
    assert not unknown, f"blocks that no test runs: {', '.join(unknown)}"


def test_links_lead_somewhere() -> None:
    broken = []
    for page in [
        *PAGES,
        *sorted((ROOT / "docs" / "adr").glob("*.md")),
        ROOT / "CHANGELOG.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "examples" / "README.md",
    ]:
        prose = FENCE.sub("", page.read_text(encoding="utf-8"))
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose):
            if not target.startswith(("http:", "https:", "mailto:")) and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken, "\n".join(broken)


def test_every_configuration_key_is_documented() -> None:
    header = (ROOT / "runtime" / "config" / "config.h").read_text(encoding="utf-8")
    text = (ROOT / "docs" / "guide" / "configuration.md").read_text(encoding="utf-8")
    written = {"config_json": "config", "properties_json": "properties"}
    written |= {f"failover_{part}": "receipt_failover" for part in ("retriable", "carrier_fault", "within")}
    internal = {"mark"}
    missing = []
    for name, body in re.findall(r"^struct (\w+Config|RouteMatch|StoreLocation) \{\n(.*?)^\};", header, re.M | re.S):
        body = re.sub(r"//.*", "", body)
        for key in re.findall(r"[\w>}]\s+(\w+)(?: = [^;]+)?;", body):
            if key not in internal and f"`{written.get(key, key)}`" not in text:
                missing.append(f"{name}.{key}")
    assert not missing, f"docs/guide/configuration.md does not say what these are: {', '.join(missing)}"
