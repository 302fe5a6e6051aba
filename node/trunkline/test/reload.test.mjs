// Providers of a runtime that is open: another build takes over, another object does, and one goes.
import { skip } from "./support/real.mjs";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FailedPreconditionError, InvalidArgumentError, NotFoundError, Runtime, SmsProvider } from "trunkline";

const OURS = "+14255550100", PHONE = "+14255550199", REPORT = "Microsoft.Communication.SMSDeliveryReportReceived";
const config = () => ({
  runtime: { clock: "virtual", seed: 1 },
  log: { level: "off" },
  providers: [{ name: "sim", plugin: "sms-sandbox" }],
  resources: [{ name: "one", numbers: [{ number: OURS, type: "geographic", sms: "both" }] }],
});
const accept = ({ recipients }) => recipients.map(({ messageId }) => ({ messageId, accepted: true }));
class Acme extends SmsProvider {
  requests = [];
  stopped = false;
  send(request) {
    this.requests.push(request);
    for (const { messageId } of request.recipients) void this.confirm(messageId);
    return accept(request);
  }
  async confirm(messageId) {
    await this.host.clock.sleep(1000);
    await this.host.smsEvents.deliveryReport({ messageId, state: "delivered", at: this.host.clock.now() });
  }
  stop() { this.stopped = true; }
}
const send = async (rt) => (await rt.sms.send({ from: OURS, to: [PHONE], message: "hello", deliveryReport: true }))[0].messageId;
async function opened(t) {
  const rt = await Runtime.open(config());
  t.after(() => rt.close());
  return rt;
}

describe("providers of an open runtime", { skip }, () => {
  test("a library is reloaded with another configuration", async (t) => {
    const rt = await opened(t);
    assert.equal((await rt.providers.get("sim")).instance, 1);
    const now = await rt.providers.reload("sim", { config: { latency_ms: 500 }, probation: 5000, drain: 3000 });
    assert.deepEqual([now.instance, now.state], [2, "probation"]);
    const settled = rt.providers.wait("sim");
    await rt.clock.advance(5000);
    assert.equal((await settled).lastReload, "switched");
    await rt.clock.advance(3000);
    assert.equal((await rt.providers.get("sim")).draining, 0);
  });

  test("what is wrong changes nothing", async (t) => {
    const rt = await opened(t);
    await assert.rejects(rt.providers.reload("sim", { config: { latency_ms: "soon" } }), (error) => error instanceof InvalidArgumentError && /goes on with the instance that it has/.test(error.message));
    await assert.rejects(rt.providers.reload("sim", { library: "/nowhere/at-all.so" }), NotFoundError);
    await assert.rejects(rt.providers.reload("nobody"), NotFoundError);
    await assert.rejects(rt.providers.get("nobody"), NotFoundError);
    await assert.rejects(rt.providers.reload("sim", { secrets: { a: "b" } }), TypeError);
    await assert.rejects(rt.providers.reload("sim", { probation: "soon" }), TypeError);
    await assert.rejects(rt.providers.reload("sim", { provider: new Acme(), library: "x.so" }), TypeError);
    assert.equal((await rt.providers.get("sim")).instance, 1);
  });

  test("an object takes over, and the one before drains", async (t) => {
    const rt = await opened(t);
    const [old, next] = [new Acme(), new Acme()];
    await rt.registerProvider("acme", old);
    const first = await send(rt);
    await rt.settle();
    assert.equal((await rt.providers.reload("acme", { provider: next, probation: 0, drain: 5000 })).lastReload, "switched");
    const second = await send(rt);
    await rt.settle();
    assert.deepEqual([old.requests.length, next.requests.length], [1, 1]);
    await rt.clock.advance(1000);
    for (const id of [first, second]) {
      const report = await rt.waitFor(REPORT, (event) => event.data.messageId === id, { timeout: 20_000 });
      assert.equal(report.data.deliveryStatus, "Delivered");
    }
    assert.equal(old.stopped, false);
    await rt.clock.advance(5000);
    assert.equal(old.stopped, true);
    assert.equal(next.stopped, false);
  });

  test("one that was registered goes, and its name is free", async (t) => {
    const rt = await opened(t);
    const acme = new Acme();
    await rt.registerProvider("acme", acme, { settings: { rate: { messages: 1, per: "10s" } } });
    await Promise.all([send(rt), send(rt)]);
    await rt.settle();
    assert.equal(acme.requests.length, 1, "it has a rate");
    await rt.clock.advance(10_000);
    assert.equal(acme.requests.length, 2);
    await rt.providers.remove("acme");
    assert.equal(acme.stopped, true);
    const id = await send(rt);
    await rt.settle();
    assert.equal((await rt.sms.get(id)).provider, "sim");
    await rt.registerProvider("acme", new Acme());
    await assert.rejects(rt.providers.remove("sim"), FailedPreconditionError);
    await assert.rejects(rt.providers.remove("nobody"), NotFoundError);
  });
});
