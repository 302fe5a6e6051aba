// Every type crosses in both directions without a loss, and what does not fit is named.
import "./support/fake.mjs";
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inspect } from "node:util";
import { Runtime } from "trunkline";

let rt;
before(async () => void (rt = await Runtime.open()));
after(() => rt.close());

const message = (more) => ({ from: "+1", to: ["+2"], message: "hi", ...more });

test("strings of every kind survive", async () => {
  for (const text of ["", "plain", "grüße", "😀 und 𝒜", "\0nul\0", "e\u0301", "x".repeat(100_000), "ß😀".repeat(20_000)]) {
    const [outcome] = await rt.sms.send(message({ message: text, to: ["ü", text] }));
    assert.equal(outcome.to, "ü");
    assert.equal(outcome.messageId, `${text}-0`);
  }
});
test("halves of a surrogate pair never meet, and become U+FFFD", async () => {
  const [a, b] = await rt.sms.send(message({ to: ["a\ud83d", "\ude00b"] }));
  assert.deepEqual([a.to, b.to], ["a\ufffd", "\ufffdb"]);
});
test("what is no UTF-8 is replaced and shifts nothing", async () => {
  const record = await rt.sms.get("id");
  assert.equal(record.message, "grüße 😀 \ufffd!");
  assert.equal(record.providerCode, "30007");
});
test("enums are open", async () => {
  const record = await rt.sms.get("id");
  assert.equal(record.state, "#99");
  assert.equal(record.reason, "blocked");
  const echo = rt.provider("echo", "sms");
  const send = async (encoding) => (await echo.send({ from: "a", recipients: [{ to: "b", messageId: "m" }], text: "t", encoding }))[0].providerCode;
  assert.equal(await send("ucs2"), "t|2");
  assert.equal(await send("#7"), "t|7");
  assert.equal(await send(undefined), "t|0");
  await assert.rejects(send("utf8"), { name: "TypeError", message: 'request.encoding: expected one of "auto", "gsm7", "ucs2", got "utf8"' });
});
test("dates are milliseconds, rounded down, before 1970 as well", async () => {
  const record = await rt.sms.get("id");
  assert.deepEqual(record.createdAt, new Date(1767225600123));
  assert.deepEqual(record.updatedAt, new Date(-1));
  const [result] = await rt.provider("echo", "sms").send({ from: "a", recipients: [{ to: "b", messageId: "m" }], text: "t", validUntil: new Date(-5) });
  assert.equal(result.priceMicros, -5_000_000n);
});
test("64-bit integers are bigints", async () => {
  assert.equal((await rt.numbers.search({})).costMicros, 9007199254740993n);
});
test("defaults are filled in, absent fields have no key", async () => {
  assert.equal((await rt.numbers.search({})).searchId, "US21");
  assert.equal((await rt.numbers.search({ countryCode: "DE", type: "mobile", quantity: 2 ** 31 - 1 })).searchId, "DE32147483647");
  const { user, ...rest } = await rt.identity.createUser();
  assert.deepEqual([Object.keys(user), Object.keys(rest)], [["id", "createdAt"], []]);
});
test("durations are milliseconds, with fractions", async () => {
  const { token } = await rt.identity.createUser(["chat"], undefined, 90_000);
  assert.deepEqual(token.expiresAt, new Date(90_000));
  await assert.rejects(rt.provider("echo", "pstn").dial({ legId: "l", from: "a", to: "b", ringTimeout: 0.25, headers: { "X-Größe": "ü" } }), { message: "ü", target: "250000" });
});
test("records keep every key", async () => {
  const properties = JSON.parse('{"__proto__": "odd", "b": "1", "ä": "2"}');
  const [result] = await rt.provider("echo", "sms").send({ from: "a", recipients: [{ to: "b", messageId: "m" }], text: "t", properties });
  assert.equal(result.providerCode, "t|0|__proto__=odd|b=1|ä=2");
  const { voices } = rt.provider("echo", "media").capabilities();
  assert.deepEqual(Object.entries(voices), [["__proto__", "odd"], ["de-DE", "Käthe"]]);
  assert.equal(Object.getPrototypeOf(voices), Object.prototype);
});
test("unions have a kind and a value", async () => {
  const identity = rt.provider("echo", "identity");
  const exchange = (credential) => identity.exchange({ resourceId: "", credential, scopes: ["chat"] });
  assert.equal((await exchange({ kind: "refreshToken", value: "r" })).token, "refresh r");
  assert.equal((await exchange({ kind: "teams", value: { token: "t", appId: "app", userId: "u" } })).token, "teams app");
  await assert.rejects(exchange({ kind: "teams", value: { token: "t", appId: 4, userId: "u" } }), { message: "request.credential.value.appId: expected a string, got a number" });
  await assert.rejects(exchange({ kind: "toString", value: 1 }), { message: 'request.credential.kind: expected one of "teams", "code", "refreshToken", got "toString"' });
});
test("bytes are copied both ways", async () => {
  const [key] = await rt.provider("echo", "identity").signingKeys();
  assert.deepEqual(key.publicKey, Uint8Array.of(250, 251, 252, 253, 254, 255, 0, 1, 2));
  assert.equal(key.publicKey.buffer.byteLength, 9);
  const big = new Uint8Array(100_000).fill(65);
  let frames = 0;
  for await (const frame of rt.provider("echo", "media").render({ kind: "audio", value: { format: { codec: "pcm16", sampleRateHz: 8000, channels: 1, frameMs: 20 }, samples: big.subarray(1, 5) } }, { codec: "pcm16", sampleRateHz: 8000, channels: 1, frameMs: 100_000 })) {
    assert.equal(frame.position, BigInt(frames++));
    assert.equal(frame.samples.length, 100_000);
    assert.ok(frame.samples.every((byte) => byte === 65));
  }
  assert.equal(frames, 4);
});
test("json is decoded", async () => {
  assert.deepEqual((await rt.identity.verifyToken("t")).claims, { skypeid: "u", nested: [1, { é: null }] });
});
test("long lists come complete", async () => {
  const page = await rt.sms.list(5000, "next");
  assert.equal(page.items.length, 5000);
  assert.equal(page.items[4999].messageId, "m4999");
  assert.equal(page.continuation, "next");
});
test("secrets are not printed", async () => {
  const made = await rt.identity.createUser(["chat"]);
  assert.equal(made.token.token, "ey.secret.token");
  assert.doesNotMatch(inspect(made), /ey\.secret/);
  assert.match(inspect(made), /<redacted>/);
  assert.doesNotMatch(inspect(await rt.resources.get("x"), { depth: 0 }), /a2V5/);
});

const wrong = [
  [message({ to: ["+1", "+2", "+3", 4] }), "message.to[3]: expected a string, got a number"],
  [message({ to: [] }), "message.to: expected at least 1 element, got 0"],
  [message({ to: "+1" }), "message.to: expected an array, got a string"],
  [message({ from: undefined }), "message.from: expected a string, got undefined"],
  [message({ deliveryReport: "yes" }), "message.deliveryReport: expected a boolean, got a string"],
  [message({ deliveryReportTimeout: NaN }), "message.deliveryReportTimeout: expected a number of milliseconds, got NaN"],
  [undefined, "message: expected an object, got undefined"],
  [[], "message: expected an object, got an array"],
];
for (const [argument, text] of wrong) {
  test(`rejects: ${text}`, async () => {
    await assert.rejects(rt.sms.send(argument), { name: "TypeError", code: "invalidArgument", target: text.split(":")[0], message: text });
  });
}
test("numbers must fit", async () => {
  await assert.rejects(rt.sms.list(1.5), { message: "limit: expected an integer from -2147483648 to 2147483647, got 1.5" });
  await assert.rejects(rt.sms.list(2 ** 31), /limit: expected an integer/);
  await assert.rejects(rt.events.list({ after: 2n ** 63n }), { message: "filter.after: expected an integer of 64 bits, got 9223372036854775808" });
  await assert.rejects(rt.provider("echo", "sms").send({ from: "a", recipients: [{ to: "b", messageId: "m" }, { to: "b" }], text: "t" }), { message: "request.recipients[1].messageId: expected a string, got undefined" });
  await assert.rejects(rt.provider("echo", "sms").send({ from: "a", recipients: [{ to: "b", messageId: "m" }], text: "t", validUntil: new Date(NaN) }), /request.validUntil: expected a Date between/);
});
test("an argument's getter may call back", async () => {
  let inner;
  const outer = rt.sms.send({ from: "+1", get to() { inner ??= rt.sms.send(message({ message: "inner" })); return ["+9"]; }, message: "outer" });
  assert.equal((await outer)[0].messageId, "outer-0");
  assert.equal((await inner)[0].messageId, "inner-0");
});
