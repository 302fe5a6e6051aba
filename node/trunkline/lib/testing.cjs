// Tests of workflows with node:test.
"use strict";
const assert = require("node:assert");
const path = require("node:path");
const { fileURLToPath } = require("node:url");
const { Runtime } = require("./runtime.cjs");

let opened;
const runtime = () => (opened ??= Runtime.open({ runtime: { clock: "virtual" } }));

/** Runs a test of a workflow, with mocked services and a clock of its own. */
async function runWorkflowTest(file) {
  const rt = await runtime();
  return rt.workflows.runTest(file instanceof URL ? fileURLToPath(file) : file);
}

function describe(report) {
  const lines = [`${report.name || report.file} does not hold`];
  if (report.problem) lines.push(`  ${report.problem}`);
  for (const { where, expected, actual } of report.differences) lines.push(`  ${where}`, `    expected  ${expected}`, `    got       ${actual}`);
  lines.push(`  ${report.coveredActions} of ${report.actions} actions ran, ${report.coveredBranches} of ${report.branches} branches were taken`);
  return lines.join("\n");
}

/** The same; rejects with an AssertionError that has every difference. */
async function checkWorkflow(file) {
  const report = await runWorkflowTest(file);
  if (!report.passed) assert.fail(describe(report));
  return report;
}

/** A test of node:test for each file. */
function workflowTests(...files) {
  const { after, test } = require("node:test");
  for (const file of files) test(path.basename(file instanceof URL ? fileURLToPath(file) : file), () => checkWorkflow(file));
  after(close);
}

/** Closes the runtime that tests are run with. */
async function close() {
  const rt = opened;
  opened = undefined;
  await (await rt)?.close();
}

module.exports = { checkWorkflow, close, runWorkflowTest, workflowTests };
