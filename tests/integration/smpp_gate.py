"""A server with an SMSC in front of its SMS operations, for clients over SMPP (`smsc.Client`)."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from patience import eventually
from server import Server

OURS = "+14255550100"
PHONE = "+14255550123"
DEAD = "+14255550666"  # a phone that nothing reaches
CODE = "c0de"
KEY = "c2VjcmV0IG9mIHRoaXMgdGVzdA=="
PASSWORD = {"system_id": "shop", "password": "hunter2"}
ADDRESSES = {"source_addr": OURS[1:], "source_addr_ton": 1, "source_addr_npi": 1, "destination_addr": PHONE[1:],
             "dest_addr_ton": 1, "dest_addr_npi": 1, "registered_delivery": 1, "data_coding": 0}  # fmt: skip


def free_port() -> int:
    """Below those that the system gives to outgoing connections, which could take it before it is listened on."""
    while True:
        port = random.randint(10_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Gate:
    """A server with an SMSC in front of its SMS operations."""

    def __init__(self, folder: Path, clients: str = "shop:hunter2\n", endpoint: str = "", **config: Any) -> None:
        self.port = free_port()
        http = free_port()
        whole = {
            "listen": {"port": 0, "tls": "off"},
            "control": {"enabled": True},
            "events": {"retry_schedule": ["1s"]},
            "store": {"mode": "file", "path": str(folder / "data")},
            "providers": [
                {"name": "sim", "plugin": "sms-sandbox", "config": {"rules": [{"match": DEAD, "failure": "unreachable"}]}},
                {
                    "name": "gate",
                    "plugin": "sms-smpp-server",
                    "config": {"port": self.port, **config},
                    "secrets": {
                        "connection_string": {"value": f"endpoint={endpoint or f'http://127.0.0.1:{http}'};accesskey={KEY}"},
                        "clients": {"value": clients},
                        "callback_code": {"value": CODE},
                    },
                },
            ],
            "resources": [
                {
                    "name": "main",
                    "primary_key": {"value": KEY},
                    "port": http,
                    "numbers": [{"number": OURS, "sms": "both"}],
                    "event_subscriptions": [
                        {
                            "name": "gate",
                            "endpoint": f"http://127.0.0.1:{http}/_webhooks/gate/events?code={CODE}",
                            "types": [
                                "Microsoft.Communication.SMSDeliveryReportReceived",
                                "Microsoft.Communication.SMSReceived",
                            ],
                        }
                    ],
                }
            ],
        }
        self.data = folder / "data"
        self.config = folder / "trunkline.yaml"
        self.config.write_text(json.dumps(whole))
        self.start()

    def start(self) -> None:
        self.server = Server("--config", str(self.config), command="serve")

    @contextlib.contextmanager
    def stored(self) -> Iterator[sqlite3.Connection]:
        """What it keeps on disk, committed and closed afterwards; to be written to only while the gate does not run."""
        with contextlib.closing(sqlite3.connect(self.data / "system.db")) as connection, connection:
            yield connection

    def kept(self, prefix: str = "") -> list[str]:
        """The keys of what lies on disk. Of a gate that runs, or of one that does not."""
        with self.stored() as rows:
            query = "SELECT key FROM plugin_kv WHERE provider = 'gate' AND key LIKE ? || '%' ORDER BY key"
            return [key for (key,) in rows.execute(query, (prefix,))]

    def keeps_nothing(self) -> bool:
        """Nothing of it lies on disk, now or soon."""
        return not eventually(self.kept, lambda keys: not keys)

    def messages(self) -> list[tuple[str, str]]:
        _, page, _ = self.server.request("GET", "/_control/messages?limit=1000")
        return [(item["message"], item["to"]) for item in page["items"]]

    def has(self, text: str, to: str = PHONE) -> bool:
        """It has this text, now or soon."""
        return bool(eventually(self.messages, lambda messages: (text, to) in messages))
