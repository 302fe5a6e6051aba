"""Calls over a trunk from SIPp with sound both ways, answered by an application in the process (`rt.calls`).

    run_call_setup.py BUILD [calls at a time] [new calls a second] [seconds]

Prints calls a second, the middle and the 99th hundredth of INVITE to 180 as SIPp sees them, beside SIPp answering SIPp at
the same rate (the floor of this machine), CPU of the server, and the share of frames that the media thread began late.
"""

from __future__ import annotations

import csv
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "integration"))
import phone
from sip_line import CONTACT, PHONE

OURS = "+14255550100"
LINES = (
    "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
    f"From: <sip:{PHONE}@[local_ip]:[local_port]>;tag=[pid]phone[call_number]",
    "To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]",
    "Call-ID: [call_id]",
    "Max-Forwards: 70",
    CONTACT,
)

SERVER = """
import asyncio, json, sys
import trunkline.aio

async def main():
    async with trunkline.aio.Runtime(json.loads(sys.argv[1])) as rt:
        async with rt.calls.events() as events:
            print("ready", flush=True)
            async for event in events:
                if event.type == "IncomingCall":
                    await rt.calls.answer(incoming_call_context=event.incoming_call_context)

asyncio.run(main())
"""


def request(method: str, number: int, body: str = "") -> str:
    first = f"{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0"
    return phone.message(first, *LINES, f"CSeq: {number} {method}", body=body)


def caller(rtp: int, hold: int) -> list[str]:
    return [
        f'<send retrans="500" start_rtd="1">{request("INVITE", 1, phone.sdp(rtp))}</send>',
        '<recv response="100" optional="true"/>',
        '<recv response="180" optional="true" rtd="1"/>',
        '<recv response="200"/>',
        f"<send>{request('ACK', 1)}</send>",
        f'<pause milliseconds="{hold}"/>',
        f'<send retrans="500">{request("BYE", 2)}</send>',
        '<recv response="200"/>',
    ]


def callee(rtp: int) -> list[str]:
    return [
        '<recv request="INVITE"/>',
        f"<send>{phone.reply('180 Ringing')}</send>",
        f'<send retrans="500">{phone.reply("200 OK", body=phone.sdp(rtp))}</send>',
        '<recv request="ACK"/>',
        '<recv request="BYE"/>',
        f"<send>{phone.in_dialog_ok()}</send>",
    ]


def run(peer: int, at_a_time: int, rate: int, seconds: float) -> tuple[float, list[float], int]:
    """Calls a second, milliseconds from INVITE to 180, calls that failed."""
    calls = int(rate * seconds)
    hold = int(at_a_time / rate * 1000)
    rtp = phone.free_port(pairs=True)
    more = ("-r", str(rate), "-l", str(at_a_time), "-trace_rtt", "-rtt_freq", "1", "-trace_stat", "-fd", "1s")
    more += ("-rtp_echo", "-mi", "127.0.0.1", "-mp", str(rtp), "-recv_timeout", "20000")
    more += ("-timeout", str(int(seconds * 3 + hold / 1000 + 50)))
    began = time.monotonic()
    with phone.Sipp(*caller(rtp, hold), peer=peer, calls=calls, number=OURS, more=more) as sipp:
        code = sipp.process.wait(seconds * 3 + hold / 1000 + 60)
        took = time.monotonic() - began - hold / 1000
        rtt = next(sipp.folder.glob("*_rtt.csv"))
        with rtt.open() as file:
            times = sorted(float(row["response_time_ms"]) for row in csv.DictReader(file, delimiter=";"))
        statistics = next(file for file in sipp.folder.glob("*_.csv"))
        with statistics.open() as file:
            failed = int(list(csv.DictReader(file, delimiter=";"))[-1]["FailedCall(C)"])
    assert code in (0, 1)
    return calls / took, times, failed


def told(name: str, rate: float, times: list[float], failed: int) -> str:
    middle, late = times[len(times) // 2], times[min(int(len(times) * 0.99), len(times) - 1)]
    return f"{name:10} {rate:6.1f} calls/s   INVITE to 180: {middle:6.1f} ms, p99 {late:6.1f} ms   failed {failed}"


def main() -> None:
    build = Path(sys.argv[1]).resolve()
    at_a_time = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    rate = int(sys.argv[3]) if len(sys.argv) > 3 else 50
    seconds = float(sys.argv[4]) if len(sys.argv) > 4 else 20
    rtp = phone.free_port(pairs=True)
    with phone.Sipp(*callee(rtp), calls=1_000_000) as floor:
        bare = run(floor.port, at_a_time, rate, min(seconds, 10))
    print(told("SIPp", *bare), flush=True)

    sip_port, first = phone.free_port(), 20000
    sip = {
        "address": "127.0.0.1",
        "port": sip_port,
        "rtp_port_first": first,
        "rtp_port_last": first + 2 * at_a_time + 199,
        "options_seconds": 0,
        "max_calls": at_a_time + 100,
        "trunks": [{"host": "sbc.example.test", "address": "127.0.0.1"}],
    }
    config = {
        "log": {"level": "info"},
        "providers": [{"name": "line", "plugin": "pstn-sip", "config": sip}],
        "resources": [{"name": "main", "numbers": [{"number": OURS, "calling": "both"}]}],
    }
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+") as log:
        environment = {**os.environ, "PYTHONPATH": str(build / "python")}
        command = [sys.executable, "-c", SERVER, json.dumps(config)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        assert server.stdout
        assert server.stdout.readline() == "ready\n"
        try:
            ours = run(sip_port, at_a_time, rate, seconds)
            between = resource.getrusage(resource.RUSAGE_CHILDREN)
        finally:
            server.send_signal(2)
            server.wait(30)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        log.seek(0)
        counts = re.search(r"frames=(\d+).*late=(\d+)", log.read())
    used = after.ru_utime + after.ru_stime - between.ru_utime - between.ru_stime
    print(
        told("Trunkline", *ours),
        f"  p99 to that of SIPp {ours[1][int(len(ours[1]) * 0.99)] - bare[1][int(len(bare[1]) * 0.99)]:+.1f} ms",
    )
    whole = seconds + at_a_time / rate
    print(f"{at_a_time} calls at a time with sound: {used / whole * 100:.0f} % of a core", end="")
    print(f", late frames {int(counts[2]) / int(counts[1]):.3%}" if counts else "")


if __name__ == "__main__":
    main()
