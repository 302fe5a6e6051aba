"""Texts that are spoken: on real SIP calls, and to simulated phones when the configuration says so."""

from __future__ import annotations

import audioop
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from phone import Sipp, Sound, strength
from receiver import Receiver
from server import Server
from sip_line import PHONE, Line, line, recording, taken, trunk_at
from test_calls import CALLS, OURS, Phones, text

SSML = "<speak version='1.0' xml:lang='en-US'>Press one.<break time='1s'/>Press two.</speak>"


def ssml(document: str) -> dict[str, Any]:
    return {"kind": "ssml", "ssml": {"ssmlText": document}}


def play(calls: Phones, connection: str, *sources: dict[str, Any]) -> None:
    calls.ask("POST", f"{CALLS}/{connection}:play", {"playSources": list(sources)}, 202)


def record(calls: Phones, server_call_id: str) -> str:
    locator = {"serverCallId": server_call_id, "kind": "serverCallLocator"}
    return str(calls.ask("POST", "/calling/recordings", {"callLocator": locator}, 200)["recordingId"])


def sounding(samples: bytes, rate: int) -> tuple[float, float]:
    """From the first sound to the last, and the longest silence in between, in seconds."""
    size = rate // 50 * 2
    loud = [at for at in range(0, len(samples) - size, size) if audioop.rms(samples[at : at + size], 2) > 150]
    assert loud, "there is no sound"
    gaps = [after - before - size for before, after in itertools.pairwise(loud)]
    return (loud[-1] - loud[0]) / (2 * rate), max(gaps) / (2 * rate)


def is_one_tone(samples: bytes, rate: int) -> bool:
    """Whether most of what is loud is a single frequency, as words are that are played as tones."""
    size = rate // 25 * 2
    pieces = [samples[at : at + size] for at in range(0, len(samples) - size, size)]
    loud = [piece for piece in pieces if audioop.rms(piece, 2) > 300]
    pure = [piece for piece in loud if any(strength(piece, hz, rate) > 0.9 for hz in range(200, 800, 10))]
    return len(pure) > len(loud) / 2


def test_what_is_spoken_on_a_trunk_is_heard_and_recorded(tmp_path: Path) -> None:
    with Sound() as sound, Sipp(*taken(sound)) as sipp, line(tmp_path, trunk_at(sipp.port)) as calls:
        connection = calls.call(PHONE)
        connected = calls.event("CallConnected", connection)
        recording_id = record(calls, connected["serverCallId"])
        play(calls, connection, ssml(SSML))
        calls.event("PlayCompleted", connection)
        calls.ask("DELETE", f"/calling/recordings/{recording_id}", expect=204)
        calls.hang_up(connection)
        assert sipp.succeeded()
        for samples, rate in ((recording(calls, recording_id), 16000), (sound.heard, 8000)):
            length, longest_silence = sounding(samples, rate)
            assert 1.8 < length < 4.5, "two times two words, and a second between them"
            assert 0.9 < longest_silence < 2
            assert not is_one_tone(samples, rate)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ({"kind": "text", "text": {"text": "guten Tag", "sourceLocale": "de-DE"}}, "English only"),
        ({"kind": "text", "text": {"text": "bonjour", "voiceName": "fr-FR-DeniseNeural"}}, "English only"),
        (ssml("<speak>one<break time='soon'/></speak>"), "found 'soon'"),
        (ssml("<speak>one"), "no well-formed XML"),
    ],
)
def test_what_cannot_be_spoken(spoken_phones: Phones, source: dict[str, Any], why: str) -> None:
    connection = spoken_phones.connected("+14255550160")
    play(spoken_phones, connection, text("hello"), source)
    failed = spoken_phones.event("PlayFailed", connection)
    assert (failed["resultInformation"]["code"], failed["resultInformation"]["subCode"]) == (400, 8565)
    assert why in failed["resultInformation"]["message"]
    assert failed["failedPlaySourceIndex"] == 1


@pytest.fixture
def spoken_phones(tmp_path: Path) -> Iterator[Phones]:
    config = {
        "calls": {"speech": "flite"},
        "runtime": {"clock": "virtual"},
        "listen": {"port": 0, "tls": "off"},
        "control": {"enabled": True},
        "providers": [{"name": "phones", "plugin": "pstn-sandbox"}],
        "resources": [{"name": "main", "numbers": [{"number": OURS, "calling": "both"}]}],
    }
    (tmp_path / "trunkline.yaml").write_text(json.dumps(config))
    start = ("--config", str(tmp_path / "trunkline.yaml"))
    with Server(*start, command="serve") as server, Receiver() as application:
        yield Phones(server, application)


def spoken(calls: Phones, number: str) -> bytes:
    """The recording of a prompt in virtual time."""
    connection = calls.connected(number)
    recording_id = record(calls, calls.event("CallConnected", connection)["serverCallId"])
    play(calls, connection, text("for sales press one"))
    calls.event("PlayStarted", connection)
    calls.advance("10s")
    calls.event("PlayCompleted", connection)
    assert calls.phone_call(number)["prompts"] == ["for sales press one"]
    calls.ask("DELETE", f"/calling/recordings/{recording_id}", expect=204)
    calls.advance("1s")
    return recording(Line(calls.server, calls.application, 0), recording_id)


def test_simulated_phones_hear_a_voice_when_asked(spoken_phones: Phones) -> None:
    samples = spoken(spoken_phones, "+14255550161")
    length, _ = sounding(samples, 16000)
    assert 0.9 < length < 2.5
    assert not is_one_tone(samples, 16000)


def test_simulated_phones_hear_tones_without_being_asked() -> None:
    with Server("--clock", "virtual") as server, Receiver() as application:
        samples = spoken(Phones(server, application), "+14255550162")
    length, _ = sounding(samples, 16000)
    assert length == pytest.approx(1.54, abs=0.05), "400 ms a word, of which the last 60 are silent"
    assert is_one_tone(samples, 16000)
