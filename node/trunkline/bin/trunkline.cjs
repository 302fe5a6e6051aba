#!/usr/bin/env node
// Runs the program that comes with the package, or the one of the local build.
"use strict";
const { spawn } = require("node:child_process");
const { constants } = require("node:os");
const { find } = require("../lib/loader.cjs");

let program;
try {
  program = find("bin/trunkline", "The program");
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
const child = spawn(program, process.argv.slice(2), { stdio: "inherit" });
// Ctrl-C reaches the program by itself; this process waits for what it makes of it.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => signal !== "SIGINT" && child.kill(signal));
child.on("error", (error) => {
  console.error(`${program} cannot be started: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
