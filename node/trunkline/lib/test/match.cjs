// What a test waits for, as a function and in words; and what it is told when it does not come.
"use strict";
const { AssertionError } = require("node:assert");
const { inspect } = require("node:util");
const { ArgumentError } = require("../errors.cjs");

const CODE = /(?<!\d)\d{4,8}(?!\d)/;
const LINK = /https?:\/\/[^\s"'<>]+/;
const MOST_SHOWN = 10;
const WITHIN = 10_000;

/** A string that must be contained, a pattern that must be found, or a function that must be true; undefined: anything. */
function matcher(name, wanted, textOf) {
  if (wanted === undefined) return { fits: () => true, words: "anything" };
  if (typeof wanted === "string") return { fits: (item) => textOf(item).includes(wanted), words: `anything with ${inspect(wanted)} in it` };
  if (wanted instanceof RegExp) {
    // One that is sticky or global goes on from where it was.
    const pattern = new RegExp(wanted.source, wanted.flags.replace(/[gy]/g, ""));
    return { fits: (item) => pattern.test(textOf(item)), words: `anything in which ${wanted} is found` };
  }
  if (typeof wanted === "function") return { fits: wanted, words: `anything that fits ${wanted.name || "the function"}` };
  throw new ArgumentError(name, "expected a string, a RegExp or a function");
}

function patternOf(pattern, standard) {
  if (pattern === undefined) return standard;
  if (!(pattern instanceof RegExp)) throw new ArgumentError("options.pattern", "expected a RegExp");
  return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));
}
/** The first group of a pattern that has one, else all of it. */
const taken = (pattern, text) => {
  const found = pattern.exec(text);
  return found[1] ?? found[0];
};

function checkedWithin(within) {
  if (within === undefined) return WITHIN;
  if (typeof within !== "number" || !(within >= 0)) throw new ArgumentError("options.within", "expected milliseconds from 0 on");
  return within;
}

function listing(lines) {
  const shown = lines.slice(-MOST_SHOWN).map((line) => `  ${line}`);
  return lines.length > MOST_SHOWN ? [`  ... ${lines.length - MOST_SHOWN} more`, ...shown] : shown;
}

/** The error of an expectation that did not hold; runners show the difference between `actual` and `expected`. */
function complaint(message, actual, expected, operator) {
  return new AssertionError({ message, actual, expected, operator });
}

module.exports = { CODE, LINK, matcher, patternOf, taken, checkedWithin, listing, complaint };
