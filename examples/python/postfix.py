"""A Postfix of its own: one process tree, one folder, one port. For mail_and_back.py and for tests."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

WAIT_SECONDS = 20

MAIN = """compatibility_level = 3.6
smtputf8_enable = yes
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.example.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
virtual_mailbox_domains = example.test
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ ann@example.test=ann/, bob@example.test=bob/, jürgen@example.test=jürgen/ }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
transport_maps = inline:{{ shop.test=smtp:[127.0.0.1]:{back}, away.test=smtp:[127.0.0.1]:{back} }}
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
alias_maps =
alias_database =
"""

SERVICES = """127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def is_usable() -> bool:
    """It is installed, and we may start it: it wants to give up root's rights by itself."""
    return shutil.which("postfix") is not None and os.geteuid() == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Postfix:
    """Takes mail for ann@, bob@ and jürgen@example.test into maildirs; mail for shop.test and away.test goes to port `back`."""

    def __init__(self, back: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="trunkline-postfix-", dir="/tmp"))
        self.port = free_port()
        user = pwd.getpwnam("postfix")
        self.folder.chmod(0o755)
        for name in ("conf", "queue", "data", "mail"):
            (self.folder / name).mkdir()
        for name in ("data", "mail"):
            os.chown(self.folder / name, user.pw_uid, user.pw_gid)
        main = MAIN.format(folder=self.folder, uid=user.pw_uid, gid=user.pw_gid, back=back)
        (self.folder / "conf" / "main.cf").write_text(main, encoding="utf-8")
        (self.folder / "conf" / "master.cf").write_text(SERVICES.format(port=self.port))

    def _run(self, command: str) -> None:
        subprocess.run(["postfix", "-c", str(self.folder / "conf"), command], capture_output=True, check=True, timeout=60)

    def __enter__(self) -> Postfix:
        self._run("start")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._run("stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def mails(self, user: str, count: int) -> list[bytes]:
        """What is in somebody's maildir, once there are so many."""
        until = time.monotonic() + WAIT_SECONDS
        while True:
            found = sorted((self.folder / "mail" / user / "new").glob("*"))
            if len(found) >= count:
                return [path.read_bytes() for path in found]
            assert time.monotonic() < until, self.log()
            time.sleep(0.05)
