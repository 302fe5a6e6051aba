// The package over the real runtime and its sandbox, on a virtual clock.
import { skip } from "./support/real.mjs";
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { after, before, describe, test } from "node:test";
import { Runtime } from "trunkline";

const OURS = "+14255550100", PHONE = "+14255550199", REPORT = "Microsoft.Communication.SMSDeliveryReportReceived", RECEIVED = "Microsoft.Communication.SMSReceived";
const config = (more) => ({
  runtime: { clock: "virtual", seed: 1 },
  log: { level: "off" },
  auth: { development_issuer: true },
  providers: [{ name: "sim", plugin: "sms-sandbox", config: { latency_ms: 50 } }, { name: "local", plugin: "identity-local" }],
  resources: [{ name: "one", numbers: [{ number: OURS, type: "geographic", sms: "both" }] }, { name: "two" }],
  ...more,
});

describe("runtime", { skip }, () => {
  let rt;
  before(async () => void (rt = await Runtime.open(config())));
  after(() => rt?.close());

  test("a send is reported once the clock has moved", async () => {
    const [outcome] = await rt.sms.send({ from: OURS, to: [PHONE], message: "grüße 😀", deliveryReport: true, tag: "t" });
    assert.deepEqual([outcome.successful, outcome.httpStatus], [true, 202]);
    const waiting = rt.waitFor(REPORT, (event) => event.data.messageId === outcome.messageId, { timeout: 10_000 });
    await rt.clock.advance(1000);
    const report = await waiting;
    assert.deepEqual([report.data.deliveryStatus, report.data.tag, report.data.to], ["Delivered", "t", PHONE]);
    assert.equal((await rt.sms.get(outcome.messageId)).state, "delivered");
    assert.ok((await rt.sms.explain(outcome.messageId)).steps.length > 0);
    assert.equal((await rt.sandbox.messages(PHONE)).at(-1).text, "grüße 😀");
  });
  test("a dry run, an estimate, a send at a time that is taken back", async () => {
    const [plan] = await rt.sms.plan({ from: OURS, to: [PHONE], message: "hi" });
    assert.deepEqual([plan.accepted, plan.provider], [true, "sim"]);
    const estimate = await rt.sms.estimate({ from: OURS, to: [PHONE], message: "It’s" });
    assert.deepEqual([estimate.encoding, estimate.costlyCharacter, estimate.swaps[0].replacement], ["ucs2", "’", "'"]);
    const sendAt = new Date((await rt.clock.now()).getTime() + 3_600_000);
    const [{ messageId }] = await rt.sms.send({ from: OURS, to: [PHONE], message: "later", sendAt });
    assert.equal((await rt.sms.get(messageId)).state, "scheduled");
    assert.equal((await rt.sms.cancel(messageId)).state, "cancelled");
    await assert.rejects(rt.sms.cancel(messageId), { code: "failedPrecondition" });
  });
  test("STOP is confirmed, kept and proved", async () => {
    const own = await Runtime.open(config());
    try {
      await own.sandbox.sendFromPhone(PHONE, OURS, "stop");
      await own.clock.advance(1000);
      assert.match((await own.sandbox.messages(PHONE)).at(-1).text, /unsubscribed/);
      const [{ messageId }] = await own.sms.send({ from: OURS, to: [PHONE], message: "hello" });
      const { state, reason, fault, retryable } = await own.sms.get(messageId);
      assert.deepEqual([state, reason, fault, retryable], ["failed", "optedOut", "recipient", false]);
      const history = await own.smsConsent.history(PHONE);
      assert.deepEqual(history.items.map(({ action, keyword }) => [action, keyword]), [["optOut", "STOP"]]);
      assert.equal((await own.smsConsent.verify()).intact, true);
      await own.smsConsent.remove(OURS, [PHONE]);
      assert.equal((await own.smsConsent.check(OURS, [PHONE]))[0].optedOut, false);
    } finally {
      await own.close();
    }
  });
  test("every receipt is kept, and none lies", async () => {
    const personality = { duplicate: { share: 1, after_ms: 5000 }, contradictory: { share: 1, after_ms: 2000 } };
    const own = await Runtime.open(config({ providers: [{ name: "liar", plugin: "sms-sandbox", config: { seed: 7, personality } }] }));
    try {
      const [{ messageId }] = await own.sms.send({ from: OURS, to: [PHONE], message: "hello" });
      await own.clock.advance(60_000);
      const receipts = await own.sms.receipts(messageId);
      assert.deepEqual(receipts.map(({ verdict }) => verdict).sort(), receipts[0].state === "failed" ? ["applied", "corrected", "duplicate"] : ["applied", "contradictory", "duplicate"]);
      assert.equal((await own.sms.get(messageId)).state, "delivered");
      assert.ok(receipts.every(({ provider, receivedAt }) => provider === "liar" && receivedAt instanceof Date));
      await assert.rejects(own.sms.receipts("Outgoing_nothing_1"), { code: "notFound" });
    } finally {
      await own.close();
    }
  });
  test("refused recipients do not fail the others", async () => {
    const outcomes = await rt.sms.send({ from: OURS, to: [PHONE, "12"], message: "hi" });
    assert.deepEqual(outcomes.map(({ successful, httpStatus }) => [successful, httpStatus]), [[true, 202], [false, 400]]);
  });
  test("the same idempotency key is sent once", async () => {
    const message = { from: OURS, to: [PHONE], message: "once", idempotencyKey: "2e0a3ad4-0f9a-4d53-9a3c-8c5a6d5b1d11" };
    const [first] = await rt.sms.send(message), [second] = await rt.sms.send(message);
    assert.deepEqual([second.messageId, first.repeated, second.repeated], [first.messageId, false, true]);
  });
  test("inbound messages come as events, without loss from a position on", async () => {
    await rt.sandbox.sendFromPhone(PHONE, OURS, "one");
    await rt.sandbox.sendFromPhone(PHONE, OURS, "two");
    const texts = [];
    for await (const event of rt.events.subscribe({ types: [RECEIVED], after: 0 })) {
      texts.push(event.data.message);
      if (texts.length === 2) break;
    }
    assert.deepEqual(texts, ["one", "two"]);
  });
  test("users get tokens that verify", async () => {
    const { user, token } = await rt.identity.createUser(["chat", "voip"]);
    const claims = await rt.identity.verifyToken(token.token);
    assert.deepEqual([claims.userId, [...claims.scopes].sort()], [user.id, ["chat", "voip"]]);
    await rt.identity.deleteUser(user.id);
    await assert.rejects(rt.identity.issueToken(user.id, ["chat"]), { code: "notFound" });
  });
  test("users are found by the application's own id", async () => {
    const { user } = await rt.identity.createUser([], "alice");
    assert.equal((await rt.identity.createUser([], "alice")).user.id, user.id);
    assert.equal((await rt.identity.findByCustomId("alice")).id, user.id);
    assert.equal((await rt.identity.getUser(user.id)).customId, "alice");
    assert.ok((await rt.identity.listUsers()).items.some(({ id }) => id === user.id));
    await assert.rejects(rt.identity.findByCustomId("nobody"), { code: "notFound" });
  });
  test("a revoked token is refused, a new one is not; keys rotate", async () => {
    const { user, token } = await rt.identity.createUser(["chat"]);
    await rt.identity.revokeTokens(user.id);
    await assert.rejects(rt.identity.verifyToken(token.token), { code: "unauthenticated" });
    const again = await rt.identity.issueToken(user.id, ["voip"]);
    await rt.identity.verifyToken(again.token);
    const [newer, older] = await rt.identity.rotateKeys();
    assert.deepEqual([newer.algorithm, newer.retiresAt, older.retiresAt instanceof Date], ["ES256", undefined, true]);
    await rt.identity.verifyToken(again.token);
  });
  test("a Teams user's token is exchanged", async () => {
    const [app, person] = ["11111111-2222-4333-8444-000000000001", "11111111-2222-4333-8444-000000000002"];
    const { token } = await rt.identity.developmentTeamsToken(app, person);
    const ours = await rt.identity.exchangeTeamsToken(token, app, person);
    assert.equal((await rt.identity.verifyToken(ours.token)).userId, `8:orgid:${person}`);
    await assert.rejects(rt.identity.exchangeTeamsToken(token, person, person), { code: "invalidArgument" });
  });
  test("numbers are searched and bought", async () => {
    const found = await rt.numbers.search({ quantity: 2 });
    assert.equal(found.numbers.length, 2);
    const bought = await rt.numbers.purchase(found.searchId);
    assert.deepEqual(bought.map((number) => number.number).sort(), [...found.numbers].sort());
  });
  test("resources are apart", async () => {
    assert.deepEqual((await rt.resources.list()).map((info) => info.name), ["one", "two"]);
    assert.deepEqual((await rt.resource("two").sms.list()).items, []);
    await rt.resources.create("three", "Europe");
    await assert.rejects(rt.resources.create("three"), { code: "alreadyExists" });
    await rt.resources.drop("three");
    await assert.rejects(rt.resources.get("three"), { code: "notFound" });
  });
  test("a snapshot brings everything back", async () => {
    await rt.resources.create("lab", undefined, { stage: "test" });
    const { tags, resourceId } = await rt.resources.get("LAB");
    assert.deepEqual(tags, { stage: "test" });
    const lab = rt.resource("lab");
    await rt.resources.snapshot("lab", "clean");
    const found = await lab.numbers.search({});
    await lab.numbers.purchase(found.searchId);
    assert.equal((await lab.numbers.list()).length, 1);
    assert.equal((await rt.resources.restore("lab", "clean")).resourceId, resourceId);
    assert.deepEqual(await lab.numbers.list(), []);
    assert.deepEqual((await rt.resources.snapshots("lab")).map((snapshot) => snapshot.name), ["clean"]);
    const before = await rt.resources.get("lab");
    const after = await rt.resources.regenerateKey("lab", "primary");
    assert.notEqual(after.primaryKey, before.primaryKey);
    assert.equal(after.secondaryKey, before.secondaryKey);
    assert.equal((await rt.resources.setLocalAuth("lab", false)).localAuth, false);
    assert.deepEqual((await rt.resources.fork("lab", "child")).lineage, [resourceId]);
    await rt.resources.drop("child");
    await rt.resources.drop("lab");
  });
  test("a provider can be called itself", async () => {
    const sms = rt.provider("sim", "sms");
    assert.equal(sms.capabilities().deliveryReports, true);
  });
  test("metrics, plugins, version, time", async () => {
    assert.match(await rt.metrics(), /^# /m);
    assert.deepEqual((await rt.plugins()).filter((plugin) => plugin.state === "loaded").map((plugin) => plugin.id).sort(), ["identity-local", "sms-sandbox"]);
    assert.match(rt.version, /^\d+\.\d+/);
    const then = rt.clock.now();
    assert.equal((await rt.clock.advance(250)).getTime(), then.getTime() + 250);
    await rt.settle();
  });
});

describe("configuration", { skip }, () => {
  test("the defaults simulate their carriers", async () => {
    const rt = await Runtime.open();
    const [outcome] = await rt.sms.send({ from: OURS, to: [PHONE], message: "hi" });
    assert.equal(outcome.successful, true);
    await rt.close();
  });
  test("from YAML text and from a file", async () => {
    const yaml = "runtime: {clock: virtual}\nlog: {level: off}\nresources: [{name: from-yaml}]\n";
    const folder = mkdtempSync(path.join(tmpdir(), "trunkline-"));
    const configFile = path.join(folder, "trunkline.yaml");
    writeFileSync(configFile, yaml);
    for (const given of [yaml, { configFile }]) {
      const rt = await Runtime.open(given);
      assert.deepEqual((await rt.resources.list()).map((info) => info.name), ["from-yaml"]);
      await rt.close();
    }
    rmSync(folder, { recursive: true });
  });
  test("relative paths of a file start at its directory, and mistakes name it", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "trunkline-"));
    const configFile = path.join(folder, "trunkline.yaml");
    writeFileSync(configFile, "store: {mode: file, path: data}\nlog: {level: off}\nresources: [{name: here}]\n");
    for (const given of [configFile, pathToFileURL(configFile)]) {
      const rt = await Runtime.open({ configFile: given });
      await rt.close();
      assert.ok(existsSync(path.join(folder, "data")));
      rmSync(path.join(folder, "data"), { recursive: true });
    }
    writeFileSync(configFile, "store:\n  mod: file\n");
    await assert.rejects(Runtime.open({ configFile }), (error) => error.message.startsWith(`${configFile}:2:3: store.mod`));
    rmSync(folder, { recursive: true });
  });
  test("mistakes are named", async () => {
    await assert.rejects(Runtime.open("runtime: {clok: virtual}\nstore: 7\n"), (error) => error.code === "invalidArgument" && /clok/.test(error.message) && /store/.test(error.message));
    await assert.rejects(Runtime.open(config({ providers: [{ name: "x", plugin: "no-such-plugin" }] })), (error) => /no-such-plugin/.test(error.message) && typeof error.code === "string");
  });
});
