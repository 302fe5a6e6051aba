// Expressions of the Workflow Definition Language, without a runtime.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { evaluate, InvalidArgumentError } from "trunkline";

test("values of every kind, and whole templates", () => {
  assert.deepEqual(evaluate("@createArray(1, 2.5, true, null, 'ü😀')"), [1, 2.5, true, null, "ü😀"]);
  assert.deepEqual(evaluate({ a: ["@add(1, 1)", "x@{3}"], plain: 1 }), { a: [2, "x3"], plain: 1 });
  assert.equal(evaluate("plain"), "plain");
  assert.equal(evaluate("@string(ticks('2018-03-15T12:34:56.7890123Z'))"), "636567140967890123");
});
test("the context answers", () => {
  const context = { variables: { list: [3, 4] }, utcNow: "2020-01-02T03:04:05Z" };
  assert.equal(evaluate("@variables('LIST')[1]", context), 4);
  assert.equal(evaluate("@utcNow()", context), "2020-01-02T03:04:05.0000000Z");
  assert.ok(evaluate("@utcNow('yyyy')") >= "2025");
  assert.notEqual(evaluate("@guid()"), evaluate("@guid()"));
});
test("errors say what and where", () => {
  assert.throws(() => evaluate(["fine", "@concat(substring('abc', 9))"]), (error) => {
    assert.ok(error instanceof InvalidArgumentError);
    const { code, serviceCode, target, details } = error;
    assert.deepEqual({ code, serviceCode, target, details: { ...details } }, {
      code: "invalidArgument", serviceCode: "InvalidTemplate", target: "expression/1",
      details: { offset: "8", pointer: "/1", function: "substring", argument: "1" },
    });
    return true;
  });
  assert.throws(() => evaluate("@1", { variables: 5 }), /variables has to be an object/);
  assert.throws(() => evaluate(undefined), { name: "TypeError", code: "invalidArgument", target: "expression" });
  const round = {};
  round.self = round;
  assert.throws(() => evaluate("@1", round), { name: "TypeError", target: "context" });
});
test("the golden table through this door", () => {
  const golden = JSON.parse(readFileSync(new URL("../../../tests/workflow/golden-expressions.json", import.meta.url)));
  const wrong = [];
  for (const { id, expression, context, result, error } of golden.cases) {
    try {
      const found = evaluate(expression, golden.contexts[context]);
      if (error || !isDeepStrictEqual(found, result)) wrong.push([id, found]);
    } catch (failure) {
      if (failure.serviceCode !== error?.code) wrong.push([id, failure.message]);
    }
  }
  assert.deepEqual(wrong, []);
});
