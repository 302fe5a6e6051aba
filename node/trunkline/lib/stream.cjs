// Streams of values: pulled, so that a slow consumer slows the producer down instead of filling memory.
"use strict";
const { makeError } = require("./errors.cjs");
const native = require("./native.cjs");

const BATCH = 64;
/** Why a read was given up: the reader closed the stream itself. */
const CLOSED = Symbol("closed");
const end = (value) => ({ value, done: true });

/** What outlives the iterator: a stream that nobody reads any more is closed when the iterator is collected. */
class State {
  #handle;
  #closed = false;
  #abort = new AbortController();

  constructor(opening) {
    this.opening = opening.then((handle) => {
      if (this.#closed) native.release(handle);
      return (this.#handle = handle);
    });
    // It is the reader who learns of a failure: a stream without one is no unhandled rejection.
    this.opening.catch(() => {});
  }
  get signal() { return this.#abort.signal; }
  get closed() { return this.#closed; }
  close(reason = CLOSED) {
    if (this.#closed) return;
    this.#closed = true;
    this.#abort.abort(reason);
    if (this.#handle !== undefined) native.release(this.#handle);
  }
}
const dropped = new FinalizationRegistry((state) => state.close());

class EventStream {
  #state;
  #owner;
  #read;
  #unwatch;
  #items = [];
  #at = 0;
  /** Reads queue up, so that two next() without an await in between get two items. */
  #last = Promise.resolve();

  /** @param {Promise<number>} opening of the stream's handle; owner: the Connection */
  constructor(opening, owner, read, signal) {
    const state = (this.#state = new State(opening));
    this.#owner = owner;
    this.#read = (r) => r.list(read);
    dropped.register(this, state, state);
    if (signal) {
      // The signal may live long: it holds the state, not the iterator.
      const onAbort = () => state.close(signal.reason);
      if (signal.aborted) onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      this.#unwatch = () => signal.removeEventListener("abort", onAbort);
    }
  }

  /** Kept once the stream is open: what happens from then on is not missed. */
  get ready() { return this.#state.opening.then(() => undefined); }

  next() {
    if (this.#at < this.#items.length && !this.#state.closed) return Promise.resolve({ value: this.#items[this.#at++], done: false });
    const result = this.#last.then(() => this.#pull());
    this.#last = result.catch(() => {});
    return result;
  }
  async #pull() {
    const state = this.#state;
    try {
      if (state.closed) throw state.signal.reason;
      if (this.#at === this.#items.length) {
        const handle = await raceAbort(state.opening, state.signal);
        if (this.#owner.closed) throw makeError("cancelled", "the runtime was closed while the stream was open");
        this.#items = await native.pull(handle, this.#owner, state.signal, BATCH, this.#read);
        this.#at = 0;
      }
      if (this.#items.length > 0) return { value: this.#items[this.#at++], done: false };
      this.#close();
      return end();
    } catch (error) {
      this.#close();
      // Told once; afterwards the stream is at its end.
      if (error === CLOSED || this.#told) return end();
      this.#told = true;
      throw error;
    }
  }
  #told = false;

  #close() {
    this.#unwatch?.();
    dropped.unregister(this.#state);
    this.#state.close();
  }
  /** Closes the stream; leaving a `for await` loop does so too. */
  return(value) {
    this.#told = true;
    this.#close();
    return Promise.resolve(end(value));
  }
  throw(error) {
    this.#told = true;
    this.#close();
    return Promise.reject(error);
  }
  [Symbol.asyncIterator]() { return this; }
  async [Symbol.asyncDispose]() { await this.return(); }
}

/** `promise`, or a rejection as soon as the signal says so. */
function raceAbort(promise, signal) {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

module.exports = { EventStream };
