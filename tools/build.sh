#!/usr/bin/env bash
# build.sh PRESET [TARGET...]: configures once and builds. The Python module is built for the interpreter in .venv.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:?which preset}
shift
python=$PWD/.venv/bin/python
if [[ ! -f build/$preset/build.ninja ]]; then
  cmake --preset "$preset" -DPython_EXECUTABLE="$python" -Dpybind11_DIR="$("$python" -m pybind11 --cmakedir)" --log-level=NOTICE
fi
exec cmake --build --preset "$preset" ${1:+--target "$@"}
