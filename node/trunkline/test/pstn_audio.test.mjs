// A telephone provider with sound that is written in JavaScript: what the host asks of it, and what the host hears of it.
import { skip } from "./support/real.mjs";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { InvalidArgumentError, NotFoundError, PstnAudioProvider, ResourceExhaustedError, Runtime, TrunklineError } from "trunkline";
import { run } from "trunkline/conformance";

const FRAME_MS = 20, FRAME_BYTES = 640, ROOM_BYTES = 32_000 * 60;
const BIG = 2n ** 53n + 1n; // no double has it
const INTERFACE = ["pstn", "pstn.audio"];
const DIAL = { legId: "leg-1", from: "+14255550100", to: "+14255550123" };

/** Somebody answers at once, and says one byte over and over where the host listens. */
class Line {
  asked = [];
  legs = new Map();
  start(host) {
    this.host = host;
  }
  dial({ legId, to }) {
    if (!legId || !/^\+\d+$/.test(to)) throw new InvalidArgumentError("to: wanted a number", { target: "to" });
    const leg = { hungUp: new AbortController(), tapped: false, waiting: new Map() };
    this.legs.set(legId, leg);
    void this.live(legId, leg);
  }
  answer(legId) {
    this.find(legId);
  }
  hangUp(legId) {
    this.find(legId).hungUp.abort();
  }
  sendDtmf(legId) {
    this.find(legId);
  }
  async joinBridge(...call) {
    this.find(call[0]);
    this.asked.push(["joinBridge", ...call.slice(0, 2)]);
  }
  setFlow(legId, flow) {
    this.find(legId).tapped = flow.tapped;
    this.asked.push(["setFlow", legId, { ...flow }]);
  }
  play(legId, playId, samples) {
    const { waiting } = this.find(legId);
    this.asked.push(["play", legId, playId, Buffer.from(samples)]);
    const all = (waiting.get(playId) ?? 0) + samples.length;
    if (all > ROOM_BYTES) throw new ResourceExhaustedError("a minute waits already", { target: "samples" });
    waiting.set(playId, all);
  }
  stopPlay(legId, playId) {
    this.find(legId).waiting.delete(playId);
    this.asked.push(["stopPlay", legId, playId]);
  }
  find(legId) {
    const leg = this.legs.get(legId);
    if (!leg) throw new NotFoundError("there is no such leg", { target: "legId" });
    return leg;
  }
  async tell(legId, change) {
    await this.host.pstnEvents.changed(legId, change).catch((error) => {
      if (!(error instanceof TrunklineError)) throw error;
    });
  }
  say(legId, position, samples) {
    this.host.pstnAudioEvents.heard(legId, position, samples);
  }
  async live(legId, leg) {
    const { signal } = leg.hungUp;
    await this.tell(legId, { kind: "state", value: "dialing" });
    await this.tell(legId, { kind: "state", value: "answered" });
    for (let position = 0n; !signal.aborted; position += BigInt(FRAME_BYTES / 2)) {
      await this.host.clock.sleep(FRAME_MS, { signal }).catch(() => {});
      if (leg.tapped && !signal.aborted) this.say(legId, position, new Uint8Array(FRAME_BYTES).fill(7));
    }
    this.legs.delete(legId);
    await this.tell(legId, { kind: "ended", value: { q850: 16 } });
  }
}

describe("a telephone provider with sound in JavaScript", { skip }, () => {
  const with_ = async (line, work) => {
    const rt = await Runtime.open({ log: { level: "off" }, resources: [{ name: "main" }] });
    try {
      await rt.registerProvider("line", line, { interface: INTERFACE });
      await work(rt.provider("line", "pstn"), rt.provider("line", "pstn.audio"));
    } finally {
      await rt.close();
    }
  };

  test("what the host asks reaches it whole", async () => {
    const line = new Line();
    const samples = Buffer.from(Array.from({ length: 25_600 }, (_, i) => i % 256));
    await with_(line, async (phone, audio) => {
      await phone.dial(DIAL);
      await audio.joinBridge("leg-1", "call\0grüße");
      await audio.setFlow("leg-1", { muted: true, onHold: false, tapped: true });
      await audio.play("leg-1", BIG, samples);
      await audio.play("leg-1", -1n, new Uint8Array());
      await audio.stopPlay("leg-1", BIG);
      await assert.rejects(audio.play("leg-2", 1n, samples), (error) => error instanceof NotFoundError && error.target === "legId");
      await assert.rejects(audio.play("leg-1", 3n, new Uint8Array(ROOM_BYTES + 2)), /a minute waits/);
    });
    assert.deepEqual(line.asked.slice(0, 5), [
      ["joinBridge", "leg-1", "call\0grüße"],
      ["setFlow", "leg-1", { muted: true, onHold: false, tapped: true }],
      ["play", "leg-1", BIG, samples],
      ["play", "leg-1", -1n, Buffer.alloc(0)],
      ["stopPlay", "leg-1", BIG],
    ]);
    assert.equal(PstnAudioProvider.interfaceId, "trunkline.pstn.audio/1");
  });

  test("what is no sound is refused where it is said", async () => {
    const said = [];
    class Mumbles extends Line {
      stopPlay() {
        const { pstnAudioEvents } = this.host;
        for (const [position, samples] of [[0n, "text"], [0n, [1, 2]], ["first", new Uint8Array(2)], [2n ** 63n, new Uint8Array(2)]])
          assert.throws(() => pstnAudioEvents.heard("leg-1", position, samples), TypeError, void said.push("refused"));
        pstnAudioEvents.heard("leg-1", 0n, new Uint8Array());
        said.push("heard");
      }
    }
    await with_(new Mumbles(), (_, audio) => audio.stopPlay("leg-1", 1n));
    assert.deepEqual(said, ["refused", "refused", "refused", "refused", "heard"]);
  });

  test("the kit hears it", async () => {
    const quirks = { errors: { "pstn.dial.unavailable": { skip: "the line is never down" } }, load: { calls: 200, in_flight: 8 } };
    const report = await run(Line, { interface: INTERFACE, quirks, only: ["lifecycle.*", "pstn.*"] });
    assert.ok(report.passed, report.text);
    const results = new Map(report.results.map((result) => [result.name, result]));
    for (const check of ["heard", "life_of_sound", "nothing_after_the_end", "not_found", "play.odd_sound", "play.too_much"])
      assert.equal(results.get(`pstn.audio.${check}`).outcome, "passed");
    // Frames came through: the far end is not silent.
    assert.doesNotMatch(results.get("pstn.audio.heard").detail, /nothing was heard/);
  });

  const sins = [
    ["a position that stands still", (line, [leg, , samples]) => [leg, 0n, samples], /but the one before it reaches to/],
    ["half a sample", (line, [leg, position, samples]) => [leg, position, samples.subarray(1)], /wanted 16-bit samples/],
    ["a leg that the host does not listen to", (line, [, position, samples]) => ["somebody", position, samples], /does not listen to/],
  ];
  for (const [what, alter, words] of sins)
    test(`the kit hears ${what}`, async () => {
      class Wrong extends Line {
        say(...frame) {
          super.say(...alter(this, frame));
        }
      }
      const report = await run(Wrong, { interface: INTERFACE, only: "pstn.audio.heard", quirks: { patience_ms: 500, clock_limit_s: 60 } });
      assert.match(report.failed[0]?.detail ?? report.text, words);
    });
});
