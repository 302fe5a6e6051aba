"""A server that takes a mail and says nothing: what is told of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from patience import eventually
from server import Server
from smtp_sink import SmtpSink

SEND = "/emails:send?api-version=2025-09-01"


def config(folder: Path, *ports: int) -> str:
    relays = [
        {"name": f"relay{i}", "plugin": "email-smtp", "config": {"host": "127.0.0.1", "port": port, "tls": "off"}}
        for i, port in enumerate(ports)
    ]
    path = folder / "trunkline.yaml"
    whole = {
        "listen": {"port": 0, "tls": "off"},
        "control": {"enabled": True},
        "log": {"level": "off"},
        "runtime": {"clock": "virtual"},
        "providers": relays,
        "routes": [{"interface": "email", "providers": [relay["name"] for relay in relays]}],
        "resources": [{"name": "shop", "email_domains": [{"domain": "shop.test", "senders": [{"username": "news"}]}]}],
    }
    path.write_text(json.dumps(whole))
    return str(path)


def test_a_lost_answer_is_never_told_as_a_mail_that_did_not_come(tmp_path: Path) -> None:
    with (
        SmtpSink(silent=True) as first,
        SmtpSink() as second,
        Server("--config", config(tmp_path, first.port, second.port), command="serve") as server,
    ):
        message = {
            "senderAddress": "news@shop.test",
            "content": {"subject": "S", "plainText": "text"},
            "recipients": {"to": [{"address": "ann@example.com"}]},
        }
        _, operation, _ = server.request("POST", SEND, message)

        def recipient(attempts: int) -> dict[str, Any]:
            def look() -> dict[str, Any]:
                [one] = server.request("GET", f"/_control/emails/{operation['id']}")[1]["recipients"]
                return dict(one)

            return eventually(look, lambda found: found.get("attempts", 0) >= attempts)

        one = recipient(1)
        assert (one["state"], one["provider"]) == ("queued", "relay0")
        assert "answer was lost" in one["detail"]
        assert (first.mails, second.mails) == (1, 0), "nobody else may try"
        first.stop()  # and never comes back
        for attempt in range(2, 20):
            if one["state"] != "queued":
                break
            server.request("POST", "/_control/clock/advance", {"by": "8h"})
            one = recipient(attempt)
        assert one["state"] == "failed"
        assert one["status_code"] == "4.4.7"
        assert "it may have arrived all the same: an answer of relay0 was lost" in one["detail"]
        assert second.mails == 0
