#!/usr/bin/env bash
# bench.sh BUILD: runs the benchmarks of a release build. tests/bench/README.md says what each ratio means.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:?build folder}
if [[ -x tests/bench/run ]]; then exec tests/bench/run "$build"; fi
shopt -s nullglob
programs=("$build"/bin/bench_*)
((${#programs[@]})) || { echo "bench: no benchmarks in $build/bin" >&2; exit 1; }
for program in "${programs[@]}"; do "$program" --benchmark_min_time=0.5; done
