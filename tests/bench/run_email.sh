#!/usr/bin/env bash
# Mails of 10 KB to postfix's smtp-sink over 8 connections: the provider email-smtp, the whole service, a bare libcurl-multi client
# and nodemailer (pooled), in turns, on the same machine. usage: run_email.sh [bin folder] [rounds] [mails]
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=${1:-build/release/bin} rounds=${2:-3} mails=${3:-8000} connections=8 bytes=10240
work=$(mktemp -d)
sink=
finish() { [ -n "$sink" ] && kill "$sink" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"; }
trap finish EXIT
command -v smtp-sink >/dev/null || { echo "run_email: no smtp-sink; install postfix" >&2; exit 1; }
port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
user=(); [ "$(id -u)" = 0 ] && user=(-u nobody)
smtp-sink "${user[@]}" "127.0.0.1:$port" 1000 & sink=$!
for _ in $(seq 50); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
modules=$PWD/tests/sdk/node/node_modules
median() { cut -d' ' -f"$2" "$work/$1" | sort -g | awk '{v[NR]=$1} END{print v[int((NR+1)/2)]}'; }
for _ in $(seq "$rounds"); do
  "$bin/bench_email_curl" "$port" "$mails" $connections $bytes >>"$work/curl"
  "$bin/bench_email" provider "$port" "$mails" $connections $bytes >>"$work/provider"
  "$bin/bench_email" service "$port" "$mails" $connections $bytes >>"$work/service"
  [ -d "$modules/nodemailer" ] && node tests/bench/bench_nodemailer.mjs "$modules" "$port" $((mails / 4)) $connections $bytes >>"$work/nodemailer"
done
for peer in curl nodemailer; do
  [ -s "$work/$peer" ] || continue
  for ours in provider service; do
    awk -v peer="$peer" -v ours="$ours" -v o="$(median $ours 1)" -v oc="$(median $ours 2)" -v p="$(median $peer 1)" -v pc="$(median $peer 2)" \
      -v l="$(cut -d' ' -f1 /proc/loadavg)" \
      'BEGIN{printf "email 10 KB c8: %s %.0f mails/s (%.1f us CPU), %s %.0f mails/s (%.1f us CPU), ratio %.2f, load %s\n", ours, o, oc, peer, p, pc, o/p, l}'
  done
done
