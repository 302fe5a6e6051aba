// What tests of applications stand on: the world of a test, its people, carriers, events and clock.
import { build, skip } from "./support/real.mjs";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { after, describe, test as plain } from "node:test";
import { fileURLToPath } from "node:url";
import { Home, configure, fixtures, open, test } from "trunkline/test";

const here = path.dirname(fileURLToPath(import.meta.url));
const ADA = "+14255550123", BOB = "+14255550124";
const SENDER = "support@sandbox.trunkline.test";

async function text(trunkline, message, to = ADA) {
  const [sent] = await trunkline.sms.send({ from: await trunkline.number(), to: [to], message, deliveryReport: true });
  return sent.messageId;
}

describe("the fixtures", { skip }, () => {
  after(() => configure());

  plain("worlds share nothing", async () => {
    const first = await open();
    await text(first, "hello");
    await first.settle();
    await first.carrier("sim-a").fail();
    await first.phone(ADA).waitFor("hello");
    await first.close();
    await first.close();
    const second = await open();
    assert.notEqual(second.name, first.name);
    assert.deepEqual([await second.phone(ADA).messages(), (await second.sms.list()).items, await second.events.of()], [[], [], []]);
    assert.ok((await second.sandbox.rules()).every((rule) => rule.failure === "none"));
    await second.close();
  });

  test("the clock stands still", async ({ trunkline, t }) => {
    assert.equal(t.name, "the clock stands still");
    const start = trunkline.clock.now();
    const message = await text(trunkline, "hello");
    await trunkline.settle();
    assert.equal((await trunkline.sms.get(message)).state, "sent");
    assert.deepEqual(await trunkline.clock.advance(2000), new Date(start.getTime() + 2000));
    assert.equal((await trunkline.sms.get(message)).state, "delivered");
  });

  test("waiting moves the clock", async ({ trunkline }) => {
    const start = trunkline.clock.now();
    const phone = trunkline.phone(ADA);
    await text(trunkline, "Your code is 123456.");
    await text(trunkline, "Your code is G-4711.");
    assert.equal(await phone.waitCode(), "123456");
    assert.equal(await phone.waitCode({ pattern: /G-(\d+)/ }), "4711");
    assert.ok(trunkline.clock.now() - start < 1000);
    assert.deepEqual(await phone.texts(), ["Your code is 123456.", "Your code is G-4711."]);
    await text(trunkline, "three");
    assert.equal((await phone.waitFor((message) => message.text === "three")).from, await trunkline.number());
    await assert.rejects(phone.waitFor(7), { name: "TypeError", message: "what: expected a string, a RegExp or a function" });
    await assert.rejects(phone.waitFor("x", { within: "7" }), { name: "TypeError", message: "options.within: expected milliseconds from 0 on" });
    assert.throws(() => trunkline.phone(7), { name: "TypeError", message: "number: expected a string" });
  });

  test("a wait in vain says what came instead", async ({ trunkline }) => {
    await trunkline.carrier("sim-a").fail("unreachable", { to: ADA, times: 1 });
    await text(trunkline, "This is lost");
    await text(trunkline, "Your code is 123456");
    const phone = trunkline.phone(ADA);
    await phone.waitFor("code");
    await assert.rejects(phone.waitFor("Your code was 123456", { within: 3000 }), (error) => {
      assert.equal(error.name, "AssertionError");
      assert.match(error.message, /^the phone \+14255550123 got nothing new within 3000 ms of the clock; wanted anything with 'Your code was 123456' in it\n/);
      assert.match(error.message, /'Your code is 123456' {2}\(an earlier wait took it\)/);
      assert.match(error.message, /'This is lost' {2}failed {2}unreachable {2}by sim-a/);
      assert.deepEqual([error.actual, error.expected], [["Your code is 123456"], ["Your code was 123456"]]);
      return true;
    });
    await assert.rejects(trunkline.phone(BOB).waitFor(undefined, { within: 0 }), /it got nothing at all/);
  });

  test("phones write and answer, and handlers are waited for", async ({ trunkline }) => {
    const phone = trunkline.phone(ADA);
    trunkline.onEvent("answers", { types: ["Microsoft.Communication.SMSReceived"] }, (event) =>
      trunkline.sms.send({ from: event.data.to, to: [event.data.from], message: `You said ${event.data.message}` }));
    await phone.send("hello");
    assert.equal((await phone.waitFor()).text, "You said hello");
    const received = await trunkline.events.expect("SMSReceived");
    await phone.replyWith("Yes", { times: 1 });
    await text(trunkline, "Coffee?");
    const answer = await trunkline.events.expect("SMSReceived", (event) => event.data.message === "Yes");
    assert.ok(answer.sequence > received.sequence);
  });

  test("carriers", async ({ trunkline }) => {
    const carrier = trunkline.carrier("sim-a");
    await carrier.refuse("blocked", { to: BOB });
    await trunkline.carrier("sim-b").refuse("badDestination", { to: BOB });
    const message = await text(trunkline, "hello", BOB);
    await trunkline.clock.advance(60_000);
    assert.equal((await trunkline.sms.get(message)).state, "failed");
    await carrier.beSlow(30_000);
    const late = await text(trunkline, "late");
    await trunkline.clock.advance(29_000);
    assert.equal((await trunkline.sms.get(late)).state, "sent");
    await trunkline.clock.advance(2000);
    assert.equal((await trunkline.sms.get(late)).state, "delivered");
    await carrier.beSilent();
    const silent = await text(trunkline, "silent");
    await trunkline.phone(ADA).waitFor("silent");
    assert.equal((await trunkline.sms.get(silent)).state, "sent");
    await carrier.recover();
    await assert.rejects(carrier.fail("bad luck"), { name: "TypeError", message: /rule\.failure: expected one of/ });
    await assert.rejects(trunkline.carrier("nobody").fail(), { code: "notFound" });
  });

  test("mail", async ({ trunkline }) => {
    const mail = (subject, plainText, to) => trunkline.email.send({ senderAddress: SENDER, to, subject, plainText });
    await mail("Welcome", "Confirm at https://example.com/confirm?t=1 with 4711.", "ada@example.com");
    const box = trunkline.mailbox("ada@example.com");
    assert.equal(await box.waitLink({ subject: "Welcome" }), "https://example.com/confirm?t=1");
    assert.deepEqual(await box.subjects(), ["Welcome"]);
    await trunkline.carrier("sim-mail").fail("bounced", { to: "bob@*" });
    await mail("Invoice", "42", "bob@example.com");
    await assert.rejects(trunkline.mailbox("bob@example.com").waitFor(undefined, { subject: "Invoice" }), /got nothing[^]*not delivered:\n.*bounced/);
    await box.send({ to: SENDER, subject: "Help", text: "It does not work. Grüße" });
    const [received] = await trunkline.email.receivedMails();
    assert.deepEqual([received.subject, received.from], ["Help", "ada@example.com"]);
  });

  test("events that nobody took", async ({ trunkline }) => {
    trunkline.onEvent("broken", { types: ["Microsoft.Communication.SMSReceived"], maxAttempts: 2, onError: () => {} }, () => {
      throw new Error("no database");
    });
    await trunkline.phone(ADA).send("hello");
    assert.deepEqual(await trunkline.events.deadLettered(), []);
    await trunkline.clock.advance(3_600_000);
    const [letter] = await trunkline.events.deadLettered();
    assert.deepEqual([letter.subscription, letter.attempts, letter.event.data.message], ["broken", 2, "hello"]);
    assert.match(letter.reason, /no database/);
    await assert.rejects(trunkline.events.expect("Nothing", { within: 1000 }), /no event Microsoft\.Communication\.Nothing[^]*these did:[^]*SMSReceived/);
  });

  plain("a breaker that tripped is gone with its test", async () => {
    const first = await open();
    await first.carrier("sim-a").refuse("temporary");
    for (let i = 0; i < 10; ++i) await text(first, `${i}`);
    await first.settle();
    await first.close();
    assert.ok(first.runtime.closed);
    const second = await open();
    const message = await text(second, "hello");
    await second.settle();
    assert.equal((await second.sms.get(message)).provider, "sim-a");
    await second.close();
  });

  plain("a configuration of one's own", async () => {
    const home = new Home({ providers: [{ name: "mine", plugin: "sms-sandbox" }], resources: [{ name: "shop", numbers: [{ number: "+442079460100", sms: "both" }] }] });
    const world = await home.open();
    assert.equal(await world.number(), "+442079460100");
    await world.carrier("mine").fail();
    await world.close();
    await home.close();
  });

  plain("the shape that Vitest wants", async () => {
    let name;
    await fixtures.trunkline({}, async (trunkline) => void (name = trunkline.name));
    assert.match(name, /^test-\d+$/);
    // It reads the parameters of the function's text.
    assert.match(fixtures.trunkline.toString(), /^async \(\{\s*\}, use\)/);
    const cjs = createRequire(import.meta.url)("trunkline/test");
    assert.equal(cjs.open, open);
  });

  plain("a process ends by itself after its tests", async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "trunkline-"));
    const file = path.join(folder, "it.test.mjs");
    const main = JSON.stringify(path.join(here, "../lib/test/index.mjs"));
    await writeFile(file, `import { test } from ${main};
      test("one", async ({ trunkline }) => { await trunkline.phone("+14255550123").send("hello"); await trunkline.events.expect("SMSReceived"); });
      test("two", async ({ trunkline }) => { await trunkline.phone("+14255550123").waitFor("hello", { within: 1 }); });`);
    const env = { ...process.env, TRUNKLINE_BUILD_DIR: build };
    delete env.NODE_TEST_CONTEXT;
    const child = spawn(process.execPath, ["--test", "--test-reporter=tap", file], { env });
    let out = "";
    child.stdout.on("data", (data) => (out += data));
    const [code] = await once(child, "close");
    assert.equal(code, 1, out);
    assert.match(out, /# pass 1\n# fail 1/);
    assert.match(out, /got nothing new within 1 ms of the clock/);
  });
});
