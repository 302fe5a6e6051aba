// Calls into the addon: what is in flight, and how outcomes come back. One of these for each thread.
"use strict";
const { Reader, Writer } = require("./wire.cjs");
const { makeError } = require("./errors.cjs");
const { load } = require("./loader.cjs");
const { Providers } = require("./provider.cjs");

const native = load();
const reader = new Reader();
const writer = new Writer((buffer) => native.arguments(buffer));

/** Calls in flight by number: { resolve, reject, read, signal, owner, wantsHandle }. */
const pending = new Map();
let lastCall = 0;
/** How many of them somebody waits for. */
let waiting = 0;
const MAX_CALL = 2 ** 31 - 1;

function register(call) {
  do lastCall = lastCall === MAX_CALL ? 1 : lastCall + 1; while (pending.has(lastCall));
  // The addon keeps the process alive only while somebody waits for it.
  if (call.owner?.idle !== true && ++waiting === 1) native.ref();
  pending.set(lastCall, call);
  return lastCall;
}
/** The call, which is over; undefined when it was given up before. */
function settle(number) {
  const call = pending.get(number);
  if (call === undefined) return undefined;
  pending.delete(number);
  if (call.owner?.idle !== true && --waiting === 0) native.unref();
  if (call.signal !== undefined) forget(call.signal, number);
  return call;
}

// ---- outcomes ----

function readError(r) {
  const code = r.number(), message = r.string(), target = r.string(), retryable = r.boolean();
  const retryAfterMs = r.boolean() ? r.number() : undefined;
  const providerCode = r.string(), serviceCode = r.string();
  const details = {};
  const members = r.number();
  for (let i = 0; i < members; ++i) {
    const name = r.string();
    details[name] = r.string();
  }
  return makeError(code, message, { target, retryable, retryAfterMs, providerCode, serviceCode, ...(members > 0 && { details }) });
}

// PacketKind in bindings/node/support/dispatcher.hpp; those above concern providers.
const ERROR = 1;

/** Reads one packet: call, kind, handle, slots, payload. */
function finish(text) {
  const number = reader.number(), kind = reader.number(), handle = reader.number(), slots = reader.number();
  const end = reader.at + slots, failed = kind === ERROR;
  if (kind > ERROR) {
    reader.text(text);
    try {
      providers.receive(kind, number, handle, reader);
    } finally {
      reader.at = end;
    }
    return;
  }
  const call = settle(number);
  if (call === undefined) {
    // Nobody waits for it any more; what it made goes with it.
    if (handle !== 0) native.release(handle);
  } else {
    reader.text(text);
    try {
      if (failed) refuse(call, readError(reader));
      else if (call.wantsHandle) call.resolve(handle);
      else call.resolve(call.read === undefined ? undefined : call.read(reader));
    } catch (error) {
      call.reject(error);
    }
  }
  reader.at = end;
}

native.init(
  (...texts) => {
    reader.at = 0;
    for (const text of texts) finish(text);
    providers.settle();
  },
  (buffer) => reader.use(buffer),
);

// ---- cancellation: one listener for each signal, however many calls share it ----

const signals = new WeakMap(); // signal -> { numbers: Set, listener }

function watch(signal, number) {
  let watched = signals.get(signal);
  if (watched === undefined) {
    const numbers = new Set();
    const listener = () => {
      for (const each of [...numbers]) abandon(each, signal.reason);
    };
    watched = { numbers, listener };
    signals.set(signal, watched);
    signal.addEventListener("abort", listener, { once: true });
  }
  watched.numbers.add(number);
}
function forget(signal, number) {
  signals.get(signal)?.numbers.delete(number);
}
/** Stops waiting for a call and asks the other side to stop as well. */
function abandon(number, reason) {
  const call = settle(number);
  if (call === undefined) return;
  native.cancel(number);
  refuse(call, reason);
}
/** A provider that is being stopped hears no more of what it still waits for: nobody may be there to catch that. */
function refuse(call, error) {
  if (call.owner?.quiet?.(error) !== true) call.reject(error);
}
/** Gives up all calls of one owner. */
function abandonAll(owner, makeReason) {
  for (const [number, call] of [...pending]) if (call.owner === owner) abandon(number, makeReason());
}

// ---- calls ----

// slots, text units, handle, op, call, timeout, cancellable, idempotency key, traceparent, resource, arguments: Header in
// bindings/node/support/environment.cpp.
const SLOTS = 0, TEXT_UNITS = 1;
let writing = false;

function encode(handle, op, call, options, write) {
  writer.reset();
  writer.put(0);
  writer.put(0);
  writer.put(handle);
  writer.put(op);
  writer.put(call);
  if (options === undefined) {
    writer.put(NaN);
    writer.put(0);
    writer.put(0);
    writer.put(0);
    writer.put(0);
  } else {
    if (options.timeout === undefined) writer.put(NaN);
    else writer.duration("options.timeout", options.timeout);
    writer.put(options.signal ? 1 : 0);
    writer.string("options.idempotencyKey", options.idempotencyKey ?? "");
    writer.string("options.traceparent", options.traceparent ?? "");
    writer.string("options.resource", options.resource ?? "");
  }
  if (write !== undefined) write(writer);
  writer.putAt(SLOTS, writer.at);
  writer.putAt(TEXT_UNITS, writer.text.length);
}

/** Runs `use` with the writer; an argument's getter may come back here in the middle. */
function withWriter(use) {
  if (writing) {
    const saved = writer.save();
    try {
      return use();
    } finally {
      writer.restore(saved);
    }
  }
  writing = true;
  try {
    return use();
  } finally {
    writing = false;
  }
}

/** Begins operation `op` of an object. A promise of its result, or of a handle. */
function call(handle, owner, op, options, write, read, wantsHandle = false) {
  return begin(handle, owner, op, options ?? undefined, options?.signal ?? undefined, write, read, wantsHandle);
}
/** Asks a stream for the next items. Giving up on the answer does not cancel anything: closing the stream does. */
function pull(handle, owner, signal, most, read) {
  return begin(handle, owner, 0, undefined, signal, (w) => w.put(most), read, false);
}
function begin(handle, owner, op, options, signal, write, read, wantsHandle) {
  return new Promise((resolve, reject) => {
    if (signal !== undefined && signal.aborted) return reject(signal.reason);
    const number = register({ resolve, reject, read, signal, owner, wantsHandle });
    try {
      if (signal !== undefined) watch(signal, number);
      const text = withWriter(() => {
        encode(handle, op, number, options, write);
        return native.start(writer.text);
      });
      if (text !== undefined) {
        reader.at = 0;
        finish(text);
      }
    } catch (error) {
      settle(number);
      reject(error);
    }
  });
}

/** Performs a @sync operation. */
function run(handle, op, write, read) {
  const text = withWriter(() => {
    encode(handle, op, 0, undefined, write);
    return native.run(writer.text);
  });
  reader.at = 0;
  reader.number();
  const failed = reader.boolean();
  reader.at += 2;
  reader.text(text);
  if (failed) throw readError(reader);
  return read === undefined ? undefined : read(reader);
}

/** JSON with expressions and the JSON of a context to the JSON of the result. */
function evaluate(expression, context) {
  const outcome = native.evaluate(expression, context);
  if (typeof outcome === "string") return outcome;
  const { code, message, target, service_code: serviceCode, ...details } = outcome;
  throw makeError(Number(code), message, { target, serviceCode, details });
}

// ---- providers that are written in JavaScript ----

// slots, text units, number, failed, payload: AnswerSlot in bindings/node/support/environment.cpp.
function answer(to, number, failed, write) {
  withWriter(() => {
    writer.reset();
    writer.put(0);
    writer.put(0);
    writer.put(number);
    writer.put(failed ? 1 : 0);
    if (write !== undefined) write(writer);
    writer.putAt(SLOTS, writer.at);
    writer.putAt(TEXT_UNITS, writer.text.length);
    native[to](writer.text);
  });
}
const providers = new Providers(native, answer, abandonAll);

/** Opens a runtime; a promise of its handle. */
const open = (config, configFile, plugins = []) => new Promise((resolve, reject) => native.open(config, configFile, register({ resolve, reject, wantsHandle: true }), ...plugins.flatMap((plugin) => providers.add(plugin))));
/** Adds a provider to it. */
const addProvider = (handle, { plugin, item, first }) => new Promise((resolve, reject) => native.addProvider(handle, item, first, register({ resolve, reject }), ...providers.add(plugin)));
/** Lets another object take over from one that a provider of it is. */
const replaceProvider = (handle, { plugin, item }, probation, drain) => new Promise((resolve, reject) => native.replaceProvider(handle, item, probation, drain, register({ resolve, reject }), ...providers.add(plugin)));
const readTexts = (r) => r.list((each) => each.string());
/** Runs the conformance kit on a plugin; a promise of the report in three forms. */
const conformance = (plugin, options) => new Promise((resolve, reject) => native.conformance(options, register({ resolve, reject, read: readTexts }), ...providers.add(plugin)));
/** Closes it; the promise is kept when everything of it is gone. */
const close = (handle) => new Promise((resolve, reject) => native.close(handle, register({ resolve, reject })));

module.exports = { call, pull, run, evaluate, defaultConfig: native.defaultConfig, open, addProvider, replaceProvider, conformance, close, abandonAll, release: (handle) => native.release(handle), service: native.service, provider: native.provider };
