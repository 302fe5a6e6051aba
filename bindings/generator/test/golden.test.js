// Every target on a ten-line specification. UPDATE_GOLDEN=1 npm test rewrites the expected files.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import test from "node:test";
import { targetNames } from "../src/targets/index.js";
import { generate, golden, readGolden } from "./generate.js";

const source = readGolden("main.tsp");

function* filesBelow(directory) {
  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    const path = join(directory, name);
    if (statSync(path).isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

for (const target of targetNames) {
  test(`${target}: ten lines give the expected files`, async () => {
    const { files, diagnostics } = await generate(source, { targets: [target] });
    assert.deepEqual(diagnostics, []);
    assert.ok(Object.keys(files).length > 0);
    const root = golden(target);
    if (process.env.UPDATE_GOLDEN) {
      rmSync(root, { recursive: true, force: true });
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(dirname(join(root, path)), { recursive: true });
        writeFileSync(join(root, path), content);
      }
    }
    assert.deepEqual([...filesBelow(root)].map((path) => relative(root, path)).sort(), Object.keys(files).sort());
    for (const [path, content] of Object.entries(files)) assert.equal(content, readGolden(join(target, path)), path);
  });
}

test("output is the same every time", async () => {
  const options = { targets: ["c", "cpp", "docs"] };
  assert.deepEqual(await generate(source, options), await generate(source, options));
});
