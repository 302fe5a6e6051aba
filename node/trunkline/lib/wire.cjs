// How values cross between JavaScript and C++: the JavaScript half. The format is described in
// bindings/node/support/wire.hpp. The generated modules call these two classes in the order of the interface definition.
"use strict";
const { ArgumentError, within } = require("./errors.cjs");

/** @param {unknown} value @returns {string} what an error message calls it; never its content, which may be secret */
function kindOf(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  const type = typeof value;
  if (type === "object") return value.constructor?.name && value.constructor !== Object ? `a ${value.constructor.name}` : "an object";
  return type === "undefined" ? "undefined" : `a ${type}`;
}
const mismatch = (name, wanted, value) => new ArgumentError(name, `expected ${wanted}, got ${kindOf(value)}`);

const absent = (value) => value === undefined || value === null;

const INT32_MIN = -(2 ** 31), INT32_MAX = 2 ** 31 - 1, UINT32_MAX = 2 ** 32 - 1;
// C++ keeps 64-bit nanoseconds: 292 years around 1970.
const MAX_MS = 9_223_372_036_854;

class Views {
  /** @param {ArrayBuffer} buffer */
  constructor(buffer) {
    this.buffer = buffer;
    this.doubles = new Float64Array(buffer);
    this.signed = new BigInt64Array(buffer);
    this.unsigned = new BigUint64Array(buffer);
    this.octets = new Uint8Array(buffer);
  }
}

/** Writes one call. Checks every value and names the one that does not fit. */
class Writer {
  #views;
  #onGrow;
  constructor(onGrow, slots = 512) {
    this.#onGrow = onGrow;
    this.at = 0;
    this.text = "";
    this.#use(new ArrayBuffer(slots * 8));
  }
  #use(buffer) {
    this.#views = new Views(buffer);
    this.#onGrow(buffer);
  }
  #grow(more) {
    const wanted = this.at + more;
    let slots = this.#views.doubles.length * 2;
    while (slots < wanted) slots *= 2;
    const old = this.#views.octets.subarray(0, this.at * 8);
    const buffer = new ArrayBuffer(slots * 8);
    new Uint8Array(buffer).set(old);
    this.#use(buffer);
  }
  reset() {
    this.at = 0;
    this.text = "";
  }
  /** What was written so far, so that a getter in an argument may start a call of its own. */
  save() {
    return { octets: this.#views.octets.slice(0, this.at * 8), at: this.at, text: this.text };
  }
  restore(saved) {
    this.#views.octets.set(saved.octets);
    this.at = saved.at;
    this.text = saved.text;
  }

  put(value) {
    if (this.at === this.#views.doubles.length) this.#grow(1);
    this.#views.doubles[this.at++] = value;
  }
  putAt(index, value) { this.#views.doubles[index] = value; }
  raw(value) {
    this.put(value.length);
    this.text += value;
  }

  string(name, value) {
    if (typeof value !== "string") throw mismatch(name, "a string", value);
    this.raw(value);
  }
  json(name, value) {
    let text;
    try {
      text = JSON.stringify(value);
    } catch (error) {
      throw new ArgumentError(name, `cannot be written as JSON: ${error.message}`);
    }
    if (text === undefined) throw mismatch(name, "a JSON value", value);
    this.raw(text);
  }
  boolean(name, value) {
    if (typeof value !== "boolean") throw mismatch(name, "a boolean", value);
    this.put(value ? 1 : 0);
  }
  #integer(name, value, least, greatest) {
    if (typeof value !== "number") throw mismatch(name, "a number", value);
    if (!Number.isInteger(value) || value < least || value > greatest)
      throw new ArgumentError(name, `expected an integer from ${least} to ${greatest}, got ${value}`);
    this.put(value);
  }
  int32(name, value) { this.#integer(name, value, INT32_MIN, INT32_MAX); }
  uint32(name, value) { this.#integer(name, value, 0, UINT32_MAX); }
  float64(name, value) {
    if (typeof value !== "number") throw mismatch(name, "a number", value);
    this.put(value);
  }
  #big(name, value, least, greatest) {
    if (typeof value === "number" && Number.isSafeInteger(value)) value = BigInt(value);
    if (typeof value !== "bigint") throw mismatch(name, "a bigint or a safe integer", value);
    if (value < least || value > greatest) throw new ArgumentError(name, `expected an integer of 64 bits, got ${value}`);
    if (this.at === this.#views.doubles.length) this.#grow(1);
    return value;
  }
  int64(name, value) { value = this.#big(name, value, -(2n ** 63n), 2n ** 63n - 1n); this.#views.signed[this.at++] = value; }
  uint64(name, value) { value = this.#big(name, value, 0n, 2n ** 64n - 1n); this.#views.unsigned[this.at++] = value; }
  safeint(name, value) {
    if (!Number.isSafeInteger(value)) throw mismatch(name, "a safe integer", value);
    this.int64(name, value);
  }
  time(name, value) {
    if (!(value instanceof Date)) throw mismatch(name, "a Date", value);
    const ms = value.getTime();
    if (!(Math.abs(ms) <= MAX_MS)) throw new ArgumentError(name, "expected a Date between the years 1678 and 2262");
    this.put(ms);
  }
  duration(name, value) {
    if (typeof value !== "number") throw mismatch(name, "a number of milliseconds", value);
    if (!(Math.abs(value) <= MAX_MS)) throw new ArgumentError(name, `expected a number of milliseconds, got ${value}`);
    this.put(value);
  }
  bytes(name, value) {
    if (!(value instanceof Uint8Array)) throw mismatch(name, "a Uint8Array", value);
    this.put(value.length);
    const slots = Math.ceil(value.length / 8);
    if (this.at + slots > this.#views.doubles.length) this.#grow(slots);
    this.#views.octets.set(value, this.at * 8);
    this.at += slots;
  }
  enumeration(name, value, names) {
    const number = names.values.get(value);
    if (number !== undefined) return this.put(number);
    if (typeof value !== "string") throw mismatch(name, "a string", value);
    // What this version has no name for came in as "#7" and goes out so.
    if (/^#-?\d{1,10}$/.test(value)) return this.int32(name, Number(value.slice(1)));
    throw new ArgumentError(name, `expected one of ${[...names.values.keys()].map((x) => `"${x}"`).join(", ")}, got ${JSON.stringify(value)}`);
  }
  /** `write` gets the writer and the value: a generated function, or one that calls the methods above with the name "". */
  model(name, value, write) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw mismatch(name, "an object", value);
    try {
      write(this, value);
    } catch (error) {
      throw within(name, error);
    }
  }
  list(name, value, write, least = 0) {
    if (!Array.isArray(value)) throw mismatch(name, "an array", value);
    if (value.length < least) throw new ArgumentError(name, `expected at least ${least} element${least === 1 ? "" : "s"}, got ${value.length}`);
    const length = value.length;
    this.put(length);
    for (let i = 0; i < length; ++i) {
      try {
        write(this, value[i]);
      } catch (error) {
        throw within(`${name}[${i}]`, error);
      }
    }
  }
  record(name, value) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw mismatch(name, "an object of strings", value);
    const entries = Object.entries(value);
    this.put(entries.length);
    for (const [key, text] of entries) {
      this.raw(key);
      this.string(`${name}[${JSON.stringify(key)}]`, text);
    }
  }
  /** Writes whether an optional value is there; the value follows when it is. */
  has(value) {
    const there = !absent(value);
    this.put(there ? 1 : 0);
    return there;
  }
  /** `variants`: for each kind, its number and how its value is written. */
  union(name, value, variants) {
    if (typeof value !== "object" || value === null) throw mismatch(name, "an object with `kind` and `value`", value);
    const variant = Object.hasOwn(variants, value.kind) ? variants[value.kind] : undefined;
    if (!variant)
      throw new ArgumentError(`${name}.kind`, `expected one of ${Object.keys(variants).map((x) => `"${x}"`).join(", ")}, got ${typeof value.kind === "string" ? JSON.stringify(value.kind) : kindOf(value.kind)}`);
    this.put(variant.number);
    try {
      variant.write(this, value.value);
    } catch (error) {
      throw within(`${name}.value`, error);
    }
  }
}

/** Reads what C++ wrote. It checks nothing: C++ wrote it. */
class Reader {
  #views = new Views(new ArrayBuffer(0));
  at = 0;
  #text = "";
  #textAt = 0;
  use(buffer) {
    if (buffer !== this.#views.buffer) this.#views = new Views(buffer);
  }
  text(text) {
    this.#text = text;
    this.#textAt = 0;
  }

  number() { return this.#views.doubles[this.at++]; }
  boolean() { return this.#views.doubles[this.at++] !== 0; }
  int64() { return this.#views.signed[this.at++]; }
  uint64() { return this.#views.unsigned[this.at++]; }
  safeint() { return Number(this.int64()); }
  string() {
    const from = this.#textAt;
    return this.#text.substring(from, (this.#textAt = from + this.number()));
  }
  json() {
    const text = this.string();
    return text === "" ? undefined : JSON.parse(text);
  }
  time() { return new Date(this.number()); }
  bytes() {
    const length = this.number(), from = this.at * 8;
    this.at += Math.ceil(length / 8);
    return this.#views.octets.slice(from, from + length);
  }
  enumeration(names) {
    const value = this.number();
    return names.names.get(value) ?? `#${value}`;
  }
  list(read) {
    const length = this.number(), values = new Array(length);
    for (let i = 0; i < length; ++i) values[i] = read(this);
    return values;
  }
  record() {
    const values = {};
    for (let left = this.number(); left > 0; --left) {
      const key = this.string(), value = this.string();
      // A plain assignment to "__proto__" would change the prototype.
      if (key === "__proto__") Object.defineProperty(values, key, { value, enumerable: true, configurable: true, writable: true });
      else values[key] = value;
    }
    return values;
  }
  union(variants) {
    const number = this.number();
    const variant = variants[number];
    return variant ? { kind: variant.kind, value: variant.read(this) } : { kind: `#${number}`, value: undefined };
  }
}

/** Names and numbers of an open enum. */
function enumeration(members) {
  const entries = Object.entries(members);
  return { values: new Map(entries), names: new Map(entries.map(([name, value]) => [value, name])) };
}

const inspect = Symbol.for("nodejs.util.inspect.custom");
/** Keeps fields marked @secret out of console.log; reading them works as ever. */
function redacted(value, ...secrets) {
  return Object.defineProperty(value, inspect, {
    value(depth, options, inspector) {
      const shown = { ...this };
      for (const name of secrets) if (shown[name] !== undefined) shown[name] = "<redacted>";
      return inspector(shown, { ...options, depth: options.depth ?? null });
    },
  });
}

module.exports = { Writer, Reader, enumeration, redacted, kindOf };
