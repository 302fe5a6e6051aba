"""Kamailio as a registrar and proxy between us and phones."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from phone import PATIENCE_SECONDS, free_port

MODULES = "/usr/lib/x86_64-linux-gnu/kamailio/modules/"
# Who registers is challenged; calls to a number that begins with +1425 go to who is registered, all others to the phone.
CONFIG = """#!KAMAILIO
debug=-1
log_stderror=yes
fork=yes
children=1
tcp_children=1
disable_tcp=yes
listen=udp:127.0.0.1:{port}
auto_aliases=no
mpath="{modules}"
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "textops.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "siputils.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "min_expires", 1)
modparam("registrar", "max_expires", {expires})
request_route {{
  if (is_method("REGISTER")) {{
    if (!pv_www_authenticate("kam.example.test", "secret", "0")) {{ www_challenge("kam.example.test", "1"); exit; }}
    if (!save("location")) sl_reply_error();
    exit;
  }}
  if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
  if (is_method("INVITE")) record_route();
  if (has_totag()) {{ loose_route(); t_relay(); exit; }}
  if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
  if ($rU =~ "^\\+1425555010") {{
    # The called number stays in To; the contact names the account.
    $ru = "sip:alice@kam.example.test";
    if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
  }} else {{
    $du = "sip:127.0.0.1:{phone}";
  }}
  t_relay();
}}
"""


class Kamailio:
    def __init__(self, phone: int = 9, expires: int = 3600) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="kamailio-"))
        (self.folder / "kamailio.cfg").write_text(CONFIG.format(port=self.port, modules=MODULES, phone=phone, expires=expires))
        command = [
            "kamailio",
            "-f",
            "kamailio.cfg",
            "-DD",
            "-E",
            "-m",
            "32",
            "-M",
            "8",
            "-Y",
            str(self.folder),
            "-P",
            str(self.folder / "pid"),
        ]
        self.log = (self.folder / "log").open("w+")
        self.process = subprocess.Popen(command, cwd=self.folder, stdout=self.log, stderr=self.log)
        until = time.monotonic() + PATIENCE_SECONDS
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.settimeout(0.1)
            own.bind(("127.0.0.1", 0))
            port = own.getsockname()[1]
            hello = (
                f"OPTIONS sip:127.0.0.1:{self.port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKup\r\n"
                "From: <sip:t@t>;tag=t\r\n"
                "To: <sip:t@t>\r\nCall-ID: up\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            )
            while time.monotonic() < until and self.process.poll() is None:
                own.sendto(hello.encode(), ("127.0.0.1", self.port))
                try:
                    own.recv(2000)
                    return
                except OSError:
                    continue
        raise AssertionError("kamailio did not start: " + (self.folder / "log").read_text()[-2000:])

    def __enter__(self) -> Kamailio:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if kind is not None:
            print((self.folder / "log").read_text()[-4000:])
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
