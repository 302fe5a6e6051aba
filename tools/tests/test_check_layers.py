from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import check_layers

LAYERS = ["base", "clock", "net", "plugin", "core"]


class Tree:
    """A little repository with the layers base < clock < net < plugin < core."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("runtime/CMakeLists.txt", "".join(f"add_subdirectory({name})\n" for name in LAYERS))
        for index, name in enumerate(LAYERS):
            self.depends(name, LAYERS[:index])

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def depends(self, name: str, others: list[str]) -> None:
        words = f" DEPENDS {' '.join(others)}" if others else ""
        self.write(f"runtime/{name}/CMakeLists.txt", f"trunkline_library({name}{words} PRIVATE_LIBRARIES x::y)\n")

    def problems(self) -> list[str]:
        return [f"{p.path}:{p.line} {p.rule}" for p in check_layers.check(self.root)]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_arrows_that_point_down_are_fine(tree: Tree) -> None:
    tree.write("runtime/core/a.cpp", '#include "runtime/core/a.h"\n#include "runtime/base/b.h"\n#include <string>\n')
    assert tree.problems() == []


def test_an_include_that_points_up(tree: Tree) -> None:
    tree.write("runtime/base/a.h", '#pragma once\n#include "runtime/core/a.h"\n')
    assert tree.problems() == ["runtime/base/a.h:2 layers"]


def test_an_include_of_a_folder_that_is_not_a_dependency(tree: Tree) -> None:
    tree.depends("core", ["base"])
    tree.write("runtime/core/a.cpp", '#include "runtime/net/http.h"\n')
    assert tree.problems() == ["runtime/core/a.cpp:1 layers"]


def test_a_dependency_that_points_up(tree: Tree) -> None:
    tree.depends("base", ["net"])
    assert "runtime/base/CMakeLists.txt:1 layers" in tree.problems()


def test_a_circle_is_named() -> None:
    assert check_layers.find_circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert check_layers.find_circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_linked_targets_count_as_dependencies(tree: Tree) -> None:
    tree.write("runtime/core/CMakeLists.txt", "add_library(x SHARED)\ntarget_link_libraries(x PRIVATE tl_net)\n")
    tree.write("runtime/core/a.cpp", '#include "runtime/net/http.h"\n')
    assert tree.problems() == []


def test_a_folder_that_is_not_listed(tree: Tree) -> None:
    tree.write("runtime/extra/CMakeLists.txt", "trunkline_library(extra)\n")
    assert tree.problems() == ["runtime/CMakeLists.txt:1 layers"]


@pytest.mark.parametrize(
    ("path", "line", "rule"),
    [
        ("runtime/base/a.h", "#include <boost/asio.hpp>", "asio"),
        ("runtime/core/a.cpp", "#include <boost/beast/http.hpp>", "asio"),
        ("runtime/core/a.cpp", "#include <boost/dll/shared_library.hpp>", "dll"),
        ("runtime/core/a.h", "#include <nlohmann/json.hpp>", "json"),
        ("runtime/core/a.cpp", "#include <regex>", "regex"),
        ("runtime/core/a.cpp", "std::regex pattern;", "regex"),
        ("runtime/core/a.cpp", "auto t = std::chrono::system_clock::now();", "clock"),
        ("runtime/core/a.cpp", "auto t = time(nullptr);", "clock"),
        ("runtime/core/a.cpp", "clock_gettime(CLOCK_REALTIME, &spec);", "clock"),
        ("runtime/core/a.cpp", "std::this_thread::sleep_for(1s);", "clock"),
        ("runtime/core/a.cpp", "std::thread worker;", "thread"),
        ("runtime/core/a.cpp", '#include "core/a.h"', "path"),
        ("plugins/x/src/a.cpp", '#include "runtime/base/b.h"', "layers"),
        ("plugins/x/src/a.cpp", "auto t = std::chrono::steady_clock::now();", "clock"),
        ("plugins/x/src/a.cpp", "std::jthread worker;", "thread"),
        ("plugins/x/src/a.cpp", "const auto lock = co_await users.lock(custom ? *custom : id);", "coroutine"),
    ],
)
def test_what_may_not_be_used(tree: Tree, path: str, line: str, rule: str) -> None:
    tree.write("runtime/core/a.h", "#pragma once\n")
    tree.write(path, line + "\n")
    assert tree.problems() == [f"{path}:1 {rule}"]


def test_a_plugin_whose_manifest_says_so_owns_threads(tree: Tree) -> None:
    text = "#include <boost/asio/io_context.hpp>\nstd::thread worker;\nauto t = std::chrono::steady_clock::now();\n"
    tree.write("plugins/x/plugin.json", '{"id": "x", "threads": true}')
    tree.write("plugins/x/src/a.cpp", text)
    assert tree.problems() == ["plugins/x/src/a.cpp:3 clock"], "time is the host's in any case"
    tree.write("plugins/x/plugin.json", '{"id": "x"}')
    assert len(tree.problems()) == 3


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("runtime/net/a.cpp", "#include <boost/asio.hpp>"),
        ("runtime/net/private.h", "#include <boost/asio.hpp>"),
        ("runtime/plugin/a.cpp", "#include <boost/dll/shared_library.hpp>"),
        ("runtime/core/a.cpp", "#include <nlohmann/json.hpp>"),
        ("runtime/core/a.h", "#include <nlohmann/json_fwd.hpp>"),
        ("runtime/clock/a.cpp", "auto t = std::chrono::system_clock::now();"),
        ("runtime/core/a.cpp", "// std::chrono::system_clock::now() is not for us"),
        ("runtime/core/a.cpp", 'log("time(0) std::regex");'),
        ("runtime/core/a.cpp", "/*\n#include <regex>\n*/"),
        ("runtime/core/a.cpp", "auto t = clock.time(0); row.due_time(0);"),
        ("runtime/core/a.cpp", "std::thread::id owner;"),
        ("runtime/core/a.cpp", "co_await clock.sleep(delay);"),
        ("runtime/core/a.cpp", "const std::string who = custom ? *custom : id; co_await users.lock(who);"),
    ],
)
def test_what_may_be_used(tree: Tree, path: str, line: str) -> None:
    tree.write(path, line + "\n")
    assert tree.problems() == []


def test_a_header_that_brings_asio_along_is_private_to_its_folder(tree: Tree) -> None:
    tree.write("runtime/net/private.h", "#include <boost/asio.hpp>\n")
    tree.write("runtime/net/public.h", '#include "runtime/net/private.h"\n')
    tree.write("runtime/net/a.cpp", '#include "runtime/net/public.h"\n')
    tree.write("runtime/core/a.cpp", '#include "runtime/net/public.h"\n')
    assert tree.problems() == ["runtime/core/a.cpp:1 asio"]


def test_an_exception_needs_its_reason(tree: Tree) -> None:
    tree.write("runtime/core/a.cpp", "time(nullptr);  // NOLINT(trunkline-clock): the seed of the first run\n")
    tree.write("runtime/core/b.cpp", "time(nullptr);  // NOLINT(trunkline-clock)\n")
    tree.write("runtime/core/c.cpp", "time(nullptr);  // NOLINT(trunkline-regex): not this rule\n")
    assert tree.problems() == ["runtime/core/b.cpp:1 clock", "runtime/core/c.cpp:1 clock"]


def test_this_repository_is_clean() -> None:
    assert [str(problem) for problem in check_layers.check(Path(__file__).resolve().parents[2])] == []
