#!/usr/bin/env bash
# The event pipeline: webhook deliveries of 1 KB events to nginx, in turns with a bare libcurl multi and a bare Beast client; then
# matching, publishing, and the memory of a backlog.
# usage: run_events.sh [bin folder] [rounds] [connections] [backlog]
set -euo pipefail
bin=${1:-build/release/bin} rounds=${2:-3} connections=${3:-64} backlog=${4:-1000000}
work=$(mktemp -d)
pids=()
finish() { for p in "${pids[@]:-}"; do [ -n "$p" ] && kill "$p" 2>/dev/null; done; wait 2>/dev/null; rm -rf "$work"; }
trap finish EXIT
port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
cat >"$work/nginx.conf" <<CONF
worker_processes 1; daemon off; pid $work/nginx.pid; error_log $work/error.log;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 100000000;
  client_body_temp_path $work/b; proxy_temp_path $work/p; fastcgi_temp_path $work/f; uwsgi_temp_path $work/u; scgi_temp_path $work/s;
  server { listen 127.0.0.1:$port; location / { return 200; } }
}
CONF
nginx -c "$work/nginx.conf" -p "$work" -e "$work/error.log" >/dev/null 2>&1 & pids+=($!)
for _ in $(seq 50); do curl -sf "http://127.0.0.1:$port/" >/dev/null && break; sleep 0.1; done
url="http://127.0.0.1:$port/hook"
for _ in $(seq "$rounds"); do
  "$bin/bench_webhook_curl" "$url" 50000 "$connections" | cut -d' ' -f1 >>"$work/curl"
  "$bin/bench_webhook_beast" "$port" 50000 "$connections" | cut -d' ' -f1 >>"$work/beast"
  "$bin/bench_events" deliver "$url" 50000 "$connections" >>"$work/ours"
done
median() { sort -g "$work/$1" | awk '{v[NR]=$1} END{print v[int((NR+1)/2)]}'; }
awk -v o="$(median ours)" -v c="$(median curl)" -v b="$(median beast)" -v n="$connections" \
  'BEGIN{f = c > b ? c : b; printf "webhook deliveries c%d: ours %.0f/s, libcurl multi %.0f/s, Beast %.0f/s, ratio to the faster %.2f (goal 0.80)\n", n, o, c, b, o/f}'
"$bin/bench_events" match
"$bin/bench_events" publish
"$bin/bench_events" backlog "$backlog"
