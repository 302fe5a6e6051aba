"""Events as a developer meets them: webhooks on this machine, why and when, and once more."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from receiver import Receiver
from server import PROGRAM, Server
from streams import ServerSentEvents, StreamSocket

PHONE = "+14255550123"
REPORT = "Microsoft.Communication.SMSDeliveryReportReceived"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server("--clock", "virtual") as running:
        yield running


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def cli(server: Server, *args: str, expect: int = 0) -> list[dict[str, Any]]:
    return lines(server.cli(*args, "--json", expect=expect).stdout)


def send(server: Server, tag: str) -> None:
    """One text and, once the clock has moved, one event."""
    server.cli("send", "sms", "--to", PHONE, "hello", "--tag", tag, "--report")
    server.cli("clock", "advance", "1s")


def test_the_story_of_a_receiver_that_was_away(server: Server) -> None:
    receiver = Receiver()
    [made] = cli(server, "subscription", "create", "till", receiver.url, "--type", "SMSDeliveryReportReceived")
    assert made["state"] == "active"
    send(server, "first")
    _, [event] = receiver.next()
    assert (event["eventType"], event["data"]["tag"]) == (REPORT, "first")
    receiver.close()

    for tag in ("second", "third", "fourth"):
        send(server, tag)
    [shown] = cli(server, "events", "show", "last", "--wait", "10s")
    [till] = shown["subscriptions"]
    assert till["state"] == "retrying"
    assert [attempt["number"] for attempt in till["attempts"]] == [1]
    assert till["attempts"][0]["outcome"] == "SocketError"
    assert till["next_attempt_at"] > till["attempts"][0]["at"]
    text = server.cli("events", "show", "last").stdout
    assert "1 attempt failed (" in text
    assert f"the next one at {till['next_attempt_at']}" in text
    waiting = cli(server, "events", "list", "--subscription", "till", "--state", "retrying")
    assert {item["data"]["tag"] for item in waiting} == {"second", "third", "fourth"}
    [listed] = cli(server, "subscription", "list")
    assert listed["activity"]["retrying"] == 3

    with Receiver(receiver.port) as again:
        server.cli("clock", "advance", "30s")
        assert {again.next()[1][0]["data"]["tag"] for _ in range(3)} == {"second", "third", "fourth"}
        [shown] = cli(server, "events", "show", "last", "--wait", "10s")
        [till] = shown["subscriptions"]
        assert till["state"] == "delivered"
        assert [attempt["status"] for attempt in till["attempts"]] == [None, 200]
        assert "by attempt 2" in server.cli("events", "show", shown["id"]).stdout
        assert len(again.requests) == 3


def test_why_an_event_did_not_arrive(server: Server) -> None:
    with Receiver() as receiver:
        picky = ("--filter", "data.deliveryStatus StringIn Failed,Expired", "--filter", "data.to IsNotNull")
        server.cli("subscription", "create", "picky", receiver.url, *picky)
        server.cli("subscription", "create", "wrong-type", receiver.url, "--type", "SMSReceived", "--subject-begins", "/x")
        send(server, "one")
        [event] = cli(server, "events", "show", "last")
        verdicts = {at["subscription"]: at["verdict"] for at in event["subscriptions"]}
        assert verdicts["picky"]["rule"] == "advancedFilters[0] StringIn data.deliveryStatus"
        assert "Delivered" in verdicts["picky"]["found"]
        assert verdicts["wrong-type"]["found"] == REPORT
        assert receiver.given == len(receiver.requests)
        # The last word of the endpoint is kept.
        receiver.status, receiver.reply = lambda events: 503, b"the till is on fire"
        server.cli("subscription", "create", "till", receiver.url, "--header", "x-till=7", "--field-header", "x-to=data.to")
        send(server, "two")
        [event] = cli(server, "events", "show", "last", "--wait", "10s")
        till = next(at for at in event["subscriptions"] if at["subscription"] == "till")
        assert till["attempts"][0]["status"] == 503
        assert till["attempts"][0]["reply"] == "the till is on fire"
        assert "the till is on fire" in server.cli("events", "show", event["id"]).stdout
        headers, _ = receiver.next()
        assert (headers["x-till"], headers["x-to"]) == ("7", PHONE)


def test_once_more_and_to_another(server: Server, tmp_path: Path) -> None:
    with Receiver() as receiver, Receiver() as other:
        server.cli("subscription", "create", "till", receiver.url, "--schema", "cloudevents")
        for tag in ("a", "b", "c"):
            send(server, tag)
            assert receiver.next()[1]["data"]["tag"] == tag
        [event] = cli(server, "events", "list", "--limit", "1")
        [again] = cli(server, "events", "redeliver", event["id"])
        assert again["subscriptions"] == ["till"]
        server.cli("clock", "advance", "1s")
        assert receiver.next()[1]["id"] == event["id"]
        [many] = cli(
            server, "events", "redeliver", "--subscription", "till", "--from", "1h", "--type", "SMSDeliveryReportReceived"
        )
        assert many["count"] == 3
        server.cli("clock", "advance", "1s")
        assert {receiver.next()[1]["data"]["tag"] for _ in range(3)} == {"a", "b", "c"}
        server.cli("events", "redeliver", expect=1)

        [replay] = cli(server, "events", "replay", "--to", other.url, "--from", "1h", "--header", "x-replay=1")
        server.cli("clock", "advance", "1s")
        got = [other.next() for _ in range(3)]
        assert {body[0]["data"]["tag"] for _, body in got} == {"a", "b", "c"}
        assert all(headers["x-replay"] == "1" for headers, _ in got)
        assert cli(server, "subscription", "show", replay["name"])[0]["state"] == "finished"

        exported = lines(server.cli("events", "export", "--type", REPORT).stdout)
        assert [item["data"]["tag"] for item in exported] == ["a", "b", "c"]
        clouds = lines(
            server.cli("events", "export", "--schema", "cloudevents", "--correlation", event["data"]["messageId"]).stdout
        )
        assert [item["id"] for item in clouds] == [event["id"]]


def test_listen_follows_what_fits(server: Server) -> None:
    listener = subprocess.Popen(
        [
            *(str(PROGRAM), "events", "listen", "--after", "0", "--type", "SMSReceived", "--count", "1", "--json"),
            *("--connection-string", server.ready["connection_string"]),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    send(server, "not this")
    server.cli("phone", "send", PHONE, "--to", "+14255550100", "this")
    server.cli("clock", "advance", "1s")
    printed, _ = listener.communicate(timeout=30)
    assert [line["data"]["message"] for line in lines(printed)] == ["this"]
    assert listener.returncode == 0
    assert "this" in server.cli("events", "listen", "--after", "0", "--subject", "/phonenumber", "--count", "2").stdout


def test_subscriptions_are_managed(server: Server, tmp_path: Path) -> None:
    with Receiver() as receiver:
        server.cli("subscription", "create", "till", receiver.url, "--batch", "10", "--max-attempts", "3", "--label", "shop")
        [changed] = cli(server, "subscription", "update", "till", "--subject-begins", "/phonenumber/", "--ttl", "5")
        assert changed["properties"]["filter"]["subjectBeginsWith"] == "/phonenumber/"
        assert changed["properties"]["retryPolicy"] == {"maxDeliveryAttempts": 3, "eventTimeToLiveInMinutes": 5}
        assert changed["properties"]["destination"]["properties"]["maxEventsPerBatch"] == 10
        shown = server.cli("subscription", "show", "till").stdout
        assert receiver.url in shown
        assert "3 attempts within 5 minutes" in shown
        assert "till" in server.cli("subscription", "list").stdout
        arm = tmp_path / "arm.json"
        destination = {"endpointType": "WebHook", "properties": {"endpointUrl": receiver.url}}
        arm.write_text(json.dumps({"properties": {"destination": destination, "filter": {"subjectEndsWith": "x"}}}))
        [made] = cli(server, "subscription", "create", "arm", "--properties", str(arm))
        assert made["properties"]["filter"]["subjectEndsWith"] == "x"
        # They are the whole of it: what is said beside them would be dropped.
        for more in ([receiver.url], ["--handler"], ["--type", "SMSReceived"]):
            [error] = cli(server, "subscription", "create", "both", "--properties", str(arm), *more, expect=1)
            assert error["error"]["target"] == "--properties"
        server.cli("subscription", "create", "both", receiver.url, "--handler", expect=1)
        server.cli("events", "replay", "--properties", str(arm), "--to", receiver.url, expect=1)
        server.cli("events", "replay", expect=1)
        assert cli(server, "events", "replay", "--properties", str(arm))[0]["endpoint"] == receiver.url
        assert cli(server, "subscription", "delete", "till") == [{"name": "till", "deleted": True}]
        server.cli("subscription", "show", "till", expect=1)
        server.cli("subscription", "delete", "till", expect=1)
        server.cli("subscription", "create", "a", receiver.url, expect=1)
        server.cli("subscription", "create", "bad-filter", receiver.url, "--filter", "data.x NumberIn five", expect=1)
    [error] = cli(server, "subscription", "create", "nobody-there", receiver.url, expect=1)
    assert "alidation" in json.dumps(error)
    assert {one["kind"] for one in cli(server, "subscription", "list")} == {"webhook"}  # "arm" and the one that replays


def test_consumers_take_over_http(server: Server) -> None:
    server.cli("subscription", "create", "worker", "--handler")
    send(server, "job")
    path = "/_control/event-subscriptions/worker/"
    status, body, _ = server.request("POST", path + "take", {"max": 5, "wait_ms": 10_000})
    assert status == 200
    [item] = body["items"]
    assert item["event"]["data"]["tag"] == "job"
    status, body, _ = server.request("POST", path + "acknowledge", {"delivery_ids": [item["delivery_id"]]})
    assert body == {"acknowledged": [item["delivery_id"]], "too_late": []}
    [shown] = cli(server, "events", "show", "last", "--wait", "10s")
    assert shown["subscriptions"][0]["state"] == "delivered"


def test_topics_of_ones_own(server: Server) -> None:
    with Receiver() as receiver:
        [topic] = cli(server, "topic", "create", "shop", "--tag", "team=till")
        assert topic["tags"] == {"team": "till"}
        server.cli("subscription", "create", "orders", receiver.url, "--topic", "shop")
        server.cli("topic", "publish", "shop", "--type", "Contoso.Order", "--subject", "orders/7", '{"total": 12.5}')
        _, [event] = receiver.next()
        assert (event["subject"], event["data"]) == ("orders/7", {"total": 12.5})
        [shown] = cli(server, "events", "show", "last", "--topic", "shop", "--wait", "10s")
        assert shown["subscriptions"][0]["state"] == "delivered"
        assert cli(server, "events", "list", "--topic", "shop")[0]["id"] == event["id"]
        [before], [after] = cli(server, "topic", "keys", "shop"), cli(server, "topic", "keys", "shop", "--regenerate", "key2")
        assert before["key1"] == after["key1"]
        assert before["key2"] != after["key2"]
        assert "shop" in server.cli("topic", "list").stdout
        server.cli("topic", "delete", "shop")
        server.cli("topic", "show", "shop", expect=1)
        server.cli("topic", "publish", "shop", "--type", "T", expect=1)


def test_the_open_stream(server: Server) -> None:
    token = server.ready["console"].partition("token=")[2]
    stream = ServerSentEvents(server, token, "/_stream/events?type=SMSDeliveryReportReceived&schema=cloudevents")
    socket = StreamSocket(server, token, "/_stream/events?after=0")
    begin = stream.next()
    assert begin is not None
    assert begin["type"] == "begin"
    socket.next()
    send(server, "live")
    event = stream.next()
    assert event is not None
    assert (event["specversion"], event["data"]["tag"]) == ("1.0", "live")
    other = socket.next()
    assert other is not None
    assert (other["eventType"], other["cursor"]) == (REPORT, event["cursor"])
    socket.drop()
    send(server, "later")
    resumed = StreamSocket(server, token, f"/_stream/events?after={event['cursor']}")
    resumed.next()
    later = resumed.next()
    assert later is not None
    assert later["data"]["tag"] == "later"
    assert StreamSocket(server, "another", "/_stream/events").status == 401
