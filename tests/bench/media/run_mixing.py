"""Participants of a bridge per core, beside Janus AudioBridge in the same run.

    run_mixing.py BUILD [seconds] [participants] [words of the cases: G.711, SRTP…]

Each way is measured three times in turns with the other, and the middle one is told. Without Janus (`apt-get install janus`) ours
stands alone, and the run says so.
"""

from __future__ import annotations

import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
REPEATS = 3


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def folder_of(library: str) -> str:
    files = subprocess.run(["dpkg", "-L", "janus"], capture_output=True, text=True, check=True).stdout.splitlines()
    return str(next(Path(file).parent for file in files if file.endswith(library)))


@contextmanager
def janus() -> Iterator[tuple[str, int] | None]:
    """Its address and process; None: it is not installed."""
    if shutil.which("janus") is None:
        yield None
        return
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "empty").mkdir()
        files = subprocess.run(["dpkg", "-L", "janus"], capture_output=True, text=True, check=True).stdout
        others = sorted({Path(file).name for file in files.split() if "/plugins/" in file and file.endswith(".so")})
        disabled = ",".join(file for file in others if "audiobridge" not in file)
        (folder / "janus.jcfg").write_text(
            f'general: {{ configs_folder = "{folder}"\n plugins_folder = "{folder_of("libjanus_audiobridge.so")}"\n'
            f' transports_folder = "{folder_of("libjanus_http.so")}"\n events_folder = "{folder}/empty"\n'
            f' loggers_folder = "{folder}/empty"\n debug_level = 2\n protected_folders = [] }}\n'
            'media: { rtp_port_range = "40000-60000" }\nnat: { ice_lite = true }\n'
            f'plugins: {{ disable = "{disabled}" }}\n'
            'transports: { disable = "libjanus_websockets.so,libjanus_rabbitmq.so,libjanus_mqtt.so,libjanus_nanomsg.so,'
            'libjanus_pfunix.so" }\n'
        )
        (folder / "janus.transport.http.jcfg").write_text(
            f'general: {{ base_path = "/janus"\n http = true\n port = {port}\n ip = "127.0.0.1"\n https = false }}\n'
            "admin: { admin_http = false\n admin_https = false }\n"
        )
        (folder / "janus.plugin.audiobridge.jcfg").write_text(
            'general: { rtp_port_range = "40000-60000"\n local_ip = "127.0.0.1" }\n'
        )
        command = ["janus", "-F", str(folder), "-C", str(folder / "janus.jcfg"), "-i", "127.0.0.1"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}/janus", process.pid
        finally:
            process.terminate()
            process.wait()


def numbers(command: list[str]) -> list[float]:
    return [float(word) for word in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()]


def main() -> None:
    build = Path(sys.argv[1]) / "bin"
    seconds = sys.argv[2] if len(sys.argv) > 2 else "4"
    people = int(sys.argv[3]) if len(sys.argv) > 3 else 100
    cases = [("G.711, all talk", "pcmu", "8000", people, []), ("Opus, all talk", "opus", "16000", people, [])]
    cases.append(("Opus, SRTP, 3 talk", "opus", "16000", 3, ["srtp"]))
    words = sys.argv[4:]
    with janus() as peer:
        if peer is None:
            print("Janus AudioBridge is absent: apt-get install janus")
        for name, codec, rate, talkers, srtp in cases:
            if words and not any(word in name for word in words):
                continue
            ours: list[list[float]] = []
            theirs: list[list[float]] = []
            for _ in range(REPEATS):
                ours.append(numbers([str(build / "bench_mixer"), str(people), str(talkers), seconds, codec, *srtp]))
                # Its participants over plain RTP know no SRTP.
                if peer and not srtp:
                    room = ["node", str(HERE / "janus_room.mjs"), peer[0], str(peer[1]), str(build / "bench_rtp_load")]
                    theirs.append(numbers([*room, str(people), str(talkers), seconds, codec, rate]))
            middle = sorted(ours)[REPEATS // 2]
            line = f"{name:20} {people} people: {middle[4]:6.0f} a core   outside codec and crypto {middle[3]:4.0%}"
            line += f"   frames back {middle[1]:.3f}   late {middle[2]:.2%}"
            if theirs:
                core = statistics.median(one[0] for one in theirs)
                line += f"   Janus {people / core * 100:6.0f} a core   {core / middle[0]:.2f} x"
            print(line, flush=True)


if __name__ == "__main__":
    main()
