"""Chat over plain HTTP and the open stream, without an SDK."""

from __future__ import annotations

from typing import Any

from server import Server
from streams import ServerSentEvents, StreamSocket

IDENTITIES = "/identities?api-version=2023-10-01"
VERSION = "?api-version=2024-03-07"


class User:
    """A communication user with a token for chat."""

    def __init__(self, server: Server) -> None:
        self.server = server
        status, body, _ = server.request("POST", IDENTITIES, {"createTokenWithScopes": ["chat"]})
        assert status == 201, body
        self.id: str = body["identity"]["id"]
        self.token: str = body["accessToken"]["token"]

    def call(self, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        status, answer, _ = self.server.request(method, path + VERSION, body, headers=headers)
        assert status == expect, (status, answer)
        return answer

    def create_thread(self, *others: User) -> str:
        people = [{"communicationIdentifier": {"rawId": u.id, "communicationUser": {"id": u.id}}} for u in others]
        return str(self.call("POST", "/chat/threads", {"topic": "live", "participants": people}, 201)["chatThread"]["id"])

    def say(self, thread: str, text: str) -> None:
        self.call("POST", f"/chat/threads/{thread}/messages", {"content": text, "type": "text"}, 201)

    def revoke(self) -> None:
        target = f"/identities/{self.id.replace(':', '%3A')}/:revokeAccessTokens?api-version=2023-10-01"
        status, body, _ = self.server.request("POST", target)
        assert status == 204, body


class Socket(StreamSocket):
    """The open stream of chat over a WebSocket."""

    def __init__(self, user: User, after: str | None = None, *, tls: bool = False) -> None:
        super().__init__(user.server, user.token, "/_stream/chat" + (f"?after={after}" if after is not None else ""), tls=tls)


class EventStream(ServerSentEvents):
    """The open stream of chat as server-sent events."""

    def __init__(self, user: User, last_event_id: str | None = None) -> None:
        super().__init__(user.server, user.token, "/_stream/chat", last_event_id)
