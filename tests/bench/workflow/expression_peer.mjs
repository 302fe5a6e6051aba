// expression_peer.mjs SECONDS: the golden table through adaptive-expressions. Prints one JSON object: expressions a second, parsed once
// and evaluated often, and parsed each time, over the cases that it can parse and evaluate without an error.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
const { Expression, ExpressionEvaluator, ExpressionFunctions, ExpressionParser, SimpleObjectMemory, ReturnType } =
  createRequire(import.meta.url)("adaptive-expressions");

const seconds = Number(process.argv[2] ?? 3);
const ids = process.argv[3] ? new Set(JSON.parse(readFileSync(process.argv[3]))) : undefined;
const golden = JSON.parse(readFileSync(new URL("../../workflow/golden-expressions.json", import.meta.url)));

// The functions of a workflow are not in the package; its way to have such is a look-up table for the parser.
let current;
const own = (name, find) => [name, new ExpressionEvaluator(name, (expression, state, options) => {
  const args = expression.children.map((child) => child.tryEvaluate(state, options));
  const failed = args.find(({ error }) => error);
  return failed ? { value: undefined, error: failed.error } : { value: find(...args.map(({ value }) => value)), error: undefined };
}, ReturnType.Object, () => {})];
const workflow = new Map([
  own("parameters", (n) => current.parameters[n]), own("variables", (n) => current.variables[n]),
  own("trigger", () => current.trigger), own("triggerBody", () => current.trigger.outputs.body),
  own("triggerOutputs", () => current.trigger.outputs), own("actions", (n) => current.actions[n]),
  own("outputs", (n) => current.actions[n].outputs), own("body", (n) => current.actions[n].outputs.body),
  own("item", () => current.item), own("items", (n) => current.items[n]), own("result", (n) => current.results[n]),
  own("iterationIndexes", (n) => current.iterationIndexes[n]), own("workflow", () => current.workflow),
  own("action", () => current.action), own("listCallbackUrl", () => current.callbackUrl),
]);
const lookup = (name) => workflow.get(name) ?? ExpressionFunctions.standardFunctions.get(name);
const parser = new ExpressionParser(lookup);

// It has no templates: `@expression` alone is what both can do.
const usable = [];
for (const { id, expression, context, error } of golden.cases) {
  if (error || !/^@[^@{]/.test(expression) || (ids && !ids.has(id))) continue;
  const text = expression.slice(1);
  const memory = new SimpleObjectMemory({});
  current = golden.contexts[context];
  try {
    const parsed = parser.parse(text);
    if (parsed.tryEvaluate(memory).error) continue;
    usable.push({ id, text, parsed, memory, context: current });
  } catch {
    // It cannot do this one.
  }
}
function rate(one) {
  let count = 0;
  const until = process.hrtime.bigint() + BigInt(Math.round(seconds * 1e9));
  const begin = process.hrtime.bigint();
  while (process.hrtime.bigint() < until) {
    for (const each of usable) {
      current = each.context;
      one(each);
    }
    count += usable.length;
  }
  return (count * 1e9) / Number(process.hrtime.bigint() - begin);
}
const evaluate = rate(({ parsed, memory }) => parsed.tryEvaluate(memory));
const whole = rate(({ text, memory }) => parser.parse(text).tryEvaluate(memory));
console.log(JSON.stringify({ cases: usable.length, ids: usable.map(({ id }) => id), evaluate, whole }));
