// Outcomes, cancellation, streams and the end of a runtime.
import { collect, deferred, fake, roundTrip } from "./support/fake.mjs";
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { after, before, describe, test } from "node:test";
import { NotFoundError, ResourceExhaustedError, Runtime, TrunklineError } from "trunkline";

let rt;
before(async () => void (rt = await Runtime.open()));
after(() => rt.close());
const message = (text, more) => ({ from: "+1", to: ["+2"], message: text, ...more });

describe("errors", () => {
  test("carry everything", async () => {
    const error = await rt.sms.send(message("error 8")).catch((e) => e);
    assert.ok(error instanceof ResourceExhaustedError && error instanceof TrunklineError);
    const { name, code, target, retryable, retryAfterMs, providerCode } = error;
    assert.deepEqual({ name, code, text: error.message, target, retryable, retryAfterMs, providerCode },
      { name: "ResourceExhaustedError", code: "resourceExhausted", text: "as asked", target: "message.to[0]", retryable: true, retryAfterMs: 1500, providerCode: "X-1" });
  });
  test("every code has its class", async () => {
    const { ErrorCode } = await import("../generated/wire/common.cjs").then((m) => m.default);
    for (const [code, number] of ErrorCode.values) {
      const error = await rt.sms.send(message(`error ${number}`)).catch((e) => e);
      assert.equal(error.code, code);
      assert.equal(error.name.toLowerCase(), `${code}error`.toLowerCase());
    }
  });
  test("are thrown by @sync operations", () => {
    assert.throws(() => rt.provider("echo", "identity").capabilities(), { name: "PermissionDeniedError", message: "not you" });
  });
  test("operations that nobody implements", async () => {
    await assert.rejects(rt.sms.explain("m"), { code: "unimplemented" });
  });
  test("unknown resources and providers", async () => {
    await assert.rejects(rt.resource("nope").sms.get("m"), NotFoundError);
    await assert.rejects(rt.provider("nope", "sms").send({}), NotFoundError);
    assert.throws(() => rt.provider("echo", "fax"), { name: "TypeError" });
    assert.equal((await rt.resource("other").sms.get("m")).messageId, "m");
  });
  test("a bad configuration", async () => {
    await assert.rejects(Runtime.open({ plugin_path: "x" }), { name: "InvalidArgumentError", target: "plugin_path", message: /wanted a section/ });
    await assert.rejects(Runtime.open("plugin_path: x"), { code: "invalidArgument" });
    await assert.rejects(Runtime.open({ configFile: "/does/not/exist.yaml" }), { name: "NotFoundError", target: "configFile" });
    await assert.rejects(Runtime.open(7), { name: "TypeError" });
  });
  test("a missing native part", async () => {
    process.env.TRUNKLINE_BUILD_DIR = "/does/not/exist";
    try {
      await assert.rejects(Runtime.open(), { name: "UnavailableError", message: /\/does\/not\/exist\/node\/trunkline\.node/ });
    } finally {
      process.env.TRUNKLINE_BUILD_DIR = fake;
    }
  });
});

describe("calls", () => {
  test("many in flight, inline and not", async () => {
    const texts = Array.from({ length: 3000 }, (_, i) => (i % 3 ? `t${i}` : "inline"));
    const all = await Promise.all(texts.map((text) => rt.sms.send(message(text))));
    assert.deepEqual(all.map(([outcome]) => outcome.messageId), texts.map((text) => `${text}-0`));
  });
  test("carry the idempotency key", async () => {
    const [outcome] = await rt.sms.send(message("x"), { idempotencyKey: "kéy" });
    assert.equal(outcome.messageId, "x-0-kéy");
  });
  test("carry a deadline on the runtime's clock", async () => {
    const now = rt.clock.now().getTime();
    await assert.rejects(rt.sms.send(message("deadline"), { timeout: 250 }), { message: String((now + 250) * 1e6) });
    await assert.rejects(rt.sms.send(message("deadline")), { message: "none" });
    await assert.rejects(rt.sms.send(message("x"), { timeout: "1s" }), { message: "options.timeout: expected a number of milliseconds, got a string" });
  });
  test("the clock moves when it is told to", async () => {
    const before = rt.clock.now();
    assert.deepEqual(await rt.clock.advance(1500), new Date(before.getTime() + 1500));
    assert.deepEqual(rt.clock.now(), new Date(before.getTime() + 1500));
    await assert.rejects(rt.clock.advance(-1), { target: "by" });
    await rt.settle();
    assert.equal(await rt.metrics(), "# HELP\n");
    assert.equal((await rt.plugins()).length, 3);
  });
});

describe("signals", () => {
  test("reject with their reason and reach the other side", async () => {
    const controller = new AbortController();
    const events = rt.events.subscribe({ types: ["cancelled"] });
    await events.ready;
    const call = rt.sms.send(message("until cancelled"), { signal: controller.signal });
    const reason = new Error("changed my mind");
    controller.abort(reason);
    await assert.rejects(call, (error) => error === reason);
    assert.equal((await events.next()).value.type, "cancelled");
    await events.return();
  });
  test("that have aborted already start nothing", async () => {
    await assert.rejects(rt.sms.send(message("x"), { signal: AbortSignal.abort() }), { name: "AbortError" });
  });
  test("get one listener for any number of calls", async () => {
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 100 }, () => rt.sms.send(message("x"), { signal })));
    assert.ok(getEventListeners(signal, "abort").length === 1);
  });
});

describe("streams", () => {
  test("deliver what happens, in order, across batches", async () => {
    const stream = rt.events.subscribe({ types: ["Report"] });
    await stream.ready;
    const sent = rt.sms.send(message("many", { to: Array.from({ length: 200 }, (_, i) => `+${i}`), deliveryReport: true, tag: "t" }));
    const subjects = [];
    for await (const event of stream) {
      assert.equal(event.data.tag, "t");
      subjects.push(event.subject);
      if (subjects.length === 200) break;
    }
    assert.deepEqual(subjects, Array.from({ length: 200 }, (_, i) => `+${i}`));
    await sent;
    assert.deepEqual(await stream.next(), { value: undefined, done: true });
  });
  test("next() may be called ahead", async () => {
    const stream = rt.events.subscribe({ types: ["Report"] });
    await stream.ready;
    const items = [stream.next(), stream.next(), stream.next()];
    await rt.sms.send(message("ahead", { to: ["+a", "+b"], deliveryReport: true }));
    assert.deepEqual((await Promise.all(items.slice(0, 2))).map((item) => item.value.subject), ["+a", "+b"]);
    await stream.return();
    assert.deepEqual(await items[2], { value: undefined, done: true });
  });
  test("end", async () => {
    const letters = [];
    const format = { codec: "pcm16", sampleRateHz: 8000, channels: 1, frameMs: 1 };
    for await (const frame of rt.provider("echo", "media").render({ kind: "text", value: "abcdefg" }, format)) letters.push(String.fromCharCode(frame.samples[0]));
    assert.equal(letters.join(""), "abcdefg");
  });
  test("fail to open where they are read", async () => {
    const stream = rt.events.subscribe({ subjectBeginsWith: "refuse" });
    await assert.rejects(stream.next(), { code: "invalidArgument", target: "filter.subjectBeginsWith" });
    assert.equal((await stream.next()).done, true);
  });
  test("end with their signal's reason", async () => {
    const controller = new AbortController();
    const stream = rt.events.subscribe({ types: ["none"] }, { signal: controller.signal });
    const next = stream.next();
    await stream.ready;
    controller.abort();
    await assert.rejects(next, { name: "AbortError" });
    assert.equal((await stream.next()).done, true);
  });
  test("waitFor finds what came before and what comes after", async () => {
    await rt.sms.send(message("early", { to: ["+early"], deliveryReport: true }));
    assert.equal((await rt.waitFor("Report", (e) => e.subject === "+early")).data.messageId, "early-0");
    const late = rt.waitFor(["Other", "Report"], async (e) => e.subject === "+late");
    await rt.sms.send(message("late", { to: ["+late"], deliveryReport: true }));
    assert.equal((await late).subject, "+late");
    await assert.rejects(rt.waitFor("Never", { timeout: 1 }), { name: "DeadlineExceededError" });
  });
});

describe("closing", () => {
  test("rejects calls in flight with cancelled", async () => {
    const own = await Runtime.open();
    const calls = [own.sms.send(message("hang")), own.sms.send(message("hang")), own.events.subscribe().next()];
    await roundTrip(own);
    const closing = own.close();
    for (const call of calls) await assert.rejects(call, { name: "CancelledError", code: "cancelled" });
    await closing;
    assert.equal(own.closed, true);
  });
  test("is done once, however often it is asked for", async () => {
    const own = await Runtime.open();
    await Promise.all([own.close(), own.close()]);
    await own.close();
    await own[Symbol.asyncDispose]();
  });
  test("leaves an error for whoever comes later", async () => {
    const own = await Runtime.open();
    const { sms } = own, provider = own.provider("echo", "sms");
    await own.close();
    const closed = { name: "FailedPreconditionError", message: "the runtime is closed" };
    await assert.rejects(sms.get("m"), closed);
    await assert.rejects(provider.send({}), closed);
    assert.throws(() => own.version, closed);
    assert.throws(() => own.clock.now(), closed);
    await assert.rejects(own.events.subscribe().next(), closed);
  });
  test("two runtimes do not know each other", async () => {
    const [a, b] = await Promise.all([Runtime.open(), Runtime.open()]);
    await a.close();
    assert.equal((await b.sms.get("m")).messageId, "m");
    await b.close();
  });
});

describe("memory", () => {
  test("calls, streams and runtimes leave nothing behind", async () => {
    const work = async () => {
      const own = await Runtime.open();
      await Promise.all(Array.from({ length: 500 }, () => own.sms.list(5)));
      for (let i = 0; i < 50; ++i) await own.events.subscribe({ after: 0 }).return();
      await own.close();
    };
    const measure = async () => {
      for (let i = 0; i < 5; ++i) await work();
      for (let i = 0; i < 3; ++i) {
        collect();
        await new Promise(setImmediate);
      }
      return process.memoryUsage();
    };
    await measure();
    const first = await measure();
    for (let i = 0; i < 4; ++i) await measure();
    const last = await measure();
    assert.ok(last.heapUsed < first.heapUsed + 2e6, `heap ${first.heapUsed} -> ${last.heapUsed}`);
    assert.ok(last.rss < first.rss + 30e6, `rss ${first.rss} -> ${last.rss}`);
  });
  test("a stream that was dropped is closed", async () => {
    const closed = deferred();
    const registry = new FinalizationRegistry(() => closed.resolve());
    (() => {
      const stream = rt.events.subscribe({ types: ["none"] });
      registry.register(stream, 0);
    })();
    await roundTrip(rt);
    for (let i = 0; i < 10; ++i) {
      collect();
      await new Promise(setImmediate);
    }
    await closed.promise;
  });
});
