"""Callbacks of carriers: from a socket through the plugin to an event."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from server import PROGRAM, Server

OURS = "+14255550100"
PHONE = "+14255550123"
KEY = {"X-Carrier-Key": "s3cret"}


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("webhooks")
    config = {
        "runtime": {"clock": "virtual"},
        "store": {"mode": "memory"},
        "listen": {"port": 0, "tls": "off"},
        "control": {"enabled": True},
        "plugins": {"paths": [str(PROGRAM.parents[1] / "test_plugins")]},
        "providers": [
            {"name": "inbound", "plugin": "test-webhook", "secrets": {"callback_key": {"value": "s3cret"}}},
            {"name": "sim", "plugin": "sms-sandbox"},
        ],
        "resources": [{"name": "main", "numbers": [{"number": OURS, "sms": "both"}]}],
    }
    (directory / "trunkline.yaml").write_text(json.dumps(config))
    with Server("--config", str(directory / "trunkline.yaml"), command="serve") as running:
        yield running


def test_a_text_that_calls_back_is_an_event(carrier: Server) -> None:
    body = f"carrier-1\n{PHONE}\n{OURS}\nhello over HTTP\n".encode()
    status, answer, _ = carrier.request("POST", "/_webhooks/inbound/sms", body, headers=KEY)
    assert (status, answer) == (204, b"")
    found = json.loads(
        carrier.cli("wait", "event", "--type", "Microsoft.Communication.SMSReceived", "--after", "0", "--json").stdout
    )
    assert (found["data"]["from"], found["data"]["to"], found["data"]["message"]) == (PHONE, OURS, "hello over HTTP")


def test_the_plugin_sees_the_request_and_its_answer_goes_back(carrier: Server) -> None:
    status, answer, fields = carrier.request("GET", "/_webhooks/inbound/a%20b/c?x=1&y=%2B", headers={**KEY, "X-Twice": "one"})
    assert status == 200
    first, *headers = answer.decode().splitlines()
    assert first == f"GET http://{carrier.host}/_webhooks/inbound/a%20b/c?x=1&y=%2B"
    assert "x-twice: one" in headers
    assert fields["content-type"] == "text/x-seen"
    assert fields["x-carrier"] == "here"
    assert int(fields["content-length"]) == len(answer), "the server's own, not the plugin's"


def test_refusals(carrier: Server) -> None:
    assert carrier.request("POST", "/_webhooks/inbound/sms", b"x", headers={})[0] == 401
    assert carrier.request("POST", "/_webhooks/inbound/sms", b"too\nfew", headers=KEY)[0] == 400
    assert carrier.request("POST", "/_webhooks/nobody/sms", b"x", headers=KEY)[0] == 404
    assert carrier.request("POST", "/_webhooks/sim/sms", b"x", headers=KEY)[0] == 404, "it receives no callbacks"
    assert carrier.request("DELETE", "/_webhooks/inbound", headers=KEY)[0] == 405
    status, _, fields = carrier.request("POST", "/_webhooks/inbound/broken", b"x", headers=KEY)
    assert status == 500
    assert not {"x-bad", "x-other"} & set(fields)


def test_bodies_are_limited(carrier: Server) -> None:
    text = "x" * (1024 * 1024 - 200)
    body = f"carrier-2\n{PHONE}\n{OURS}\n{text}".encode()
    assert carrier.request("POST", "/_webhooks/inbound/sms", body, headers=KEY)[0] == 204
    assert carrier.request("POST", "/_webhooks/inbound/sms", body + b"x" * 400, headers=KEY)[0] == 413
