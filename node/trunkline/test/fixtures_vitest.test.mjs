// The fixtures in Vitest itself.
import { build, skip } from "./support/real.mjs";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const here = path.dirname(fileURLToPath(import.meta.url));

test("the fixtures of trunkline/test extend those of Vitest", { skip, timeout: 120_000 }, async () => {
  const vitest = path.resolve(here, "../../node_modules/vitest/vitest.mjs");
  const env = { ...process.env, TRUNKLINE_BUILD_DIR: build, TRUNKLINE_TEST_CACHE: await mkdtemp(path.join(os.tmpdir(), "vitest-")), NO_COLOR: "1", CI: "1" };
  delete env.NODE_TEST_CONTEXT;
  const { stdout } = await promisify(execFile)(process.execPath, [vitest, "run", "--root", path.join(here, "vitest")], { env });
  assert.match(stdout, /Tests {2}1 passed \| 1 expected fail/);
});
