"""The unmodified azure-mgmt-communication package over https: services, keys, mail, and every version it can be told to speak."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
from azure.communication.identity import CommunicationIdentityClient
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.mgmt.communication import CommunicationServiceManagementClient
from people import ONCE, Ready, identity_client

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = "python"
SERVICE = {"location": "global", "properties": {"dataLocation": "Europe"}}


class Token:
    """A bearer token for the management plane, as azure-identity would give one."""

    def __init__(self, token: str) -> None:
        self.token = token

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        return AccessToken(self.token, int(time.time()) + 3600)


def client(ready: Ready, **options: Any) -> CommunicationServiceManagementClient:
    token = Token(options.pop("token", ready["arm_token"]))
    return CommunicationServiceManagementClient(
        token, SUBSCRIPTION, base_url=ready["arm_endpoint"], polling_interval=0, **ONCE, **options
    )


def unique(stem: str) -> str:
    return f"{stem}-{uuid.uuid4().hex[:8]}"


def test_a_service_is_made_used_changed_and_deleted(ready: Ready) -> None:
    arm, name = client(ready), unique("acs")
    made = arm.communication_services.begin_create_or_update(GROUP, name, {**SERVICE, "tags": {"a": "1"}}).result()
    assert (made.name, made.data_location, made.provisioning_state) == (name, "Europe", "Succeeded")
    keys = arm.communication_services.list_keys(GROUP, name)
    user = identity_client({**ready, "access_key": keys.primary_key}).create_user()
    assert made.immutable_resource_id in user.properties["id"]
    fresh = arm.communication_services.regenerate_key(GROUP, name, {"keyType": "Primary"})
    assert fresh.primary_key not in (None, keys.primary_key)
    with pytest.raises(HttpResponseError) as caught:
        identity_client({**ready, "access_key": keys.primary_key}).create_user()
    assert caught.value.status_code == 401
    assert isinstance(identity_client({**ready, "access_key": fresh.primary_key}), CommunicationIdentityClient)
    assert arm.communication_services.update(GROUP, name, {"tags": {"a": "2"}}).tags == {"a": "2"}
    assert name in [one.name for one in arm.communication_services.list_by_resource_group(GROUP)]
    taken = {"type": "Microsoft.Communication/CommunicationServices", "name": name}
    assert not arm.communication_services.check_name_availability(taken).name_available
    arm.communication_services.begin_delete(GROUP, name).result()
    with pytest.raises(HttpResponseError) as caught:
        arm.communication_services.get(GROUP, name)
    assert (caught.value.status_code, caught.value.error.code) == (404, "ResourceNotFound")


def test_mail_domains_and_senders(ready: Ready) -> None:
    arm, name, domain = client(ready), unique("mail"), unique("shop") + ".example"
    arm.email_services.begin_create_or_update(GROUP, name, SERVICE).result()
    wanted = {"location": "global", "properties": {"domainManagement": "CustomerManaged"}}
    made = arm.domains.begin_create_or_update(GROUP, name, domain, wanted).result()
    assert made.verification_records.spf is not None
    arm.sender_usernames.create_or_update(GROUP, name, domain, "news", {"properties": {"username": "news"}})
    assert "news" in [one.name for one in arm.sender_usernames.list_by_domains(GROUP, name, domain)]
    arm.domains.begin_delete(GROUP, name, domain).result()
    arm.email_services.begin_delete(GROUP, name).result()


def test_a_wrong_token_is_refused(ready: Ready) -> None:
    with pytest.raises(HttpResponseError) as caught:
        list(client(ready, token="another").communication_services.list_by_subscription())
    assert caught.value.status_code == 401


# What was published, and one that was not: a date between two versions is served as the older one.
VERSIONS = [
    *("2020-08-20", "2021-10-01-preview", "2022-07-01-preview", "2023-03-31", "2023-04-01", "2023-06-01-preview"),
    *("2024-09-01-preview", "2025-05-01", "2025-09-01", "2026-03-18"),
]


@pytest.mark.parametrize("version", VERSIONS)
def test_each_published_version(ready: Ready, version: str) -> None:
    arm, name = client(ready, api_version=version), unique("acs")
    arm.communication_services.begin_create_or_update(GROUP, name, SERVICE).result()
    assert arm.communication_services.get(GROUP, name).data_location == "Europe"
    assert arm.communication_services.list_keys(GROUP, name).primary_key
    arm.communication_services.begin_delete(GROUP, name).result()
