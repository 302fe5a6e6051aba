"""A Matrix homeserver (Synapse) for tests, with the application service of `chat-matrix`, and clients without an SDK."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import importlib.metadata
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

READY_SECONDS = 60
UNLIMITED = {"per_second": 10_000, "burst_count": 10_000}
SERVER_NAME = "matrix.test"


def python_with_synapse() -> str:
    """The interpreter that has Synapse: this one, or what TRUNKLINE_SYNAPSE_PYTHON names."""
    if other := os.environ.get("TRUNKLINE_SYNAPSE_PYTHON"):
        return other
    try:
        importlib.metadata.version("matrix-synapse")
    except importlib.metadata.PackageNotFoundError:
        raise AssertionError("matrix-synapse is not installed; run tools/setup.sh") from None
    return sys.executable


class Synapse:
    """One homeserver on a free port of this machine; ended with the block it is used in."""

    def __init__(self, folder: Path, **overrides: Any) -> None:
        self.folder = folder
        self.as_token = secrets.token_hex(16)
        self.shared_secret = secrets.token_hex(16)
        self.overrides = overrides
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._write_configuration()
        self.log: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self.start()

    def _write_configuration(self) -> None:
        registration = {
            "id": "trunkline",
            "url": None,  # nothing is pushed: the plugin asks by /sync
            "as_token": self.as_token,
            "hs_token": secrets.token_hex(16),
            "sender_localpart": "trunkline",
            "rate_limited": False,
            "namespaces": {
                "users": [{"exclusive": True, "regex": f"@acs_.*:{SERVER_NAME}"}],
                "aliases": [{"exclusive": True, "regex": f"#trunkline_.*:{SERVER_NAME}"}],
                "rooms": [],
            },
        }
        (self.folder / "trunkline.yaml").write_text(json.dumps(registration))
        logging = {"version": 1, "root": {"level": "WARNING", "handlers": ["console"]}, "disable_existing_loggers": False}
        logging["handlers"] = {"console": {"class": "logging.StreamHandler"}}
        (self.folder / "logging.yaml").write_text(json.dumps(logging))
        configuration = {
            "server_name": SERVER_NAME,
            "pid_file": str(self.folder / "synapse.pid"),
            "listeners": [
                {"port": self.port, "bind_addresses": ["127.0.0.1"], "type": "http", "resources": [{"names": ["client"]}]}
            ],
            "database": {"name": "sqlite3", "args": {"database": str(self.folder / "synapse.db")}},
            "log_config": str(self.folder / "logging.yaml"),
            "media_store_path": str(self.folder / "media"),
            "signing_key_path": str(self.folder / "signing.key"),
            "registration_shared_secret": self.shared_secret,
            "app_service_config_files": [str(self.folder / "trunkline.yaml")],
            "report_stats": False,
            "trusted_key_servers": [],
            "federation_domain_whitelist": [],
            "enable_registration": False,
            # The Matrix users of the tests are as quick as we are.
            "rc_message": UNLIMITED,
            "rc_joins": {"local": UNLIMITED, "remote": UNLIMITED},
            "rc_invites": {"per_room": UNLIMITED, "per_user": UNLIMITED, "per_issuer": UNLIMITED},
            "rc_login": {"address": UNLIMITED, "account": UNLIMITED},
            **self.overrides,
        }
        (self.folder / "homeserver.yaml").write_text(json.dumps(configuration))

    def start(self) -> None:
        command = [python_with_synapse(), "-m", "synapse.app.homeserver", "-c", str(self.folder / "homeserver.yaml")]
        subprocess.run([*command, "--generate-keys"], check=True, capture_output=True, cwd=self.folder, timeout=READY_SECONDS)
        name = f"trunkline-synapse-{secrets.token_hex(8)}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:  # for what it tells systemd when it listens
            ready.bind("\0" + name)
            ready.settimeout(READY_SECONDS)
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                cwd=self.folder,
                env={**os.environ, "NOTIFY_SOCKET": f"@{name}"},
            )
            threading.Thread(target=self._read_log, args=(self.process, name), daemon=True).start()
            try:
                while "READY=1" not in (said := ready.recv(4096).decode().split()):
                    assert "ENDED" not in said, f"Synapse ended: {''.join(self.log)}"
            except TimeoutError:
                raise AssertionError(f"Synapse did not come up: {''.join(self.log)}") from None

    def _read_log(self, process: subprocess.Popen[str], name: str) -> None:
        assert process.stderr is not None
        self.log.extend(process.stderr)
        # Whoever waits for it to come up need not wait any longer.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as tell:
            tell.sendto(b"ENDED", "\0" + name)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def register(self, name: str) -> MatrixUser:
        """A person with an account of their own, made by the shared secret."""
        nonce = self.call("GET", "/_synapse/admin/v1/register")["nonce"]
        password = secrets.token_hex(8)
        text = b"\x00".join(part.encode() for part in (nonce, name, password, "notadmin"))
        mac = hmac.new(self.shared_secret.encode(), text, hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": password, "admin": False, "mac": mac}
        answer = self.call("POST", "/_synapse/admin/v1/register", body)
        return MatrixUser(self, answer["user_id"], answer["access_token"])

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None

    def __enter__(self) -> Synapse:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


class MatrixUser:
    """A plain Matrix client."""

    def __init__(self, server: Synapse, user_id: str, token: str) -> None:
        self.server, self.id, self.token = server, user_id, token
        self._since: str | None = None
        self._transactions = 0

    def call(self, method: str, path: str, body: Any = None) -> Any:
        return self.server.call(method, "/_matrix/client/v3" + path, body, self.token)

    def room(self, room: str, rest: str) -> str:
        return f"/rooms/{urllib.parse.quote(room, safe='')}{rest}"

    def join(self, room: str) -> None:
        self.call("POST", self.room(room, "/join"), {})

    def leave(self, room: str) -> None:
        self.call("POST", self.room(room, "/leave"), {})

    def send(self, room: str, content: dict[str, Any], kind: str = "m.room.message") -> str:
        self._transactions += 1
        event = self.call("PUT", self.room(room, f"/send/{kind}/t{self._transactions}"), content)
        return str(event["event_id"])

    def say(self, room: str, text: str) -> str:
        return self.send(room, {"msgtype": "m.text", "body": text})

    def edit(self, room: str, event: str, text: str) -> str:
        return self.send(
            room,
            {
                "msgtype": "m.text",
                "body": "* " + text,
                "m.new_content": {"msgtype": "m.text", "body": text},
                "m.relates_to": {"rel_type": "m.replace", "event_id": event},
            },
        )

    def redact(self, room: str, event: str) -> None:
        self._transactions += 1
        self.call("PUT", self.room(room, f"/redact/{urllib.parse.quote(event, safe='')}/t{self._transactions}"), {})

    def sync(self, timeout_ms: int = 0) -> dict[str, Any]:
        query = {"timeout": str(timeout_ms)} | ({"since": self._since} if self._since else {})
        answer: dict[str, Any] = self.call("GET", "/sync?" + urllib.parse.urlencode(query))
        self._since = answer["next_batch"]
        return answer

    def history(self, room: str) -> list[dict[str, Any]]:
        """All events, the oldest first."""
        chunk: list[dict[str, Any]] = self.call("GET", self.room(room, "/messages?dir=b&limit=200"))["chunk"]
        return chunk[::-1]
