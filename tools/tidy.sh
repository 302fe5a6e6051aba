#!/usr/bin/env bash
# tidy.sh [FILE...]: clang-tidy on these .cpp files, or on those that differ from origin/main. Needs a configured build.
set -euo pipefail
cd "$(dirname "$0")/.."
build=build/tidy
# Its own build folder: clang does not know what GCC's flags in the other presets mean.
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14 \
  -DTRUNKLINE_PYTHON=OFF -DTRUNKLINE_NODE=OFF --log-level=NOTICE >/dev/null
if (($# == 0)); then
  base=$(git merge-base HEAD origin/main 2>/dev/null || git rev-list --max-parents=0 HEAD | tail -n 1)
  mapfile -t files < <(git diff --name-only --diff-filter=d "$base" -- 'runtime/*.cpp' 'plugins/*.cpp')
else
  files=("$@")
fi
((${#files[@]})) || { echo "tidy: nothing to check"; exit 0; }
printf '%s\0' "${files[@]}" | xargs -0 -P "$(nproc)" -n 1 clang-tidy-14 --quiet -p "$build"
