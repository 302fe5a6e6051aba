#!/usr/bin/env bash
# fuzz.sh BUILD SECONDS: runs each libFuzzer target in BUILD/bin for SECONDS, starting from its committed corpus.
set -uo pipefail
cd "$(dirname "$0")/.."
build=${1:?build folder} seconds=${2:-20} failed=0 ran=0
for target in "$build"/bin/fuzz_*; do
  [[ -x $target ]] || continue
  ran=$((ran + 1))
  name=$(basename "$target")
  corpus=$build/corpus/$name
  mkdir -p "$corpus" "$build/crashes"
  seeds=tests/fuzz/corpus/${name#fuzz_}
  echo "fuzz: $name for $seconds s"
  "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="$build/crashes/$name-" "$corpus" $([[ -d $seeds ]] && echo "$seeds") || failed=$((failed + 1))
done
((ran)) || { echo "fuzz: no targets in $build/bin"; exit 1; }
echo "fuzz: $((ran - failed)) of $ran targets found nothing"
exit $((failed > 0))
