// What the generator refuses, and how it says so.
import assert from "node:assert/strict";
import test from "node:test";
import { generate } from "./generate.js";

/** A program around declarations in the namespace Trunkline.Demo. */
const program = (body, versions = 'v1_0: "1.0", v1_1: "1.1"') => `
import "@typespec/versioning"; import "@trunkline/idl"; using TypeSpec.Versioning; using Trunkline.Idl;
/** Shared. */ @versioned(Trunkline.Versions) namespace Trunkline { enum Versions { ${versions} } }
/** Demo. */ namespace Trunkline.Demo { ${body} }`;

const codes = async (body, options) => (await generate(program(body), { targets: ["c"], ...options })).diagnostics;
const expectCode = async (body, code, pattern = /./) => {
  const found = await codes(body);
  assert.ok(found.some((d) => d.code === code && pattern.test(d.message)), `wanted ${code}, found ${JSON.stringify(found)}`);
};

test("a good program has no diagnostics", async () => {
  assert.deepEqual(await codes("/** M. */ model M { /** F. */ a: string }"), []);
});
test("missing doc comment", () => expectCode("model M { /** F. */ a: string }", "missing-doc"));
test("missing doc comment of a field", () => expectCode("/** M. */ model M { a: string }", "missing-doc"));
test("missing thread tag", () => expectCode('/** P. */ @provider("x/1") interface P { /** O. */ o(): void }', "missing-thread"));
test("unknown thread tag", () => expectCode('/** P. */ @provider("x/1") interface P { /** O. */ @thread("main") o(): void }', "bad-thread", /"main"/));
test("interface without a kind", () => expectCode('/** P. */ interface P { /** O. */ @thread("strand") o(): void }', "missing-kind"));
test("enum member without a value", () => expectCode("/** E. */ enum E { /** A. */ a }", "enum-value"));
test("anonymous model", () => expectCode("/** M. */ model M { /** F. */ a: { b: string } }", "anonymous-model"));
test("recursive model", () => expectCode("/** M. */ model M { /** F. */ a?: M[] }", "recursive-model", /M contains itself/));
test("type without a C form", () => expectCode("/** M. */ model M { /** F. */ a: plainDate }", "unsupported-type", /plainDate/));
test("map of numbers", () => expectCode("/** M. */ model M { /** F. */ a: Record<int32> }", "unsupported-type"));
test("reserved word", () => expectCode("/** M. */ model M { /** F. */ register: string }", "reserved-word", /register_/));
test("two names that meet in C", () => expectCode("/** M. */ model Thing { /** F. */ a: string } /** N. */ model DemoThing { /** F. */ a: string }", "name-clash", /tl_demo_thing/));

// ---- the ABI lock ----

const thing = (fields) => `/** M. */ model M { ${fields.map((f) => `/** F. */ ${f};`).join(" ")} }
/** E. */ enum E { /** A. */ a: 1, /** B. */ b: 2 }
/** P. */ @provider("demo/1") interface P { /** O. */ @thread("strand") one(a: string): M; /** O. */ @thread("strand") two(): void; }`;
const released = ["a: string", "b: int32", "c?: string"];

async function lockOf(body) {
  const { files } = await generate(program(body), { targets: [], "lock-file": "abi.lock.json", "update-lock": true, released: "1.0" });
  return files["abi.lock.json"];
}
async function breaks(changed) {
  const lock = await lockOf(thing(released));
  const { diagnostics } = await generate(program(changed), { targets: [], lock });
  return diagnostics.map((d) => `${d.code}: ${d.message}`);
}

test("nothing released: nothing is frozen", async () => {
  const lock = JSON.stringify({ released: null, abi: {} });
  const { diagnostics } = await generate(program(thing(["z: int64"])), { targets: [], lock });
  assert.deepEqual(diagnostics, []);
});
test("unchanged", async () => assert.deepEqual(await breaks(thing(released)), []));
test("appended with @added and a default", async () => {
  assert.deepEqual(await breaks(thing([...released, "@added(Versions.v1_1) d?: string", "@added(Versions.v1_1) e: int32 = 3"])), []);
});

const caught = {
  "swapped fields": [thing(["b: int32", "a: string", "c?: string"]), /slot 0 was «a:str», is now «b:i32»/],
  "inserted in the middle": [thing(["a: string", "@added(Versions.v1_1) x?: string", "b: int32", "c?: string"]), /slot 1 was «b:i32», is now «x:str\?»/],
  removed: [thing(["a: string", "b: int32"]), /slot 2 was «c:str\?», is now «gone»/],
  retyped: [thing(["a: string", "b: int64", "c?: string"]), /slot 1 was «b:i32», is now «b:i64»/],
  "no longer optional": [thing(["a: string", "b: int32", "c: string"]), /«c:str\?», is now «c:str»/],
  "appended without @added": [thing([...released, "d?: string"]), /since-required: demo\.struct\.M\.d/],
  "appended and required": [thing([...released, "@added(Versions.v1_1) d: string"]), /make it optional or give it a default/],
  "enum value": [thing(released).replace("b: 2", "b: 3"), /«b=2», is now «b=3»/],
  "operation's parameter": [thing(released).replace("one(a: string)", "one(a: int32)"), /one\(str\)->demo\.M/],
  "swapped operations": [thing(released).replace("one(a: string): M;", "two(): void;").replace(/two\(\): void; }$/, "one(a: string): M; }"), /slot 0/],
  "synchronous now": [thing(released).replace('@thread("strand") two', '@sync @thread("strand") two'), /«sync two/],
  "whole interface removed": [thing(released).replace(/\/\*\* P.*$/s, ""), /demo\.interface\.P was removed/],
};
for (const [what, [body, pattern]] of Object.entries(caught)) {
  test(`caught: ${what}`, async () => {
    const found = await breaks(body);
    assert.ok(found.some((line) => pattern.test(line)), found.join("\n") || "nothing was reported");
  });
}
