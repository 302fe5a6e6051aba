"""Memory of calls over a SIP trunk with sound both ways, bare and while they are recorded.

    run_call_memory.py BUILD [calls] [seconds]

Needs SIPp, which echoes the sound. Private memory of the server in KB, for each call; bounded in time.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
import phone
import server as harness
from receiver import Receiver
from sip_line import PHONE, Line, configuration, trunk_at


def private_kb(pid: int) -> int:
    """Without files that are mapped."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))


def scenario(port: int) -> list[str]:
    return [
        '<recv request="INVITE"/>',
        f'<send retrans="500">{phone.reply("200 OK", body=phone.sdp(port))}</send>',
        '<recv request="ACK"/>',
        '<recv request="BYE"/>',
        f"<send>{phone.in_dialog_ok()}</send>",
    ]


def main() -> None:
    build = Path(sys.argv[1])
    calls = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 10
    harness.PROGRAM = build / "bin" / "trunkline"
    rtp = phone.free_port(pairs=True)
    with tempfile.TemporaryDirectory() as folder, Receiver() as application:
        sipp = phone.Sipp(*scenario(rtp), calls=calls, more=("-rtp_echo", "-mi", "127.0.0.1", "-mp", str(rtp)))
        sip_port = phone.free_port()
        first = 20000
        config = configuration(
            Path(folder), sip_port, trunk_at(sipp.port), rtp_port_first=first, rtp_port_last=first + 2 * calls + 99
        )
        with sipp, harness.Server(*config, command="serve") as running:
            line = Line(running, application, sip_port)
            warm = running.process.pid
            before = private_kb(warm)
            connections = [line.call(PHONE) for _ in range(calls)]
            ids = [line.event("CallConnected", connection)["serverCallId"] for connection in connections]
            time.sleep(seconds)
            bare = private_kb(warm)
            for server_call_id in ids:
                locator = {"kind": "serverCallLocator", "serverCallId": server_call_id}
                line.ask("POST", "/calling/recordings", {"callLocator": locator}, 200)
            time.sleep(seconds)
            early = private_kb(warm)
            time.sleep(seconds)
            late = private_kb(warm)
            files = list((Path(folder) / "data" / "data.db.files" / "recordings").glob("*.wav"))
            grown = sum(file.stat().st_size for file in files) // max(len(files), 1)
            print(f"{calls} calls with sound   {(bare - before) / calls:7.1f} KB a call")
            print(f"recorded {seconds:.0f} s        {(early - before) / calls:7.1f} KB a call")
            print(f"recorded {2 * seconds:.0f} s        {(late - before) / calls:7.1f} KB a call   files {grown // 1024} KB each")
            for connection in connections:
                line.hang_up(connection)


if __name__ == "__main__":
    main()
