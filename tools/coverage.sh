#!/usr/bin/env bash
# coverage.sh BUILD: runs the C++ suites of a gcov build and prints line coverage of each runtime and plugin folder.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:?build folder}
find "$build" -name '*.gcda' -delete
ctest --test-dir "$build" --output-on-failure -j "$(nproc)"
.venv/bin/python tools/coverage.py "$build"
