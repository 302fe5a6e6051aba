// The conformance kit on a provider that is written in JavaScript: the checks that every plugin passes, in this process.
"use strict";
const { readFile } = require("node:fs/promises");
const { Plugin } = require("./provider.cjs");

/** Runs the kit; a promise of its report. */
async function run(provider, options = {}) {
  const { interface: wanted, id = "under-test", config = {}, secrets = {}, quirks, only = [], stopGrace } = options;
  const asked = { config, secrets, only: Array.isArray(only) ? only : [only] };
  if (quirks !== undefined) asked.quirks = typeof quirks === "string" || quirks instanceof URL ? JSON.parse(await readFile(quirks, "utf8")) : quirks;
  const names = Object.keys(secrets);
  const plugin = new Plugin(provider, { id, interface: wanted, stopGrace, secrets: names.length ? names : undefined });
  const [json, text, junit] = await require("./native.cjs").conformance(plugin, JSON.stringify(asked));
  const results = JSON.parse(json).checks;
  const failed = results.filter((result) => result.outcome === "failed");
  return { plugin: id, passed: results.length > 0 && failed.length === 0, results, failed, text, json, junit };
}

module.exports = { run };
