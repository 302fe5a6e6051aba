"""A telephone provider with sound that is written in Python: what the host asks of it, and what the host hears of it."""

from __future__ import annotations

import asyncio
import datetime

import pytest
import trunkline
from acme import SMALL
from trunkline import conformance
from trunkline.pstn import DialRequest, HangupCause, LegChange, LegFlow, LegState

FRAME = datetime.timedelta(milliseconds=20)
FRAME_BYTES = 640
ROOM_BYTES = 32_000 * 60
BIG = 2**53 + 1  # no double has it


class Leg:
    def __init__(self) -> None:
        self.hung_up = asyncio.Event()
        self.tapped = False
        self.waiting: dict[int, int] = {}


class Line(trunkline.PstnProvider, trunkline.PstnAudioProvider):
    """Somebody answers at once, and says one byte over and over where the host listens."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.refusals: list[Exception] = []

    async def start(self, host: trunkline.ProviderHost) -> None:
        self.legs: dict[str, Leg] = {}
        self.lives: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        for life in self.lives:
            life.cancel()
        await asyncio.gather(*self.lives, return_exceptions=True)

    async def dial(self, request: DialRequest) -> None:
        if not request.leg_id or not request.to.removeprefix("+").isdigit():
            raise trunkline.InvalidArgumentError("to: wanted a number", target="to")
        self.legs[request.leg_id] = Leg()
        life = asyncio.create_task(self.live(request.leg_id))
        self.lives.add(life)
        life.add_done_callback(self.lives.discard)

    async def answer(self, leg_id: str) -> None:
        self.find(leg_id)

    async def hang_up(self, leg_id: str, cause: int) -> None:
        self.find(leg_id).hung_up.set()

    async def send_dtmf(self, leg_id: str, digits: str) -> None:
        self.find(leg_id)

    async def join_bridge(self, leg_id: str, bridge: str) -> None:
        self.find(leg_id)
        self.asked.append(("join_bridge", leg_id, bridge))

    def set_flow(self, leg_id: str, flow: LegFlow) -> None:
        """A plain function: it runs on a thread of its own."""
        self.find(leg_id).tapped = flow.tapped
        self.asked.append(("set_flow", leg_id, flow))

    async def play(self, leg_id: str, play_id: int, samples: bytes) -> None:
        leg = self.find(leg_id)
        self.asked.append(("play", leg_id, play_id, samples))
        waiting = leg.waiting.get(play_id, 0) + len(samples)
        if waiting > ROOM_BYTES:
            raise trunkline.ResourceExhaustedError("a minute waits already", target="samples")
        leg.waiting[play_id] = waiting

    async def stop_play(self, leg_id: str, play_id: int) -> None:
        self.find(leg_id).waiting.pop(play_id, None)
        self.asked.append(("stop_play", leg_id, play_id))

    def find(self, leg_id: str) -> Leg:
        if leg_id not in self.legs:
            raise trunkline.NotFoundError("there is no such leg", target="legId")
        return self.legs[leg_id]

    async def tell(self, leg_id: str, change: LegChange) -> None:
        try:
            await self.host.pstn_events.changed(leg_id, change)
        except trunkline.UnavailableError as refusal:
            self.refusals.append(refusal)

    def say(self, leg_id: str, position: int, samples: bytes) -> None:
        self.host.pstn_audio_events.heard(leg_id, position, samples)

    async def sleep_unless(self, event: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(self.host.clock.sleep(FRAME)), asyncio.ensure_future(event.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def live(self, leg_id: str) -> None:
        leg = self.legs[leg_id]
        await self.tell(leg_id, LegState.DIALING)
        await self.tell(leg_id, LegState.ANSWERED)
        position = 0
        while not leg.hung_up.is_set():
            await self.sleep_unless(leg.hung_up)
            if leg.tapped and not leg.hung_up.is_set():
                self.say(leg_id, position, bytes([7]) * FRAME_BYTES)
            position += FRAME_BYTES // 2
        del self.legs[leg_id]
        await self.tell(leg_id, HangupCause(q850=16))


def test_what_the_host_asks_reaches_it_whole() -> None:
    line = Line()
    with trunkline.Runtime(SMALL) as rt:
        rt.register_provider("line", line)
        rt.provider("line", trunkline.pstn.PstnProvider).dial(
            DialRequest(leg_id="leg-1", from_="+14255550100", to="+14255550123")
        )
        audio = rt.provider("line", trunkline.pstn.PstnAudioProvider)
        samples = bytes(range(256)) * 100
        audio.join_bridge("leg-1", "call\0grüße")
        audio.set_flow("leg-1", LegFlow(muted=True, on_hold=False, tapped=True))
        audio.play("leg-1", BIG, samples)
        audio.play("leg-1", -1, b"")
        audio.stop_play("leg-1", BIG)
        with pytest.raises(trunkline.NotFoundError, match="no such leg") as caught:
            audio.play("leg-2", 1, samples)
        assert caught.value.target == "legId"
        with pytest.raises(trunkline.ResourceExhaustedError, match="a minute waits"):
            audio.play("leg-1", 3, bytes(ROOM_BYTES + 2))
    assert line.asked[:5] == [
        ("join_bridge", "leg-1", "call\0grüße"),
        ("set_flow", "leg-1", LegFlow(muted=True, on_hold=False, tapped=True)),
        ("play", "leg-1", BIG, samples),
        ("play", "leg-1", -1, b""),
        ("stop_play", "leg-1", BIG),
    ]


def test_what_is_no_sound_is_refused_where_it_is_said() -> None:
    said: list[str] = []

    class Mumbles(Line):
        async def stop_play(self, leg_id: str, play_id: int) -> None:
            for position, samples in ((0, "text"), (0, [1, 2]), ("first", b"\0\0"), (2**63, b"\0\0")):
                try:
                    self.host.pstn_audio_events.heard("leg-1", position, samples)  # type: ignore[arg-type]
                except (TypeError, ValueError, OverflowError, trunkline.TrunklineError) as error:
                    said.append(type(error).__name__)
            for samples in (b"", bytearray(4), memoryview(bytes(4))):
                self.host.pstn_audio_events.heard("leg-1", 0, samples)  # type: ignore[arg-type]
            said.append("heard")

    with trunkline.Runtime(SMALL) as rt:
        rt.register_provider("line", Mumbles())
        rt.provider("line", trunkline.pstn.PstnAudioProvider).stop_play("leg-1", 1)
    assert len(said) == 5
    assert said[-1] == "heard"


def test_the_kit_hears_it() -> None:
    quirks = {"errors": {"pstn.dial.unavailable": {"skip": "the line is never down"}}, "load": {"calls": 200, "in_flight": 8}}
    report = conformance.run(Line, quirks=quirks, only=["lifecycle.*", "pstn.*"])
    assert report.passed, report.text
    outcomes = {result.name: result for result in report.results}
    for check in ("heard", "life_of_sound", "nothing_after_the_end", "not_found", "play.odd_sound", "play.too_much"):
        assert outcomes[f"pstn.audio.{check}"].outcome == "passed"
    # Frames came through: the far end is not silent.
    assert "nothing was heard" not in outcomes["pstn.audio.heard"].detail


@pytest.mark.parametrize(
    ("sin", "check", "words"),
    [
        ("position", "pstn.audio.heard", "but the one before it reaches to"),
        ("half", "pstn.audio.heard", "wanted 16-bit samples"),
        ("stranger", "pstn.audio.heard", "does not listen to"),
    ],
)
def test_the_kit_hears_what_is_wrong(sin: str, check: str, words: str) -> None:
    class Wrong(Line):
        def say(self, leg_id: str, position: int, samples: bytes) -> None:
            if sin == "position":
                position = 0
            elif sin == "half":
                samples = samples[1:]
            else:
                leg_id = "somebody"
            super().say(leg_id, position, samples)

    report = conformance.run(Wrong, only=[check], quirks={"patience_ms": 500, "clock_limit_s": 60})
    [failed] = report.failed
    assert words in failed.detail, failed.detail
