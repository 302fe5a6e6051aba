#!/usr/bin/env bash
# Everything that can be said about the source without running it, except clang-tidy. --fix rewrites what can be rewritten.
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/.venv/bin:$PATH
failed=0
step() {
  local name=$1
  shift
  if "$@"; then printf 'lint: ok      %s\n' "$name"; else printf 'lint: FAILED  %s\n' "$name"; failed=1; fi
}
# Tracked C and C++ files that are written by hand.
handwritten() {
  git ls-files -z '*.h' '*.hpp' '*.cpp' '*.c' | while IFS= read -r -d '' file; do
    [[ -f $file ]] && ! head -n 3 "$file" | grep -qi 'generated' && printf '%s\0' "$file"
  done
}
format() { handwritten | xargs -0 -r clang-format-14 "$@"; }
if [[ ${1-} == --fix ]]; then
  format -i
  ruff check --quiet --fix .
  ruff format --quiet .
  exit
fi
step 'C++ format' format --dry-run --Werror -ferror-limit=1
step layers python tools/check_layers.py
step 'generated files' tools/check_generated.sh
step ruff ruff check --quiet .
step 'ruff format' ruff format --quiet --check .
step mypy mypy --no-error-summary tools
step 'lock files' tools/check_locks.sh
exit $failed
