// What a generated interface class talks to: one interface of one runtime.
"use strict";
const native = require("./native.cjs");
const { ArgumentError, makeError } = require("./errors.cjs");
const { kindOf } = require("./wire.cjs");
const { EventStream } = require("./stream.cjs");

/** An open runtime as its ports see it. */
class Connection {
  #handle;
  #closing;
  constructor(handle) { this.#handle = handle; }
  get closed() { return this.#closing !== undefined; }
  /** The handle; throws when the runtime is closed. */
  get handle() {
    if (this.closed) throw makeError("failedPrecondition", "the runtime is closed");
    return this.#handle;
  }
  /** Gives up what is in flight, then closes. Closing again waits for the same end. */
  close() {
    if (this.#closing === undefined) {
      this.#closing = native.close(this.#handle);
      native.abandonAll(this, () => makeError("cancelled", "the runtime was closed while the call was in flight"));
    }
    return this.#closing;
  }
}

/** Whatever can abort, of this realm or another. */
const isSignal = (value) => typeof value === "object" && value !== null && typeof value.aborted === "boolean" && typeof value.addEventListener === "function";
function checkOptions(options) {
  if (options === undefined || options === null) return;
  if (typeof options !== "object" || Array.isArray(options)) throw new ArgumentError("options", `expected an object, got ${kindOf(options)}`);
  const { signal } = options;
  if (signal !== undefined && signal !== null && !isSignal(signal)) throw new ArgumentError("options.signal", `expected an AbortSignal, got ${kindOf(signal)}`);
}

class Port {
  #connection;
  #acquire;
  #handle = 0;
  /** `acquire(runtime)` gives a handle, or throws why there is none. It is asked when the first call is made. */
  constructor(connection, acquire) {
    this.#connection = connection;
    this.#acquire = acquire;
  }
  #object() {
    const runtime = this.#connection.handle;
    if (this.#handle === 0) this.#handle = this.#acquire(runtime);
    return this.#handle;
  }
  call(op, options, write, read, wantsHandle) {
    try {
      checkOptions(options);
      return native.call(this.#object(), this.#connection, op, options, write, read, wantsHandle);
    } catch (error) {
      return Promise.reject(error);
    }
  }
  sync(op, write, read) { return native.run(this.#object(), op, write, read); }
  stream(op, options, write, read) {
    return new EventStream(this.call(op, options, write, undefined, true), this.#connection, read, isSignal(options?.signal) ? options.signal : undefined);
  }

  static service(connection, resource, id) {
    return new Port(connection, (runtime) => {
      const handle = native.service(runtime, resource, id);
      if (handle === 0) throw makeError("notFound", resource ? `there is no resource "${resource}" that offers ${id}` : `the runtime does not offer ${id}`, { target: resource || id });
      return handle;
    });
  }
  static provider(connection, provider, id) {
    return new Port(connection, (runtime) => {
      const handle = native.provider(runtime, provider, id);
      if (handle === 0) throw makeError("notFound", `there is no provider "${provider}" that offers ${id}`, { target: provider });
      return handle;
    });
  }
}

module.exports = { Connection, Port };
