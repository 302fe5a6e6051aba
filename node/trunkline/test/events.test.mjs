// Events in the process: subscriptions, consumers that acknowledge, functions, the history, custom topics.
import { skip } from "./support/real.mjs";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { Runtime } from "trunkline";

const OURS = "+14255550100";
const PHONE = "+14255550123";
const RECEIVED = "Microsoft.Communication.SMSReceived";
const MINUTE = 60_000;

async function using_(work, more = {}) {
  const rt = await Runtime.open({
    runtime: { clock: "virtual", seed: 7 },
    log: { level: "off" },
    providers: [{ name: "sim", plugin: "sms-sandbox" }, { name: "id", plugin: "identity-local" }],
    resources: [{ name: "demo", numbers: [{ number: OURS, type: "geographic", sms: "both" }] }],
    ...more,
  });
  try {
    await work(rt);
  } finally {
    await rt.close();
  }
}
async function receive(rt, ...texts) {
  for (const text of texts) await rt.sandbox.sendFromPhone(PHONE, OURS, text);
}
const textsOf = (deliveries) => deliveries.map((delivery) => delivery.event.data.message);
async function take(deliveries, count) {
  const taken = [];
  while (taken.length < count) taken.push((await deliveries.next()).value);
  return taken;
}
/** What comes, in order, for whoever waits for it. */
function mailbox() {
  const items = [];
  const waiting = [];
  return {
    put: (item) => (waiting.length ? waiting.shift()(item) : items.push(item)),
    get: () => (items.length ? Promise.resolve(items.shift()) : new Promise((resolve) => waiting.push(resolve))),
  };
}
/** A webhook that agrees to every subscription and answers events with `status`. */
async function receiver() {
  const got = mailbox();
  const self = { status: 200, next: () => got.get() };
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const events = JSON.parse(body);
    if (request.headers["aeg-event-type"] === "SubscriptionValidation") return response.end(JSON.stringify({ validationResponse: events[0].data.validationCode }));
    response.writeHead(self.status).end();
    got.put({ headers: request.headers, events });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  self.url = `http://127.0.0.1:${server.address().port}/hook`;
  self.close = () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); });
  return self;
}

test("a subscription is written, changed and removed", { skip }, async () => {
  await using_(async (rt) => {
    const made = await rt.eventSubscriptions.put({ name: "Audit", types: [RECEIVED], subjectBeginsWith: "/phonenumber" });
    assert.deepEqual([made.name, made.destination, made.state, made.endpoint], ["Audit", "handler", "succeeded", undefined]);
    assert.deepEqual(await rt.eventSubscriptions.get("audit"), made);
    const changed = await rt.eventSubscriptions.update({ name: "audit", maxAttempts: 3 });
    assert.equal(changed.properties.retryPolicy.maxDeliveryAttempts, 3);
    assert.deepEqual(changed.properties.filter.includedEventTypes, [RECEIVED]);
    const conditions = [{ key: "data.message", operatorType: "stringContains", value: "order" }];
    const typed = await rt.eventSubscriptions.put({ name: "typed", conditions });
    assert.deepEqual(typed.properties.filter.advancedFilters, [{ key: "data.message", operatorType: "StringContains", values: ["order"] }]);
    assert.deepEqual((await rt.eventSubscriptions.list()).map(({ name }) => name), ["Audit", "typed"]);
    assert.equal(await rt.eventSubscriptions.remove("AUDIT"), true);
    assert.equal(await rt.eventSubscriptions.remove("audit"), false);
    await assert.rejects(rt.eventSubscriptions.get("audit"), { code: "notFound" });
    for (const [spec, target] of [[{ name: "x" }, "name"], [{ name: "good", webhook: "http://example.com" }, "webhook"], [{ name: "good", bearer: "t" }, "bearer"]])
      await assert.rejects(rt.eventSubscriptions.put(spec), { code: "invalidArgument", target });
  });
});

test("deliveries are acknowledged; what is rejected or dropped comes again", { skip }, async () => {
  await using_(async (rt) => {
    await rt.eventSubscriptions.put({ name: "received", types: [RECEIVED] });
    await receive(rt, "one", "two", "three");
    const deliveries = rt.deliveries("received");
    const [one, two, three] = await take(deliveries, 3);
    assert.deepEqual([one.ack(), one.ack()], [true, false]);
    assert.equal(two.reject("not now"), true);
    await deliveries.return();
    assert.equal(three.ack(), false, "it went back");
    await rt.clock.advance(2 * MINUTE);
    const left = [];
    for await (const delivery of rt.deliveries("received")) {
      left.push([delivery.event.data.message, delivery.attempt]);
      assert.ok(delivery.ack());
      if (left.length === 2) break;
    }
    assert.deepEqual(left.sort(), [["three", 1], ["two", 2]]);
    const [explanation] = await rt.eventHistory.explain(two.event.id);
    assert.equal(explanation.attempts[0].reply, "not now");
    await assert.rejects(rt.deliveries("nobody").next(), { code: "notFound" });
    await assert.rejects(rt.deliveries("received", { credits: 0 }).next(), { code: "invalidArgument", target: "credits" });
  });
});

test("a slow consumer holds no more than its credits", { skip }, async () => {
  await using_(async (rt) => {
    await rt.eventSubscriptions.put({ name: "received" });
    await receive(rt, ...Array.from({ length: 30 }, (_, i) => String(i)));
    const deliveries = rt.deliveries("received", { credits: 4 });
    const held = await take(deliveries, 4);
    let came = false;
    const fifth = deliveries.next().then(({ value }) => ((came = true), value));
    await rt.settle();
    assert.equal((await rt.eventSubscriptions.activity("received")).idle, false);
    assert.equal(came, false);
    assert.ok(held[1].ack());
    assert.deepEqual(textsOf([await fifth]), ["4"]);
    await deliveries.return();
  });
});

test("iterators end with their subscription and with the runtime", { skip }, async () => {
  const rt = await Runtime.open({ runtime: { clock: "virtual" }, log: { level: "off" }, resources: [{ name: "demo" }] });
  await rt.eventSubscriptions.put({ name: "received" });
  const removed = rt.deliveries("received");
  await removed.ready;
  const end = removed.next();
  await rt.eventSubscriptions.remove("received");
  assert.deepEqual(await end, { value: undefined, done: true });
  const handler = rt.onEvent("received", () => {});
  await handler.ready;
  const open = rt.deliveries("received");
  await open.ready;
  const pending = assert.rejects(open.next(), { code: "cancelled" });
  await rt.close();
  await pending;
  await handler.close();
});

test("a function gets events, and those that it threw on again", { skip }, async () => {
  await using_(async (rt) => {
    const got = mailbox();
    const errors = mailbox();
    let failing = true;
    const handler = rt.onEvent("received", { types: [RECEIVED], onError: (error, delivery) => errors.put([error.message, delivery.attempt]) }, async (event) => {
      if (failing) throw new Error("the database is away");
      got.put(event.data.message);
    });
    await handler.ready;
    await receive(rt, "one");
    assert.deepEqual(await errors.get(), ["the database is away", 1]);
    failing = false;
    await rt.clock.advance(2 * MINUTE);
    assert.equal(await got.get(), "one");
    await handler.close();
    await receive(rt, "meanwhile");
    const again = rt.onEvent("received", (event) => got.put(event.data.message));
    assert.equal(await got.get(), "meanwhile");
    assert.deepEqual((await rt.eventSubscriptions.get("received")).properties.filter.includedEventTypes, [RECEIVED]);
    await again.close();
    await assert.rejects(rt.onEvent("x", { onError() {} }, () => {}).ready, { code: "invalidArgument", target: "name" });
    assert.throws(() => rt.onEvent("y", {}), { code: "invalidArgument", target: "fn" });
    assert.throws(() => rt.onEvent("y", { concurrency: 0 }, () => {}), { code: "invalidArgument", target: "concurrency" });
  });
});

test("a function for a subscription with a webhook is told that it gets nothing", { skip }, async () => {
  const hook = await receiver();
  try {
    await using_(async (rt) => {
      await rt.eventSubscriptions.put({ name: "hook", webhook: hook.url });
      const errors = mailbox();
      const handler = rt.onEvent("hook", { onError: errors.put }, () => {});
      await handler.ready;
      assert.equal((await errors.get()).code, "failedPrecondition");
      await handler.close();
    });
  } finally {
    await hook.close();
  }
});

test("functions run side by side", { skip }, async () => {
  await using_(async (rt) => {
    const inside = mailbox();
    let leave;
    const gate = new Promise((resolve) => (leave = resolve));
    const handler = rt.onEvent("received", { concurrency: 2 }, async (event) => {
      inside.put(event.data.message);
      await gate;
    });
    await handler.ready;
    await receive(rt, "one", "two");
    assert.deepEqual([await inside.get(), await inside.get()].sort(), ["one", "two"]);
    leave();
    await handler.close();
    const states = [];
    for await (const event of rt.eventHistory.find()) states.push((await rt.eventHistory.explain(event.id))[0].state);
    assert.deepEqual(states, ["delivered", "delivered"]);
  });
});

test("a webhook that fails is tried again, then its event is a dead letter, then sent again", { skip }, async () => {
  const letters = await mkdtemp(path.join(tmpdir(), "trunkline-"));
  const hook = await receiver();
  try {
    await using_(
      async (rt) => {
        await rt.eventSubscriptions.put({ name: "hook", webhook: hook.url, maxAttempts: 2, deadLetter: "sms", headers: { "x-mine": "yes" } });
        hook.status = 503;
        await receive(rt, "hello");
        const first = await hook.next();
        assert.equal(first.headers["x-mine"], "yes");
        const { id } = first.events[0];
        await rt.settle(); // the answer is on its way
        await rt.clock.advance(60 * MINUTE);
        assert.equal((await hook.next()).events[0].id, id);
        await rt.settle();
        const [explanation] = await rt.eventHistory.explain(id);
        assert.deepEqual([explanation.state, explanation.reason], ["deadLettered", "MaxDeliveryAttemptsExceeded"]);
        assert.deepEqual(explanation.attempts.map(({ status }) => status), [503, 503]);
        hook.status = 200;
        await rt.eventHistory.redeliver("hook", id);
        assert.equal((await hook.next()).events[0].id, id);
      },
      { events: { dead_letter_path: letters } },
    );
  } finally {
    await hook.close();
    await rm(letters, { recursive: true });
  }
});

test("a bucket takes dead letters", { skip }, async () => {
  const put = mailbox();
  const store = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    put.put({ path: request.url, headers: request.headers, letters: JSON.parse(body) });
    response.end();
  });
  await new Promise((resolve) => store.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${store.address().port}/letters`;
  const deadLetterBucket = { url, region: "eu-west-1", accessKeyId: "AKIDEXAMPLE", secretAccessKey: "it-is-secret" };
  const hook = await receiver();
  try {
    await using_(async (rt) => {
      const { properties } = await rt.eventSubscriptions.put({ name: "hook", webhook: hook.url, maxAttempts: 1, deadLetterBucket });
      assert.equal(properties.deadLetterDestination.endpointType, "S3");
      assert.ok(!JSON.stringify(properties).includes("it-is-secret"));
      hook.status = 503;
      await receive(rt, "hello");
      const { path: name, headers, letters } = await put.get();
      assert.match(name, /^\/letters\/demo\/HOOK\/2026\//);
      assert.deepEqual([letters.length, letters[0].data.message, letters[0].deadLetterReason], [1, "hello", "MaxDeliveryAttemptsExceeded"]);
      assert.match(headers.authorization, /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-west-1\/s3\/aws4_request/);
      await rt.settle();
      const [explanation] = await rt.eventHistory.explain(letters[0].id);
      assert.equal(explanation.state, "deadLettered");

      const handler = rt.onEvent("mine", { maxAttempts: 1, deadLetterBucket, onError: () => {} }, () => {
        throw new Error("no");
      });
      await handler.ready;
      await receive(rt, "again");
      assert.deepEqual([(await put.get()).path.split("/")[3], (await put.get()).path.split("/")[3]].sort(), ["HOOK", "MINE"]);
      await handler.close();
      const both = rt.eventSubscriptions.update({ name: "hook", deadLetter: "sms", deadLetterBucket });
      await assert.rejects(both, { code: "invalidArgument", target: "deadLetterBucket" });
      const without = rt.eventSubscriptions.update({ name: "hook", deadLetterBucket: { ...deadLetterBucket, region: "" } });
      await assert.rejects(without, { code: "invalidArgument", target: "deadLetterBucket.region" });
    });
  } finally {
    await hook.close();
    store.close();
  }
});

test("events are found, explained and exported", { skip }, async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "trunkline-"));
  try {
    await using_(async (rt) => {
      await rt.eventSubscriptions.put({ name: "never", subjectBeginsWith: "/elsewhere" });
      await receive(rt, ...Array.from({ length: 7 }, (_, i) => String(i)));
      const found = [];
      for await (const event of rt.eventHistory.find({ types: [RECEIVED], newestFirst: true, pageSize: 3 })) found.push(event);
      assert.deepEqual(found.map(({ data }) => data.message), ["6", "5", "4", "3", "2", "1", "0"]);
      const [explanation] = await rt.eventHistory.explain(found[0].id);
      assert.deepEqual([explanation.subscription, explanation.state, explanation.rule, explanation.wanted], ["never", "filtered", "subjectBeginsWith", "/elsewhere"]);
      const file = path.join(folder, "events.jsonl");
      assert.equal(await rt.eventHistory.export(file), 7);
      const lines = (await readFile(file, "utf8")).trimEnd().split("\n").map((line) => JSON.parse(line));
      assert.deepEqual(lines.map(({ id }) => id), found.map(({ id }) => id).reverse());
      const out = new PassThrough();
      assert.equal(await rt.eventHistory.export(out, { limit: 2 }, { schema: "cloudEvents" }), 7);
      assert.equal(JSON.parse(out.read().toString().split("\n")[0]).specversion, "1.0");
      await assert.rejects(rt.eventHistory.get("nothing"), { code: "notFound" });
      await assert.rejects(rt.eventHistory.export(path.join(folder, "no/where")), { code: "ENOENT" });
      await assert.rejects(rt.eventHistory.export(out, { subscription: "nobody" }), { code: "notFound" });
      assert.equal(out.writable, true, "it is the caller's");
      if (existsSync("/dev/full")) await assert.rejects(rt.eventHistory.export("/dev/full"), { code: "ENOSPC" });
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("custom topics", { skip }, async () => {
  await using_(async (rt) => {
    const made = await rt.topics.create({ name: "Orders", tags: { team: "shop" } });
    const again = await rt.topics.regenerateKey("orders", "secondary");
    assert.deepEqual([again.primaryKey === made.primaryKey, again.secondaryKey === made.secondaryKey], [true, false]);
    const orders = rt.topic("orders");
    const got = mailbox();
    const handler = orders.onEvent("shipping", { types: ["Orders.Created"] }, (event) => got.put(event));
    await handler.ready;
    const id = await orders.publish({ type: "Orders.Created", subject: "orders/7", data: { total: 12.5 } });
    const event = await got.get();
    assert.deepEqual([event.id, event.subject, event.data, event.topic], [id, "orders/7", { total: 12.5 }, made.topicId]);
    assert.equal((await orders.publish([{ type: "A", subject: "s", data: 1 }, { type: "B", subject: "s", data: 2 }])).length, 2);
    assert.deepEqual((await orders.events.list({ after: 0 })).map(({ type }) => type), ["Orders.Created", "A", "B"]);
    assert.deepEqual(await rt.events.list({ after: 0 }), []);
    await assert.rejects(orders.publish([{ type: "A", subject: "s", data: 1 }, { type: "", subject: "s", data: 2 }]), { code: "invalidArgument", target: "events[1].type" });
    await handler.close();
    assert.equal(await rt.topics.remove("orders"), true);
    await assert.rejects(orders.publish({ type: "A", subject: "s", data: 1 }), { code: "notFound" });
    await assert.rejects(rt.topic("nothing").events.list(), { code: "notFound" });
  });
});
