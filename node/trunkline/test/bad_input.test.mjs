// What people get wrong is refused by name, before anything is sent.
import { skip } from "./support/real.mjs";
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Runtime } from "trunkline";
import * as services from "../generated/service.cjs";
import * as calling from "../generated/calling.cjs";
import * as workflows from "../generated/workflows.cjs";

const OURS = "+14255550100", PHONE = "+14255550123";
const config = () => ({
  runtime: { clock: "virtual", seed: 7 },
  log: { level: "off" },
  providers: [{ name: "sim", plugin: "sms-sandbox" }, { name: "mail", plugin: "email-sandbox", config: { smtp_port: 0 } }, { name: "identity", plugin: "identity-local" }],
  resources: [{ name: "main", numbers: [{ number: OURS, sms: "both" }], email_domains: [{ domain: "mail.test", senders: [{ username: "support" }] }] }],
});

describe("bad input", { skip }, () => {
  let rt;
  before(async () => void (rt = await Runtime.open(config())));
  after(() => rt.close());
  const nothingHappened = async () => assert.deepEqual([(await rt.sms.list()).items, await rt.events.list(), await rt.eventSubscriptions.list()], [[], [], []]);

  // Whatever a service offers, a symbol is no argument of it.
  const members = {
    sms: services.SmsService, smsConsent: services.SmsConsentService, identity: services.IdentityService, chat: services.ChatService, numbers: services.NumbersService,
    sipRouting: services.SipRoutingService, rooms: services.RoomsService, calls: calling.CallsService, sandboxPhones: calling.SandboxPhonesService, sandbox: services.SandboxService, email: services.EmailService, sandboxMail: services.SandboxMailService,
    eventSubscriptions: services.EventSubscriptionsService, eventHistory: services.EventHistoryService, topics: services.EventTopicsService, resources: services.ResourcesService,
    workflows: workflows.WorkflowsService,
  };
  for (const [member, type] of Object.entries(members)) {
    test(`every operation of ${member}`, async () => {
      const operations = Object.getOwnPropertyNames(type.prototype).filter((name) => name !== "constructor" && typeof type.prototype[name] === "function");
      assert.ok(operations.length > 0);
      for (const operation of operations) {
        // The last parameter is the options.
        if (type.prototype[operation].length < 2) continue;
        for (const wrong of [Symbol("wrong"), () => {}, undefined]) {
          if (wrong === undefined && member === "calls" && operation === "events") continue; // it waits for what happens
          const call = async () => {
            const result = rt[member][operation](wrong);
            return typeof result?.[Symbol.asyncIterator] === "function" ? result.next() : result;
          };
          await assert.rejects(call, (error) => {
            if (wrong === undefined && !(error instanceof TypeError)) return error.code !== undefined; // the argument may be left out
            assert.ok(error instanceof TypeError && error.code === "invalidArgument", `${member}.${operation}: ${error.stack}`);
            assert.match(error.message, /^[a-z][A-Za-z]*(\.\w+|\[\d+\])*: expected /, `${member}.${operation}`);
            return true;
          }).catch((error) => {
            if (wrong !== undefined || error.code !== "ERR_ASSERTION") throw error;
          });
        }
      }
      await nothingHappened();
    });
  }

  test("options", async () => {
    const message = { from: OURS, to: [PHONE], message: "hi" };
    for (const [options, text] of [
      [7, "options: expected an object, got a number"],
      ["soon", "options: expected an object, got a string"],
      [[], "options: expected an object, got an array"],
      [{ signal: {} }, "options.signal: expected an AbortSignal, got an object"],
      [{ signal: 7 }, "options.signal: expected an AbortSignal, got a number"],
      [{ timeout: "1" }, "options.timeout: expected a number of milliseconds, got a string"],
      [{ timeout: NaN }, "options.timeout: expected a number of milliseconds, got NaN"],
      [{ idempotencyKey: 7 }, "options.idempotencyKey: expected a string, got a number"],
      [{ traceparent: 7 }, "options.traceparent: expected a string, got a number"],
      [{ resource: 7 }, "options.resource: expected a string, got a number"],
    ]) {
      await assert.rejects(rt.sms.send(message, options), { name: "TypeError", message: text });
      await assert.rejects(rt.events.subscribe(undefined, options).next(), { name: "TypeError", message: text });
    }
    await nothingHappened();
  });

  test("what the package adds", async () => {
    for (const [call, text] of [
      [() => Runtime.open(7), "config: expected an object, YAML text or { configFile }"],
      [() => Runtime.open({ configFile: 7 }), "config.configFile: expected a path or a URL"],
      [() => rt.resource(7), "name: expected a string"],
      [() => rt.topic(undefined), "name: expected a string"],
      [() => rt.provider(7, "sms"), "name: expected a string"],
      [() => rt.provider("sim", "toString"), /^kind: expected one of "sms"/],
      [() => rt.clock.advance("1"), /^by: expected a number of milliseconds, got a string/],
      [() => rt.onEvent("x", 7), "fn: expected a function"],
      [() => rt.onEvent("x", { concurrency: "2" }, () => {}), "concurrency: expected a whole number from 1 on"],
      [() => rt.workflows.function(7, () => {}), "name: expected a string"],
      [() => rt.workflows.function("x"), "fn: expected a function"],
      [() => rt.workflows.deployFile(7), "file: expected a path or a URL"],
      [() => rt.waitFor(7), "type: expected a string or an array of strings"],
      [() => rt.waitFor("x", { timeout: "1" }), "options.timeout: expected a number of milliseconds"],
      [() => rt.eventHistory.export(7), "to: expected a path, a URL or a writable stream"],
    ])
      await assert.rejects(async () => call(), { name: "TypeError", code: "invalidArgument", message: text });
    await nothingHappened();
  });

  test("huge texts are refused in a sentence", async () => {
    const huge = "x".repeat(32 << 20);
    for (const given of [{ message: huge }, { from: huge }, { to: [huge] }, { tag: huge }]) {
      const outcome = await rt.sms.send({ from: OURS, to: [PHONE], message: "hi", ...given }).then(([one]) => one, (error) => ({ successful: false, errorMessage: error.message }));
      assert.equal(outcome.successful, false);
      assert.ok(outcome.errorMessage.length < 1000);
    }
    await nothingHappened();
  });

  test("exceptions of callbacks reach the caller", async () => {
    const other = await Runtime.open(config());
    await other.sandbox.sendFromPhone(PHONE, OURS, "hello");
    const mine = new Error("mine");
    await assert.rejects(other.waitFor(undefined, () => { throw mine; }), mine);
    await assert.rejects(other.waitFor(undefined, async () => { throw mine; }), mine);
    await assert.rejects(other.sms.send({ from: OURS, get to() { throw mine; }, message: "hi" }), mine);
    assert.equal((await other.sms.list()).items.length, 1);
    await other.close();
  });

  test("after close everything says so", async () => {
    const other = await Runtime.open(config());
    await other.eventSubscriptions.put({ name: "mine" });
    const stream = other.events.subscribe(), deliveries = other.deliveries("mine");
    await stream.ready;
    const { sms, topics } = other;
    await other.close();
    for (const call of [() => sms.list(), () => topics.list(), () => other.settle(), () => other.metrics(), () => other.resource("main").sms.list()])
      await assert.rejects(async () => call(), { code: "failedPrecondition", message: "the runtime is closed" });
    for (const reader of [stream, deliveries]) await reader.next().then(({ done }) => assert.ok(done), (error) => assert.match(error.code, /cancelled|failedPrecondition/));
  });
});
