#!/usr/bin/env bash
# A committed lock file names packages and hashes, never the registry that somebody happened to use.
set -euo pipefail
cd "$(dirname "$0")/.."
bad=0
while IFS= read -r lock; do
  if grep -nE '"resolved": "https?:' "$lock" | head -n 1; then
    echo "$lock names a registry host; set omit-lockfile-registry-resolved=true in the .npmrc beside it and lock again" >&2
    bad=1
  fi
done < <(git ls-files '*package-lock.json')
exit $bad
