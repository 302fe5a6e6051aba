#!/usr/bin/env bash
# The workflow engine: the flow that Node-RED and n8n are measured with, durable and stateless, beside our bare HTTP server, in
# turns; then runs that wait, and a long loop. NODERED=http://127.0.0.1:PORT/order adds a Node-RED that runs already.
# usage: run_workflow.sh [bin folder] [rounds] [connections] [waiting runs] [items]
set -euo pipefail
bin=${1:-build/release/bin} rounds=${2:-3} connections=${3:-32} waits=${4:-1000000} items=${5:-100000}
work=$(mktemp -d)
pids=()
finish() { for p in "${pids[@]:-}"; do [ -n "$p" ] && kill "$p" 2>/dev/null; done; wait 2>/dev/null; rm -rf "$work"; }
trap finish EXIT
items_json=$(for i in 0 1 2 3 4 5 6 7 8 9; do printf '%s{"sku":"s%d","qty":%d,"price":%d.5}' "$([ $i = 0 ] || echo ,)" $i $((i + 1)) $((i + 1)); done)
cat >"$work/post.lua" <<LUA
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"orderId":"A-1001","customer":"c42","priority":"high","items":[$items_json]}'
LUA
rate() { # url
  wrk -t1 -c"$connections" -d3s -s "$work/post.lua" "$1" | awk '/Requests\/sec/{print $2} /Non-2xx/{exit 1}'
}
serve() { # name, arguments of bench_workflow: starts it and measures
  mkfifo "$work/in.$1"
  "$bin/bench_workflow" "${@:2}" <"$work/in.$1" >"$work/port.$1" & local pid=$!
  pids+=($pid)
  exec 7>"$work/in.$1"
  for _ in $(seq 100); do [ -s "$work/port.$1" ] && break; sleep 0.1; done
  rate "http://127.0.0.1:$(cat "$work/port.$1")/order" >>"$work/$1"
  exec 7>&-
  wait $pid 2>/dev/null || true
  rm -f "$work/in.$1" "$work/port.$1"
}
for round in $(seq "$rounds"); do
  serve bare bare
  serve stateless serve stateless
  mkdir "$work/data.$round"
  serve durable serve "$work/data.$round"
  [ -n "${NODERED:-}" ] && rate "$NODERED" >>"$work/nodered"
done
median() { sort -g "$work/$1" | awk '{v[NR]=$1} END{print v[int((NR+1)/2)]}'; }
awk -v b="$(median bare)" -v s="$(median stateless)" -v d="$(median durable)" -v c="$connections" \
  'BEGIN{printf "workflow c%d: bare server %.0f/s, stateless %.0f/s (ratio %.2f, goal 0.25), durable %.0f/s (ratio %.2f)\n", c, b, s, s/b, d, d/b}'
[ -n "${NODERED:-}" ] && awk -v n="$(median nodered)" -v s="$(median stateless)" -v d="$(median durable)" \
  'BEGIN{printf "Node-RED %.0f/s: durable %.1f times (goal 2.5), stateless %.1f times (goal 10)\n", n, d/n, s/n}'
mkdir "$work/waits"
"$bin/bench_workflow" waits "$work/waits" "$waits"
"$bin/bench_workflow" foreach "$work/loop" "$items"
"$bin/bench_workflow" resume "$work/resume" "$((items / 3))"
