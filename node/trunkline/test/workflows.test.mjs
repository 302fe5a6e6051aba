// Workflows: deploy, run, look at, functions behind connectors, tests of workflows.
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Runtime, WorkflowFunctionError } from "trunkline";
import { checkWorkflow, close, runWorkflowTest } from "trunkline/testing";

const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const schema = "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#";
const definition = (actions) => ({
  $schema: schema, contentVersion: "1.0.0.0", triggers: { manual: { type: "Request", kind: "Http", inputs: {} } }, actions,
});
const ask = (pathOf) => ({
  type: "ApiConnection",
  inputs: { host: { connection: { name: "crm" } }, method: "get", path: pathOf, retryPolicy: { type: "none" } },
});
let rt;
before(async () => {
  rt = await Runtime.open({ runtime: { clock: "virtual" }, connections: { crm: { function: "crm" } } });
});
after(async () => {
  await rt?.close();
  await close();
});

test("deploy, run, look", async () => {
  await rt.workflows.deploy({ name: "sum", definition: definition({ Sum: { type: "Compose", inputs: "@add(triggerBody()['n'], 1)" } }) });
  const details = await rt.workflows.runToEnd("sum", { n: 41 });
  assert.equal(details.run.status, "succeeded");
  assert.deepEqual(details.steps.map(({ name, outputs }) => [name, outputs]), [["Sum", 42]]);
  const runs = [];
  for await (const run of rt.workflows.allRuns("sum", { pageSize: 1 })) runs.push(run.name);
  assert.deepEqual(runs, [details.run.name]);
  await assert.rejects(rt.workflows.get("nobody"), { code: "notFound" });
});

test("a function performs the actions of a connector, or says why not", async () => {
  const errors = [];
  const crm = rt.workflows.function("crm", { onError: (error) => errors.push(error.code) }, async (call) => {
    if (call.inputs.path === "/0") throw new WorkflowFunctionError("CustomerUnknown", "no such customer");
    return { path: call.inputs.path };
  });
  await crm.ready;
  await rt.workflows.deploy({ name: "ask", definition: definition({ Ask: ask("/@{triggerBody()}") }) });
  assert.deepEqual((await rt.workflows.runToEnd("ask", 7)).steps[0].outputs.body, { path: "/7" });
  assert.deepEqual((await rt.workflows.runToEnd("ask", 0)).steps[0].error, { code: "CustomerUnknown", message: "no such customer" });
  assert.deepEqual(errors, ["CustomerUnknown"]);
  await crm.close();
  assert.equal((await rt.workflows.runToEnd("ask", 7)).steps[0].error.code, "FunctionNotAvailable");
});

test("tests of workflows", async () => {
  const report = await checkWorkflow(path.join(repository, "tests", "workflow", "cases", "01-order-acknowledge.json"));
  assert.ok(report.coveredActions > 0);
  const missing = await runWorkflowTest("/nowhere.json");
  assert.equal(missing.passed, false);
  await assert.rejects(checkWorkflow("/nowhere.json"), { name: "AssertionError" });
});
