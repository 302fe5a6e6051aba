"""The unmodified azure-communication-email package against a running server."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest
from azure.communication.email import EmailClient
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError

Ready = dict[str, str]


@pytest.fixture
def client(ready: Ready) -> EmailClient:
    return EmailClient(ready["endpoint"], AzureKeyCredential(ready["access_key"]), retry_total=0)


def message(**extra: Any) -> dict[str, Any]:
    return {
        "senderAddress": "support@sandbox.trunkline.test",
        "content": {"subject": "From Python", "plainText": "hello"},
        "recipients": {"to": [{"address": "ann@example.com", "displayName": "Ann"}]},
    } | extra


def test_a_mail_is_sent(client: EmailClient) -> None:
    result = client.begin_send(message(), polling_interval=0.05).result()
    assert result["status"] == "Succeeded"
    assert uuid.UUID(result["id"])
    assert result["error"] is None


def test_the_callers_operation_id_is_kept(client: EmailClient) -> None:
    operation_id = str(uuid.uuid4())
    files = [{"name": "a.txt", "contentType": "text/plain", "contentInBase64": base64.b64encode(b"hi").decode()}]
    result = client.begin_send(message(attachments=files), operation_id=operation_id, polling_interval=0.05).result()
    assert result["id"] == operation_id
    with pytest.raises(HttpResponseError) as conflict:
        client.begin_send(message(), operation_id=operation_id)
    assert conflict.value.status_code == 409
    assert conflict.value.error is not None
    assert conflict.value.error.code == "OperationIdAlreadyExists"


def test_a_domain_that_is_not_linked_is_refused(client: EmailClient) -> None:
    with pytest.raises(HttpResponseError) as refused:
        client.begin_send(message(senderAddress="a@elsewhere.test"))
    assert refused.value.status_code == 404
    assert refused.value.error is not None
    assert refused.value.error.code == "DomainNotLinked"
