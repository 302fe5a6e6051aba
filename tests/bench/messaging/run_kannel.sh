#!/usr/bin/env bash
# Kannel beside us: HTTP sendsms -> smsbox -> bearerbox -> SMPP -> the same simulator, with receipts; queue in memory, then on disk.
#   run_kannel.sh BUILD_BIN [seconds]      needs the Debian packages kannel, wrk and curl
set -euo pipefail
bin=${1:?folder of the benchmarks}; seconds=${2:-5}
for program in bearerbox smsbox wrk curl; do
  PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || { echo "$program is not installed; skipped"; exit 0; }
done
PATH=$PATH:/usr/sbin
work=$(mktemp -d); pids=()
cleanup() { for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done; wait 2>/dev/null || true; rm -rf "$work"; }
trap cleanup EXIT
free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
wait_port() { for _ in $(seq 200); do (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return; sleep 0.05; done; echo "nothing listens on $1" >&2; exit 1; }
ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }
counts() { kill -USR1 "$simulator"; sleep 0.2; tail -n 1 "$work/simulator.log"; }

for store in none spool; do
  port=$(free_port); admin=$(free_port); box=$(free_port); http=$(free_port)
  "$bin/bench_smsc_simulator" "$port" >"$work/simulator.log" & simulator=$!; pids+=("$simulator")
  wait_port "$port"
  mkdir -p "$work/$store"
  {
    printf 'group = core\nadmin-port = %s\nadmin-interface = 127.0.0.1\nadmin-password = x\nsmsbox-port = %s\n' "$admin" "$box"
    printf 'smsbox-interface = 127.0.0.1\nbox-allow-ip = 127.0.0.1\nlog-file = %s\nlog-level = 3\n' "$work/bearerbox.log"
    printf 'sms-incoming-queue-limit = -1\nsms-outgoing-queue-limit = 100000\n'
    [[ $store == spool ]] && printf 'store-type = spool\nstore-location = %s\nstore-dump-freq = 10\n' "$work/$store"
    printf '\ngroup = smsc\nsmsc = smpp\nsmsc-id = sim\nhost = 127.0.0.1\nport = %s\nsmsc-username = user\n' "$port"
    printf 'smsc-password = pass\nsystem-type = ""\ntransceiver-mode = true\nmax-pending-submits = 200\n'
    printf '\ngroup = smsbox\nsmsbox-id = box\nbearerbox-host = 127.0.0.1\nbearerbox-port = %s\nsendsms-port = %s\n' "$box" "$http"
    printf 'sendsms-interface = 127.0.0.1\nlog-file = %s\nlog-level = 3\nhttp-queue-delay = 0\n' "$work/smsbox.log"
    printf '\ngroup = sms-service\nkeyword = default\ntext = none\nmax-messages = 0\ncatch-all = true\n'
    printf '\ngroup = sendsms-user\nusername = u\npassword = p\nuser-allow-ip = 127.0.0.1\nmax-messages = 10\n'
  } >"$work/$store.conf"
  bearerbox "$work/$store.conf" >"$work/bearerbox.out" 2>&1 & bearer=$!; pids+=("$bearer"); wait_port "$box"
  smsbox "$work/$store.conf" >"$work/smsbox.out" 2>&1 & smsbox=$!; pids+=("$smsbox"); wait_port "$http"
  sleep 2
  url="http://127.0.0.1:$http/cgi-bin/sendsms?username=u&password=p&from=14255550100&to=14255550123&dlr-mask=1&smsc=sim&text=$(printf 'x%.0s' $(seq 64))"
  curl -s -m 5 "$url" >/dev/null
  read -r _ _ before _ <<<"$(counts)"
  cpu=$(($(ticks "$bearer") + $(ticks "$smsbox"))); began=$(awk '{print int($1 * 1000)}' /proc/uptime)
  wrk -t1 -c32 -d"${seconds}s" "$url" >"$work/wrk.log"
  asked=$(awk '/requests in/ {print $1}' "$work/wrk.log")
  for _ in $(seq 300); do read -r _ _ answered _ <<<"$(counts)"; ((answered - before >= asked)) && break; done
  ended=$(awk '{print int($1 * 1000)}' /proc/uptime)
  cpu=$(($(ticks "$bearer") + $(ticks "$smsbox") - cpu)); done=$((answered - before))
  awk -v n="$done" -v ms=$((ended - began)) -v ticks="$cpu" -v hz="$(getconf CLK_TCK)" -v store="$store" \
    'BEGIN { printf "kannel, queue %-5s: %8.0f msg/s   %6.1f us of CPU each\n", store, n * 1000 / ms, ticks / hz / n * 1e6 }'
  kill "$smsbox" "$bearer" "$simulator" 2>/dev/null || true
done
