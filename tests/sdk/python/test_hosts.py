"""How the unmodified packages reach one resource of several: the table of guide/resources.md, row by row."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.communication.chat import ChatClient, CommunicationTokenCredential
from azure.communication.identity import CommunicationIdentityClient, CommunicationTokenScope
from azure.core.credentials import AccessToken, AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from azure.mgmt.communication import CommunicationServiceManagementClient
from conftest import running, trusted
from people import ONCE, Ready, control

CONFIG = """
listen: {port: 0, tls: auto, tls_port: 0}
log: {level: off}
providers: [{name: id, plugin: identity-local}, {name: chat, plugin: chat-local}]
resources:
  - name: first
  - name: second
    hosts: [localhost]
  - name: third
    port: 0
  - name: fourth
    tls_port: 0
"""


class Entra:
    """A token of the development issuer, in the place of azure-identity."""

    def __init__(self, ready: Ready, scope: str) -> None:
        form = urllib.parse.urlencode({"grant_type": "client_credentials", "client_id": "app", "scope": scope}).encode()
        with urllib.request.urlopen(ready["endpoint"] + "/_dev/oidc/token", form, timeout=10) as answer:
            self.token = str(json.load(answer)["access_token"])

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        return AccessToken(self.token, int(time.time()) + 3600)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ready]:
    file: Path = tmp_path_factory.mktemp("hosts") / "trunkline.yaml"
    file.write_text(CONFIG)
    with running("--config", str(file)) as ready, trusted(ready):
        yield ready


@pytest.fixture(scope="module")
def resources(several: Ready) -> dict[str, dict[str, str]]:
    items = control(several, "/_control/resources")["items"]
    own = {item["name"]: item["connection_string"].split(";")[0].removeprefix("endpoint=").rstrip("/") for item in items}
    return {item["name"]: {**item, "endpoint": own[item["name"]]} for item in items}


def owner(resources: dict[str, dict[str, str]], client: CommunicationIdentityClient) -> str:
    """The resource that a client reaches; `401` when it is let into none."""
    try:
        user = client.create_user().properties["id"]
    except HttpResponseError as error:
        return str(error.status_code)
    return next(name for name, item in resources.items() if item["resource_id"] in user)


def by_host(url: str) -> str:
    return url.replace("127.0.0.1", "localhost")


def test_access_keys(several: Ready, resources: dict[str, dict[str, str]]) -> None:
    def reached(endpoint: str, name: str) -> str:
        return owner(resources, CommunicationIdentityClient(endpoint, AzureKeyCredential(resources[name]["primary_key"]), **ONCE))

    for endpoint in (several["endpoint"], several["tls_endpoint"]):  # over http and https
        assert [reached(endpoint, name) for name in ("first", "second")] == ["first", "second"]
        assert [reached(by_host(endpoint), name) for name in ("first", "second")] == ["401", "second"]
    for name in ("third", "fourth"):
        assert [reached(resources[name]["endpoint"], key) for key in ("first", name)] == ["401", name]


def test_user_tokens(several: Ready, resources: dict[str, dict[str, str]]) -> None:
    def token(name: str) -> str:
        key = AzureKeyCredential(resources[name]["primary_key"])
        client = CommunicationIdentityClient(several["endpoint"], key, **ONCE)
        return str(client.create_user_and_token([CommunicationTokenScope.CHAT])[1].token)

    def status(endpoint: str, token: str) -> int:
        try:
            ChatClient(endpoint, CommunicationTokenCredential(token), **ONCE).create_chat_thread("x")
        except HttpResponseError as error:
            return int(error.status_code or 0)
        return 201

    first, second, fourth = (token(name) for name in ("first", "second", "fourth"))
    everywhere, named, own = several["tls_endpoint"], by_host(several["tls_endpoint"]), resources["fourth"]["endpoint"]
    assert [status(everywhere, one) for one in (first, second, fourth)] == [201, 201, 201]
    assert [status(named, one) for one in (first, second, fourth)] == [401, 201, 401]
    assert [status(own, one) for one in (first, second, fourth)] == [401, 401, 201]


def test_entra(several: Ready, resources: dict[str, dict[str, str]]) -> None:
    credential = Entra(several, "https://communication.azure.com/.default")

    def reached(endpoint: str) -> str:
        return owner(resources, CommunicationIdentityClient(endpoint, credential, **ONCE))

    assert reached(several["tls_endpoint"]) == "first", "it names none"
    assert reached(by_host(several["tls_endpoint"])) == "second"
    assert reached(resources["fourth"]["endpoint"]) == "fourth"


def test_management(several: Ready) -> None:
    credential = Entra(several, "https://management.azure.com/.default")
    for endpoint in (several["tls_endpoint"], by_host(several["tls_endpoint"])):
        arm = CommunicationServiceManagementClient(
            credential, "00000000-0000-0000-0000-000000000001", base_url=endpoint, credential_scopes=["x"], **ONCE
        )
        for name in ("first", "second", "third", "fourth"):
            assert arm.communication_services.get("trunkline", name).name == name
