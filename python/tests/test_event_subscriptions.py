"""Event subscriptions: written, changed, delivered to webhooks, given up, explained, sent again."""

from __future__ import annotations

import dataclasses
import datetime
import http.server
import io
import json
import queue
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
import trunkline
from conftest import DELIVERED, OURS, PHONE, RECEIVED, make_config
from receiver import Receiver
from trunkline.service import (
    EventBucket,
    EventCondition,
    EventDestination,
    EventOperator,
    EventQuery,
    EventSchema,
    EventState,
    EventSubscriptionSpec,
    EventSubscriptionState,
)


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    return make_config() | {"events": {"dead_letter_path": str(tmp_path / "letters")}}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def receive(rt: trunkline.Runtime, text: str = "hi") -> trunkline.Event:
    """A text arrives; the event about it."""
    rt.sandbox.send_from_phone(PHONE, OURS, text)
    event = next(rt.event_history.find(newest_first=True, page_size=1))
    assert event.data["message"] == text
    return event


def state_of(rt: trunkline.Runtime, event: trunkline.Event, name: str) -> EventState:
    (explanation,) = [e for e in rt.event_history.explain(event.id) if e.subscription == name]
    return explanation.state


def test_a_subscription_is_written_read_and_removed(rt: trunkline.Runtime) -> None:
    made = rt.event_subscriptions.put(name="Audit", types=[RECEIVED], subject_begins_with="/phonenumber", labels=["a"])
    assert (made.name, made.destination, made.state) == ("Audit", EventDestination.HANDLER, EventSubscriptionState.SUCCEEDED)
    assert made.endpoint is None
    assert made.properties["filter"]["includedEventTypes"] == [RECEIVED]
    assert rt.event_subscriptions.get("audit") == made
    assert [one.name for one in rt.event_subscriptions] == ["Audit"]

    changed = rt.event_subscriptions.update(name="audit", types=[DELIVERED], max_attempts=3)
    assert changed.properties["filter"]["includedEventTypes"] == [DELIVERED]
    assert changed.properties["filter"]["subjectBeginsWith"] == "/phonenumber"
    assert changed.properties["retryPolicy"]["maxDeliveryAttempts"] == 3
    changed = rt.event_subscriptions.update_properties("Audit", {"labels": ["b"]})
    assert (changed.properties["labels"], changed.properties["filter"]["includedEventTypes"]) == (["b"], [DELIVERED])

    assert rt.event_subscriptions.activity("Audit").idle
    assert rt.event_subscriptions.remove("AUDIT")
    assert not rt.event_subscriptions.remove("Audit")
    with pytest.raises(trunkline.NotFoundError):
        rt.event_subscriptions.get("Audit")


def test_properties_of_arm_are_the_general_form(rt: trunkline.Runtime) -> None:
    conditions = [{"operatorType": "StringContains", "key": "data.message", "values": ["x"]}]
    properties = {
        "destination": {"endpointType": "Handler", "properties": {}},
        "filter": {"advancedFilters": conditions},
    }
    made = rt.event_subscriptions.put_properties("general", properties)
    assert made.properties["filter"]["advancedFilters"] == conditions
    condition = EventCondition(key="data.message", operator_type=EventOperator.STRING_CONTAINS, value="x")
    typed = rt.event_subscriptions.put(name="typed", conditions=[condition])
    assert typed.properties["filter"] == made.properties["filter"]


@pytest.mark.parametrize(
    ("fields", "target"),
    [
        ({"name": "x"}, "name"),
        ({"name": "good", "webhook": "ftp://example.com"}, "webhook"),
        ({"name": "good", "webhook": "http://example.com/hook"}, "webhook"),
        ({"name": "good", "headers": {"X-A": "a"}}, "headers"),
        ({"name": "good", "max_attempts": 31}, "maxAttempts"),
        ({"name": "good", "time_to_live": datetime.timedelta(seconds=90)}, "timeToLive"),
        ({"name": "good", "dead_letter": "../out"}, "deadLetter"),
        (
            {"name": "good", "conditions": [EventCondition(key="data.n", operator_type=EventOperator.NUMBER_IN, value="x")]},
            "conditions[0].values[0]",
        ),
    ],
)
def test_what_is_wrong_names_its_field(rt: trunkline.Runtime, fields: dict[str, Any], target: str) -> None:
    with pytest.raises(trunkline.InvalidArgumentError) as error:
        rt.event_subscriptions.put(EventSubscriptionSpec(**fields))
    assert error.value.target == target
    assert list(rt.event_subscriptions) == []


def test_a_webhook_gets_events(rt: trunkline.Runtime, receiver: Receiver) -> None:
    made = rt.event_subscriptions.put(
        name="hook",
        webhook=receiver.url + "?code=secret",
        types=[RECEIVED],
        headers={"X-Plain": "seen"},
        secret_headers={"X-Secret": "hidden"},
        event_headers={"X-From": "data.from"},
        bearer="token",
    )
    assert (made.destination, made.endpoint) == (EventDestination.WEBHOOK, receiver.url)
    assert "secret" not in json.dumps(made.properties)
    assert "hidden" not in json.dumps(made.properties)
    event = receive(rt)
    headers, (sent,) = receiver.next()
    assert (sent["id"], sent["eventType"], sent["data"]) == (event.id, RECEIVED, event.data)
    assert (headers["x-plain"], headers["x-secret"], headers["x-from"]) == ("seen", "hidden", PHONE)
    assert headers["authorization"] == "Bearer token"


def test_a_webhook_that_does_not_agree_is_refused(rt: trunkline.Runtime) -> None:
    with pytest.raises(trunkline.InvalidArgumentError):
        rt.event_subscriptions.put(name="nobody", webhook="http://127.0.0.1:9/hook")
    assert list(rt.event_subscriptions) == []


def test_retries_end_in_a_dead_letter(rt: trunkline.Runtime, receiver: Receiver, tmp_path: Path) -> None:
    rt.event_subscriptions.put(name="hook", webhook=receiver.url, max_attempts=3, dead_letter="sms")
    receiver.status = 503
    event = receive(rt)
    for attempt in range(1, 4):
        headers, (sent,) = receiver.next()
        assert sent["id"] == event.id
        assert headers["aeg-delivery-count"] == str(attempt - 1)
        rt.settle()  # the answer is on its way
        rt.clock.advance(datetime.timedelta(hours=1))
    (letter,) = (tmp_path / "letters" / "sms").rglob("*.json")
    (written,) = json.loads(letter.read_text())
    assert (written["id"], written["deadLetterReason"]) == (event.id, "MaxDeliveryAttemptsExceeded")
    assert written["deliveryAttempts"] == 3
    (explanation,) = rt.event_history.explain(event.id)
    assert (explanation.state, explanation.reason) == (EventState.DEAD_LETTERED, "MaxDeliveryAttemptsExceeded")
    assert [attempt.status for attempt in explanation.attempts] == [503, 503, 503]
    found = rt.event_history.find(subscription="hook", state=EventState.DEAD_LETTERED)
    assert [one.id for one in found] == [event.id]
    assert rt.event_subscriptions.activity("hook").dead_lettered == 1

    receiver.status = 200
    assert rt.event_history.redeliver_all("hook", EventQuery(subscription="hook", state=EventState.DEAD_LETTERED)) == 1
    assert receiver.next()[1][0]["id"] == event.id
    rt.clock.advance(0)
    assert state_of(rt, event, "hook") == EventState.DELIVERED


def test_a_bucket_takes_dead_letters(rt: trunkline.Runtime, receiver: Receiver) -> None:
    with Bucket() as bucket:
        where = EventBucket(
            url=bucket.url,
            region="eu-west-1",
            access_key_id="AKIDEXAMPLE",
            secret_access_key="it-is-secret",
            session_token="for-now",
        )
        assert "it-is-secret" not in repr(where)
        made = rt.event_subscriptions.put(name="hook", webhook=receiver.url, max_attempts=1, dead_letter_bucket=where)
        shown = made.properties["deadLetterDestination"]
        assert (shown["endpointType"], shown["properties"]["accessKeyId"]) == ("S3", "AKIDEXAMPLE")
        assert "it-is-secret" not in json.dumps(made.properties)
        receiver.status = 503
        event = receive(rt)
        path, headers, (letter,) = bucket.put.get(timeout=30)
        assert path.startswith("/letters/main/HOOK/2026/")
        assert (letter["id"], letter["deadLetterReason"]) == (event.id, "MaxDeliveryAttemptsExceeded")
        scope = r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\d{8}/eu-west-1/s3/aws4_request"
        assert re.match(scope, headers["authorization"]), "of the day that the machine has"
        assert headers["x-amz-security-token"] == "for-now"
        rt.settle()
        assert state_of(rt, event, "hook") == EventState.DEAD_LETTERED

        failing = rt.on_event("mine", lambda event: 1 / 0, types=[RECEIVED], max_attempts=1, dead_letter_bucket=where)
        event = receive(rt, "again")
        taken = {bucket.put.get(timeout=30)[0].split("/")[3] for _ in range(2)}
        assert taken == {"HOOK", "MINE"}
        failing.close()
        with pytest.raises(trunkline.InvalidArgumentError) as caught:
            rt.event_subscriptions.update(name="hook", dead_letter="letters", dead_letter_bucket=where)
        assert caught.value.target == "deadLetterBucket"
        with pytest.raises(trunkline.InvalidArgumentError) as caught:
            rt.event_subscriptions.update(name="hook", dead_letter_bucket=dataclasses.replace(where, region=""))
        assert caught.value.target == "deadLetterBucket.region"


class Bucket:
    """A store that takes what is put there."""

    def __init__(self) -> None:
        self.put: queue.Queue[tuple[str, dict[str, str], Any]] = queue.Queue()
        put = self.put

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                put.put((self.path, {name.lower(): value for name, value in self.headers.items()}, json.loads(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/letters"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Bucket:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.server.shutdown()
        self.server.server_close()


def test_explain_says_which_filter_said_no(rt: trunkline.Runtime) -> None:
    rt.event_subscriptions.put(name="by-type", types=[DELIVERED])
    rt.event_subscriptions.put(name="by-subject", subject_begins_with="/elsewhere")
    condition = EventCondition(key="data.message", operator_type=EventOperator.STRING_CONTAINS, value=["order", "invoice"])
    rt.event_subscriptions.put(name="by-data", conditions=[condition])
    rt.event_subscriptions.put(name="everything")
    event = receive(rt, "hello")
    rt.event_subscriptions.put(name="too-late")
    said = {e.subscription: e for e in rt.event_history.explain(event.id)}
    assert said["by-type"].state == EventState.FILTERED
    assert said["by-type"].rule == "includedEventTypes"
    assert said["by-type"].found == RECEIVED
    assert said["by-subject"].rule == "subjectBeginsWith"
    assert said["by-data"].rule is not None
    assert "data.message" in said["by-data"].rule
    assert (said["by-data"].found or "").strip('"') == "hello"
    assert (said["everything"].state, said["everything"].rule) == (EventState.WAITING, None)
    assert said["too-late"].state == EventState.EARLIER
    with pytest.raises(trunkline.NotFoundError):
        rt.event_history.explain("nothing")


def test_events_are_found_again(rt: trunkline.Runtime) -> None:
    events = [receive(rt, f"text {i}") for i in range(7)]
    middle = rt.clock.advance(3600)
    later = receive(rt, "later")
    history = rt.event_history
    assert [e.id for e in history.find(page_size=3)] == [e.id for e in [*events, later]]
    assert [e.id for e in history.find(newest_first=True, page_size=3)] == [e.id for e in reversed([*events, later])]
    assert [e.id for e in history.find(from_=middle)] == [later.id]
    assert [e.id for e in history.find(to=middle, types=RECEIVED)] == [e.id for e in events]
    assert list(history.find([DELIVERED])) == []
    assert [e.id for e in history.find(correlation_id=later.data["messageId"])] == [later.id]
    assert len(list(history.find(subject_begins_with=later.subject))) == 8
    assert history.get(later.id) == later
    page = history.query(limit=5)
    assert (len(page.items), page.next) == (5, page.items[-1].sequence)
    with pytest.raises(trunkline.InvalidArgumentError) as error:
        history.query(limit=0)
    assert error.value.target == "limit"
    with pytest.raises(trunkline.NotFoundError):
        list(history.find(subscription="nobody", state=EventState.DELIVERED))


def test_export_writes_lines_of_json(rt: trunkline.Runtime, tmp_path: Path) -> None:
    events = [receive(rt, f"text {i}") for i in range(150)]
    path = tmp_path / "events.jsonl"
    assert rt.event_history.export(path) == 150
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["id"] for line in lines] == [e.id for e in events]
    assert lines[0]["eventType"] == RECEIVED
    text = io.StringIO()
    query = EventQuery(newest_first=True, types=[RECEIVED])
    assert rt.event_history.export(text, query, schema=EventSchema.CLOUD_EVENTS) == 150
    first = json.loads(text.getvalue().splitlines()[0])
    assert (first["specversion"], first["id"]) == ("1.0", events[-1].id)


def test_one_event_is_sent_again(rt: trunkline.Runtime, receiver: Receiver) -> None:
    rt.event_subscriptions.put(name="hook", webhook=receiver.url)
    event = receive(rt)
    receiver.next()
    rt.clock.advance(0)
    assert state_of(rt, event, "hook") == EventState.DELIVERED
    rt.event_history.redeliver("hook", event.id)
    assert receiver.next()[1][0]["id"] == event.id
    with pytest.raises(trunkline.NotFoundError):
        rt.event_history.redeliver("nobody", event.id)
    with pytest.raises(trunkline.NotFoundError):
        rt.event_history.redeliver("hook", "nothing")


def test_a_replay_goes_elsewhere(rt: trunkline.Runtime, receiver: Receiver) -> None:
    old = receive(rt, "old")
    middle = rt.clock.advance(60)
    events = [receive(rt, f"text {i}") for i in range(3)]
    rt.event_history.replay(EventSubscriptionSpec(name="again", webhook=receiver.url), from_=middle)
    after = receive(rt, "after")
    got = [receiver.next()[1][0]["id"] for _ in range(3)]
    assert sorted(got) == sorted(e.id for e in events)
    rt.clock.advance(0)
    assert receiver.got.empty(), (old.id, after.id)
