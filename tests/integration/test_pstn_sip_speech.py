"""What people say into phones behind a trunk: chosen from, understood, and written down for applications."""

from __future__ import annotations

import audioop
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from media_socket import MediaSocket
from phone import PATIENCE_SECONDS, Sipp, Sound
from sip_line import PHONE, Line, line, taken, trunk_at
from test_calls import CALLS, text
from test_speech import MENU, phones_with, recognize, spoken

RAW_ID = f"4:{PHONE}"


def telephone(wide: bytes) -> bytes:
    """From 16 to 8 kHz without what would fold over, and without the silence at both ends."""
    samples = struct.unpack(f"<{len(wide) // 2}h", wide)
    loud = [at for at, sample in enumerate(samples) if abs(sample) > 20]
    samples = samples[max(loud[0] - 8, 0) : loud[-1] + 8]
    count = 31
    taps = [
        (0.5 if at == count // 2 else math.sin(math.pi * (at - count // 2) / 2) / (math.pi * (at - count // 2)))
        * (0.54 - 0.46 * math.cos(2 * math.pi * at / (count - 1)))
        for at in range(count)
    ]
    padded = (0,) * (count // 2) + samples + (0,) * count
    narrow = [int(sum(tap * padded[at + i] for i, tap in enumerate(taps))) for at in range(0, len(samples), 2)]
    return struct.pack(f"<{len(narrow)}h", *(max(-32768, min(32767, sample)) for sample in narrow))


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What is said in the tests, in the voice of a man as a telephone carries it: 8 kHz, a moment of silence before and after."""
    words = ["support", "opening hours", "weather forecast", "what time is it", "the weather is very good today in the city"]
    said: dict[str, bytes] = {}
    for one in words:
        source = {"kind": "text", "text": {"text": one, "voiceName": "rms"}}
        with phones_with(tmp_path_factory.mktemp("voices"), speech="flite") as phones:
            said[one] = bytes(4000) + telephone(spoken(phones, "+14255550160", source)) + bytes(8000)
    return said


@contextmanager
def talk(folder: Path, calls: dict[str, Any] | None = None, **members: Any) -> Iterator[tuple[Line, str, Sound]]:
    """A call to a phone, which is up."""
    with Sound() as sound, Sipp(*taken(sound)) as sipp, line(folder, trunk_at(sipp.port), calls=calls) as application:
        connection = application.call(PHONE, **members)
        application.event("CallConnected", connection)
        assert sound.wait(lambda: sound.to is not None)
        yield application, connection, sound
        if connection in str(application.ask("GET", "/_control/calls", expect=200)):
            application.hang_up(connection)
        assert sipp.succeeded()
        application.nothing_is_left()


def options(socket: MediaSocket, **members: Any) -> dict[str, Any]:
    return {"transportType": "websocket", "transportUrl": socket.url, "locale": "en-US", "startTranscription": True, **members}


@pytest.mark.parametrize(("said", "label"), [("support", "Support"), ("opening hours", "Hours")])
def test_a_choice_by_voice(tmp_path: Path, voices: dict[str, bytes], said: str, label: str) -> None:
    with talk(tmp_path) as (calls, connection, sound):
        recognize(calls, connection, PHONE, playPrompt=text("sales, support or " + "and so on " * 20), options={"choices": MENU})
        assert sound.wait(lambda: audioop.rms(sound.heard[-800:] or b"\0\0", 2) > 500), "the prompt"
        sound.say(voices[said])
        heard = calls.event("RecognizeCompleted", connection)
        assert heard["choiceResult"]["label"] == label
        assert heard["choiceResult"]["recognizedPhrase"] == said
        assert 0.5 <= heard["choiceResult"]["confidence"] <= 1
        assert (heard["resultInformation"]["code"], heard["resultInformation"]["subCode"]) == (200, 8545)


def test_what_is_no_choice_and_a_key_that_is_one(tmp_path: Path, voices: dict[str, bytes]) -> None:
    with talk(tmp_path) as (calls, connection, sound):
        recognize(calls, connection, PHONE, playPrompt=None, options={"choices": MENU})
        sound.say(voices["weather forecast"])
        failed = calls.event("RecognizeFailed", connection)["resultInformation"]
        assert (failed["code"], failed["subCode"]) == (400, 8547)
        recognize(calls, connection, PHONE, playPrompt=None, options={"choices": MENU})
        sound.press("2")
        heard = calls.event("RecognizeCompleted", connection)
        assert heard["choiceResult"] == {"label": "Support"}
        assert heard["resultInformation"]["subCode"] == 8533


def test_free_speech(tmp_path: Path, voices: dict[str, bytes]) -> None:
    with talk(tmp_path) as (calls, connection, sound):
        speech = {"speechOptions": {"endSilenceTimeoutInMs": 600}}
        recognize(calls, connection, PHONE, recognizeInputType="speech", playPrompt=None, options=speech)
        sound.say(voices["what time is it"])
        heard = calls.event("RecognizeCompleted", connection)
        assert "time is it" in heard["speechResult"]["speech"]
        assert heard["resultInformation"]["subCode"] == 8569


def test_nobody_speaks(tmp_path: Path) -> None:
    with talk(tmp_path) as (calls, connection, _):
        recognize(calls, connection, PHONE, playPrompt=None, options={"choices": MENU, "initialSilenceTimeoutInSeconds": 1})
        failed = calls.event("RecognizeFailed", connection)["resultInformation"]
        assert (failed["code"], failed["subCode"]) == (400, 8510)


def test_what_a_phone_says_is_written_down(tmp_path: Path, voices: dict[str, bytes]) -> None:
    sentence = "the weather is very good today in the city"
    with (
        MediaSocket() as socket,
        talk(tmp_path, transcriptionOptions=options(socket, enableIntermediateResults=True)) as (calls, connection, sound),
    ):
        calls.event("TranscriptionStarted", connection)
        assert socket.wait(lambda: socket.metadata.get("locale") == "en-US")
        assert socket.metadata["callConnectionId"] == connection
        sound.say(voices[sentence])
        assert socket.wait(lambda: len(socket.texts()) == 1), socket.written
        sound.say(voices["what time is it"])
        assert socket.wait(lambda: len(socket.texts()) == 2), socket.written
        first, second = socket.texts()
        assert {"good", "today", "city"} <= set(first.split())
        assert "time is it" in second
        # While it went on there were intermediate results, each of which came before its end.
        assert socket.written[0]["resultStatus"] == "Intermediate"
        assert socket.written[0]["text"].split()[0] in first.split()
        said = [one for one in socket.written if one["resultStatus"] == "Final"]
        for one, length in zip(said, (len(voices[sentence]), len(voices["what time is it"])), strict=True):
            assert one["participantRawID"] == RAW_ID
            assert 0 < one["confidence"] <= 1
            assert " ".join(word["text"] for word in one["words"]) == one["text"]
            offsets = [word["offset"] for word in one["words"]]
            assert offsets == sorted(offsets)
            assert offsets[0] == one["offset"] > 0
            assert one["words"][-1]["offset"] + one["words"][-1]["duration"] == one["offset"] + one["duration"]
            seconds = one["duration"] / 10_000_000
            assert seconds == pytest.approx((length - 12000) / 16000, abs=0.4), "how long it took to say"
        assert said[0]["offset"] + said[0]["duration"] < said[1]["offset"]
        # What was not yet over when the call ended is told, too.
        sound.say(voices["support"][:-8000])
        assert sound.wait(lambda: not sound._say)
        calls.hang_up(connection)
        calls.event("CallDisconnected", connection)
        assert socket.wait(lambda: socket.closed)
        assert len(socket.texts()) == 3
        assert calls.kinds(connection)[-2:] == ["TranscriptionStopped", "CallDisconnected"]


def test_transcription_is_started_changed_and_stopped(tmp_path: Path, voices: dict[str, bytes]) -> None:
    with (
        MediaSocket() as socket,
        talk(tmp_path, transcriptionOptions=options(socket, startTranscription=False)) as (calls, connection, sound),
    ):
        calls.ask("POST", f"{CALLS}/{connection}:startTranscription", {"locale": "en-GB"}, 202)
        calls.event("TranscriptionStarted", connection)
        status, code = calls.refusal("POST", f"{CALLS}/{connection}:updateTranscription", {"locale": "de-DE"})
        assert (status, code) == (400, "8578")
        calls.ask("POST", f"{CALLS}/{connection}:updateTranscription", {"locale": "en-US"}, 202)
        updated = calls.event("TranscriptionUpdated", connection)
        assert updated["transcriptionUpdate"]["transcriptionStatusDetails"] == "transcriptionLocaleUpdated"
        sound.say(voices["what time is it"])
        assert socket.wait(lambda: socket.texts())
        assert socket.texts("Intermediate") == [], "nobody asked for them"
        calls.ask("POST", f"{CALLS}/{connection}:stopTranscription", {}, 202)
        calls.event("TranscriptionStopped", connection)
        assert socket.wait(lambda: socket.closed)


@pytest.mark.parametrize(
    ("calls_section", "locale", "code", "details", "why"),
    [
        ({"recognition_model": "/nowhere/en-us"}, "en-US", 500, "speechServicesConnectionError", "pocketsphinx-en-us"),
        ({"recognition": "words"}, "en-US", 500, "speechServicesConnectionError", "calls.recognition"),
        ({}, "de-DE", 400, "badRequest", "de-DE"),
    ],
)
def test_what_cannot_be_written_down_says_so(
    tmp_path: Path, calls_section: dict[str, Any], locale: str, code: int, details: str, why: str
) -> None:
    with (
        MediaSocket() as socket,
        talk(tmp_path, calls=calls_section, transcriptionOptions=options(socket, locale=locale)) as (calls, connection, _),
    ):
        failed = calls.event("TranscriptionFailed", connection)
        assert (failed["resultInformation"]["code"], failed["resultInformation"]["subCode"]) == (code, 8578)
        assert why in failed["resultInformation"]["message"]
        assert failed["transcriptionUpdate"] == {
            "transcriptionStatus": "transcriptionFailed",
            "transcriptionStatusDetails": details,
        }
        assert socket.wait(lambda: socket.closed), "within " + str(PATIENCE_SECONDS)
        state = calls.ask("GET", f"{CALLS}/{connection}", expect=200)["transcriptionSubscription"]["state"]
        assert state == "inactive"
