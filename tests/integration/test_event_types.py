"""Every event type that is published, once, by what a user would do: its subject and exactly the members that it should have."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from event_members import DEVIATIONS, EVENTS, NOT_PUBLISHED, OWN, PREFIX, faults, members_of
from realtime import Socket, User
from receiver import Receiver
from server import Server, sms_body
from test_calls import OURS, Phones
from test_email import body, send

PUBLISHED = {PREFIX + name for name in EVENTS} | set(OWN)
FILE = {"id": "f1", "attachmentType": "file", "name": "plan.pdf", "url": "https://files.example/plan.pdf"}
PHONE = "+14255550123"
SENDER = "donotreply@shop.test"
CONFIG = {
    "runtime": {"clock": "virtual"},
    "listen": {"tls": "off"},
    "control": {"enabled": True},
    "log": {"level": "off"},
    "providers": [
        {"name": plugin, "plugin": plugin}
        for plugin in ("sms-sandbox", "email-sandbox", "pstn-sandbox", "identity-local", "chat-local")
    ],
    "resources": [
        {
            "name": "shop",
            "numbers": [{"number": OURS, "sms": "both", "calling": "both"}],
            "email_domains": [{"domain": "shop.test", "engagement_tracking": True}],
        }
    ],
}


class World:
    """A server, and a webhook that gets every event of it."""

    def __init__(self, server: Server, hook: Receiver, application: Receiver) -> None:
        self.server, self.hook = server, hook
        self.phones = Phones(server, application)
        types = {"types": sorted(PUBLISHED), "endpoint": hook.url, "batch": 50}
        status, answer, _ = server.request("PUT", "/_control/event-subscriptions/everything", types)
        assert status == 201, answer

    def settle(self) -> None:
        self.server.cli("clock", "advance", "1s")

    def event(self, kind: str) -> dict[str, Any]:
        """The first of this type."""
        found: list[dict[str, Any]] = []

        def look(events: list[dict[str, Any]]) -> bool:
            found[:] = [event for event in events if event["eventType"].endswith("." + kind)]
            return bool(found)

        assert self.hook.wait(look), f"{kind} did not come"
        return found[0]


def chat(world: World) -> None:
    alice, bob, carol, dave = (User(world.server) for _ in range(4))
    thread = alice.create_thread(bob)
    path = f"/chat/threads/{thread}"
    plain = {"content": "hello", "type": "text", "senderDisplayName": "Alice"}
    message = alice.call("POST", f"{path}/messages", {**plain, "metadata": {"k": "v"}, "attachments": [FILE]}, 201)["id"]
    alice.call("PATCH", f"{path}/messages/{message}", {"content": "<b>hello</b>"}, 204)
    bob.call("POST", f"{path}/readReceipts", {"chatMessageId": message}, 200)
    bob.call("POST", f"{path}/typing", {"senderDisplayName": "Bob"}, 200)
    alice.call("DELETE", f"{path}/messages/{message}", None, 204)
    alice.call("PATCH", path, {"topic": "another", "metadata": {"room": "7"}}, 204)
    people = [{"communicationIdentifier": {"communicationUser": {"id": user.id}}, "displayName": "C"} for user in (carol, dave)]
    alice.call("POST", f"{path}/participants/:add", {"participants": people}, 201)
    alice.call("POST", f"{path}/participants/:remove", {"rawId": carol.id}, 204)
    alice.call("DELETE", path, None, 204)


def texts(world: World) -> None:
    world.server.request("POST", "/sms?api-version=2021-03-07", sms_body([PHONE]))
    world.server.cli("phone", "send", PHONE, "--to", OURS, "are you open?")
    world.settle()


def mail(world: World) -> None:
    code, answer, _ = send(world.server, body(["ann@example.com"], senderAddress=SENDER))
    assert code == 202, answer
    world.settle()
    _, page, _ = world.server.request("GET", "/_control/mails?address=ann@example.com")
    _, caught, _ = world.server.request("GET", f"/_control/mails/{page['items'][0]['mail_id']}")
    picture = re.search(rf'src="http://{world.server.host}(/_mail/open/[^"]+)"', caught["html"])
    assert picture, caught["html"]
    assert world.server.request("GET", picture[1], headers={"User-Agent": "Mail/1"})[0] == 200
    world.server.cli("mail", "receive", "ann@example.com", "--to", SENDER, "--subject", "Re: Hello", "thanks")


def call(world: World) -> None:
    phones = world.phones
    leg = phones.ask("POST", "/_control/phone-calls", {"from": PHONE, "to": OURS}, 202)["leg_id"]
    incoming = world.event("IncomingCall")["data"]
    answer = {"incomingCallContext": incoming["incomingCallContext"], "callbackUri": phones.application.url}
    connection = phones.ask("POST", "/calling/callConnections:answer", answer, 200)["callConnectionId"]
    server_call = phones.event("CallConnected", connection)["serverCallId"]
    locator = {"kind": "serverCallLocator", "serverCallId": server_call}
    recording = phones.ask("POST", "/calling/recordings", {"callLocator": locator}, 200)["recordingId"]
    world.settle()
    phones.ask("DELETE", f"/calling/recordings/{recording}", None, 204)
    phones.ask("DELETE", f"/_control/phone-calls/{leg}", None, 204)
    phones.event("CallDisconnected", connection)


def presence(world: World) -> None:
    stream = Socket(User(world.server))
    stream.next()
    stream.drop()
    until = time.monotonic() + 30
    while not world.hook.wait(lambda got: any(event["eventType"].endswith(".UserDisconnected") for event in got), 0.1):
        assert time.monotonic() < until
        world.server.cli("clock", "advance", "31s")  # the server has seen by now that it is gone, or will have next time


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    """Of everything that happens in the five stories, as they were delivered."""
    file: Path = tmp_path_factory.mktemp("types") / "trunkline.yaml"
    file.write_text(json.dumps(CONFIG))
    with Server("--config", str(file), command="serve") as server, Receiver() as hook, Receiver() as application:
        world = World(server, hook, application)
        for story in (chat, texts, mail, call, presence):
            story(world)
        world.settle()
        hook.wait(lambda got: {event["eventType"] for event in got} >= PUBLISHED, 10)
        _, log, _ = server.request("GET", "/_control/events?from=1h&limit=1000")
        with hook.lock:
            # What the log has and no subscription names would be missed by all that follows.
            yield hook.events + [event | {"eventType": event["type"]} for event in log["items"] if event["type"] not in PUBLISHED]


@pytest.mark.parametrize("kind", sorted(PUBLISHED))
def test_its_data_has_exactly_the_documented_members(events: list[dict[str, Any]], kind: str) -> None:
    mine = [event for event in events if event["eventType"] == kind]
    assert mine, f"{kind} did not come"
    subject, members = members_of(kind)
    for event in mine:
        assert re.fullmatch(subject, event["subject"]), event["subject"]
        assert (event["dataVersion"], event["metadataVersion"]) == ("1.0", "1")
        found = faults(event["data"], members)
        assert not found, f"{found} in {event['data']}"


def test_no_other_type_is_published(events: list[dict[str, Any]]) -> None:
    assert {event["eventType"] for event in events} == PUBLISHED


def test_every_published_type_is_either_here_or_named_as_not_being_here(server: Server) -> None:
    path = "/providers/Microsoft.EventGrid/topicTypes/Microsoft.Communication.CommunicationServices/eventTypes"
    headers = {"Authorization": f"Bearer {server.ready['arm_token']}"}
    status, answer, _ = server.request("GET", path + "?api-version=2022-06-15", headers=headers)
    assert status == 200, answer
    known = {item["name"].removeprefix(PREFIX) for item in answer["value"]}
    assert len(known) == 54
    assert {name for name in known if not NOT_PUBLISHED.search(name)} == set(EVENTS)
    assert set(DEVIATIONS) <= set(EVENTS)


def test_the_table_finds_what_is_wrong() -> None:
    wanted: dict[str, Any] = {"a": "string", "b": "integer?", "c": [{"d": "time"}], "e": {"?": True, "f": "boolean"}}
    good = {"a": "x", "c": [{"d": "2026-01-01T00:00:00.123456Z"}]}
    assert faults(good, wanted) == []
    assert faults({**good, "b": 1, "e": {"f": True}}, wanted) == []
    for bad, fault in (
        ({"c": []}, "data.a is missing"),
        ({**good, "g": 1}, "data.g is unknown"),
        ({**good, "b": True}, "data.b is True"),
        ({**good, "b": 1.5}, "data.b is 1.5"),
        ({**good, "c": [{"d": "yesterday"}]}, "data.c[0].d is 'yesterday'"),
        ({**good, "e": {}}, "data.e.f is missing"),
        ({**good, "e": []}, "data.e is no object"),
        ({**good, "c": {}}, "data.c is no list"),
    ):
        assert [one for one in faults(bad, wanted) if one.startswith(fault)], (bad, faults(bad, wanted))


def test_a_thread_whose_time_is_over_was_deleted_by_nobody(server: Server) -> None:
    alice = User(server)
    retention = {"kind": "threadCreationDate", "deleteThreadAfterDays": 30}
    alice.call("POST", "/chat/threads", {"topic": "short", "retentionPolicy": retention}, 201)
    server.cli("clock", "advance", "744h")
    waited = server.cli("wait", "event", "--type", PREFIX + "ChatThreadDeleted", "--after", "0", "--json")
    data = json.loads(waited.stdout)["data"]
    assert faults(data, members_of(PREFIX + "ChatThreadDeleted")[1]) == ["data.deletedByCommunicationIdentifier is missing"]
