// What the package does to the process around it: exit codes, signals, workers, module systems, types.
import { fake } from "./support/fake.mjs";
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import * as esm from "trunkline";

const here = path.dirname(fileURLToPath(import.meta.url));
const env = { ...process.env, TRUNKLINE_BUILD_DIR: fake };

/** Runs ESM text in a process of its own: { code, signal, out, err }. */
async function run(text, { onOutput } = {}) {
  const child = spawn(process.execPath, ["--input-type=module", "-e", `import { Runtime } from "trunkline";\n${text}`], { cwd: here, env });
  let out = "", err = "";
  child.stdout.on("data", (data) => { out += data; onOutput?.(child, out); });
  child.stderr.on("data", (data) => (err += data));
  const [code, signal] = await once(child, "close");
  return { code, signal, out, err };
}
const hang = 'rt.sms.send({ from: "+1", to: ["+2"], message: "hang" })';

describe("the process", () => {
  const ends = {
    "that only imports": "",
    "that forgot a runtime": "const rt = await Runtime.open();",
    "that forgot a runtime after calls": `const rt = await Runtime.open(); await rt.sms.get("m"); rt.events.subscribe();`,
    "that forgot a stream half read": `const rt = await Runtime.open(); const s = rt.events.subscribe({ after: 0 }); await rt.clock.advance(1); await s.next();`,
  };
  for (const [what, text] of Object.entries(ends)) {
    test(`${what} exits with 0`, async () => {
      const { code, err } = await run(`${text} console.log("end");`);
      assert.deepEqual([code, err], [0, ""]);
    });
  }
  test("stays while a call is in flight", async () => {
    let ended = false;
    const { signal } = await run(`const rt = await Runtime.open(); ${hang}.then(console.log, console.log); setTimeout(() => console.log("still here"), 1);`,
      { onOutput: (child) => { ended = true; child.kill("SIGKILL"); } });
    assert.deepEqual([ended, signal], [true, "SIGKILL"]);
  });
  test("exits with calls in flight when told to", async () => {
    const { code, err } = await run(`const rt = await Runtime.open(); ${hang}; await rt.sms.get("m"); process.exit(3);`);
    assert.deepEqual([code, err], [3, ""]);
  });
  test("ends on Ctrl-C", async () => {
    const { signal } = await run(`const rt = await Runtime.open(); console.log("ready"); await ${hang};`, { onOutput: (child) => child.kill("SIGINT") });
    assert.equal(signal, "SIGINT");
  });
  test("can close on Ctrl-C", async () => {
    const { code, out } = await run(
      `const rt = await Runtime.open(); process.once("SIGINT", () => rt.close()); console.log("ready"); await ${hang}.catch((e) => console.log(e.code));`,
      { onOutput: (child, out) => out === "ready\n" && child.kill("SIGINT") });
    assert.deepEqual([code, out], [0, "ready\ncancelled\n"]);
  });
  test("sees an error that nobody handled", async () => {
    const { code, err } = await run(`const rt = await Runtime.open(); rt.sms.send({ from: "+1", to: ["+2"], message: "error 5" });`);
    assert.equal(code, 1);
    assert.match(err, /NotFoundError: as asked/);
  });
});

describe("workers", () => {
  const work = `
    const { workerData, parentPort } = require("node:worker_threads");
    const { Runtime } = require("trunkline");
    (async () => {
      const rt = await Runtime.open();
      const all = await Promise.all(Array.from({ length: 500 }, (_, i) => rt.sms.send({ from: "+1", to: ["+2"], message: workerData + i })));
      parentPort.postMessage(all.every(([outcome], i) => outcome.messageId === workerData + i + "-0"));
      if (workerData !== "b") return; // the others forget theirs
      await rt.close();
    })();`;
  // Evaluated code resolves packages from the working directory.
  const start = (name, text = work) => new Worker(text.replace('require("trunkline")', `require(${JSON.stringify(path.join(here, ".."))})`), { eval: true, workerData: name });
  test("run in parallel, each with runtimes of its own", async () => {
    const results = await Promise.all(["a", "b", "c"].map(async (name) => {
      const worker = start(name);
      const exited = once(worker, "exit");
      const [right] = await once(worker, "message");
      return [right, (await exited)[0]];
    }));
    assert.deepEqual(results, [[true, 0], [true, 0], [true, 0]]);
  });
  test("may be terminated at any moment", async () => {
    const rt = await esm.Runtime.open();
    const storm = `
      const { parentPort } = require("node:worker_threads");
      const { Runtime } = require("trunkline");
      Runtime.open().then((rt) => {
        let left = 100;
        const again = () => rt.sms.list(50).then(() => { if (--left === 0) parentPort.postMessage("busy"); return again(); });
        for (let i = 0; i < 50; ++i) again();
        for (let i = 0; i < 50; ++i) rt.sms.send({ from: "+1", to: ["+2"], message: "hang" });
        rt.events.subscribe().next();
      });`;
    for (let i = 0; i < 5; ++i) {
      const worker = start("t", storm);
      await once(worker, "message");
      await worker.terminate();
    }
    assert.equal((await rt.sms.get("still")).messageId, "still");
    await rt.close();
  });
});

describe("await using", () => {
  test("as compilers write it for Node.js 20", async () => {
    const { code, out } = await run(`
      let rt;
      const stack = [];
      try {
        rt = await Runtime.open();
        stack.push(rt[Symbol.asyncDispose]);
        console.log(rt.version);
      } finally {
        for (const dispose of stack) await dispose.call(rt);
      }
      console.log(rt.closed);`);
    assert.deepEqual([code, out], [0, "0.0-fake\ntrue\n"]);
  });
});

describe("modules", () => {
  const require = createRequire(import.meta.url);
  test("import and require give the same classes", async () => {
    const cjs = require("trunkline");
    assert.deepEqual(Object.keys(esm).sort(), Object.keys(cjs).sort());
    for (const [name, value] of Object.entries(esm)) assert.equal(value, cjs[name]);
    const { SmsProvider } = await import("trunkline/sms");
    assert.equal(SmsProvider, require("trunkline/sms").SmsProvider);
    const rt = await esm.Runtime.open();
    assert.ok(rt.provider("echo", "sms") instanceof SmsProvider);
    await rt.close();
  });
  test("the interfaces agree with the hand-written parts", () => {
    const { ErrorCode } = require("../generated/wire/common.cjs");
    const { CODES } = require("../lib/errors.cjs");
    assert.deepEqual([...ErrorCode.values], CODES.map((code, i) => [code, i + 1]));
  });
});

describe("types", () => {
  const tsc = path.resolve(here, "../../node_modules/.bin/tsc");
  for (const file of ["sample.mts", "sample.cts"]) {
    test(`${file} passes tsc --strict`, { timeout: 120_000 }, async () => {
      const options = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--skipLibCheck", "false",
        "--module", "node20", "--target", "es2022", "--lib", "es2023,esnext.disposable", "--types", "node"];
      const { stdout } = await promisify(execFile)(tsc, [...options, path.join(here, "types", file)]).catch((error) => error);
      assert.equal(stdout, "");
    });
  }
});
