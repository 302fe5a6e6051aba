"""Events that were given up, in a bucket that takes signed requests only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from receiver import Receiver
from s3_store import KEY_ID, REGION, SECRET, Bucket
from server import Server
from test_events import cli, send

S3 = ("--s3-region", REGION, "--s3-key-id", KEY_ID, "--s3-secret", SECRET)


@pytest.mark.parametrize("schema", ["eventgrid", "cloudevents"])
def test_dead_letters_are_signed_for_a_bucket(server: Server, schema: str) -> None:
    with Receiver() as receiver, Bucket() as bucket:
        receiver.status = lambda events: 400  # never again
        [made] = cli(server, "subscription", "create", "till", receiver.url, "--schema", schema, "--dead-letter", bucket.url, *S3)
        shown = made["properties"]["deadLetterDestination"]
        assert shown["endpointType"] == "S3"
        assert shown["properties"] == {"endpointUrl": bucket.url, "region": REGION, "accessKeyId": KEY_ID}
        assert SECRET not in server.cli("subscription", "show", "till", "--json").stdout
        send(server, "one")
        assert bucket.wait(1), f"{bucket.refused} were refused"
        [(name, body)] = bucket.objects.items()
        assert name.startswith("/letters/dead$/trunkline/TILL/2026/1/1/")
        [letter] = json.loads(body)
        assert letter["data"]["tag"] == "one"
        assert (letter.get("deadLetterReason") or letter["deadletterreason"]) != ""
        [event] = cli(server, "events", "show", "last", "--wait", "10s")
        assert next(at for at in event["subscriptions"] if at["subscription"] == "till")["state"] == "dead_lettered"
        server.cli("subscription", "delete", "till")


def test_a_wrong_key_is_tried_again_until_it_is_right(server: Server) -> None:
    with Receiver() as receiver, Bucket() as bucket:
        receiver.status = lambda events: 400
        where = ("--dead-letter", bucket.url, *S3[:-1])
        server.cli("subscription", "create", "till", receiver.url, *where, "wrong")
        send(server, "two")
        assert bucket.wait(0, refused=1)
        server.cli("subscription", "update", "till", *where, SECRET)
        server.cli("clock", "advance", "10m")
        assert bucket.wait(1)
        server.cli("subscription", "delete", "till")


def test_what_no_store_would_take_is_refused_when_it_is_said(server: Server, tmp_path: Path) -> None:
    def fault(*args: str) -> str:
        [error] = cli(server, "subscription", "create", "till", "http://127.0.0.1:9/", *args, expect=1)
        return str(error["error"]["message"])

    assert "signed requests only" in fault("--dead-letter", "https://letters.s3.amazonaws.com/dead")
    assert "for one document" in fault("--dead-letter", "https://store.example/b/k?X-Amz-Signature=abc")
    assert "region" in fault("--dead-letter", "https://letters.s3.amazonaws.com/dead", "--s3-key-id", KEY_ID, "--s3-secret", "x")
    assert "query" in fault("--dead-letter", "https://store.example/b?x=1", *S3)
    assert "s3" in fault(*S3)
