"""Texts that are spoken: on real SIP calls, and to simulated phones when the configuration says so."""

from __future__ import annotations

import audioop
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from media_socket import MediaSocket
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
        ({"kind": "text", "text": {"text": "guten Tag", "sourceLocale": "xx-XX"}}, "does not speak xx-xx"),
        ({"kind": "text", "text": {"text": "bonjour", "voiceName": "Denise"}}, "there is no voice"),
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


@contextmanager
def phones_with(folder: Path, **settings: str) -> Iterator[Phones]:
    config = {
        "calls": settings,
        "runtime": {"clock": "virtual"},
        "listen": {"port": 0, "tls": "off"},
        "control": {"enabled": True},
        "providers": [{"name": "phones", "plugin": "pstn-sandbox"}],
        "resources": [{"name": "main", "numbers": [{"number": OURS, "calling": "both"}]}],
    }
    (folder / "trunkline.yaml").write_text(json.dumps(config))
    start = ("--config", str(folder / "trunkline.yaml"))
    with Server(*start, command="serve") as server, Receiver() as application:
        yield Phones(server, application)


@pytest.fixture
def spoken_phones(tmp_path: Path) -> Iterator[Phones]:
    with phones_with(tmp_path, speech="flite") as phones:
        yield phones


def spoken(calls: Phones, number: str, source: dict[str, Any] | None = None) -> bytes:
    """The recording of a prompt in virtual time."""
    source = source or text("for sales press one")
    connection = calls.connected(number)
    recording_id = record(calls, calls.event("CallConnected", connection)["serverCallId"])
    play(calls, connection, source)
    calls.event("PlayStarted", connection)
    calls.advance("10s")
    calls.event("PlayCompleted", connection)
    calls.ask("DELETE", f"/calling/recordings/{recording_id}", expect=204)
    calls.advance("1s")
    return recording(Line(calls.server, calls.application, 0), recording_id)


def test_simulated_phones_hear_a_voice_when_asked(spoken_phones: Phones) -> None:
    samples = spoken(spoken_phones, "+14255550161")
    assert spoken_phones.phone_call("+14255550161")["prompts"] == ["for sales press one"]
    length, _ = sounding(samples, 16000)
    assert 0.9 < length < 2.5
    assert not is_one_tone(samples, 16000)


def test_simulated_phones_hear_tones_without_being_asked() -> None:
    with Server("--clock", "virtual") as server, Receiver() as application:
        samples = spoken(Phones(server, application), "+14255550162")
    length, _ = sounding(samples, 16000)
    assert length == pytest.approx(1.54, abs=0.05), "400 ms a word, of which the last 60 are silent"
    assert is_one_tone(samples, 16000)


GERMAN = {"text": "Guten Tag. Wir verbinden Sie mit einem Mitarbeiter.", "sourceLocale": "de-DE"}


@pytest.mark.parametrize(
    "source",
    [
        {"kind": "text", "text": GERMAN},
        {"kind": "text", "text": {"text": GERMAN["text"], "voiceName": "de-DE-ConradNeural"}},
        ssml(f"<speak version='1.0' xml:lang='de-DE'>{GERMAN['text']}</speak>"),
        ssml(f"<speak version='1.0' xml:lang='en-US'><voice name='de-DE-KatjaNeural'>{GERMAN['text']}</voice></speak>"),
    ],
)
def test_german_is_spoken(spoken_phones: Phones, source: dict[str, Any]) -> None:
    samples = spoken(spoken_phones, "+14255550163", source)
    length, longest_silence = sounding(samples, 16000)
    assert 2.0 < length < 5.5
    assert longest_silence < 1
    assert not is_one_tone(samples, 16000)


@pytest.mark.parametrize(
    ("script", "code", "why"),
    [
        (None, 500, "Debian: espeak-ng"),
        ("cat >/dev/null; kill -SEGV $$", 500, "ended by signal 11"),
        ("exec cat /dev/zero", 429, "more than it may"),
        ("exit 1", 400, "does not speak de-de"),
        ("sleep 60", 500, "longer than it may"),
    ],
)
def test_a_helper_that_fails_is_a_play_that_failed(tmp_path: Path, script: str | None, code: int, why: str) -> None:
    helper = tmp_path / "helper"
    if script:
        helper.write_text(f"#!/bin/sh\n{script}\n")
        helper.chmod(0o700)
    with phones_with(tmp_path, speech="flite", espeak=str(helper)) as calls:
        connection = calls.connected("+14255550164")
        play(calls, connection, {"kind": "text", "text": GERMAN})
        result = calls.event("PlayFailed", connection)["resultInformation"]
        assert (result["code"], result["subCode"]) == (code, 8565)
        assert why in result["message"]
        # English is spoken as before.
        play(calls, connection, text("hello"))
        calls.event("PlayStarted", connection)


def test_oversize_ssml_in_another_language_is_refused(spoken_phones: Phones) -> None:
    connection = spoken_phones.connected("+14255550165")
    play(spoken_phones, connection, ssml("<speak xml:lang='de-DE'>" + "hallo<break/>" * 1001 + "</speak>"))
    result = spoken_phones.event("PlayFailed", connection)["resultInformation"]
    assert (result["code"], result["subCode"]) == (400, 8565)


MENU = [
    {"label": "Sales", "phrases": ["sales", "I want to buy"], "tone": "one"},
    {"label": "Support", "phrases": ["support"], "tone": "two"},
    {"label": "Hours", "phrases": ["opening hours"]},
]


def recognize(calls: Phones, connection: str, number: str, **members: Any) -> None:
    options = {"targetParticipant": {"kind": "phoneNumber", "phoneNumber": {"value": number}}, "interruptPrompt": True}
    options |= members.pop("options", {})
    body = {"recognizeInputType": "choices", "playPrompt": text("sales, support or opening hours"), **members}
    calls.ask("POST", f"{CALLS}/{connection}:recognize", {**body, "recognizeOptions": options}, 202)


@pytest.fixture
def hearing_phones(tmp_path: Path) -> Iterator[Phones]:
    with phones_with(tmp_path, recognition="pocketsphinx") as phones:
        yield phones


@pytest.mark.parametrize(("said", "label"), [("Sales", "Sales"), ("support", "Support"), ("opening hours", "Hours")])
def test_a_choice_by_voice(hearing_phones: Phones, said: str, label: str) -> None:
    calls = hearing_phones
    calls.persona("+14255550170", replies=[{"prompt": "sales", "says": said, "after": "300ms"}])
    connection = calls.connected("+14255550170")
    recognize(calls, connection, "+14255550170", options={"choices": MENU})
    calls.advance("8s")
    heard = calls.event("RecognizeCompleted", connection)
    assert heard["recognitionType"] == "choices"
    assert heard["choiceResult"]["label"] == label
    assert heard["choiceResult"]["recognizedPhrase"].lower() == said.lower()
    assert 0.5 <= heard["choiceResult"]["confidence"] <= 1
    assert (heard["resultInformation"]["code"], heard["resultInformation"]["subCode"]) == (200, 8545)


def test_a_wrong_word_is_no_choice(hearing_phones: Phones) -> None:
    calls = hearing_phones
    calls.persona("+14255550171", replies=[{"prompt": "sales", "says": "weather forecast"}])
    connection = calls.connected("+14255550171")
    recognize(calls, connection, "+14255550171", options={"choices": MENU})
    calls.advance("8s")
    failed = calls.event("RecognizeFailed", connection)["resultInformation"]
    assert (failed["code"], failed["subCode"]) == (400, 8547)


def test_silence_is_no_choice_and_a_key_is_one(hearing_phones: Phones) -> None:
    calls = hearing_phones
    connection = calls.connected("+14255550172")
    recognize(calls, connection, "+14255550172", options={"choices": MENU, "initialSilenceTimeoutInSeconds": 3})
    calls.advance("4900ms")  # the prompt takes 2 s
    assert "RecognizeFailed" not in calls.kinds(connection)
    calls.advance("200ms")
    failed = calls.event("RecognizeFailed", connection)["resultInformation"]
    assert (failed["code"], failed["subCode"]) == (400, 8510)
    calls.persona("+14255550173", replies=[{"prompt": "sales", "digits": "2"}])
    connection = calls.connected("+14255550173")
    recognize(calls, connection, "+14255550173", options={"choices": MENU})
    calls.advance("4s")
    heard = calls.event("RecognizeCompleted", connection)
    assert heard["choiceResult"] == {"label": "Support"}
    assert heard["resultInformation"]["subCode"] == 8533


def test_whoever_speaks_interrupts_the_prompt(hearing_phones: Phones) -> None:
    calls = hearing_phones
    calls.persona("+14255550174", replies=[{"prompt": "sales", "says": "support", "after": "100ms", "barge_in": True}])
    connection = calls.connected("+14255550174")
    prompt = text("sales, support or " + "and so on " * 20)
    recognize(calls, connection, "+14255550174", playPrompt=prompt, options={"choices": MENU})
    calls.advance("3s")  # the prompt would take 25
    assert calls.event("RecognizeCompleted", connection)["choiceResult"]["label"] == "Support"


def test_free_speech(hearing_phones: Phones) -> None:
    calls = hearing_phones
    calls.persona("+14255550175", replies=[{"prompt": "what", "says": "what time is it"}])
    connection = calls.connected("+14255550175")
    options = {"speechOptions": {"endSilenceTimeoutInMs": 800}}
    recognize(
        calls, connection, "+14255550175", recognizeInputType="speech", playPrompt=text("what do you want"), options=options
    )
    calls.advance("8s")
    heard = calls.event("RecognizeCompleted", connection)
    assert heard["recognitionType"] == "speech"
    assert "time is" in heard["speechResult"]["speech"]
    assert heard["resultInformation"]["subCode"] == 8569


def test_another_language_is_not_understood(hearing_phones: Phones) -> None:
    connection = hearing_phones.connected("+14255550176")
    recognize(hearing_phones, connection, "+14255550176", options={"choices": MENU, "speechLanguage": "de-DE"})
    failed = hearing_phones.event("RecognizeFailed", connection)["resultInformation"]
    assert (failed["code"], failed["subCode"]) == (400, 8565)
    assert "de-DE" in failed["message"]


def transcription(socket: MediaSocket) -> dict[str, Any]:
    return {"transportType": "websocket", "transportUrl": socket.url, "locale": "en-US", "startTranscription": True}


def test_what_simulated_phones_say_is_written_down_as_it_is_told(tmp_path: Path) -> None:
    with phones_with(tmp_path) as phones, MediaSocket() as socket:
        phones.persona("+14255550180", says="What time is it?", says_after="1s")
        connection = phones.connected("+14255550180", transcriptionOptions=transcription(socket))
        phones.event("TranscriptionStarted", connection)
        phones.advance("4s")
        assert socket.wait(lambda: socket.written)
        [said] = socket.written
        assert (said["text"], said["resultStatus"], said["format"]) == ("What time is it?", "Final", "display")
        assert said["participantRawID"] == "4:+14255550180"
        assert [word["text"] for word in said["words"]] == ["What", "time", "is", "it?"]
        assert {word["duration"] for word in said["words"]} == {said["duration"] // 4}


def test_what_simulated_phones_say_with_a_voice_is_written_down_as_it_is_understood(hearing_phones: Phones) -> None:
    calls = hearing_phones
    calls.persona("+14255550181", says="what time is it", says_after="2s")
    with MediaSocket() as socket:
        connection = calls.connected("+14255550181", transcriptionOptions=transcription(socket))
        calls.event("TranscriptionStarted", connection)
        calls.advance("8s")
        assert socket.wait(lambda: socket.written)
        [said] = socket.written
        assert "time is" in said["text"]
        assert 15_000_000 < said["offset"] < 25_000_000, "two seconds after the answer"
        assert 0 < said["confidence"] <= 1


def test_without_a_model_it_says_what_to_install_and_keys_go_on(tmp_path: Path) -> None:
    with phones_with(tmp_path, recognition="pocketsphinx", recognition_model=str(tmp_path / "en-us")) as calls:
        connection = calls.connected("+14255550177")
        recognize(calls, connection, "+14255550177", options={"choices": MENU[2:]})
        failed = calls.event("RecognizeFailed", connection)["resultInformation"]
        assert (failed["code"], failed["subCode"]) == (500, 8565)
        assert "pocketsphinx-en-us" in failed["message"]
        calls.persona("+14255550178", replies=[{"prompt": "sales", "digits": "1"}])
        connection = calls.connected("+14255550178")
        recognize(calls, connection, "+14255550178", options={"choices": MENU})
        calls.advance("4s")
        assert calls.event("RecognizeCompleted", connection)["choiceResult"]["label"] == "Sales"
