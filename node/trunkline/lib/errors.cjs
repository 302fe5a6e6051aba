// The one error model: the same members in C, C++, Python, Node.js and HTTP.
"use strict";

class TrunklineError extends Error {
  constructor(code, message, more = {}) {
    super(message);
    this.code = code;
    if (more.target) this.target = more.target;
    this.retryable = more.retryable ?? false;
    if (more.retryAfterMs !== undefined) this.retryAfterMs = more.retryAfterMs;
    if (more.providerCode) this.providerCode = more.providerCode;
    if (more.serviceCode) this.serviceCode = more.serviceCode;
    if (more.details !== undefined) this.details = more.details;
  }
}
Object.defineProperty(TrunklineError.prototype, "name", { value: "TrunklineError", configurable: true, writable: true });

// Numbers as in Trunkline.ErrorCode; a test compares them with the generated enum.
const CODES = ["cancelled", "unknown", "invalidArgument", "deadlineExceeded", "notFound", "alreadyExists", "permissionDenied",
  "resourceExhausted", "failedPrecondition", "aborted", "outOfRange", "unimplemented", "internal", "unavailable", "dataLoss", "unauthenticated"];

const classes = {};
for (const code of CODES) {
  const name = `${code[0].toUpperCase()}${code.slice(1)}Error`;
  const type = { [name]: class extends TrunklineError { constructor(message, more) { super(code, message, more); } } }[name];
  Object.defineProperty(type.prototype, "name", { value: name, configurable: true, writable: true });
  classes[code] = type;
}

/** @param {number | string} code */
function makeError(code, message, more) {
  const name = typeof code === "number" ? CODES[code - 1] ?? `#${code}` : code;
  const type = classes[name];
  return type ? new type(message, more) : new TrunklineError(name, message, more);
}

/** An argument of the wrong type or out of range. It never left JavaScript. */
class ArgumentError extends TypeError {
  #what;
  constructor(target, what) {
    super(target ? `${target}: ${what}` : what);
    this.#what = what;
    this.code = "invalidArgument";
    this.target = target;
  }
  /** The same mistake, seen from the object around it. */
  in(outer) {
    if (!outer) return this;
    const target = !this.target ? outer : this.target.startsWith("[") ? outer + this.target : `${outer}.${this.target}`;
    return new ArgumentError(target, this.#what);
  }
}
Object.defineProperty(ArgumentError.prototype, "name", { value: "TypeError", configurable: true, writable: true });

const within = (outer, error) => (error instanceof ArgumentError ? error.in(outer) : error);

module.exports = { TrunklineError, ArgumentError, makeError, within, CODES, errors: Object.fromEntries(Object.values(classes).map((type) => [type.prototype.name, type])) };
