"""The unmodified azure-communication-sms package against a running server."""

from __future__ import annotations

import itertools
import json
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from azure.communication.phonenumbers import PhoneNumbersClient
from azure.communication.sms import SmsClient
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.transport import RequestsTransport

PHONE = "+14255550123"
Ready = dict[str, str]


class PlainHttp(RequestsTransport):
    """from_connection_string() drops the scheme and always speaks https; on the loopback address this puts http back."""

    def send(self, request: Any, **kwargs: Any) -> Any:
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, **kwargs)


@pytest.fixture
def sms(ready: Ready) -> SmsClient:
    return SmsClient(ready["endpoint"], ready["access_key"], retry_total=0)


@pytest.fixture
def sender(ready: Ready) -> str:
    client = PhoneNumbersClient(ready["endpoint"], AzureKeyCredential(ready["access_key"]), retry_total=0)
    number = next(iter(client.list_purchased_phone_numbers()), None)
    assert number is not None, "the development resource owns a number"
    return str(number.phone_number)


def control(ready: Ready, path: str, pick: Callable[[dict[str, Any]], Any]) -> Any:
    """Asks the control side until `pick` finds something."""
    for _ in itertools.repeat(None, 5000):
        request = urllib.request.Request(
            urllib.parse.urljoin(ready["endpoint"], path), headers={"Authorization": f"Bearer {ready['arm_token']}"}
        )
        with urllib.request.urlopen(request, timeout=5) as response:
            if found := pick(json.load(response)):
                return found
    pytest.fail(f"nothing at {path}")


def test_a_send_is_accepted_and_reported_as_delivered(ready: Ready, sms: SmsClient, sender: str) -> None:
    [result] = sms.send(from_=sender, to=[PHONE], message="from Python", enable_delivery_report=True, tag="sdk")
    assert (result.successful, result.http_status_code) == (True, 202)

    def report(page: dict[str, Any]) -> Any:
        reports = (event for event in page["items"] if event["type"].endswith(".SMSDeliveryReportReceived"))
        return next((event for event in reports if event["data"]["messageId"] == result.message_id), None)

    event = control(ready, "/_control/events?after=0", report)
    assert event["data"]["deliveryStatus"] == "Delivered"
    assert event["data"]["tag"] == "sdk"


def test_a_client_from_the_connection_string(ready: Ready, sender: str) -> None:
    client = SmsClient.from_connection_string(ready["connection_string"], transport=PlainHttp(), retry_total=0)
    [result] = client.send(from_=sender, to=PHONE, message="from a connection string")
    assert result.successful


def test_an_invalid_recipient_fails_alone(sms: SmsClient, sender: str) -> None:
    good, bad = sms.send(from_=sender, to=[PHONE, "+1425555012345"], message="mixed")
    assert good.successful
    assert (bad.successful, bad.http_status_code) == (False, 400)


def test_a_wrong_key_is_refused(ready: Ready, sender: str) -> None:
    client = SmsClient(ready["endpoint"], "d3Jvbmc=", retry_total=0)
    with pytest.raises(HttpResponseError) as caught:
        client.send(from_=sender, to=PHONE, message="no")
    assert caught.value.status_code == 401
