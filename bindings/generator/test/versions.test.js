// Two versions of one interface, built into programs that meet: newer and older hosts with newer and older plugins. Needs g++.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "node:test";
import { generate, readGolden } from "./generate.js";

const here = dirname(fileURLToPath(import.meta.url));
const bindings = join(here, "../..");
const hasCompiler = spawnSync("g++", ["--version"]).status === 0;

/** The golden program as it was in 1.0. */
const newer = readGolden("main.tsp");
const older = newer
  .replace(', v1_1: "1.1"', "")
  .replace(/, \/\*\* Blue\. \*\/ @added\(Versions\.v1_1\) blue: 2/, "")
  .replace(/ \/\*\* Old\. \*\/.*?made\?: utcDateTime;/, "")
  .replace(/ \/\*\* All\. \*\/ @added\(Versions\.v1_1\).*?Stream<Thing>;/, "");

async function buildVersion(root, name, source) {
  const include = join(root, name);
  mkdirSync(include, { recursive: true });
  for (const part of ["c", "cpp"]) {
    const from = join(bindings, part, "include/trunkline");
    cpSync(from, join(include, "trunkline"), { recursive: true });
  }
  const { files, diagnostics } = await generate(source, { targets: ["c", "cpp"] });
  assert.deepEqual(diagnostics, []);
  const sources = [];
  for (const [path, content] of Object.entries(files)) {
    const to = join(include, path.replace(/^bindings\/\w+\/(include\/)?/, ""));
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, content);
    if (path.startsWith("bindings/cpp/src/")) sources.push(to);
  }
  // The golden program has one error code; the SDK needs the real ones.
  for (const [part, file] of [["c", "common.h"], ["cpp", "common.hpp"], ["cpp", "inline/common.hpp"]]) cpSync(join(bindings, part, "include/trunkline", file), join(include, "trunkline", file));
  sources.push(join(bindings, "cpp/src/common.cpp"));
  // Plugins over headers alone, hosts with the definitions compiled apart.
  for (const program of ["plugin", "host"]) {
    const extra = program === "plugin" ? ["-shared", "-fPIC", "-fvisibility=hidden"] : ["-DTRUNKLINE_COMPILED", ...new Set(sources), "-ldl"];
    const flags = ["-std=c++20", "-O0", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", `-I${include}`];
    if (name === "newer") flags.push("-DNEWER");
    execFileSync("g++", [...flags, join(here, "versions", `${program}.cpp`), "-o", join(root, `${name}_${program}`), ...extra], { stdio: "inherit" });
  }
}

test("newer and older, host and plugin: all four work", { skip: !hasCompiler }, async () => {
  const root = mkdtempSync(join(tmpdir(), "trunkline-versions-"));
  try {
    await buildVersion(root, "newer", newer);
    await buildVersion(root, "older", older);
    for (const host of ["newer", "older"]) {
      for (const plugin of ["newer", "older"]) {
        const out = execFileSync(join(root, `${host}_host`), [join(root, `${plugin}_plugin`)], { encoding: "utf8" });
        const both = host === "newer" && plugin === "newer";
        const expected = ["name thing", "parts 2", `made ${both ? "42" : host === "newer" ? "absent" : "unknown"}`, "count 5"];
        if (host === "newer") expected.push(both ? "all 3" : "all: unimplemented");
        assert.equal(out.trim(), expected.join("\n"), `${host} host, ${plugin} plugin`);
      }
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
