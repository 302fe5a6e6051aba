"""Calls in the process, with virtual phones at the other end."""

from __future__ import annotations

import asyncio
import io
import wave
from typing import Any

import pytest
import trunkline
import trunkline.aio
from conftest import OURS, PHONE, make_config
from trunkline.calling import (
    CallEvent,
    CallInvitation,
    CallRecordingFormat,
    CallState,
    NewCall,
    PlaySource,
    RecognizeChoice,
    RecognizeInput,
)
from trunkline.pstnsandbox import Persona, PersonaBehavior, PromptReply

OTHER = "+14255550124"
FILE_READY = "Microsoft.Communication.RecordingFileStatusUpdated"


@pytest.fixture
def config() -> dict[str, Any]:
    return call_config()


def call_config() -> dict[str, Any]:
    config = make_config()
    config["providers"].append({"name": "phones", "plugin": "pstn-sandbox"})
    return config


def until(rt: trunkline.Runtime, events: trunkline.Stream[CallEvent], wanted: str) -> CallEvent:
    """Moves the clock until the event has come; what comes before it is passed over."""
    for _ in range(200):
        rt.clock.advance(0.05)
        try:
            while (event := events.next(0.05)).type != wanted:
                pass
        except trunkline.DeadlineExceededError:
            continue
        return event
    raise AssertionError(f"{wanted} did not come")


def test_a_call_is_made_asked_recorded_and_ended(rt: trunkline.Runtime) -> None:
    rt.sandbox_phones.add_persona(match=PHONE, replies=[PromptReply(prompt="press", digits="12#")])
    with rt.calls.events() as events:
        call = rt.calls.create(targets=[PHONE], source_number=OURS, operation_context="order 7")
        assert (call.state, call.targets, call.source_number) == (CallState.CONNECTING, [PHONE], OURS)
        connected = until(rt, events, "CallConnected")
        assert (connected.connection_id, connected.operation_context, connected.code) == (call.id, "order 7", 200)
        assert connected.data["callConnectionId"] == call.id
        assert {person.id for person in rt.calls.participants(call.id)} == {OURS, PHONE}

        recording = rt.calls.start_recording(connection_id=call.id)
        assert recording.active
        assert until(rt, events, "RecordingStateChanged").data["recordingId"] == recording.id
        with pytest.raises(trunkline.AlreadyExistsError):
            rt.calls.start_recording(server_call_id=call.server_call_id)
        rt.calls.recognize(
            connection_id=call.id,
            target=PHONE,
            prompts=[PlaySource(text="please press two keys")],
            stop_tones="#",
            operation_context="menu",
        )
        pressed = until(rt, events, "RecognizeCompleted")
        assert (pressed.tones, pressed.operation_context) == ("12", "menu")
        rt.calls.play(connection_id=call.id, sources=[PlaySource(text="thank you")], to=[PHONE])
        until(rt, events, "PlayCompleted")
        rt.calls.pause_recording(recording.id)
        assert not rt.calls.get_recording(recording.id).active
        rt.calls.stop_recording(recording.id)

        rt.calls.hang_up(call.id)
        assert until(rt, events, "CallDisconnected").connection_id == call.id
    assert rt.calls.list() == []
    [phone] = rt.sandbox_phones.calls(PHONE)
    assert phone.prompts == ["please press two keys", "thank you"]

    chunk = rt.events.wait_for(FILE_READY, timeout=10).data["recordingStorageInfo"]["recordingChunks"][0]
    sound = rt.calls.read_recording(chunk["documentId"])
    with wave.open(io.BytesIO(sound)) as file:
        assert (file.getframerate(), file.getnchannels()) == (16000, 1)
        assert any(file.readframes(file.getnframes()))
    assert rt.calls.read_recording(chunk["documentId"], 0, 4) == b"RIFF"
    assert rt.calls.read_recording(chunk["documentId"], len(sound)) == b""
    rt.calls.delete_recording(chunk["documentId"])
    with pytest.raises(trunkline.NotFoundError):
        rt.calls.read_recording(chunk["documentId"])


def test_a_recording_in_mp3(rt: trunkline.Runtime) -> None:
    with rt.calls.events() as events:
        call = rt.calls.create(targets=[PHONE], source_number=OURS)
        until(rt, events, "CallConnected")
        recording = rt.calls.start_recording(connection_id=call.id, format=CallRecordingFormat.MP3)
        rt.calls.play(connection_id=call.id, sources=[PlaySource(text="this call is recorded")])
        until(rt, events, "PlayCompleted")
        rt.calls.stop_recording(recording.id)
        rt.calls.hang_up(call.id)
    document = rt.events.wait_for(FILE_READY, timeout=10).data["recordingStorageInfo"]["recordingChunks"][0]["documentId"]
    sound = rt.calls.read_recording(document)
    assert sound[0] == 0xFF
    assert sound[1] & 0xE0 == 0xE0, "a frame of MPEG audio"
    assert len(sound) > 1000


def test_a_phone_calls_in_chooses_and_is_handed_on(rt: trunkline.Runtime) -> None:
    choices = [RecognizeChoice(label="sales", phrases=["sales"], tone="1"), RecognizeChoice(label="help", phrases=["help"])]
    with rt.calls.events() as events:
        leg = rt.sandbox_phones.call(PHONE, OURS)
        incoming = until(rt, events, "IncomingCall")
        assert (incoming.from_, incoming.to, incoming.connection_id) == (PHONE, OURS, None)
        assert incoming.incoming_call_context
        call = rt.calls.answer(incoming_call_context=incoming.incoming_call_context)
        with pytest.raises(trunkline.TrunklineError) as twice:
            rt.calls.answer(incoming_call_context=incoming.incoming_call_context)
        assert twice.value.code in (trunkline.ErrorCode.ALREADY_EXISTS, trunkline.ErrorCode.NOT_FOUND)
        until(rt, events, "CallConnected")
        rt.calls.recognize(connection_id=call.id, target=PHONE, input=RecognizeInput.CHOICES, choices=choices)
        rt.sandbox_phones.speak(leg, "help")
        assert until(rt, events, "RecognizeCompleted").choice == "help"
        rt.calls.start_tones(call.id, PHONE)
        rt.sandbox_phones.press(leg, "9")
        assert until(rt, events, "ContinuousDtmfRecognitionToneReceived").tones == "9"
        invitation = rt.calls.add_participant(CallInvitation(connection_id=call.id, target=OTHER, source_number=OURS))
        assert invitation
        added = until(rt, events, "AddParticipantSucceeded")
        assert added.participant == OTHER
        rt.calls.remove_participant(call.id, OTHER)
        until(rt, events, "RemoveParticipantSucceeded")
        rt.calls.transfer(connection_id=call.id, target=OTHER, source_number=OURS)
        until(rt, events, "CallTransferAccepted")
        until(rt, events, "CallDisconnected")


def test_a_busy_phone_and_a_refused_one(rt: trunkline.Runtime) -> None:
    rt.sandbox_phones.add_persona(Persona(match=PHONE, behavior=PersonaBehavior.BUSY))
    with rt.calls.events() as events:
        call = rt.calls.create(NewCall(targets=[PHONE], source_number=OURS, idempotency_key="k"))
        assert rt.calls.create(NewCall(targets=[PHONE], source_number=OURS, idempotency_key="k")).repeated
        failed = until(rt, events, "CreateCallFailed")
        assert (failed.connection_id, failed.code, failed.sub_code) == (call.id, 486, failed.data["resultInformation"]["subCode"])
        leg = rt.sandbox_phones.call(OTHER, OURS)
        incoming = until(rt, events, "IncomingCall")
        rt.calls.reject(incoming.incoming_call_context or "", "busy")
        rt.clock.advance(1)
        [seen] = [one for one in rt.sandbox_phones.calls(OTHER) if one.leg_id == leg]
        assert seen.cause == 17


def test_what_is_wrong_is_named(rt: trunkline.Runtime) -> None:
    wrong: list[tuple[Any, str | None]] = [
        (lambda: rt.calls.create(targets=[], source_number=OURS), "targets"),
        (lambda: rt.calls.create(targets=["+1"], source_number=OURS), "targets"),
        (lambda: rt.calls.create(targets=[PHONE]), "sourceCallerIdNumber"),
        (lambda: rt.calls.create(targets=[PHONE], source_number="8:acs:x"), "source_number"),
        (lambda: rt.calls.create(targets=[PHONE], source_number=OURS, callback_uri="ftp://x"), "callbackUri"),
        (lambda: rt.calls.join(), "join"),
        (lambda: rt.calls.reject("x", "rude"), "reason"),
        (lambda: rt.calls.play(connection_id="x", sources=[PlaySource()]), "sources"),
        (lambda: rt.calls.recognize(connection_id="x", target=PHONE, max_tones=101), "max_tones"),
        (lambda: rt.calls.recognize(connection_id="x", target=PHONE, input=RecognizeInput.CHOICES), "choices"),
        (lambda: rt.calls.send_tones("x", "1x", PHONE), "tones"),
        (lambda: rt.calls.start_recording(), "recording"),
        (lambda: rt.calls.start_recording(connection_id="x", mixed=False, format=CallRecordingFormat.MP3), "format"),
        (lambda: rt.calls.start_recording(connection_id="x", format=CallRecordingFormat.UNKNOWN), "format"),
        (lambda: rt.calls.read_recording("x", -1), "offset"),
    ]
    for call, target in wrong:
        with pytest.raises(trunkline.InvalidArgumentError) as caught:
            call()
        assert caught.value.target == target
    for missing in (
        lambda: rt.calls.get("nothing"),
        lambda: rt.calls.hang_up("nothing"),
        lambda: rt.calls.answer(incoming_call_context="nothing"),
        lambda: rt.calls.stop_recording("nothing"),
    ):
        with pytest.raises(trunkline.NotFoundError):
            missing()


def test_events_of_one_connection_and_the_end_of_the_runtime(config: dict[str, Any]) -> None:
    rt = trunkline.Runtime(config)
    with rt:
        first = rt.calls.create(targets=[PHONE], source_number=OURS)
        events = rt.calls.events(first.id)
        rt.calls.create(targets=[OTHER], source_number=OURS)
        rt.clock.advance(1)
        assert {events.next(5).connection_id for _ in range(2)} == {first.id}
        with pytest.raises(trunkline.DeadlineExceededError):
            events.next(0.05)
    with pytest.raises((StopIteration, trunkline.TrunklineError)):
        events.next(5)


def test_asyncio() -> None:
    async def run() -> None:
        async with trunkline.aio.Runtime(call_config()) as rt:
            events = rt.calls.events()
            async with events:
                call = await rt.calls.create(targets=[PHONE], source_number=OURS)
                await rt.clock.advance(1)
                assert (await events.next()).connection_id == call.id
                await rt.calls.hang_up(call.id, everyone=True)
                types = [(await events.next()).type for _ in range(2)]
                assert types[-1] == "CallDisconnected"

    asyncio.run(run())
