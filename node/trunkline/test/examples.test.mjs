// Every example in examples/node runs and prints what is stored beside it.
import { repository, skip } from "./support/real.mjs";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

const folder = path.join(repository, "examples/node");
const modules = path.join(folder, "node_modules");
if (!existsSync(path.join(modules, "trunkline"))) {
  mkdirSync(modules, { recursive: true });
  symlinkSync("../../../node/trunkline", path.join(modules, "trunkline"));
}
for (const stored of readdirSync(folder).filter((name) => name.endsWith(".out"))) {
  const example = stored.replace(".out", ".mjs");
  test(example, { skip }, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [example], { cwd: folder, encoding: "utf8", timeout: 60_000 });
    assert.equal(stdout, readFileSync(path.join(folder, stored), "utf8"));
    assert.deepEqual([status, stderr], [0, ""]);
  });
}
