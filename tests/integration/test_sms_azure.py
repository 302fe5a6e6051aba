"""A resource of Azure as the carrier: the official SDK in front, our own server as the resource behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.communication.sms import SmsClient
from patience import eventually
from server import Server

OURS = "+14255550100"
PHONE = "+14255550123"
CODE = "c0de"


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """What stands for the resource in Azure; its phones are virtual."""
    with Server() as running:
        yield running


@pytest.fixture(scope="module")
def server(azure: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("azure")
    whole = {
        "listen": {"port": 0, "tls": "off"},
        "control": {"enabled": True},
        "store": {"mode": "file", "path": str(folder / "data")},
        "providers": [
            {
                "name": "azure",
                "plugin": "sms-azure",
                "secrets": {
                    "connection_string": {"value": azure.ready["connection_string"]},
                    "callback_code": {"value": CODE},
                },
            }
        ],
        "resources": [{"name": "main", "numbers": [{"number": OURS, "sms": "both"}]}],
    }
    file = Path(folder / "trunkline.yaml")
    file.write_text(json.dumps(whole))
    with Server("--config", str(file), command="serve") as running:
        azure.cli(
            "subscription", "create", "back", f"http://{running.host}/_webhooks/azure/events?code={CODE}",
            "--type", "SMSDeliveryReportReceived", "--type", "SMSReceived",
        )  # fmt: skip
        yield running


def test_the_official_sdk_reaches_a_phone_through_the_resource(azure: Server, server: Server) -> None:
    client = SmsClient(server.ready["endpoint"], server.ready["access_key"])
    [result] = client.send(from_=OURS, to=[PHONE], message="Hello, Azure", enable_delivery_report=True)
    assert result.successful
    path = f"/_control/messages/{result.message_id}"
    record = eventually(lambda: server.request("GET", path)[1], lambda found: found["state"] == "delivered")
    assert record["provider"] == "azure"
    _, page, _ = azure.request("GET", "/_control/messages?limit=10")
    [carried] = [item for item in page["items"] if item["message"] == "Hello, Azure"]
    assert carried["message_id"] == record["provider_message_id"]


def test_callbacks_need_the_code(server: Server) -> None:
    assert server.request("POST", "/_webhooks/azure/events?code=wrong", b"[]", headers={})[0] == 401
    assert server.request("POST", "/_webhooks/azure/events", b"[]", headers={})[0] == 401
