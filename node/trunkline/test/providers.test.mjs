// Providers written in JavaScript, over the real runtime.
import { skip } from "./support/real.mjs";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ResourceExhaustedError, Runtime, runKit } from "trunkline";

const OURS = "+14255550100", PHONE = "+14255550123";
const accept = (request, prefix = "js") => request.recipients.map(({ to, messageId }) => ({ messageId, accepted: true, providerMessageId: `${prefix}-${to}` }));

class Simple {
  static interfaces = ["sms"];
  static configSchema = { type: "object", additionalProperties: false, properties: { prefix: { type: "string", default: "js" } } };
  constructor(host, config) {
    this.host = host;
    this.config = config;
  }
  capabilities() { return { maxRecipients: 7, deliveryReports: true }; }
  async send(request) { return accept(request, this.config.prefix); }
}

async function carrier(plugin, more, use) {
  const rt = await Runtime.open({
    log: { level: "off" },
    providers: [{ name: "mine", plugin, ...more }],
    resources: [{ name: "one", numbers: [{ number: OURS, type: "geographic", sms: "both" }] }],
  });
  try {
    return await use(rt, rt.provider("mine", "sms"));
  } finally {
    await rt.close();
  }
}
const send = (provider, text = "hello", options = undefined, count = 1) =>
  provider.send({ from: OURS, recipients: Array.from({ length: count }, (_, i) => ({ to: PHONE, messageId: `m${i}` })), text }, options);

describe("providers in JavaScript", { skip }, () => {
  test("a text goes through", () => carrier(Simple, {}, async (rt, provider) => {
    assert.deepEqual((await send(provider, "hello", undefined, 3)).map((one) => one.messageId), ["m0", "m1", "m2"]);
    const [sent] = await rt.sms.send({ from: OURS, to: [PHONE], message: "hello" });
    assert.equal(sent.successful, true);
    assert.equal(provider.capabilities().maxRecipients, 7);
  }));
  test("an object is a provider, and configurations are checked", async () => {
    const object = { interfaces: ["sms"], send: async (request) => accept(request, "object") };
    await carrier(object, {}, async (_, provider) => assert.equal((await send(provider))[0].providerMessageId, `object-${PHONE}`));
    await carrier(Simple, { config: { prefix: "north" } }, async (_, provider) => assert.equal((await send(provider))[0].providerMessageId, `north-${PHONE}`));
    await assert.rejects(carrier(Simple, { config: { prefix: 7 } }, () => {}), /config.prefix: found integer 7, wanted string/);
    await assert.rejects(carrier({ send() {} }, {}, () => {}), /says what it offers/);
  });
  test("what is thrown is the error of the call", () => carrier({
    interfaces: ["sms"],
    async send(request) {
      if (request.text === "refuse") throw new ResourceExhaustedError("slow down", { target: "text", providerCode: "E7", retryable: true, retryAfterMs: 2500 });
      if (request.text === "shape") return [{ messageId: 7, accepted: true }];
      if (request.text === "nothing") return undefined;
      return accept(request);
    },
  }, {}, async (_, provider) => {
    await assert.rejects(send(provider, "refuse"), { code: "resourceExhausted", message: "slow down", target: "text", providerCode: "E7", retryable: true, retryAfterMs: 2500 });
    await assert.rejects(send(provider, "shape"), { code: "internal", message: /returned what does not fit: \[0\]\.messageId/ });
    await assert.rejects(send(provider, "nothing"), { code: "internal", message: /returned what does not fit/ });
    assert.equal((await send(provider))[0].accepted, true);
  }));
  test("a constructor that throws says so", () => assert.rejects(carrier(class Broken {
    static interfaces = ["sms"];
    constructor() { throw new ResourceExhaustedError("no room"); }
  }, {}, () => {}), { code: "resourceExhausted", message: /provider mine .*no room/ }));
  test("events reach the host", () => carrier(class extends Simple {
    async send(request) {
      for (const { messageId } of request.recipients) await this.host.deliveryReport({ messageId, state: "delivered", at: this.host.now() });
      return accept(request);
    }
  }, {}, async (rt) => {
    await rt.sms.send({ from: OURS, to: [PHONE], message: "hello", deliveryReport: true });
    const report = await rt.waitFor("Microsoft.Communication.SMSDeliveryReportReceived", { timeout: 20_000 });
    assert.equal(report.data.deliveryStatus, "Delivered");
  }));
  test("a caller that gives up aborts the call's signal", async () => {
    let began, aborted;
    const start = new Promise((resolve) => (began = resolve)), end = new Promise((resolve) => (aborted = resolve));
    await carrier({
      interfaces: ["sms"],
      send: (request, call) => new Promise((_, reject) => {
        began(call);
        call.signal.addEventListener("abort", () => {
          aborted();
          reject(call.signal.reason);
        });
      }),
    }, {}, async (_, provider) => {
      const giveUp = new AbortController();
      const sending = send(provider, "x", { signal: giveUp.signal, idempotencyKey: "once" });
      assert.equal((await start).idempotencyKey, "once");
      giveUp.abort();
      await assert.rejects(sending, { name: "AbortError" });
      await end;
    });
  });
  test("conformance", async () => {
    const report = await runKit(Simple, { quirks: { load: { calls: 200 } } });
    assert.deepEqual(report.checks.filter((check) => check.outcome === "failed"), []);
    assert.ok(report.passed > 25);
  });
});
