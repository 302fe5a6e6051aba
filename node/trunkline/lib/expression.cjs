// Expressions of the Workflow Definition Language, without a runtime.
"use strict";
const { ArgumentError } = require("./errors.cjs");

function evaluate(expression, context = {}) {
  // The addon is loaded when it is needed: an import costs nothing and says nothing.
  const native = require("./native.cjs");
  return JSON.parse(native.evaluate(text("expression", expression), text("context", context)));
}

function text(name, value) {
  let json;
  try {
    json = JSON.stringify(value, (_, each) => (typeof each === "bigint" ? JSON.rawJSON?.(String(each)) ?? Number(each) : each));
  } catch (error) {
    throw new ArgumentError(name, `cannot be written as JSON: ${error.message}`);
  }
  if (json === undefined) throw new ArgumentError(name, "expected a value that can be written as JSON");
  return json;
}

module.exports = { evaluate };
