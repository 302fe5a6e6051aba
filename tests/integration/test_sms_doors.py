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


def test_the_ledger_over_the_control_api() -> None:
    with Server("--clock", "virtual") as server:
        server.request("POST", f"/_control/phones/{TO}/messages", {"to": FROM, "message": "stop"})
        server.request("POST", "/_control/clock/advance", {"by": "1s"})
        _, held, _ = server.request("GET", "/_control/consent")
        assert [(one["recipient"], one["sender"]) for one in held["items"]] == [(TO, FROM)]
        _, history, _ = server.request("GET", "/_control/consent/history")
        [entry] = history["items"]
        assert (entry["action"], entry["keyword"], entry["language"], entry["source"]) == ("opt_out", "STOP", "en", "keyword")
        _, confirmation, _ = server.request("GET", f"/_control/messages/{entry['confirmation_id']}")
        assert (confirmation["to"], confirmation["state"]) == (TO, "delivered")
        _, proof, _ = server.request("GET", "/_control/consent/proof")
        assert (proof["intact"], proof["digest"]) == (True, entry["digest"])
        _, sent, _ = server.request("POST", "/_control/messages", {"from": FROM, "to": [TO], "message": "hello"})
        message = f"/_control/messages/{sent['items'][0]['message_id']}"
        _, record, _ = server.request("GET", message)
        assert (record["state"], record["reason"], record["fault"]) == ("failed", "opted_out", "recipient")
        _, why, _ = server.request("GET", f"{message}/explain")
        assert [step["outcome"] for step in why["steps"] if step["rule"] == "consent"] == ["reject"]
        status, _, _ = server.request("GET", "/_control/messages/Outgoing_nothing_1/explain")
        assert status == 404


def test_a_storm_of_receipts_ends_in_the_true_state(tmp_path: Path) -> None:
    """A carrier that reports twice, and the opposite before or after it."""
    liar = {"duplicate": {"share": 1, "after_ms": 5000}, "contradictory": {"share": 1, "after_ms": 2000}}
    config = tmp_path / "trunkline.yaml"
    provider = {"name": "liar", "plugin": "sms-sandbox", "config": {"seed": 7, "personality": liar}}
    resource = {"name": "shop", "numbers": [{"number": FROM, "sms": "both"}]}
    config.write_text(json.dumps({"providers": [provider], "resources": [resource]}))
    seen = set()
    with Server("--clock", "virtual", "--config", str(config)) as server:
        for i in range(12):
            _, sent, _ = server.request("POST", "/_control/messages", {"from": FROM, "to": [TO], "message": f"text {i}"})
            server.request("POST", "/_control/clock/advance", {"by": "1m"})
            message = f"/_control/messages/{sent['items'][0]['message_id']}"
            assert server.request("GET", message)[1]["state"] == "delivered"
            _, receipts, _ = server.request("GET", f"{message}/receipts")
            told = [(one["state"], one["verdict"]) for one in receipts["items"]]
            _, why, _ = server.request("GET", f"{message}/explain")
            assert [step["outcome"] for step in why["steps"] if step["rule"] == "receipt"] == [verdict for _, verdict in told]
            seen.add(tuple(told))
        explained = json.loads(server.cli("explain", "last", "--json").stdout)
        assert [(one["state"], one["verdict"]) for one in explained["receipts"]] == told
    assert seen == {
        (("delivered", "applied"), ("failed", "contradictory"), ("delivered", "duplicate")),
        (("failed", "applied"), ("delivered", "corrected"), ("delivered", "duplicate")),
    }
