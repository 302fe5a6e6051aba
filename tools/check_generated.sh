#!/usr/bin/env bash
# Fails when the committed generated files are not what the interface definitions give.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/.venv/bin:$PATH
npm --prefix bindings/generator run --silent check || {
  echo "generated files differ from bindings/idl: run 'make gen' and commit the result" >&2
  exit 1
}
