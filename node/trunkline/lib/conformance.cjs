// The conformance kit on a provider that is written in JavaScript: the checks that every plugin passes, in this process.
"use strict";
const { readFile } = require("node:fs/promises");
const { setFlagsFromString } = require("node:v8");
const { runInNewContext } = require("node:vm");
const { Plugin } = require("./provider.cjs");

const COLLECT_MS = 25;

/** What JavaScript has dropped stays in memory until it is collected; the checks that look for leaks would take it for one. */
function collectGarbage() {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  setFlagsFromString("--no-expose-gc");
  const timer = setInterval(collect, COLLECT_MS);
  return () => clearInterval(timer);
}

/** Runs the kit; a promise of its report. */
async function run(provider, options = {}) {
  const { interface: wanted, id = "under-test", config = {}, secrets = {}, quirks, only = [], stopGrace } = options;
  const asked = { config, secrets, only: Array.isArray(only) ? only : [only] };
  if (quirks !== undefined) asked.quirks = typeof quirks === "string" || quirks instanceof URL ? JSON.parse(await readFile(quirks, "utf8")) : quirks;
  const names = Object.keys(secrets);
  const plugin = new Plugin(provider, { id, interface: wanted, stopGrace, secrets: names.length ? names : undefined });
  const stopCollecting = collectGarbage();
  const [json, text, junit] = await require("./native.cjs").conformance(plugin, JSON.stringify(asked)).finally(stopCollecting);
  const results = JSON.parse(json).checks;
  const failed = results.filter((result) => result.outcome === "failed");
  return { plugin: id, passed: results.length > 0 && failed.length === 0, results, failed, text, json, junit };
}

module.exports = { run };
