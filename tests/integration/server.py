"""A `trunkline` server for tests, and signed requests without an SDK."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import signal
import subprocess
import threading
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("TRUNKLINE_BIN") or ROOT / "build" / "release" / "bin" / "trunkline")
READY_SECONDS = 20


class Server:
    """One server process; ended with the block it is used in."""

    def __init__(self, *args: str, command: str = "dev", cwd: Path | None = None) -> None:
        assert PROGRAM.is_file(), f"{PROGRAM} does not exist; run 'make build' first"
        full = [str(PROGRAM), command, "--port", "0", "--json", *args]
        self.process = subprocess.Popen(full, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd)
        self.log: list[str] = []
        self._logged = threading.Condition()
        threading.Thread(target=self._read_log, daemon=True).start()
        watchdog = threading.Timer(READY_SECONDS, self.process.kill)
        watchdog.start()
        assert self.process.stdout is not None
        line = next((line for line in self.process.stdout if line.startswith("{")), None)
        watchdog.cancel()
        if line is None or "endpoint" not in line:
            code = self.process.wait()
            raise AssertionError(f"the server ended with {code}: {line or ''}{''.join(self.log)}")
        self.ready: dict[str, Any] = json.loads(line)
        self.host = self.ready["endpoint"].removeprefix("http://")

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for entry in self.process.stderr:
            with self._logged:
                self.log.append(entry)
                self._logged.notify_all()

    def logs(self, words: str) -> bool:
        """Whether an entry of the log has these words, now or within READY_SECONDS."""
        with self._logged:
            return self._logged.wait_for(lambda: any(words in entry for entry in self.log), READY_SECONDS)

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, timeout=30)

    def headers(self, method: str, target: str, body: bytes = b"", **override: str) -> dict[str, str]:
        """A valid signature; `override` replaces parts: key, date, host, content_hash."""
        date = override.get("date") or formatdate(usegmt=True)
        content_hash = override.get("content_hash") or base64.b64encode(hashlib.sha256(body).digest()).decode()
        host = override.get("host") or self.host
        text = f"{method}\n{target}\n{date};{host};{content_hash}"
        key = base64.b64decode(override.get("key") or self.ready["access_key"])
        signature = base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
        return {
            "x-ms-date": date,
            "x-ms-content-sha256": content_hash,
            "Authorization": f"HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}",
            "Content-Type": "application/json",
        }

    def request(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        connection: http.client.HTTPConnection | None = None,
    ) -> tuple[int, Any, dict[str, str]]:
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        own = connection or self.connection()
        own.request(method, target, data or None, headers if headers is not None else self.headers(method, target, data))
        answer = own.getresponse()
        text = answer.read()
        if connection is None:
            own.close()
        fields = {name.lower(): value for name, value in answer.getheaders()}
        is_json = "json" in fields.get("content-type", "")
        return answer.status, json.loads(text) if is_json and text else text, fields

    def cli(self, *args: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(PROGRAM), *args, "--connection-string", self.ready["connection_string"]],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if expect is not None:
            assert done.returncode == expect, f"{args} gave {done.returncode}: {done.stdout}{done.stderr}"
        return done

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                return self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def sms_body(
    to: list[str], message: str = "hello", *, report: bool = True, ids: list[str] | None = None, sender: str = "+14255550100"
) -> dict[str, Any]:
    recipients = [
        {"to": number} if ids is None else {"to": number, "repeatabilityRequestId": ids[i]} for i, number in enumerate(to)
    ]
    return {"from": sender, "message": message, "smsRecipients": recipients, "smsSendOptions": {"enableDeliveryReport": report}}
