"""Policy of text messages over the control API and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from server import Server

FROM, TO = "+14255550100", "+14255550123"


def test_the_control_api_plans_estimates_schedules_and_cancels() -> None:
    with Server("--clock", "virtual") as server:
        body = {"from": FROM, "to": [TO], "message": "It\u2019s here"}
        _, plans, _ = server.request("POST", "/_control/sms/plan", body)
        assert plans["items"][0]["accepted"] is True
        assert any(step["rule"] == "route.pick" for step in plans["items"][0]["decision"]["steps"])
        _, estimate, _ = server.request("POST", "/_control/sms/estimate", body)
        assert (estimate["encoding"], estimate["costly_character"]) == ("ucs2", "\u2019")
        _, empty, _ = server.request("GET", "/_control/messages")
        assert empty["items"] == []

        status, sent, _ = server.request(
            "POST", "/_control/messages", {**body, "send_at": "2026-01-01T01:00:00Z", "idempotency_key": "k"}
        )
        assert status == 202
        assert sent["items"][0]["expected_at"] == "2026-01-01T01:00:00Z"
        _, conflict, _ = server.request("POST", "/_control/messages", {**body, "idempotency_key": "k"})
        assert conflict["items"][0]["http_status"] == 409
        message_id = sent["items"][0]["message_id"]
        _, record, _ = server.request("GET", f"/_control/messages/{message_id}")
        assert record["state"] == "scheduled"
        status, record, _ = server.request("DELETE", f"/_control/messages/{message_id}")
        assert status == 200
        assert record["state"] == "cancelled"
        status, error, _ = server.request("DELETE", f"/_control/messages/{message_id}")
        assert status in (409, 412)
        assert "it is cancelled" in error["error"]["message"]
        status, error, _ = server.request("POST", "/_control/messages", {**body, "send_at": "tomorrow"})
        assert status == 400
        assert error["error"]["target"] == "send_at"
        status, _, _ = server.request("DELETE", "/_control/messages/Outgoing_nothing_1")
        assert status == 404


def test_the_command_line_explains_before_and_after(tmp_path: Path) -> None:
    with Server("--clock", "virtual") as server:
        dry = server.cli("send", "sms", "--to", TO, "hello", "--dry-run").stdout
        assert "would be accepted" in dry
        assert "route.pick" in dry
        server.cli("send", "sms", "--to", "12", "hello", "--dry-run", expect=1)
        assert "scheduled" not in server.cli("messages").stdout
        sent = json.loads(server.cli("send", "sms", "--to", TO, "later", "--at", "2026-01-01T01:00:00Z", "--json").stdout)
        assert server.cli("cancel", sent["message_id"]).stdout.endswith("cancelled\n")
        server.cli("cancel", sent["message_id"], expect=1)

        server.cli("send", "sms", "--to", TO, "hello")
        server.cli("clock", "advance", "10s")
        explained = json.loads(server.cli("explain", "last", "--json").stdout)
        assert explained["message"]["state"] == "delivered"
        assert [receipt["verdict"] for receipt in explained["receipts"]] == ["applied"]
        assert "' → '" in server.cli("estimate", "It\u2019s", "--to", TO).stdout


def test_the_command_line_keeps_the_ledger(tmp_path: Path) -> None:
    with Server("--clock", "virtual") as server:
        server.cli("phone", "send", TO, "--to", FROM, "STOP")
        server.cli("clock", "advance", "1s")
        assert f"{TO}  not from {FROM}" in server.cli("consent", "list").stdout
        assert "opted out" in server.cli("consent", "check", TO).stdout
        server.cli("consent", "remove", TO)
        server.cli("consent", "add", "nobody", expect=1)
        file = tmp_path / "ledger.jsonl"
        assert "2 line(s), intact" in server.cli("consent", "export", str(file)).stdout
        *entries, proof = (json.loads(line) for line in file.read_text().splitlines())
        assert [entry["action"] for entry in entries] == ["opt_out", "opt_in"]
        assert proof["intact"] is True
        assert proof["digest"] == entries[-1]["digest"]
        assert entries[0]["keyword"] == "STOP"
        assert entries[0]["confirmation_id"]
