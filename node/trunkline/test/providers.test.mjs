// Providers that are written in JavaScript: behind the same interfaces, guard and rules as a library.
import { build, skip } from "./support/real.mjs";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import {
  AlreadyExistsError, EmailProvider, InternalError, ResourceExhaustedError, Runtime, SmsProvider, TrunklineError, UnauthenticatedError,
} from "trunkline";
import { run } from "trunkline/conformance";

const OURS = "+14255550100", PHONE = "+14255550199", REPORT = "Microsoft.Communication.SMSDeliveryReportReceived", RECEIVED = "Microsoft.Communication.SMSReceived";
const config = (more) => ({
  runtime: { clock: "virtual", seed: 1 },
  log: { level: "off" },
  providers: [{ name: "sim", plugin: "sms-sandbox" }],
  resources: [{ name: "one", numbers: [{ number: OURS, type: "geographic", sms: "both" }] }],
  ...more,
});
const request = (text = "hi") => ({ from: OURS, recipients: [{ to: PHONE, messageId: "m0" }], text });
const accept = ({ recipients }) => recipients.map(({ messageId }) => ({ messageId, accepted: true }));
const warnings = [];
process.on("warning", (warning) => warnings.push(warning));

class Acme extends SmsProvider {
  requests = [];
  send(request) {
    this.requests.push(request);
    for (const { messageId } of request.recipients) void this.confirm(messageId);
    return accept(request);
  }
  async confirm(messageId) {
    await this.host.clock.sleep(1000);
    await this.host.smsEvents.deliveryReport({ messageId, state: "delivered", at: this.host.clock.now() });
  }
  capabilities() {
    return { deliveryReports: true, maxSegments: 3 };
  }
}
/** A client of a provider whose send does this. */
async function client(rt, send, name = `p${++made}`, options) {
  await rt.registerProvider(name, { send }, { interface: "sms", ...options });
  return rt.provider(name, "sms");
}
let made = 0;

describe("a provider in JavaScript", { skip }, () => {
  let rt;
  // A runtime for each part: one has 32 carriers at most without routes.
  const fresh = () => {
    before(async () => void (rt = await Runtime.open(config())));
    after(() => rt?.close());
  };
  fresh();

  test("a text goes through it and is reported", async () => {
    const own = await Runtime.open(config());
    const acme = new Acme();
    await own.registerProvider("acme", acme);
    const [sent] = await own.sms.send({ from: OURS, to: [PHONE], message: "grüße 😀", deliveryReport: true });
    await own.settle();
    assert.equal(acme.requests[0].text, "grüße 😀");
    await own.clock.advance(2000);
    assert.equal((await own.sms.get(sent.messageId)).state, "delivered");
    assert.equal((await own.sms.get(sent.messageId)).provider, "acme");
    const report = await own.waitFor(REPORT, { timeout: 10_000 });
    assert.equal(report.data.deliveryStatus, "Delivered");
    await own.close();
  });

  test("configuration names it, checks what it is given and fills defaults in", async () => {
    const seen = [];
    class Configured extends Acme {
      static configSchema = { type: "object", properties: { account: { type: "string" }, retries: { type: "integer", default: 3 } }, required: ["account"] };
      static secrets = ["api_key"];
      start(host) {
        seen.push(host.config, host.secrets.get("api_key"));
      }
    }
    const providers = [{ name: "ours", plugin: "acme", config: { account: "a-1" }, secrets: { api_key: { value: "hush" } } }];
    const own = await Runtime.open(config({ providers, routes: [{ interface: "sms", providers: ["ours"] }] }), { plugins: { acme: Configured } });
    await own.sms.send({ from: OURS, to: [PHONE], message: "x" });
    assert.deepEqual(seen, [{ account: "a-1", retries: 3 }, "hush"]);
    await own.close();
    await assert.rejects(rt.registerProvider("strict", Configured, { config: {} }), /config\.account.*secrets\.api_key: missing/);
    await rt.registerProvider("strict", Configured, { config: { account: "b" }, secrets: { api_key: "k" }, first: false });
    await assert.rejects(rt.registerProvider("strict", Acme), AlreadyExistsError);
  });

  test("methods may be plain or give promises", async () => {
    assert.equal((await (await client(rt, accept)).send(request()))[0].messageId, "m0");
    assert.equal((await (await client(rt, async (r) => accept(r))).send(request()))[0].accepted, true);
  });

  test("capabilities are asked once", async () => {
    let asked = 0;
    await rt.registerProvider("asked", { send: accept, capabilities: () => (++asked, { maxSegments: 2 }) }, { interface: "sms", first: false });
    const { maxSegments, maxRecipients, countries } = rt.provider("asked", "sms").capabilities();
    rt.provider("asked", "sms").capabilities();
    assert.deepEqual([maxSegments, maxRecipients, countries, asked], [2, 100, [], 1]);
  });

  test("a carrier calls back through the webhook", async () => {
    const hooked = {
      start(host) {
        this.host = host;
      },
      send: accept,
      async receive({ body }) {
        await this.host.smsEvents.received({ providerMessageId: "in-1", from: PHONE, to: OURS, text: new TextDecoder().decode(body), receivedAt: this.host.clock.now() });
        return { status: 204, headers: {} };
      },
    };
    await rt.registerProvider("hooked", hooked, { interface: ["sms", "webhook"], first: false });
    const answer = await rt.provider("hooked", "webhook").receive({ method: "POST", url: "http://x/", headers: {}, body: new TextEncoder().encode("there?") });
    assert.equal(answer.status, 204);
    const event = await rt.waitFor(RECEIVED, { timeout: 10_000 });
    assert.deepEqual([event.data.message, event.data.from], ["there?", PHONE]);
  });

  test("it sees what its caller said, and its host keeps things for it", async () => {
    let seen;
    const keeps = {
      async start(host) {
        await host.store.put("k", new Uint8Array([1, 2]));
        this.kept = await host.store.get("k");
        host.log.write("info", "started", { a: "b" });
      },
      send(r, call) {
        seen = call;
        return accept(r);
      },
    };
    await rt.registerProvider("keeps", keeps, { interface: "sms", first: false });
    await rt.provider("keeps", "sms").send(request(), { idempotencyKey: "k-1" });
    assert.deepEqual([seen.idempotencyKey, seen.traceparent, seen.signal.aborted, keeps.kept.length], ["k-1", "", false, 2]);
  });

  test("every interface can be offered", async () => {
    const providers = await import("../generated/providers.cjs").then((m) => m.default);
    for (const [id, operations] of Object.entries(providers.OFFERS)) {
      if (id.includes("_")) continue; // an id that no manifest may have yet
      const object = Object.fromEntries(operations.filter((op) => !op.sync).map((op) => [op.name, () => undefined]));
      await rt.registerProvider(`i${++made}`, object, { interface: id, first: false });
    }
  });

  describe("errors", () => {
    fresh();
    const broken = async (send) => {
      const own = await Runtime.open(config());
      await own.registerProvider("acme", { send }, { interface: "sms" });
      const error = await own.provider("acme", "sms").send(request()).catch((e) => e);
      await own.close();
      return error;
    };
    test("of ours keep their members", async () => {
      const sms = await client(rt, () => {
        throw new ResourceExhaustedError("slow down", { target: "recipients[0]", retryable: true, retryAfterMs: 1500, providerCode: "429-7" });
      });
      const error = await sms.send(request()).catch((e) => e);
      assert.ok(error instanceof ResourceExhaustedError);
      const { message, target, retryable, retryAfterMs, providerCode } = error;
      assert.deepEqual({ message, target, retryable, retryAfterMs, providerCode }, { message: "slow down", target: "recipients[0]", retryable: true, retryAfterMs: 1500, providerCode: "429-7" });
    });
    test("of any other kind are faults of the provider, with their trace in a warning", async () => {
      for (const [thrown, told] of [[new RangeError("out of ink"), /send threw RangeError: out of ink/], ["text", /send threw string: text/], [null, /send threw object: null/], [{ get message() { throw 1; } }, /send threw .*cannot be shown/]])
        for (const send of [() => { throw thrown; }, async () => { throw thrown; }]) {
          const error = await broken(send);
          assert.ok(error instanceof InternalError, String(error));
          assert.match(error.message, told);
        }
      await new Promise(setImmediate);
      assert.match(warnings.find((warning) => /out of ink/.test(warning.message)).detail, /providers\.test/);
    });
    test("a result of another shape names field and fault", async () => {
      const cases = [
        [undefined, /acme\.send: result: expected an array, got undefined/],
        ["x", /result: expected an array, got a string/],
        [[1], /result\[0\]: expected an object, got a number/],
        [[{ messageId: 7, accepted: true }], /result\[0\]\.messageId: expected a string, got a number/],
        [[{ messageId: "m", accepted: "yes" }], /result\[0\]\.accepted: expected a boolean, got a string/],
        [[{ messageId: "m", accepted: true, segments: 2 ** 40 }], /result\[0\]\.segments: expected an integer/],
        [[{ messageId: "m", accepted: true, reason: "because" }], /result\[0\]\.reason: expected one of/],
      ];
      for (const [result, told] of cases)
        for (const send of [() => result, async () => result]) {
          const error = await broken(send);
          assert.ok(error instanceof InternalError && told.test(error.message), String(error));
        }
    });
    test("what is left out is unimplemented", async () => {
      await rt.registerProvider("half", { getUser: () => { throw new UnauthenticatedError("who?"); } }, { interface: "identity", first: false });
      const identity = rt.provider("half", "identity");
      await assert.rejects(identity.getUser("r", "u"), UnauthenticatedError);
      await assert.rejects(identity.deleteUser("r", "u"), { code: "unimplemented" });
    });
    test("what cannot be a provider is refused", async () => {
      class Empty extends SmsProvider {}
      await assert.rejects(rt.registerProvider("e", new Empty()), /has no method of trunkline.sms\/1: expected send/);
      await assert.rejects(rt.registerProvider("e", { send: accept }), /interface: expected what the provider offers/);
      await assert.rejects(rt.registerProvider("e", { send: accept }, { interface: "fax" }), /interface: expected one of "webhook", "sms"/);
      await assert.rejects(rt.registerProvider("e", { send: 7 }, { interface: "sms" }), /provider\.send: expected a function/);
      await assert.rejects(rt.registerProvider("e", undefined), { name: "TypeError" });
      await assert.rejects(rt.registerProvider("e", { send: accept }, { interface: ["sms", "email"] }), /send is an operation of/);
      await assert.rejects(rt.registerProvider("Not An Id", { send: accept }, { interface: "sms" }), /id: found/);
      assert.ok(EmailProvider.interfaceId);
    });
    test("a start that fails fails the registration", async () => {
      const refuses = { start: async () => { throw new UnauthenticatedError("no such account"); }, send: accept };
      await assert.rejects(rt.registerProvider("refuses", refuses, { interface: "sms" }), (error) => error instanceof UnauthenticatedError && /provider refuses .*no such account/.test(error.message));
      await rt.registerProvider("refuses", { send: accept }, { interface: "sms", first: false });
    });
  });

  describe("slow ones", () => {
    fresh();
    test("block nobody", async () => {
      let release;
      const gate = new Promise((resolve) => (release = resolve));
      const slow = await client(rt, async (r) => (await gate, accept(r)), undefined, { first: false });
      const quick = await client(rt, accept, undefined, { first: false });
      const waiting = Array.from({ length: 50 }, () => slow.send(request()));
      for (let i = 0; i < 50; ++i) assert.equal((await quick.send(request()))[0].accepted, true);
      release();
      for (const result of await Promise.all(waiting)) assert.equal(result[0].accepted, true);
    });
    test("a cancelled call aborts its signal; who does not listen need not answer", async () => {
      let heard;
      const listens = await client(rt, (r, call) => new Promise((resolve, reject) => call.signal.addEventListener("abort", () => { heard = call.signal.reason; reject(heard); })), undefined, { first: false });
      const deaf = await client(rt, () => new Promise(() => {}), undefined, { first: false });
      for (const sms of [listens, deaf]) {
        const stop = new AbortController();
        const call = sms.send(request(), { signal: stop.signal });
        setImmediate(() => stop.abort());
        await assert.rejects(call, { name: "AbortError" });
      }
      for (let i = 0; i < 100 && !heard; ++i) await new Promise(setImmediate);
      assert.equal(heard.code, "cancelled");
    });
    test("closing ends what is under way", async () => {
      const own = await Runtime.open(config());
      const ended = [];
      await own.registerProvider("waits", { send: () => new Promise(() => {}), stop: () => void ended.push("stop") }, { interface: "sms", stopGrace: 50 });
      const calls = Array.from({ length: 5 }, () => own.provider("waits", "sms").send(request()).catch((error) => error));
      await new Promise(setImmediate);
      await own.close();
      for (const error of await Promise.all(calls)) assert.equal(error.code, "cancelled");
      assert.deepEqual(ended, ["stop"]);
    });
  });

  describe("the process", () => {
    const here = path.dirname(fileURLToPath(import.meta.url));
    const program = `import { Runtime } from "trunkline";
      const rt = await Runtime.open({ log: { level: "off" }, resources: [{ name: "one" }] });
      await rt.registerProvider("acme", { start(host) { this.host = host; void this.loop(); }, async loop() { for (;;) await this.host.clock.sleep(10); },
        send: (r) => r.recipients.map(({ messageId }) => ({ messageId, accepted: true })) }, { interface: "sms" });
      console.log((await rt.provider("acme", "sms").send(${JSON.stringify(request())}))[0].accepted);`;
    test("that forgot a provider ends with 0", async () => {
      const child = spawn(process.execPath, ["--input-type=module", "-e", program], { cwd: here, env: { ...process.env, TRUNKLINE_BUILD_DIR: build } });
      let out = "";
      child.stdout.on("data", (data) => (out += data));
      child.stderr.on("data", (data) => (out += data));
      const [code] = await once(child, "close");
      assert.deepEqual([code, out], [0, "true\n"]);
    });
    test("a worker has its own", async () => {
      const worker = new Worker(`import("trunkline").then(async ({ Runtime }) => {
        const rt = await Runtime.open({ log: { level: "off" }, resources: [{ name: "one" }] });
        await rt.registerProvider("acme", { send: () => [] }, { interface: "sms" });
        require("node:worker_threads").parentPort.postMessage((await rt.provider("acme", "sms").send(${JSON.stringify(request())})).length);
      })`, { eval: true });
      const [length] = await once(worker, "message");
      const [code] = await once(worker, "exit");
      assert.deepEqual([length, code], [0, 0]);
    });
  });
});

describe("the conformance kit", { skip }, () => {
  const carrier = (answer) => () => ({
    send(r) {
      if (!r.from || !r.recipients.length) throw new TrunklineError("invalidArgument", "from and recipients are wanted", { target: "from" });
      return answer(r);
    },
  });
  for (const [kind, make] of [["plain functions", carrier(accept)], ["promises", carrier(async (r) => accept(r))]])
    test(`passes: ${kind}`, async () => {
      const report = await run(make, { interface: "sms", quirks: { load: { calls: 2000, in_flight: 64 } } });
      assert.ok(report.passed, report.text);
      const passed = report.results.filter(({ outcome }) => outcome === "passed").map(({ name }) => name);
      for (const wanted of ["lifecycle.create_stop", "sms.cancel_during", "sms.stop_with_calls", "sms.leaks", "sms.load"]) assert.ok(passed.includes(wanted), report.text);
      assert.match(report.junit, /<testsuite/);
    });
  test("finds what is wrong", async () => {
    const report = await run(carrier(() => [{ messageId: "m", accepted: "yes" }]), { interface: "sms", only: "sms.normal" });
    assert.equal(report.passed, false);
    assert.match(report.failed[0].detail, /result\[0\]\.accepted: expected a boolean/);
  });
});
