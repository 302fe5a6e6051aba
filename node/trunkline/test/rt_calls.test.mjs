// Calls in the process, with virtual phones at the other end.
import { skip } from "./support/real.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Runtime } from "trunkline";

const OURS = "+14255550100";
const PHONE = "+14255550123";
const OTHER = "+14255550124";
const config = {
  runtime: { clock: "virtual" },
  log: { level: "off" },
  providers: [{ name: "phones", plugin: "pstn-sandbox" }, { name: "identity", plugin: "identity-local" }],
  resources: [{ name: "demo", numbers: [{ number: OURS, calling: "both" }] }],
};

/** Moves the clock until the event has come; what comes before it is passed over. */
async function until(rt, events, wanted) {
  let found;
  const search = (async () => {
    for (;;) {
      const { value, done } = await events.next();
      if (done) throw new Error(`the events ended before ${wanted}`);
      if (value.type === wanted) return (found = value);
    }
  })();
  for (let i = 0; i < 400 && found === undefined; ++i) {
    await rt.clock.advance(50);
    await new Promise(setImmediate);
  }
  return search;
}

test("a call is made, asked, recorded and ended", { skip }, async () => {
  await using_(async (rt) => {
    await rt.sandboxPhones.addPersona({ match: PHONE, replies: [{ prompt: "press", digits: "12#" }] });
    const events = rt.calls.events()[Symbol.asyncIterator]();
    const call = await rt.calls.create({ targets: [PHONE], sourceNumber: OURS, operationContext: "order 7" });
    assert.equal(call.state, "connecting");
    const connected = await until(rt, events, "CallConnected");
    assert.deepEqual([connected.connectionId, connected.operationContext, connected.code], [call.id, "order 7", 200]);
    assert.deepEqual((await rt.calls.participants(call.id)).map((person) => person.id).sort(), [OURS, PHONE]);
    const recording = await rt.calls.startRecording({ connectionId: call.id });
    await rt.calls.recognize({ connectionId: call.id, target: PHONE, prompts: [{ text: "please press two keys" }], stopTones: "#" });
    assert.equal((await until(rt, events, "RecognizeCompleted")).tones, "12");
    await rt.calls.stopRecording(recording.id);
    await rt.calls.hangUp(call.id);
    await until(rt, events, "CallDisconnected");
    assert.deepEqual(await rt.calls.list(), []);
    const { data } = await rt.waitFor("Microsoft.Communication.RecordingFileStatusUpdated", { timeout: 10_000 });
    const { documentId } = data.recordingStorageInfo.recordingChunks[0];
    assert.equal(Buffer.from(await rt.calls.readRecording(documentId, 0n, 4)).toString(), "RIFF");
    await rt.calls.deleteRecording(documentId);
    await assert.rejects(rt.calls.readRecording(documentId), { code: "notFound" });
  });
});

test("a recording in MP3", { skip }, async () => {
  await using_(async (rt) => {
    const events = rt.calls.events()[Symbol.asyncIterator]();
    const call = await rt.calls.create({ targets: [PHONE], sourceNumber: OURS });
    await until(rt, events, "CallConnected");
    const { id } = await rt.calls.startRecording({ connectionId: call.id, format: "mp3" });
    await rt.calls.play({ connectionId: call.id, sources: [{ text: "this call is recorded" }] });
    await until(rt, events, "PlayCompleted");
    await rt.calls.stopRecording(id);
    await rt.calls.hangUp(call.id);
    const { data } = await rt.waitFor("Microsoft.Communication.RecordingFileStatusUpdated", { timeout: 10_000 });
    const sound = await rt.calls.readRecording(data.recordingStorageInfo.recordingChunks[0].documentId);
    assert.equal(sound[0], 0xff, "a frame of MPEG audio");
    assert.equal(sound[1] & 0xe0, 0xe0);
    assert.ok(sound.length > 1000);
    const unmixed = rt.calls.startRecording({ connectionId: call.id, mixed: false, format: "mp3" });
    await assert.rejects(unmixed, { code: "invalidArgument", target: "format" });
  });
});

test("a phone calls in, is answered and handed on", { skip }, async () => {
  await using_(async (rt) => {
    const events = rt.calls.events()[Symbol.asyncIterator]();
    const leg = await rt.sandboxPhones.call(PHONE, OURS);
    const incoming = await until(rt, events, "IncomingCall");
    assert.deepEqual([incoming.from, incoming.to], [PHONE, OURS]);
    const call = await rt.calls.answer({ incomingCallContext: incoming.incomingCallContext });
    await until(rt, events, "CallConnected");
    await rt.calls.startTones(call.id, PHONE);
    await rt.sandboxPhones.press(leg, "9");
    assert.equal((await until(rt, events, "ContinuousDtmfRecognitionToneReceived")).tones, "9");
    await rt.calls.transfer({ connectionId: call.id, target: OTHER, sourceNumber: OURS });
    await until(rt, events, "CallTransferAccepted");
    assert.equal((await rt.sandboxPhones.calls(OTHER)).at(-1).state, "answered");
  });
});

test("errors name what is wrong", { skip }, async () => {
  await using_(async (rt) => {
    await assert.rejects(rt.calls.create({ targets: ["+1"], sourceNumber: OURS }), { code: "invalidArgument", target: "targets" });
    await assert.rejects(rt.calls.play({ connectionId: "x", sources: [{}] }), { code: "invalidArgument", target: "sources" });
    await assert.rejects(rt.calls.get("nothing"), { code: "notFound" });
    await assert.rejects(rt.calls.join({}), { code: "invalidArgument", target: "join" });
  });
});

async function using_(fn) {
  const rt = await Runtime.open(config);
  try {
    await fn(rt);
  } finally {
    await rt.close();
  }
}
