"""Calls on virtual phones: what applications are told, what phones notice, what is left after a restart."""

from __future__ import annotations

import io
import json
import math
import struct
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from receiver import Receiver
from server import Server

OURS = "+14255550100"
VERSION = "?api-version=2026-03-12"
CALLS = "/calling/callConnections"


class Phones:
    """An application and the people it calls, on a clock that stands still until it is moved."""

    def __init__(self, server: Server, application: Receiver) -> None:
        self.server = server
        self.application = application

    def ask(self, method: str, path: str, body: Any = None, expect: int | None = None) -> Any:
        target = path if path.startswith(("/_control", "/v1/")) else path + VERSION
        status, answer, _ = self.server.request(method, target, body)
        assert expect is None or status == expect, f"{method} {path} gave {status}: {answer}"
        return answer

    def refusal(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        status, answer, _ = self.server.request(method, path + VERSION, body)
        return status, answer["error"]["code"]

    def persona(self, number: str, **members: Any) -> None:
        self.ask("POST", "/_control/personas", {"match": number, **members}, 204)

    def advance(self, time: str) -> None:
        self.server.cli("clock", "advance", time)

    def call(self, number: str, **members: Any) -> str:
        request = {
            "targets": [phone(number)],
            "sourceCallerIdNumber": {"value": OURS},
            "callbackUri": self.application.url,
            **members,
        }
        return str(self.ask("POST", CALLS, request, 201)["callConnectionId"])

    def connected(self, number: str, **members: Any) -> str:
        connection = self.call(number, **members)
        self.advance("60ms")
        self.event("CallConnected", connection)
        return connection

    def events(self, connection: str) -> list[dict[str, Any]]:
        with self.application.lock:
            return [event for event in self.application.events if event["source"].endswith(connection)]

    def kinds(self, connection: str) -> list[str]:
        return [event["type"].removeprefix("Microsoft.Communication.") for event in self.events(connection)]

    def event(self, kind: str, connection: str = "") -> dict[str, Any]:
        wanted = "Microsoft.Communication." + kind
        found: list[dict[str, Any]] = []

        def look(events: list[dict[str, Any]]) -> bool:
            found[:] = [event["data"] for event in events if event["type"] == wanted and event["source"].endswith(connection)]
            return bool(found)

        assert self.application.wait(look), f"{kind} did not come; {self.kinds(connection)} did"
        return found[0]

    def phone_call(self, number: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", f"/_control/phone-calls?phone=%2B{number[1:]}")["items"][-1]
        return found


def phone(number: str) -> dict[str, Any]:
    return {"kind": "phoneNumber", "phoneNumber": {"value": number}}


def text(words: str) -> dict[str, Any]:
    return {"kind": "text", "text": {"text": words}}


@pytest.fixture
def phones() -> Iterator[Phones]:
    with Server("--clock", "virtual") as server, Receiver() as application:
        yield Phones(server, application)


def test_a_menu_in_virtual_time(phones: Phones) -> None:
    phones.persona("+14255550120", replies=[{"prompt": "press 1", "digits": "1", "after": "10ms", "barge_in": True}])
    connection = phones.connected("+14255550120", operationContext="first")
    phones.ask(
        "POST",
        f"{CALLS}/{connection}:recognize",
        {
            "recognizeInputType": "dtmf",
            "playPrompt": text("for sales press 1"),
            "operationContext": "menu",
            "recognizeOptions": {
                "targetParticipant": phone("+14255550120"),
                "interruptPrompt": True,
                "dtmfOptions": {"maxTonesToCollect": 1},
            },
        },
        202,
    )
    phones.advance("50ms")
    heard = phones.event("RecognizeCompleted", connection)
    assert heard["dtmfResult"]["tones"] == ["one"]
    assert heard["operationContext"] == "menu"
    assert phones.kinds(connection)[:2] == ["CallConnected", "ParticipantsUpdated"]
    assert phones.phone_call("+14255550120")["prompts"] == ["for sales press 1"]


def test_a_choice_is_spoken(phones: Phones) -> None:
    phones.persona("+14255550121", replies=[{"says": "well, the second one please"}])
    connection = phones.connected("+14255550121")
    phones.ask(
        "POST",
        f"{CALLS}/{connection}:recognize",
        {
            "recognizeInputType": "choices",
            "playPrompt": text("which one"),
            "recognizeOptions": {
                "targetParticipant": phone("+14255550121"),
                "choices": [{"label": "A", "phrases": ["first"]}, {"label": "B", "phrases": ["second one"]}],
            },
        },
        202,
    )
    phones.advance("5s")
    heard = phones.event("RecognizeCompleted", connection)
    assert heard["choiceResult"]["label"] == "B"
    assert heard["resultInformation"]["subCode"] == 8545


@pytest.mark.parametrize(
    ("number", "code", "cause"),
    [("+14255550186", 486, 17), ("+14255550187", 603, 21), ("+14255550188", 480, 19), ("+14255550189", 480, 20)],
)
def test_who_does_not_answer(phones: Phones, number: str, code: int, cause: int) -> None:
    connection = phones.call(number)
    phones.advance("40s")
    result = phones.event("CreateCallFailed", connection)["resultInformation"]
    assert (result["code"], result["q850Details"]["code"]) == (code, cause)
    phones.event("CallDisconnected", connection)
    assert phones.kinds(connection) == ["CreateCallFailed", "CallDisconnected"]
    assert phones.refusal("GET", f"{CALLS}/{connection}") == (404, "8522")


def test_a_line_that_breaks_ends_the_call(phones: Phones) -> None:
    phones.persona("+14255550122", drop_after="2s")
    connection = phones.connected("+14255550122")
    phones.advance("3s")
    assert phones.event("CallDisconnected", connection)["resultInformation"]["q850Details"]["code"] == 41
    assert phones.ask("GET", "/_control/calls")["items"] == []


def test_a_phone_calls_in_and_is_rung_out(phones: Phones) -> None:
    leg = phones.ask("POST", "/_control/phone-calls", {"from": "+14255550130", "to": OURS}, 202)["leg_id"]
    assert phones.phone_call("+14255550130")["state"] == "ringing"
    phones.advance("31s")
    ended = phones.phone_call("+14255550130")
    assert (ended["leg_id"], ended["state"], ended["cause"]) == (leg, "ended", 19)


def test_a_phone_calls_in_and_is_answered(phones: Phones) -> None:
    leg = phones.ask("POST", "/_control/phone-calls", {"from": "+14255550131", "to": OURS}, 202)["leg_id"]
    incoming = json.loads(
        phones.server.cli("wait", "event", "--type", "Microsoft.Communication.IncomingCall", "--after", "0", "--json").stdout
    )["data"]
    assert incoming["from"]["rawId"] == "4:+14255550131"
    answer = {"incomingCallContext": incoming["incomingCallContext"], "callbackUri": phones.application.url}
    connection = phones.ask("POST", f"{CALLS}:answer", answer, 200)["callConnectionId"]
    phones.event("CallConnected", connection)
    assert phones.refusal("POST", f"{CALLS}:answer", answer)[0] == 404
    phones.ask(
        "POST",
        f"{CALLS}/{connection}:sendDtmfTones",
        {"tones": ["four", "two"], "targetParticipant": phone("+14255550131")},
        202,
    )
    phones.advance("1s")
    phones.event("SendDtmfTonesCompleted", connection)
    assert phones.phone_call("+14255550131")["heard"] == "42"
    phones.ask("DELETE", f"/_control/phone-calls/{leg}", None, 204)
    phones.event("CallDisconnected", connection)


def level(samples: list[int], rate: int, frequency: float) -> float:
    """Goertzel: how loud one frequency is."""
    factor = 2 * math.cos(2 * math.pi * frequency / rate)
    before, last = 0.0, 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    return math.sqrt(last * last + before * before - factor * last * before) / max(len(samples), 1)


def test_a_recording_holds_what_was_pressed_and_said(phones: Phones) -> None:
    phones.persona("+14255550123", digits="5", digits_after="1s", says="hello there", says_after="2s")
    connection = phones.connected("+14255550123")
    call = phones.ask("GET", f"{CALLS}/{connection}")["serverCallId"]
    locator = {"kind": "serverCallLocator", "serverCallId": call}
    recording = phones.ask("POST", "/calling/recordings", {"callLocator": locator}, 200)["recordingId"]
    assert phones.refusal("POST", "/calling/recordings", {"callLocator": locator}) == (400, "8553")
    phones.advance("4s")
    phones.ask("DELETE", f"/calling/recordings/{recording}", None, 204)
    found = json.loads(
        phones.server.cli(
            "wait", "event", "--type", "Microsoft.Communication.RecordingFileStatusUpdated", "--after", "0", "--json"
        ).stdout
    )["data"]
    assert found["recordingDurationMs"] == 4000
    [chunk] = found["recordingStorageInfo"]["recordingChunks"]
    path = chunk["contentLocation"].removeprefix("https://storage.asm.skype.com")
    with wave.open(io.BytesIO(phones.ask("GET", path, None, 200))) as file:
        rate = file.getframerate()
        samples = list(struct.unpack(f"<{file.getnframes()}h", file.readframes(file.getnframes())))
    assert len(samples) == 4 * rate
    # It began 10 ms after the answer.
    pressed = samples[int(0.99 * rate) : int(1.07 * rate)]
    assert level(pressed, rate, 770) > 500
    assert level(pressed, rate, 1336) > 500
    assert max(samples[: int(0.9 * rate)]) == 0
    assert max(samples[int(2.0 * rate) : int(2.8 * rate)]) > 1000
    assert max(samples[int(3.0 * rate) :]) == 0


def test_refusals(phones: Phones) -> None:
    ringing = phones.call("+14255550188")
    play = {"playSources": [text("hello")]}
    assert phones.refusal("POST", f"{CALLS}/{ringing}:play", play) == (400, "8501")
    assert phones.refusal("POST", f"{CALLS}/nobody:play", play) == (404, "8522")
    connection = phones.connected("+14255550140")
    path = f"{CALLS}/{connection}"
    assert phones.refusal("POST", f"{path}:play", {"playSources": []}) == (400, "8523")
    assert phones.refusal("POST", f"{path}:play", {"playSources": [text("")]}) == (400, "8582")
    assert phones.refusal("POST", f"{path}:play", play | {"playTo": [phone("+14255550199")]}) == (400, "8558")
    to_one = play | {"playTo": [phone("+14255550140")]}
    phones.ask("POST", f"{path}:play", to_one, 202)
    assert phones.refusal("POST", f"{path}:play", to_one) == (412, "8583")
    assert phones.refusal("POST", f"{path}/participants:mute", {"targetParticipants": [phone("+14255550140")]}) == (400, "8523")
    assert phones.refusal("POST", f"{path}:startMediaStreaming", {}) == (400, "8581")
    wrong = {"targets": [phone("+14255550140")], "callbackUri": phones.application.url}
    assert phones.refusal("POST", CALLS, wrong) == (400, "8523")
    assert phones.refusal("POST", CALLS, wrong | {"sourceCallerIdNumber": {"value": "+14255559999"}}) == (403, "7507")
    teams = {"kind": "microsoftTeamsUser", "microsoftTeamsUser": {"userId": "u"}}
    assert phones.refusal("POST", CALLS, wrong | {"targets": [teams]}) == (400, "8523")


def test_calls_end_with_the_server(tmp_path: Path) -> None:
    config = {
        "store": {"mode": "file", "path": str(tmp_path / "data")},
        "listen": {"port": 0, "tls": "off"},
        "control": {"enabled": True},
        "providers": [{"name": "phones", "plugin": "pstn-sandbox"}],
        "resources": [{"name": "main", "numbers": [{"number": OURS, "calling": "both"}]}],
    }
    (tmp_path / "trunkline.yaml").write_text(json.dumps(config))
    start = ("--config", str(tmp_path / "trunkline.yaml"))
    with Receiver() as application:
        with Server(*start, command="serve") as server:
            phones = Phones(server, application)
            connection = phones.call("+14255550150", operationContext="mine")
            phones.event("CallConnected", connection)
            server.kill()
        with Server(*start, command="serve") as server:
            phones = Phones(server, application)
            ended = phones.event("CallDisconnected", connection)
            assert ended["resultInformation"]["code"] == 500
            assert ended["operationContext"] == "mine"
            assert phones.refusal("GET", f"{CALLS}/{connection}") == (404, "8522")
            server.cli("wait", "event", "--type", "Microsoft.Communication.CallEnded", "--after", "0")
