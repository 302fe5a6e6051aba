"""Code blocks of the documentation, as things that can be run.

A block of ```python, ```js and ```console runs, of the last the commands behind `$ `; one of ```javascript is for browsers
and runs in tests/browser. What a command prints stands below it, what a program prints in a ```text block right after it.
`...` stands for any text. A block whose first line names a file (```cpp acme.cpp) is written to that file, and what follows
on the page finds it. A program that a command of the page starts is only written; a command that ends with `&` goes on while
the page does, until `kill %1` (2 for the second, and so on) ends it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "guide").glob("*.md"))]
RUNNABLE = {"python", "js", "console"}
FILES = {"cpp", "c", "cmake", "json", "yaml"}  # a plugin's build: tests/integration/test_plugin_sdk.py
BROWSER = {"javascript"}  # run in Chromium by tests/browser

FENCE = re.compile(r"^```(\w*)[ \t]*([^\n`]*)\n(.*?)^```[ \t]*$", re.M | re.S)


@dataclass
class Block:
    page: Path
    line: int
    language: str
    title: str
    text: str
    output: str | None = None

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass
class Command:
    text: str
    output: list[str] = field(default_factory=list)


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found: list[Block] = []
    end_of_last = 0
    for match in FENCE.finditer(text):
        language, title, body = match[1], match[2].strip(), match[3]
        follows = not text[end_of_last : match.start()].strip()
        if language == "text" and follows and found and found[-1].language in {"python", "js"}:
            found[-1].output = body
        else:
            found.append(Block(page, text.count("\n", 0, match.start()) + 1, language, title, body))
        end_of_last = match.end()
    return found


def started_by_command(block: Block, page: list[Block]) -> bool:
    """The program of this block is run by a command further down."""
    name = re.escape(block.title)
    return bool(block.title) and any(
        re.search(rf"^\$ (?:.* & )?(?:python3|node)(?: -\S+| pytest)* {name}\b", other.text, re.M)
        for other in page
        if other.language == "console"
    )


def commands(block: Block) -> list[Command]:
    found: list[Command] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:]))
        elif found and found[-1].text.endswith("\\") and not found[-1].output:
            found[-1].text += "\n" + line
        else:
            assert found, f"{block.where}: output without a command: {line}"
            found[-1].output.append(line)
    return found


# What differs from run to run.
VARIABLE = [
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
    (re.compile(r"Outgoing_[0-9a-f-]{36}_\d+"), "<message>"),
    (re.compile(r"Incoming_[0-9a-f-]{36}(_\d+)?"), "<message>"),
    (re.compile(r"sbx-[0-9a-f]+-\d+"), "<carrier's id>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<guid>"),
    (re.compile(r"\S*/trunkline/ca/ca\.pem"), "<ca file>"),
]


def normalised(text: str) -> str:
    for pattern, word in VARIABLE:
        text = pattern.sub(word, text)
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def matches(shown: str, printed: str) -> bool:
    """True when what was printed is what is shown; `...` in what is shown stands for anything."""
    parts = [re.escape(part) for part in normalised(shown).split("...")]
    return re.fullmatch(".*".join(parts), normalised(printed), re.S) is not None
