"""Another build of a plugin takes over on a running server: by command and over HTTP."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import eventually
from server import PROGRAM, Server

BUILD = PROGRAM.parent.parent
FIRST = BUILD / "test_plugins" / "test-carrier" / "test-carrier.so"
SECOND = BUILD / "test_builds" / "test-carrier-2.so"
PHONE = "+14255550123"


def put(library: Path, folder: Path, version: str) -> None:
    """As an installer does it: a new file under the old name."""
    folder.mkdir(exist_ok=True)
    shutil.copy(library, folder / "new.so")
    (folder / "new.so").rename(folder / "carrier.so")
    manifest = {
        "id": "carrier",
        "version": version,
        "abi_min": "1.0",
        "library": "carrier.so",
        "interfaces": ["trunkline.sms/1", "trunkline.sms.query/1"],
        "config_schema": {"type": "object"},
    }
    (folder / "plugin.json").write_text(json.dumps(manifest))


def configuration(folder: Path, **more: object) -> Path:
    provider = {"name": "a", "plugin": "carrier", "config": {"journal": str(folder / "journal"), "report_after_ms": 5}, **more}
    config = {
        "plugins": {"paths": [str(folder)]},
        "providers": [provider],
        "resources": [{"name": "main", "numbers": [{"number": "+14255550100", "sms": "both"}]}],
    }
    path = folder / "trunkline.yaml"
    path.write_text(json.dumps(config))
    return path


@pytest.fixture(params=["none", "process"])
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    put(FIRST, tmp_path / "carrier", "1.0.0")
    with Server("--config", str(configuration(tmp_path, isolation=request.param))) as server:
        yield server


def control(server: Server, method: str, target: str, body: object = None) -> tuple[int, Any]:
    status, answer, _ = server.request(method, target, body)
    return status, answer


def reports(server: Server) -> list[str]:
    found: list[str] = []
    after = 0
    while True:
        _, page = control(server, "GET", f"/_control/events?type=Microsoft.Communication.SMSDeliveryReportReceived&after={after}")
        if not page["items"]:
            return found
        found += [item["data"]["messageId"] for item in page["items"]]
        after = page["next"]


def sent_by(server: Server) -> str:
    """The build that takes a text."""
    done = server.cli("send", "sms", "--to", PHONE, "hello", "--wait", "20s", "--json")
    sent = json.loads(done.stdout.splitlines()[0])
    status, record = control(server, "GET", f"/_control/messages/{sent['messageId']}")
    assert status == 200
    return str(record["provider_message_id"]).split("-")[0]


def test_command(server: Server, tmp_path: Path) -> None:
    assert sent_by(server) == "carrier"
    put(SECOND, tmp_path / "carrier", "1.1.0")
    done = server.cli("plugin", "reload", "a", "--probation", "0s", "--drain", "1s", "--json")
    info = json.loads(done.stdout)
    assert (info["version"], info["instance"], info["last_reload"]) == ("1.1.0", 2, "switched")
    assert sent_by(server) == "second"
    [listed] = [json.loads(line) for line in server.cli("plugin", "list", "--running", "--json").stdout.splitlines()]
    assert listed["name"] == "a"
    assert "instance 2" in server.cli("plugin", "list", "--running").stdout
    assert server.logs("another instance of a provider serves")

    (tmp_path / "carrier" / "new.so").write_text("no library")
    (tmp_path / "carrier" / "new.so").rename(tmp_path / "carrier" / "carrier.so")
    failed = server.cli("plugin", "reload", "a", expect=1)
    assert "goes on with the instance that it has" in failed.stderr
    assert sent_by(server) == "second"

    other = configuration(tmp_path / "carrier", timeout="7s")
    put(FIRST, tmp_path / "next", "1.2.0")
    (tmp_path / "next").rename(tmp_path / "carrier" / "next")
    library = tmp_path / "carrier" / "next" / "carrier.so"
    done = server.cli("plugin", "reload", "a", "--library", str(library), "--config", str(other), "--probation", "1ms", "--json")
    info = json.loads(done.stdout)
    assert (info["version"], info["last_reload"], info["path"]) == ("1.2.0", "switched", str(library))
    assert sent_by(server) == "carrier"
    assert (tmp_path / "carrier" / "journal").read_text(), "the settings are those of the other file"


def test_command_says_what_it_waits_for(server: Server) -> None:
    lines = server.cli("plugin", "reload", "a", "--probation", "300ms").stdout.splitlines()
    assert lines[0].startswith("a: instance 2 serves; the one before stands by until a probation of 300ms"), lines
    assert lines[0].endswith("Waiting for up to 15s")
    assert "serving  instance 2" in lines[1]
    # The server would stand by for longer than anybody waits here.
    lines = server.cli("plugin", "reload", "a", "--wait", "1ms").stdout.splitlines()
    assert any("probation  instance 3" in line for line in lines)
    assert "serves" not in server.cli("plugin", "reload", "a", "--probation", "300ms", "--json").stdout
    status, answer = control(server, "POST", "/_control/providers/a/reload", {"probation": "-1s"})
    assert (status, answer["error"]["target"]) == (400, "probation")


def test_http_takes_builds_from_known_folders_only(server: Server, tmp_path: Path) -> None:
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    put(SECOND, elsewhere, "9.0.0")
    for library in (elsewhere, elsewhere / "carrier.so", tmp_path / "carrier" / ".." / ".." / elsewhere.name):
        status, answer = control(server, "POST", "/_control/providers/a/reload", {"library": str(library)})
        assert status == 403, answer
        assert "outside of the folders of plugins" in answer["error"]["message"]
    link = tmp_path / "carrier" / "link"
    link.symlink_to(elsewhere)
    assert control(server, "POST", "/_control/providers/a/reload", {"library": str(link)})[0] == 403
    assert control(server, "POST", "/_control/providers/a/reload", {"library": "carrier.so"})[0] == 400
    assert control(server, "POST", "/_control/providers/a/reload", {"config": "text"})[0] == 400
    assert control(server, "POST", "/_control/providers/nobody/reload", {})[0] == 404
    assert control(server, "GET", "/_control/providers/nobody")[0] == 404
    assert control(server, "DELETE", "/_control/providers/a")[0] >= 400
    status, listed = control(server, "GET", "/_control/providers")
    assert status == 200
    assert [(item["name"], item["instance"], item["state"]) for item in listed["items"]] == [("a", 1, "serving")]


def test_under_load(server: Server, tmp_path: Path) -> None:
    over = threading.Event()
    sent: list[str] = []

    def load() -> None:
        target = "/sms?api-version=2021-03-07"
        while not over.is_set():
            body = {
                "from": "+14255550100",
                "smsRecipients": [{"to": PHONE}],
                "message": "hello",
                "smsSendOptions": {"enableDeliveryReport": True},
            }
            status, answer = control(server, "POST", target, body)
            assert status == 202, answer
            sent.append(answer["value"][0]["messageId"])

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(6):
        put(FIRST if turn % 2 else SECOND, tmp_path / "carrier", f"1.0.{turn}")
        status, answer = control(server, "POST", "/_control/providers/a/reload", {"probation": "0s", "drain": "1s"})
        assert (status, answer["version"]) == (200, f"1.0.{turn}")
    over.set()
    for thread in threads:
        thread.join()
    eventually(lambda: len(reports(server)), lambda count: count >= len(sent))
    assert sorted(reports(server)) == sorted(sent), "each is reported once, by the build that took it"
    on_air = [line.split()[1] for line in (tmp_path / "journal").read_text().splitlines()]
    assert sorted(on_air) == sorted(sent)


def test_chat_and_identities_under_load(tmp_path: Path) -> None:
    """What they keep goes from one instance to the next: who calls meanwhile waits for a moment, and nothing is lost."""
    chat_version, identity_version = "?api-version=2025-03-15", "?api-version=2025-06-30"
    providers = [{"name": "id", "plugin": "identity-local"}, {"name": "chat", "plugin": "chat-local"}]
    path = tmp_path / "trunkline.yaml"
    path.write_text(json.dumps({"providers": providers, "resources": [{"name": "main"}]}))
    over = threading.Event()
    sent: list[list[str]] = [[] for _ in range(3)]
    failed: list[str] = []
    with Server("--config", str(path)) as server:

        def user() -> tuple[str, dict[str, str]]:
            status, answer = control(server, "POST", f"/identities{identity_version}", {"createTokenWithScopes": ["chat"]})
            assert status == 201, answer
            bearer = {"Authorization": f"Bearer {answer['accessToken']['token']}", "Content-Type": "application/json"}
            return answer["identity"]["id"], bearer

        alice, bearer = user()
        status, created, _ = server.request("POST", f"/chat/threads{chat_version}", {"topic": "reload"}, headers=bearer)
        assert status == 201, created
        thread = created["chatThread"]["id"]

        def load(writer: int) -> None:
            connection = server.connection()
            while not over.is_set():
                content = f"{writer}/{len(sent[writer])}"
                status, answer, _ = server.request(
                    "POST",
                    f"/chat/threads/{thread}/messages{chat_version}",
                    {"content": content},
                    headers=bearer,
                    connection=connection,
                )
                if status != 201:
                    failed.append(f"{content}: {status} {answer}")
                    return
                sent[writer].append(content)
                status, answer = control(
                    server, "POST", f"/identities/{alice}/:issueAccessToken{identity_version}", {"scopes": ["chat"]}
                )
                if status != 200:
                    failed.append(f"token: {status} {answer}")
                    return

        threads = [threading.Thread(target=load, args=(writer,)) for writer in range(len(sent))]
        for one in threads:
            one.start()
        for turn in range(12):
            name = ("id", "chat")[turn % 2]
            before = sum(map(len, sent))
            status, answer = control(server, "POST", f"/_control/providers/{name}/reload", {})
            assert status == 200, answer
            assert (answer["state"], answer["instance"], answer["last_reload"]) == ("serving", turn // 2 + 2, "switched")
            wanted = before + 10
            eventually(lambda: sum(map(len, sent)), lambda count, wanted=wanted: count >= wanted or bool(failed))
        over.set()
        for one in threads:
            one.join()
        assert not failed
        # The keys and the threads are those of before.
        target: str | None = f"/chat/threads/{thread}/messages{chat_version}&maxPageSize=200"
        kept: list[str] = []
        while target:
            status, page, _ = server.request("GET", target, headers=bearer)
            assert status == 200, page
            kept += [item["content"]["message"] for item in page["value"] if item["type"] == "text"]
            target = page.get("nextLink")
        assert sorted(kept) == sorted(content for one in sent for content in one)
        for writer, one in enumerate(sent):
            assert [content for content in reversed(kept) if content.startswith(f"{writer}/")] == one, "in one order"

        # Settings that are wrong keep the new one out, and the one before is made again.
        wrong = {"config": {"name": "chat", "plugin": "chat-local", "config": {"max_participants": 0}}}
        status, answer = control(server, "POST", "/_control/providers/chat/reload", wrong)
        assert status == 400, answer
        status, answer, _ = server.request("GET", f"/chat/threads/{thread}{chat_version}", headers=bearer)
        assert status == 200, answer
