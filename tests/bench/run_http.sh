#!/usr/bin/env bash
# GET /health with 64 connections: ours beside one nginx worker that answers `return 200`, in turns, on the same machine.
# usage: run_http.sh [bin folder] [rounds] [seconds]; prints the requests per second of both and the ratio of the medians.
set -euo pipefail
bin=${1:-build/release/bin} rounds=${2:-3} seconds=${3:-5}
work=$(mktemp -d)
pids=()
finish() { for p in "${pids[@]:-}"; do [ -n "$p" ] && kill "$p" 2>/dev/null; done; wait 2>/dev/null; rm -rf "$work"; }
trap finish EXIT
port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
cat >"$work/nginx.conf" <<CONF
worker_processes 1; daemon off; pid $work/nginx.pid; error_log $work/error.log;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 100000000;
  client_body_temp_path $work/b; proxy_temp_path $work/p; fastcgi_temp_path $work/f; uwsgi_temp_path $work/u; scgi_temp_path $work/s;
  server { listen 127.0.0.1:$port; location / { default_type application/json; return 200 '{"status":"ok"}'; } }
}
CONF
nginx -c "$work/nginx.conf" -p "$work" -e "$work/error.log" >/dev/null 2>&1 & pids+=($!)
mkfifo "$work/in"
"$bin/bench_http_health_server" ${HTTP_THREADS:-0} ${HTTP_MODE:-full} <"$work/in" >"$work/out" & pids+=($!)
exec 9>"$work/in"
for _ in $(seq 50); do [ -s "$work/out" ] && curl -sf "http://127.0.0.1:$port/" >/dev/null && break; sleep 0.1; done
ours="http://127.0.0.1:$(cat "$work/out")/health" floor="http://127.0.0.1:$port/health"
ticks() { # user and system time of a process and its children, in clock ticks
  local p sum=0
  for p in "$1" $(cat /proc/"$1"/task/*/children); do sum=$((sum + $(sed 's/.*) //' /proc/"$p"/stat | awk '{print $12+$13}'))); done
  echo $sum
}
run() { wrk -t1 -c64 -d"${2}s" "$1" | awk '/Requests\/sec/{r=$2} /requests in/{n=$1} END{print r, n} /Non-2xx|Socket errors/{print > "/dev/stderr"}'; }
median() { cut -d' ' -f"$2" "$work/$1" | sort -g | awk '{v[NR]=$1} END{print v[int((NR+1)/2)]}'; }
run "$floor" 1 >/dev/null
run "$ours" 1 >/dev/null
measure() { # name pid url: appends "requests/s microseconds/request"
  local before after r n
  before=$(ticks "$2")
  read -r r n < <(run "$3" "$seconds")
  after=$(ticks "$2")
  awk -v r="$r" -v n="$n" -v t=$((after - before)) -v k="$(getconf CLK_TCK)" 'BEGIN{print r, t / k * 1e6 / n}' >>"$work/$1"
}
for _ in $(seq "$rounds"); do measure floor "${pids[0]}" "$floor"; measure ours "${pids[1]}" "$ours"; done
awk -v n="$(median floor 1)" -v o="$(median ours 1)" -v nc="$(median floor 2)" -v oc="$(median ours 2)" -v l="$(cut -d' ' -f1 /proc/loadavg)" \
  'BEGIN{printf "http_health c64: ours %.0f req/s (%.1f us CPU), nginx %.0f req/s (%.1f us CPU), ratio %.2f (goal 0.80), load %s\n", o, oc, n, nc, o/n, l}'
