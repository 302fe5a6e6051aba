"""Recordings are files that grow while they last: what a crash, a full place and a dropped resource leave of them."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from patience import eventually
from phone import Sipp, Sound, free_port, loudest, tone
from receiver import Receiver
from server import Server
from sip_line import PHONE, Line, configuration, line, recording, served, taken, trunk_at, wav
from test_calls import CALLS, Phones, level

STATUS = "Microsoft.Communication.RecordingFileStatusUpdated"


def files(folder: Path) -> list[Path]:
    return sorted((folder / "data" / "data.db.files" / "recordings").glob("*"))


def grown(folder: Path, seconds: float) -> bool:
    """Until a file has this much sound of one channel."""
    return eventually(lambda: any(file.stat().st_size > 44 + seconds * 32000 for file in files(folder)))


def start_recording(calls: Phones, connection: str, **members: Any) -> str:
    server_call_id = calls.event("CallConnected", connection)["serverCallId"]
    locator = {"kind": "serverCallLocator", "serverCallId": server_call_id}
    body = {"callLocator": locator, "recordingStateCallbackUri": calls.application.url, **members}
    return str(calls.ask("POST", "/calling/recordings", body, 200)["recordingId"])


def status_of(calls: Phones) -> dict[str, Any]:
    done = calls.server.cli("wait", "event", "--type", STATUS, "--after", "0", "--json")
    return dict(json.loads(done.stdout.splitlines()[-1])["data"])


@pytest.mark.parametrize("channels", ["mixed", "unmixed"])
def test_what_was_recorded_outlives_the_process(tmp_path: Path, channels: str) -> None:
    sip_port = free_port()
    with Sound() as sound, Sipp(*taken(sound)) as sipp, Receiver() as application:
        start = configuration(tmp_path, sip_port, trunk_at(sipp.port))
        with Server(*start, command="serve") as server:
            calls = Line(server, application, sip_port)
            connection = calls.call(PHONE)
            recording_id = start_recording(calls, connection, recordingChannelType=channels)
            sound.say(tone(600, 20.0))
            assert grown(tmp_path, 1.0)
            server.kill()
        application.events.clear()
        with Server(*start, command="serve") as server:
            calls = Line(server, application, sip_port)
            recorded = recording(calls, recording_id)
            assert loudest(recorded, 16000, [600]) == {600}
            told = status_of(calls)
            assert told["sessionEndReason"] == "ServerRestarted"
            assert told["recordingDurationMs"] == len(recorded) // 32
            state = calls.event("RecordingStateChanged", recording_id)
            assert (state["state"], state["resultInformation"]["code"]) == ("inactive", 500)
            [file] = files(tmp_path)
            document = told["recordingStorageInfo"]["recordingChunks"][0]["documentId"]
            assert file.name == document + ".wav"
            status, _, _ = server.request("DELETE", f"/v1/objects/{document}")
            assert status == 200
            assert calls.ask("GET", f"/v1/objects/{document}/content/audio", expect=404)["error"]["code"] == "8522"


def test_a_recording_with_no_place_says_so(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "data.db.files").write_text("not a folder")
    with Sound() as sound, Sipp(*taken(sound)) as sipp, Receiver() as application:
        sip_port = free_port()
        with Server(*configuration(tmp_path, sip_port, trunk_at(sipp.port)), command="serve") as server:
            calls = Line(server, application, sip_port)
            connection = calls.call(PHONE)
            recording_id = start_recording(calls, connection)
            told = status_of(calls)
            assert told["recordingStorageInfo"]["recordingChunks"] == []
            assert told["sessionEndReason"] == "StorageFailure"

            def failed(events: list[dict[str, Any]]) -> bool:
                return any(
                    one["source"].endswith(recording_id) and one["data"]["resultInformation"]["code"] == 500 for one in events
                )

            assert application.wait(failed)
            # The call goes on, and may be recorded again once there is a place.
            (tmp_path / "data" / "data.db.files").unlink()
            again = start_recording(calls, connection)
            sound.say(tone(900, 5.0))
            assert grown(tmp_path, 1.0)
            calls.ask("DELETE", f"/calling/recordings/{again}", expect=204)
            calls.hang_up(connection)
            assert sipp.succeeded()


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[None]:
    """A file system of its own, where this process may mount one."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a file system can be mounted by root only")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_disk_with_little_space_ends_a_recording_and_keeps_what_there_is(tmp_path: Path) -> None:
    sip_port = free_port()
    with (
        small_disk(tmp_path / "data", 400),
        Sound() as sound,
        Sipp(*taken(sound)) as sipp,
        Receiver() as application,
        Server(*configuration(tmp_path, sip_port, trunk_at(sipp.port)), command="serve") as server,
    ):
        calls = Line(server, application, sip_port)
        connection = calls.call(PHONE)
        recording_id = start_recording(calls, connection)
        sound.say(tone(600, 60.0))
        assert grown(tmp_path, 4.0)
        filler = tmp_path / "data" / "filler"
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, 200 << 20)
        told = status_of(calls)
        assert told["sessionEndReason"] == "StorageFailure"
        [chunk] = told["recordingStorageInfo"]["recordingChunks"]
        assert chunk["endReason"] == "StorageFailure"
        assert told["recordingDurationMs"] >= 1000
        assert loudest(recording(calls, recording_id), 16000, [600]) == {600}
        state = [event["data"] for event in calls.events(recording_id)][-1]
        assert (state["state"], state["resultInformation"]["code"]) == ("inactive", 500)
        # The call goes on, and may be recorded again once there is space.
        filler.unlink()
        again = start_recording(calls, connection)
        calls.ask("DELETE", f"/calling/recordings/{again}", expect=204)
        calls.hang_up(connection)
        assert sipp.succeeded()


def test_ranges_are_read_from_the_file(tmp_path: Path) -> None:
    with Server("--clock", "virtual") as server, Receiver() as application:
        calls = Phones(server, application)
        connection = calls.connected("+14255550121")
        recording_id = start_recording(calls, connection, recordingChannelType="unmixed")
        calls.advance("2s")
        calls.ask("DELETE", f"/calling/recordings/{recording_id}", expect=204)
        document = status_of(calls)["recordingStorageInfo"]["recordingChunks"][0]["documentId"]
        target = f"/v1/objects/{document}/content/audio"
        _, whole, _ = server.request("GET", target)
        with wave.open(io.BytesIO(whole)) as file:
            assert (file.getnchannels(), file.getnframes()) == (1, 32000)
        for wanted, part in (("bytes=8-11", whole[8:12]), ("bytes=-10", whole[-10:]), ("bytes=64000-", whole[64000:])):
            headers = {**server.headers("GET", target), "Range": wanted}
            status, got, fields = server.request("GET", target, headers=headers)
            assert (status, got) == (206, part)
            assert fields["content-range"].endswith(f"/{len(whole)}")


def mp3_of(calls: Phones, recording_id: str) -> tuple[bytes, dict[str, Any]]:
    """The file of a recording that has ended, and what was said of it."""
    calls.ask("DELETE", f"/calling/recordings/{recording_id}", expect=204)
    told = status_of(calls)
    document = told["recordingStorageInfo"]["recordingChunks"][0]["documentId"]
    status, whole, fields = calls.server.request("GET", f"/v1/objects/{document}/content/audio")
    assert (status, fields["content-type"]) == (200, "audio/mpeg")
    return whole, told


def test_mp3_is_recorded_and_played() -> None:
    with Server("--clock", "virtual") as server, Receiver() as application:
        calls = Phones(server, application)
        calls.persona("+14255550125", digits="5", digits_after="1s")
        connection = calls.connected("+14255550125")
        recording_id = start_recording(calls, connection, recordingFormatType="mp3")
        calls.advance("3s")
        whole, told = mp3_of(calls, recording_id)
        assert (told["recordingFormatType"], told["recordingChannelType"], told["recordingDurationMs"]) == ("Mp3", "Mixed", 3000)
        assert whole[:2] == b"\xff\xf3"
        assert len(whole) == pytest.approx(3 * 6000, rel=0.1), "48 kbit/s"
        document = told["recordingStorageInfo"]["recordingChunks"][0]["documentId"]
        metadata = calls.ask("GET", f"/v1/objects/{document}/content/acsmetadata", expect=200)
        assert (metadata["chunkDuration"], metadata["audioConfiguration"]["bitRate"]) == (3000, 48000)
        target = f"/v1/objects/{document}/content/audio"
        headers = {**server.headers("GET", target), "Range": "bytes=216-431"}
        status, part, _ = server.request("GET", target, headers=headers)
        assert (status, part) == (206, whole[216:432])

    # What was recorded is played to somebody else, and recorded as WAV.
    with Server("--clock", "virtual") as server, Receiver() as application:
        calls = Phones(server, application)
        other = calls.connected("+14255550126")
        again = start_recording(calls, other)
        with served(whole, "recorded.mp3") as url:
            source = {"kind": "file", "file": {"uri": url}}
            calls.ask("POST", f"{CALLS}/{other}:play", {"playSources": [source]}, 202)
            calls.event("PlayStarted", other)
        calls.advance("2900ms")
        assert "PlayCompleted" not in calls.kinds(other)
        calls.advance("200ms")
        calls.event("PlayCompleted", other)
        calls.ask("DELETE", f"/calling/recordings/{again}", expect=204)
        calls.advance("1s")
        recorded = recording(Line(server, application, 0), again)
        samples = list(struct.unpack(f"<{len(recorded) // 2}h", recorded))
        # It was pressed 10 ms after the answer and a second; both recordings began 50 ms before.
        pressed = samples[int(1.0 * 16000) : int(1.05 * 16000)]
        assert level(pressed, 16000, 770) > 500
        assert level(pressed, 16000, 1336) > 500
        assert max(samples[: int(0.9 * 16000)]) < 50


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"recordingFormatType": "mp3", "recordingChannelType": "unmixed"}, "8557"),
        ({"recordingFormatType": "mp4"}, "8557"),
        ({"recordingFormatType": "mp3", "recordingContentType": "audioVideo"}, "8562"),
    ],
)
def test_what_cannot_be_recorded_is_refused(members: dict[str, Any], code: str) -> None:
    with Server("--clock", "virtual") as server, Receiver() as application:
        calls = Phones(server, application)
        connection = calls.connected("+14255550121")
        locator = {"kind": "serverCallLocator", "serverCallId": calls.event("CallConnected", connection)["serverCallId"]}
        assert calls.refusal("POST", "/calling/recordings", {"callLocator": locator, **members}) == (400, code)


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"ID3 and nothing more", "holds no sound"), (b"\xff\xfb\x90\x64" + b"x" * 200_000, "no frame for more than 64 KiB")],
)
def test_a_damaged_mp3_file_is_not_played(content: bytes, why: str) -> None:
    with Server("--clock", "virtual") as server, Receiver() as application, served(content, "bad.mp3") as url:
        calls = Phones(server, application)
        connection = calls.connected("+14255550121")
        source = {"kind": "file", "file": {"uri": url}}
        calls.ask("POST", f"{CALLS}/{connection}:play", {"playSources": [source]}, 202)
        failed = calls.event("PlayFailed", connection)["resultInformation"]
        assert (failed["code"], failed["subCode"]) == (400, 8535)
        assert why in failed["message"]


def test_an_mp3_recording_outlives_the_process(tmp_path: Path) -> None:
    sip_port = free_port()
    with Sound() as sound, Sipp(*taken(sound)) as sipp, Receiver() as application:
        start = configuration(tmp_path, sip_port, trunk_at(sipp.port))
        with Server(*start, command="serve") as server:
            calls = Line(server, application, sip_port)
            connection = calls.call(PHONE)
            start_recording(calls, connection, recordingFormatType="mp3")
            sound.say(tone(600, 20.0))
            eventually(lambda: any(file.stat().st_size > 9000 for file in files(tmp_path)))
            server.kill()
        application.events.clear()
        with Server(*start, command="serve") as server:
            calls = Line(server, application, sip_port)
            told = status_of(calls)
            assert (told["sessionEndReason"], told["recordingFormatType"]) == ("ServerRestarted", "Mp3")
            [file] = files(tmp_path)
            document = told["recordingStorageInfo"]["recordingChunks"][0]["documentId"]
            assert file.name == document + ".mp3"
            status, whole, fields = server.request("GET", f"/v1/objects/{document}/content/audio")
            assert (status, fields["content-type"]) == (200, "audio/mpeg")
            assert whole == file.read_bytes()
            assert len(whole) == pytest.approx(told["recordingDurationMs"] * 6, abs=1200)


def test_a_phone_behind_a_trunk_hears_an_mp3_file(tmp_path: Path) -> None:
    # A second of a sine, as the encoder of the runtime made it.
    with Server("--clock", "virtual") as server, Receiver() as application:
        calls = Phones(server, application)
        connection = calls.connected("+14255550125")
        recording_id = start_recording(calls, connection, recordingFormatType="mp3")
        with served(wav(tone(600, 2.0), 8000), "tone.wav") as url:
            source = {"kind": "file", "file": {"uri": url}}
            calls.ask("POST", f"{CALLS}/{connection}:play", {"playSources": [source]}, 202)
            calls.event("PlayStarted", connection)
        calls.advance("2s")
        whole, _ = mp3_of(calls, recording_id)
    with (
        Sound() as sound,
        Sipp(*taken(sound)) as sipp,
        line(tmp_path, trunk_at(sipp.port)) as on_trunk,
        served(whole, "tone.mp3") as url,
    ):
        connection = on_trunk.call(PHONE)
        on_trunk.event("CallConnected", connection)
        on_trunk.play(connection, url)
        on_trunk.event("PlayCompleted", connection)
        on_trunk.hang_up(connection)
        assert sipp.succeeded()
        assert loudest(sound.heard, 8000, [400, 600, 900]) == {600}
