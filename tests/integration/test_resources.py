"""Resources from the command line, and the three ways in which HTTP finds them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import subprocess
import tempfile
from email.utils import formatdate
from pathlib import Path
from urllib.parse import urlsplit

from server import PROGRAM, Server
from streams import ServerSentEvents
from test_cli import lines, run

PROVIDERS = "providers: [{name: sim, plugin: sms-sandbox}, {name: id, plugin: identity-local}]\n"


def create_user(port: int, key: str, host: str) -> int:
    """Signs `POST /identities` for `host`, sends it to `port` on this machine, and gives the status."""
    target = "/identities?api-version=2023-10-01"
    date = formatdate(usegmt=True)
    digest = base64.b64encode(hashlib.sha256(b"").digest()).decode()
    text = f"POST\n{target}\n{date};{host};{digest}"
    signature = base64.b64encode(hmac.digest(base64.b64decode(key), text.encode(), "sha256")).decode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(
            "POST",
            target,
            headers={
                "Host": host,
                "x-ms-date": date,
                "x-ms-content-sha256": digest,
                "Authorization": f"HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}",
            },
        )
        return connection.getresponse().status
    finally:
        connection.close()


def test_snapshot_restore_fork_drop() -> None:
    with Server("--clock", "virtual") as server:
        server.cli("resource", "snapshot", "trunkline", "clean")
        server.cli("send", "sms", "--to", "+14255550123", "gone again")
        assert len(lines(server.cli("messages", "--json"))) == 1
        assert "clean" in server.cli("resource", "snapshots", "trunkline").stdout
        server.cli("resource", "restore", "trunkline", "clean")
        assert server.cli("messages", "--json").stdout == ""
        fork = json.loads(server.cli("resource", "fork", "trunkline", "try", "--json").stdout)
        shown = json.loads(server.cli("resource", "show", "trunkline", "--json").stdout)
        assert fork["lineage"] == [shown["resource_id"]]
        assert shown["resource_id"] in server.cli("resource", "show", "try").stdout
        server.cli("resource", "drop", "try")
        server.cli("resource", "drop-snapshot", "trunkline", "clean")
        server.cli("resource", "restore", "trunkline", "clean", expect=1)
        server.cli("resource", "show", "try", expect=1)


def test_keys() -> None:
    with Server("--clock", "virtual") as server:
        made = json.loads(server.cli("resource", "create", "keyed", "--tag", "stage=test", "--json").stdout)
        assert made["tags"] == {"stage": "test"}
        before = json.loads(server.cli("resource", "keys", "keyed", "--json").stdout)
        after = json.loads(server.cli("resource", "regenerate-key", "keyed", "primary", "--json").stdout)
        assert after["primary_key"] != before["primary_key"]
        assert after["secondary_key"] == before["secondary_key"]
        # The old key is dead at once, also on connections that used it; the other one still works.
        run("messages", "--connection-string", before["connection_string"], expect=1)
        run("messages", "--connection-string", after["connection_string"])
        run("messages", "--connection-string", before["secondary_connection_string"])
        server.cli("resource", "regenerate-key", "keyed", "third", expect=2)
        server.cli("resource", "create", "bad", "--tag", "nothing", expect=1)


def test_open_streams_end_with_their_key() -> None:
    with Server("--clock", "virtual") as server:
        keys = json.loads(server.cli("resource", "keys", "trunkline", "--json").stdout)
        first, second = (
            ServerSentEvents(server, "", "/_stream/events", key=keys[which]) for which in ("primary_key", "secondary_key")
        )
        for stream in (first, second):
            assert stream.status == 200
            assert stream.next() is not None
        server.cli("resource", "regenerate-key", "trunkline", "secondary")
        assert second.next() is None
        # The other one goes on.
        server.cli("send", "sms", "--to", "+14255550123", "hello", "--report")
        server.cli("clock", "advance", "1s")
        assert first.next() is not None
        assert ServerSentEvents(server, "", "/_stream/events", key=keys["secondary_key"]).status == 401


def test_http_finds_the_resource_by_host_port_and_key() -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "trunkline.yaml"
        config.write_text(
            "listen: {port: 0, tls: off}\ncontrol: {enabled: true}\nlog: {level: off}\n"
            + PROVIDERS
            + "resources:\n  - name: first\n  - name: second\n    hosts: [acs.example.com]\n  - name: third\n    port: 0\n"
        )
        command = [str(PROGRAM), "serve", "--config", str(config), "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                ready = json.loads(process.stdout.readline())
                main = urlsplit(ready["endpoint"]).port
                assert main
                listed = lines(run("resource", "list", "--json", "--connection-string", ready["connection_string"]))
                key = {item["name"]: str(item["primary_key"]) for item in listed}
                third = urlsplit(str(listed[2]["connection_string"]).split(";")[0].removeprefix("endpoint=")).port
                assert third
                assert third != main
                # By the key that verifies, where the host says nothing.
                assert create_user(main, key["first"], f"127.0.0.1:{main}") == 201
                assert create_user(main, key["second"], f"127.0.0.1:{main}") == 201
                # By host name: then no other resource's key will do.
                assert create_user(main, key["second"], f"second.localhost:{main}") == 201
                assert create_user(main, key["first"], f"second.localhost:{main}") == 401
                assert create_user(main, key["second"], "acs.example.com") == 201
                assert create_user(main, key["first"], "acs.example.com") == 401
                # By port, whatever the host is called.
                assert create_user(third, key["third"], f"127.0.0.1:{third}") == 201
                assert create_user(third, key["first"], f"127.0.0.1:{third}") == 401
                assert create_user(third, key["first"], f"first.localhost:{third}") == 401
            finally:
                process.terminate()
                process.wait(10)
