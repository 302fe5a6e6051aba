// Runs of workflows from Node.js: what is wrong with a definition, loops and answers, runs that are ended, repeated and begun again, what a
// trigger did, versions, files; and the connectors of Azure Communication Services.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { Runtime, WorkflowFunctionError } from "trunkline";
import { close } from "trunkline/testing";

const schema = "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#";
const definition = (actions, trigger = {}) => ({
  $schema: schema, contentVersion: "1.0.0.0",
  triggers: { manual: { type: "Request", kind: "Http", inputs: {}, ...trigger } }, actions,
});
const compose = (inputs, runAfter = {}) => ({ type: "Compose", inputs, runAfter });
let rt;
let next = 0;
before(async () => {
  rt = await Runtime.open({
    runtime: { clock: "virtual" },
    providers: [{ name: "sim", plugin: "sms-sandbox" }, { name: "mail", plugin: "email-sandbox", config: { smtp_port: 0 } }],
    resources: [{
      name: "demo",
      numbers: [{ number: "+14255550100", type: "geographic", sms: "both", calling: "none" }],
      email_domains: [{ domain: "mail.test", senders: [{ username: "support" }] }],
    }],
    connections: { crm: { function: "crm" } },
  });
});
after(async () => {
  await rt?.close();
  await close();
});
async function deploy(actions, trigger) {
  const name = `flow-${++next}`;
  await rt.workflows.deploy({ name, definition: definition(actions, trigger) });
  return name;
}

test("what is wrong is said with its place", async () => {
  const bad = definition({ A: compose("@body('Nobody')"), B: { type: "Nonsense" } });
  const problems = await rt.workflows.validate({ name: "bad", definition: bad });
  assert.deepEqual(new Set(problems.map((problem) => problem.pointer)), new Set(["/actions/A/inputs", "/actions/B", "/actions/B/type"]));
  await assert.rejects(rt.workflows.deploy({ name: "bad", definition: bad }), (error) => {
    assert.equal(error.code, "invalidArgument");
    assert.equal(error.serviceCode, "InvalidTemplate");
    assert.match(error.message, /Nobody/);
    return true;
  });
});

test("answers, and loops with every repetition", async () => {
  const name = await deploy({
    Each: { type: "Foreach", foreach: "@triggerBody()", actions: { Say: compose("@mul(items('Each'), 2)") } },
    Answer: { type: "Response", inputs: { statusCode: 201, headers: { "x-a": "b" }, body: "@length(triggerBody())" }, runAfter: { Each: ["Succeeded"] } },
  });
  const started = await rt.workflows.run({ workflow: name, body: [3, 4], clientTrackingId: "mine" });
  assert.deepEqual([started.response.statusCode, started.response.body, started.response.headers["x-a"]], [201, 2, "b"]);
  const { run, steps } = await rt.workflows.wait(name, started.run);
  assert.equal(run.clientTrackingId, "mine");
  assert.deepEqual(steps.filter((step) => step.name === "Say").map((step) => [step.repetition, step.depth, step.outputs]),
    [["000000", 1, 6], ["000001", 1, 8]]);
});

test("a run that waits is cancelled", async () => {
  const name = await deploy({ Pause: { type: "Wait", inputs: { interval: { count: 1, unit: "Day" } } } });
  const { run } = await rt.workflows.run({ workflow: name });
  assert.equal((await rt.workflows.show(name, run)).steps[0].status, "running");
  await rt.workflows.cancel(name, run);
  assert.equal((await rt.workflows.wait(name, run)).run.status, "cancelled");
  await assert.rejects(rt.workflows.cancel(name, run), { code: "failedPrecondition" });
});

test("a run is repeated, and begun again at what failed", async () => {
  let asked = 0;
  const crm = rt.workflows.function("crm", { onError: () => {} }, async () => {
    if (++asked === 1) throw new WorkflowFunctionError("Down", "try later");
    return asked;
  });
  await crm.ready;
  const ask = { host: { connection: { name: "crm" } }, method: "get", path: "/", retryPolicy: { type: "none" } };
  const name = await deploy({
    Before: compose("@triggerBody()"),
    Ask: { type: "ApiConnection", inputs: ask, runAfter: { Before: ["Succeeded"] } },
    After: compose("@body('Ask')", { Ask: ["Succeeded"] }),
  });
  const failed = await rt.workflows.runToEnd(name, "x");
  assert.deepEqual(failed.steps.map((step) => step.status), ["succeeded", "failed", "skipped"]);
  const again = await rt.workflows.wait(name, await rt.workflows.rerun(name, failed.run.name));
  assert.deepEqual([again.run.status, again.run.repeats, again.run.repeatsFrom], ["succeeded", failed.run.name, "Ask"]);
  const chosen = await rt.workflows.wait(name, await rt.workflows.rerun(name, again.run.name, "After"));
  assert.deepEqual([chosen.steps.find((step) => step.name === "After").outputs, asked], [2, 2]);
  const whole = await rt.workflows.wait(name, await rt.workflows.resubmit(name, failed.run.name));
  assert.deepEqual([whole.run.repeats, whole.run.repeatsFrom, asked], [failed.run.name, undefined, 3]);
  await crm.close();
});

test("the history of a trigger says why it did not fire", async () => {
  const name = await deploy({ Say: compose(1) }, { conditions: [{ expression: "@less(triggerBody()?['n'], 1)" }] });
  const first = await rt.workflows.run({ workflow: name, body: { n: 0 } });
  assert.equal((await rt.workflows.run({ workflow: name, body: { n: 1 } })).run, undefined);
  const { items } = await rt.workflows.triggerHistory({ workflow: name });
  assert.deepEqual(items.map((firing) => [firing.trigger, firing.status, firing.run]),
    [["manual", "skipped", undefined], ["manual", "succeeded", first.run]]);
  assert.deepEqual(items[0].outputs.body, { n: 1 });
  const page = await rt.workflows.triggerHistory({ workflow: name, limit: 1 });
  const rest = await rt.workflows.triggerHistory({ workflow: name, limit: 1, continuation: page.continuation });
  assert.deepEqual([page.items[0].name, rest.items[0].name, rest.continuation], [items[0].name, items[1].name, undefined]);
  await assert.rejects(rt.workflows.triggerHistory({ workflow: name, trigger: "nobody" }), { code: "notFound" });
});

test("files, versions, switching off, removing", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "flows-"));
  try {
    const file = path.join(folder, "small.json");
    await writeFile(file, JSON.stringify({ definition: definition({ A: compose("@parameters('word')") }), parameters: {} }).replace(
      '"actions"', '"parameters":{"word":{"type":"String"}},"actions"'));
    const first = await rt.workflows.deployFile(file, { parameters: { word: "hello" } });
    assert.equal(first.name, "small");
    assert.equal((await rt.workflows.runToEnd("small")).steps[0].outputs, "hello");
    const second = await rt.workflows.deploy({ name: "small", definition: definition({ A: compose(2) }) });
    assert.deepEqual((await rt.workflows.versions("small")).map((version) => version.name), [second.version, first.version]);
    await rt.workflows.setEnabled("small", false);
    await assert.rejects(rt.workflows.run({ workflow: "small" }), { code: "failedPrecondition" });
    await rt.workflows.setEnabled("small", true);
    assert.equal((await rt.workflows.runToEnd("small")).steps[0].outputs, 2);
    assert.ok((await rt.workflows.list()).some((one) => one.name === "small"));
    assert.equal(await rt.workflows.remove("small"), true);
    assert.equal(await rt.workflows.remove("small"), false);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("texts and mails go through the services of the runtime", async () => {
  const acs = (name, apiPath, body) => ({ type: "ApiConnection", inputs: { host: { connection: { name } }, method: "post", path: apiPath, body } });
  const name = await deploy({
    Text: acs("azurecommunicationservicessms", "/v2/sms", { from: "+14255550100", smsRecipients: [{ to: "+14255550123" }], message: "hi" }),
    Mail: acs("acsemail", "/emails:sendGAVersion", {
      senderAddress: "support@mail.test", recipients: { to: [{ address: "ann@example.com" }] }, content: { subject: "s", html: "<p>h</p>" }, importance: "Normal",
    }),
  });
  const { steps } = await rt.workflows.runToEnd(name);
  assert.deepEqual(steps.map((step) => [step.name, step.status, step.code]).sort(), [["Mail", "succeeded", "Accepted"], ["Text", "succeeded", "Accepted"]]);
  assert.equal(steps.find((step) => step.name === "Text").outputs.body.value[0].successful, true);
});

test("inline code runs in a process of its own", async () => {
  const name = await deploy({ Code: { type: "JavaScriptCode", inputs: { code: "return workflowContext.trigger.outputs.body.map((n) => n + 1);" } } });
  assert.deepEqual((await rt.workflows.runToEnd(name, [1, 2])).steps[0].outputs.body, [2, 3]);
});
