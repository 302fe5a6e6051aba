"""Checks the layers of runtime/ by its #include lines and CMake files, and a few rules about what may be used where.

    check_layers.py [ROOT]

runtime/CMakeLists.txt lists the folders, lowest first; each folder's CMakeLists.txt says what it DEPENDS on. A line that must
break a rule says so itself: `// NOLINT(trunkline-<rule>): why`.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

# Third-party headers that are dear to compile stay inside the folders that wrap them: in .cpp files, and in headers that no
# other folder includes.
ASIO_FOLDERS = {"async", "net", "server"}
DLL_FOLDERS = {"plugin"}
# Owners of threads: the pool, the timer thread, the log writer, the writer of each database, libcurl's loop, those who wait
# for scripts, and the process of a plugin.
THREAD_FOLDERS = {"async", "clock", "diagnostics", "store", "net", "app", "script", "isolation"}
CLOCK_FOLDERS = {"clock"}
# Values of the expression language are JSON that is held by value everywhere.
JSON_HEADERS: set[str] = {"runtime/expression/value.h"}

CLOCKS = re.compile(
    r"\b(?:system_clock|high_resolution_clock|utc_clock)\s*::\s*now\b"
    r"|(?<![\w.>:])(?:std::|::)?time\s*\(\s*(?:NULL|nullptr|0|&\w+)\s*\)"
    r"|\b(?:clock_gettime|gettimeofday|timespec_get|localtime|localtime_r|ftime)\s*\("
)
# Patience with what hangs in wall time (a child process, a plugin that does not stop) is for the runtime, never for a plugin.
STEADY = re.compile(r"\bsteady_clock\s*::\s*now\b")
SLEEPS = re.compile(r"\bsleep_(?:for|until)\s*\(|(?<![\w.>:])(?:::)?(?:usleep|nanosleep)\s*\(")
CO_AWAIT = re.compile(r"\bco_await\b")
THREADS = re.compile(r"\bstd::(?:jthread|async)\b|\bstd::thread\b(?!::id|::hardware_concurrency)")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
NOLINT = re.compile(r"//\s*NOLINT\(trunkline-([a-z]+)\)(:\s*\S.*)?")
COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)


@dataclass(frozen=True)
class Problem:
    path: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text} [{self.rule}]"


def strip_cmake(text: str) -> str:
    return re.sub(r"#[^\n]*", "", text)


def read_layers(runtime: Path) -> list[str]:
    """Folder names, lowest first."""
    return re.findall(r"add_subdirectory\(\s*([\w-]+)\s*\)", strip_cmake((runtime / "CMakeLists.txt").read_text()))


def read_depends(runtime: Path, folder: str) -> set[str]:
    """What the folder's CMakeLists.txt lets it use: DEPENDS of trunkline_library, and every target tl_<folder> it links."""
    text = strip_cmake((runtime / folder / "CMakeLists.txt").read_text())
    depends: set[str] = set()
    for arguments in re.findall(r"trunkline_library\(([^)]*)\)", text):
        words = arguments.split()
        if "DEPENDS" in words:
            for word in words[words.index("DEPENDS") + 1 :]:
                if word in ("LIBRARIES", "PRIVATE_LIBRARIES"):
                    break
                depends.add(word)
    for arguments in re.findall(r"target_link_libraries\(([^)]*)\)", text):
        depends.update(re.findall(r"\btl_(\w+)", arguments))
    return depends - {folder}


def find_circle(arrows: dict[str, set[str]]) -> list[str]:
    """A circle in the arrows, or nothing."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for following in sorted(arrows.get(node, ())):
            if circle := visit(following, [*path, node]):
                return circle
        done.add(node)
        return []

    for start in sorted(arrows):
        if circle := visit(start, []):
            return circle
    return []


def check_depends(root: Path, layers: list[str], depends: dict[str, set[str]]) -> list[Problem]:
    problems = []
    for folder in layers:
        where = f"runtime/{folder}/CMakeLists.txt"
        for other in sorted(depends[folder]):
            if other not in layers:
                problems.append(Problem(where, 1, "layers", f"depends on {other}, which runtime/CMakeLists.txt does not list"))
            elif layers.index(other) >= layers.index(folder):
                problems.append(Problem(where, 1, "layers", f"the arrow from {folder} to {other} points up"))
    on_disk = {path.parent.name for path in (root / "runtime").glob("*/CMakeLists.txt")}
    problems += [
        Problem("runtime/CMakeLists.txt", 1, "layers", f"does not list {name}") for name in sorted(on_disk - set(layers))
    ]
    if circle := find_circle(depends):
        problems.append(Problem("runtime/CMakeLists.txt", 1, "layers", f"circle: {' -> '.join(circle)}"))
    return problems


def is_asio(header: str) -> bool:
    return header.startswith(("boost/asio", "boost/beast"))


class FileCheck:
    """The rules that look at one file."""

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self.is_header = path.suffix in (".h", ".hpp")
        text = path.read_text(encoding="utf-8")
        self.problems: list[Problem] = []
        self.own_threads = False
        self.raw = text.split("\n")
        # Comments and strings become blanks of the same shape, so that line numbers stay.
        self.code = COMMENT_OR_STRING.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text).split("\n")

    def report(self, index: int, rule: str, text: str) -> None:
        if (mark := NOLINT.search(self.raw[index])) and mark.group(1) == rule:
            if not mark.group(2):
                self.problems.append(Problem(self.name, index + 1, rule, "the NOLINT says no reason"))
            return
        self.problems.append(Problem(self.name, index + 1, rule, text))

    def includes(self) -> list[tuple[int, str]]:
        found = []
        for index, line in enumerate(self.raw):
            # A commented-out include is blank in the code.
            if "include" in self.code[index] and (match := INCLUDE.match(line)):
                found.append((index, match.group(1) or match.group(2)))
        return found

    def check_includes(self, folder: str | None) -> None:
        for index, header in self.includes():
            if is_asio(header) and folder not in ASIO_FOLDERS and not self.own_threads:
                self.report(index, "asio", f"<{header}> outside {', '.join(sorted(ASIO_FOLDERS))}")
            elif header.startswith("boost/dll") and (self.is_header or folder not in DLL_FOLDERS):
                self.report(index, "dll", f"<{header}> outside the .cpp files of {', '.join(sorted(DLL_FOLDERS))}")
            elif header == "nlohmann/json.hpp" and self.is_header and self.name not in JSON_HEADERS:
                self.report(index, "json", "<nlohmann/json.hpp> in a header; use <nlohmann/json_fwd.hpp>")
            elif header == "regex":
                self.report(index, "regex", "<regex> is slow to compile and to run; use RE2")

    def check_code(self, folder: str | None) -> None:
        for index, line in enumerate(self.code):
            if folder not in CLOCK_FOLDERS and (match := CLOCKS.search(line)):
                self.report(index, "clock", f"`{match.group().strip()}`: time comes from Clock only")
            if folder is None and (match := STEADY.search(line)):
                self.report(index, "clock", f"`{match.group()}`: a plugin takes time from the host only")
            if folder not in CLOCK_FOLDERS and (match := SLEEPS.search(line)):
                self.report(index, "clock", f"`{match.group().strip()}`: waits go through Clock")
            if folder not in THREAD_FOLDERS and not self.own_threads and (match := THREADS.search(line)):
                self.report(index, "thread", f"`{match.group()}`: threads belong to {', '.join(sorted(THREAD_FOLDERS))}")
            if "std::regex" in line:
                self.report(index, "regex", "std::regex is slow to compile and to run; use RE2")
        self.check_coroutines()

    def check_coroutines(self) -> None:
        """GCC 12 destroys the temporary of a conditional in the operand of a co_await twice."""
        code = "\n".join(self.code)
        for match in CO_AWAIT.finditer(code):
            depth = 0
            for position in range(match.end(), len(code)):
                char = code[position]
                depth += (char in "([{") - (char in ")]}")
                if depth < 0 or (depth == 0 and char in ";,"):
                    break
                if char == "?" and depth > 0:
                    line = code.count("\n", 0, position)
                    self.report(line, "coroutine", "a conditional within co_await: GCC 12 destroys its temporary twice; name it")
                    break


def check_runtime_file(root: Path, path: Path, layers: list[str], depends: dict[str, set[str]]) -> FileCheck:
    folder = path.relative_to(root / "runtime").parts[0]
    check = FileCheck(path, str(path.relative_to(root)))
    for index, header in check.includes():
        if not header.startswith("runtime/"):
            if header.startswith(("../", "./")) or (root / "runtime" / header).is_file():
                check.report(index, "path", f'"{header}": write the path from the root of the repository')
            continue
        other = header.split("/")[1]
        if other == folder or folder not in layers:
            continue
        if other not in layers:
            check.report(index, "layers", f"{header}: runtime/CMakeLists.txt does not list {other}")
        elif layers.index(other) > layers.index(folder):
            check.report(index, "layers", f"{header}: the arrow from {folder} to {other} points up")
        elif other not in depends[folder]:
            check.report(index, "layers", f"{header}: {folder} does not DEPEND on {other}")
    check.check_includes(folder)
    check.check_code(folder)
    return check


def check_asio_headers(root: Path, files: dict[str, FileCheck]) -> list[Problem]:
    """Headers that bring Asio along, directly or through others of their folder, are private to that folder."""
    includes = {name: [header for _, header in file.includes()] for name, file in files.items()}
    private = {name for name, headers in includes.items() if any(is_asio(header) for header in headers)}
    grown = True
    while grown:
        more = {name for name, headers in includes.items() if files[name].is_header and not private.isdisjoint(headers)}
        grown = not more <= private
        private |= more
    problems = []
    for file in files.values():
        for index, header in file.includes():
            if header in private and header.split("/")[1] != file.name.split("/")[1]:
                file.report(index, "asio", f"{header} brings Asio or Beast along; it is private to its folder")
        problems += file.problems
    return problems


def owns_threads(root: Path, path: Path) -> bool:
    """The manifest of the file's plugin says so: it speaks a protocol of its own over sockets of its own."""
    manifest = root / "plugins" / path.relative_to(root / "plugins").parts[0] / "plugin.json"
    return manifest.is_file() and json.loads(manifest.read_text()).get("threads") is True


def check_plugin_file(root: Path, path: Path) -> list[Problem]:
    """A plugin sees the SDK and nothing of the runtime; time is the host's, and so are threads and sockets, unless its manifest
    says otherwise."""
    check = FileCheck(path, str(path.relative_to(root)))
    check.own_threads = owns_threads(root, path)
    for index, header in check.includes():
        if header.startswith("runtime/"):
            check.report(index, "layers", f"{header}: a plugin includes nothing of the runtime")
    check.check_includes(None)
    check.check_code(None)
    return check.problems


def sources(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".h", ".hpp", ".cpp", ".c") and path.is_file())


def check(root: Path) -> list[Problem]:
    runtime = root / "runtime"
    layers = read_layers(runtime)
    depends = {folder: read_depends(runtime, folder) for folder in layers}
    problems = check_depends(root, layers, depends)
    files = [check_runtime_file(root, path, layers, depends) for path in sources(runtime)]
    problems += check_asio_headers(root, {file.name: file for file in files})
    for path in sources(root / "plugins"):
        problems += check_plugin_file(root, path)
    return problems


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    problems = check(root)
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
