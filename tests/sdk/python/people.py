"""The unmodified identity and chat packages against a running server, over https."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from typing import Any

from azure.communication.chat import ChatClient, ChatParticipant, CommunicationTokenCredential, CommunicationUserIdentifier
from azure.communication.identity import CommunicationIdentityClient, CommunicationTokenScope

Ready = dict[str, str]


ONCE: dict[str, Any] = {"retry_total": 0}  # a refusal is told at once


def identity_client(ready: Ready) -> CommunicationIdentityClient:
    # The connection string of https, for the package drops the scheme.
    text = f"endpoint={ready['tls_endpoint']}/;accesskey={ready['access_key']}"
    return CommunicationIdentityClient.from_connection_string(text, **ONCE)


class Person:
    """A user with a token for chat."""

    def __init__(self, ready: Ready, identity: CommunicationIdentityClient, *scopes: CommunicationTokenScope) -> None:
        self.user, issued = identity.create_user_and_token(list(scopes) or [CommunicationTokenScope.CHAT])
        self.id: str = self.user.properties["id"]
        self.token: str = issued.token
        self.chat = chat_client(ready, self.token)

    def participant(self) -> ChatParticipant:
        return ChatParticipant(identifier=CommunicationUserIdentifier(self.id), display_name=self.id[-4:])


def chat_client(ready: Ready, token: str) -> ChatClient:
    return ChatClient(ready["tls_endpoint"], CommunicationTokenCredential(token), **ONCE)


def control(ready: Ready, path: str, body: Any = None, method: str | None = None) -> Any:
    """The control side of the server."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {ready['arm_token']}", "Content-Type": "application/json"}
    request = urllib.request.Request(urllib.parse.urljoin(ready["endpoint"], path), data, headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as response:
        text = response.read()
        return json.loads(text) if text else None
