"""The commands as a person or a script uses them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from server import PROGRAM, Server


def run(*args: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(PROGRAM), *args], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == expect, f"{args} gave {done.returncode}: {done.stdout}{done.stderr}"
    return done


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_send_phone_explain() -> None:
    with Server() as server:
        sent = lines(server.cli("send", "sms", "--to", "+14255550123", "hello", "--wait", "20s", "--json"))
        assert sent[0]["successful"] is True
        assert sent[1]["data"]["deliveryStatus"] == "Delivered"  # type: ignore[index]
        assert "hello" in server.cli("phone", "show", "+14255550123").stdout
        assert "+14255550123" in server.cli("phone").stdout
        explained = server.cli("explain", "last").stdout
        for rule in ("sender.allowed", "route.", "provider.send", "receipt"):
            assert rule in explained
        server.cli("phone", "send", "+14255550123", "--to", "+14255550100", "answer")
        received = lines(
            server.cli(
                "wait",
                "event",
                "--type",
                "Microsoft.Communication.SMSReceived",
                "--after",
                "0",
                "--where",
                "message=answer",
                "--json",
            )
        )
        assert received[0]["data"]["from"] == "+14255550123"  # type: ignore[index]
        listed = lines(server.cli("events", "listen", "--after", "0", "--count", "2", "--json"))
        assert len(listed) == 2


def test_wait_message() -> None:
    with Server("--clock", "virtual") as server:
        phone = "+14255550123"
        connection = ["--connection-string", server.ready["connection_string"]]
        waiting = subprocess.Popen(
            [str(PROGRAM), "wait", "message", phone, "--after", "0", "--timeout", "60s", "--json", *connection],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            server.cli("send", "sms", "--to", phone, "first")
            server.cli("send", "sms", "--to", phone, "second")
            server.cli("clock", "advance", "1s")
            output, _ = waiting.communicate(timeout=60)
        finally:
            waiting.kill()
            waiting.wait()
        first = json.loads(output)
        assert first["text"] == "first"
        second = json.loads(server.cli("wait", "message", phone, "--after", first["message_id"], "--json").stdout)
        assert second["text"] == "second"
        behind = ["wait", "message", phone, "--after", second["message_id"]]
        server.cli(*behind, "--timeout", "100ms", expect=4)
        server.cli("wait", "message", phone, "--timeout", "100ms", expect=4)
        server.cli("phone", "send", phone, "--to", "+14255550100", "answer")
        assert "answer" in server.cli(*behind).stdout
        server.cli("wait", "message", phone, "--after", "no-such-message", expect=1)


def test_refusals_have_exit_codes() -> None:
    with Server("--clock", "virtual") as server:
        assert "refused" in server.cli("send", "sms", "--to", "nonsense", "x", expect=1).stdout
        server.cli("explain", "Outgoing_none_1", expect=1)
        server.cli("wait", "event", "--type", "Nothing", "--timeout", "100ms", expect=4)
        server.cli("clock", "advance", "soon", expect=1)
    run("explain", "last", "--connection-string", "endpoint=http://127.0.0.1:1/;accesskey=aGVsbG8=", expect=3)
    run("no-such-command", expect=2)


def test_the_clock_moves_reports() -> None:
    with Server("--clock", "virtual") as server:
        server.cli("send", "sms", "--to", "+14255550123", "later", "--report")
        before = json.loads(server.cli("clock", "show", "--json").stdout)
        assert before["mode"] == "virtual"
        server.cli("clock", "advance", "12h")
        after = json.loads(server.cli("clock", "show", "--json").stdout)
        assert before["now"] < after["now"]
        events = lines(server.cli("events", "listen", "--after", "0", "--count", "1", "--json"))
        assert events[0]["type"] == "Microsoft.Communication.SMSDeliveryReportReceived"


def test_resources() -> None:
    with Server("--clock", "virtual") as server:
        created = json.loads(server.cli("resource", "create", "second", "--data-location", "Europe", "--json").stdout)
        assert created["data_location"] == "Europe"
        own = ["--connection-string", created["connection_string"]]
        assert run("messages", "--json", *own).stdout == ""
        server.cli("send", "sms", "--to", "+14255550123", "first world")
        assert run("messages", "--json", *own).stdout == ""
        server.cli("resource", "fork", "trunkline", "copy")
        assert {item["name"] for item in lines(server.cli("resource", "list", "--json"))} == {"trunkline", "second", "copy"}
        server.cli("resource", "drop", "copy")


def test_config_check(tmp_path: Path) -> None:
    good = tmp_path / "good.yaml"
    good.write_text(run("config", "default").stdout)
    run("config", "check", str(good))
    bad = tmp_path / "bad.yaml"
    bad.write_text("runtime: {thread: 4}\nstore: {mode: floppy}\nproviders:\n  - name: a\n")
    done = run("config", "check", str(bad), "--json", expect=2)
    problems = json.loads(done.stdout)["problems"]
    assert len(problems) >= 3
    assert all(problem["line"] > 0 and problem["column"] > 0 for problem in problems)
    text = run("config", "check", str(bad), expect=2).stderr
    assert "threads" in text, "did you mean"


def test_plugins(tmp_path: Path) -> None:
    listed = lines(run("plugin", "list", "--json"))
    assert {"sms-sandbox", "identity-local"} <= {item["id"] for item in listed}
    checked = json.loads(run("plugin", "check", "sms-sandbox", "--json").stdout)
    assert checked["abi_host"] == checked["abi_built"]
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "plugin.json").write_text('{"id": "broken"}')
    assert "broken" in run("plugin", "check", str(broken), expect=1).stderr
    empty = tmp_path / "empty"
    empty.mkdir()
    for target, said in (
        (empty, f"there is no plugin.json in {empty}"),
        (tmp_path / "missing", f"there is no directory {tmp_path / 'missing'}"),
        (tmp_path / "missing" / "plugin.json", f"there is no directory {tmp_path / 'missing'}"),
    ):
        assert said in run("plugin", "check", str(target), expect=1).stderr
    assert "no plugin.json with this id" in run("plugin", "check", "no-such-plugin", expect=1).stderr


def test_serve_needs_a_configuration(tmp_path: Path) -> None:
    run("serve", expect=2)
    config = tmp_path / "trunkline.yaml"
    config.write_text(run("config", "default").stdout)
    with Server("--config", str(config), command="serve") as server:
        assert server.request("GET", "/health", headers={})[0] == 200


def test_the_banner_says_what_is_missing_for_speech(tmp_path: Path) -> None:
    (tmp_path / "trunkline.yaml").write_text(
        f"calls: {{recognition_model: {tmp_path}/en-us, espeak: {tmp_path}/espeak-ng}}\n"
        "providers: [{name: phones, plugin: pstn-sandbox}]\nresources: [{name: main}]\n"
    )
    command = [str(PROGRAM), "dev", "--port", "0", "--config", str(tmp_path / "trunkline.yaml")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        missing = []
        for line in process.stdout:
            if line.startswith("  Missing"):
                missing.append(line)
            if "Try" in line:
                break
    finally:
        process.terminate()
        process.wait(timeout=30)
    assert any("Debian: pocketsphinx-en-us" in line for line in missing)
    assert any("Debian: espeak-ng" in line for line in missing)


def test_the_banner_says_what_to_try() -> None:
    process = subprocess.Popen([str(PROGRAM), "dev", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        text = ""
        for line in process.stdout:
            text += line
            if "explain last" in line:
                break
        for word in ("Trunkline", "endpoint=http://127.0.0.1:", "+14255550100", "sim-a", "trunkline send sms"):
            assert word in text
    finally:
        process.terminate()
        assert process.wait(20) == 0


def trust(directory: Path, *args: str, expect: int = 0) -> list[dict[str, object]]:
    """`trunkline trust` over directories of its own: nothing of this machine is touched."""
    places = ["--ca-dir", str(directory / "ca")]
    if args[0] != "path":
        places += ["--system-dir", str(directory / "system"), "--update-command", "true", "--nss-db", str(directory / "nss")]
    return lines(run("trust", *args, *places, "--json", expect=expect))


def test_trust_is_installed_and_removed(tmp_path: Path) -> None:
    (tmp_path / "system").mkdir()
    installed = tmp_path / "system" / "trunkline-local-ca.crt"
    [where] = trust(tmp_path, "path")
    certificate = Path(str(where["path"]))
    assert certificate.read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert (tmp_path / "ca" / "ca-key.pem").stat().st_mode & 0o777 == 0o600
    facts, system, *_ = trust(tmp_path, "status")
    assert facts["path"] == str(certificate)
    assert system == {"place": "system", "state": "not trusted"}
    assert trust(tmp_path, "install", "--dry-run")[0]["state"] == "would install"
    assert not installed.exists()
    assert trust(tmp_path, "install")[0]["state"] == "installed"
    assert installed.read_text() == certificate.read_text()
    assert trust(tmp_path, "status")[1]["state"] == "trusted"
    assert trust(tmp_path, "install")[0]["state"] == "trusted"
    assert trust(tmp_path, "remove", "--dry-run")[0]["state"] == "would remove"
    assert trust(tmp_path, "remove")[0]["state"] == "removed"
    assert not installed.exists()
    assert trust(tmp_path, "remove")[0]["state"] == "not trusted"


def test_trust_says_what_is_missing(tmp_path: Path) -> None:
    [failed, *_] = trust(tmp_path, "install", expect=1)
    assert failed["state"] == "failed"
    (tmp_path / "system").mkdir()
    (tmp_path / "system" / "trunkline-local-ca.crt").write_text("another")
    assert trust(tmp_path, "status")[1]["state"] == "outdated"


def test_a_key_that_others_can_read_is_closed(tmp_path: Path) -> None:
    trust(tmp_path, "path")
    key = tmp_path / "ca" / "ca-key.pem"
    key.chmod(0o644)
    trust(tmp_path, "path")
    assert key.stat().st_mode & 0o777 == 0o600


def test_expr(tmp_path: Path) -> None:
    context = tmp_path / "context.json"
    context.write_text('{"variables": {"n": 5.0, "who": "Ada"}}')
    at = ["--context", str(context)]
    assert run("expr", "@createArray(variables('n'), 1)", *at).stdout == "[5.0,1]\n"
    assert run("expr", "Hello @{variables('who')}", *at).stdout == "Hello Ada\n"
    assert run("--json", "expr", "@variables('who')", *at).stdout == '{"result":"Ada"}\n'
    failed = run("expr", "ü @{variables('x')}", *at, expect=1).stderr.splitlines()
    assert failed == ["trunkline: The variable 'x' is not initialized.", "  ü @{variables('x')}", "      ^"]
    failed_json = lines(run("--json", "expr", "@nope()", expect=1))[0]["error"]
    assert failed_json["code"] == "InvalidTemplate"  # type: ignore[index]
    assert "Cannot read the context" in run("expr", "@1", "--context", str(tmp_path / "none.json"), expect=1).stderr
    context.write_text('{"variables": ')
    assert "context.json: Not valid JSON at byte" in run("expr", "@1", *at, expect=1).stderr


def batch(requests: list[str], *args: str, expect: int = 0) -> list[dict[str, object]]:
    done = subprocess.run(
        [str(PROGRAM), "expr", "--batch", *args],
        input="\n".join(requests) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return lines(done)


def test_expr_batch() -> None:
    golden = Path(__file__).parents[1] / "workflow/golden-expressions.json"
    table = json.loads(golden.read_text())
    requests = [
        {"id": case["id"], "expression": case["expression"], "context": table["contexts"].get(case.get("context"))}
        for case in table["cases"]
    ]
    answers = batch([json.dumps(request) for request in requests])
    assert [answer["id"] for answer in answers] == [case["id"] for case in table["cases"]]
    for case, answer in zip(table["cases"], answers, strict=True):
        if "error" in case:
            assert answer["error"]["code"] == case["error"]["code"]  # type: ignore[index]
        else:
            assert answer.get("result", answer) == case["result"], case["id"]


def test_expr_batch_lines_that_are_no_requests(tmp_path: Path) -> None:
    contexts = tmp_path / "contexts.json"
    contexts.write_text('{"contexts": {"a": {"variables": {"n": 1}}}}')
    wrong = ["nope", "5", '{"id":1}', '{"id":2,"expression":"@1","context":"b"}', '{"id":3,"expression":"@1","context":5}']
    good = ['{"id":"x","expression":"@variables(\'n\')","context":"a"}', "", '{"expression":{"k":"@1"}}']
    answers = batch([*wrong, *good], "--context", str(contexts), expect=1)
    assert [answer["id"] for answer in answers] == [None, None, 1, 2, 3, "x", None]
    assert {answer["error"]["code"] for answer in answers[:5]} == {"InvalidRequestContent"}  # type: ignore[index]
    assert [answer["result"] for answer in answers[5:]] == [1, {"k": 1}]
