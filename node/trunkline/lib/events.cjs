// Where events go: subscriptions, consumers in this process, the history, custom topics.
"use strict";
const { createWriteStream } = require("node:fs");
const { pipeline } = require("node:stream/promises");
const { ArgumentError } = require("./errors.cjs");
const services = require("../generated/service.cjs");

/** Milliseconds that a consumer may hold an event. */
const LOCK_TIME = 300_000;

/** An event that was taken from a subscription. */
class Delivery {
  #service;
  #subscription;
  constructor(service, subscription, taken) {
    this.#service = service;
    this.#subscription = subscription;
    this.event = taken.event;
    this.attempt = taken.attempt;
    this.id = taken.id;
  }
  ack() { return this.#service.acknowledge(this.#subscription, this.id); }
  reject(reason = "") { return this.#service.reject(this.#subscription, this.id, reason); }
}

/** The events of a subscription, to be acknowledged. What was not answered for when it is closed goes back. */
class Deliveries {
  #service;
  #name;
  #stream;
  constructor(service, name, { credits = 16, lockTime = LOCK_TIME, ...options } = {}) {
    this.#service = service;
    this.#name = name;
    this.#stream = service.deliveries(name, credits, lockTime, options);
  }
  get ready() { return this.#stream.ready; }
  async next() {
    const { value, done } = await this.#stream.next();
    return done ? { value: undefined, done } : { value: new Delivery(this.#service, this.#name, value), done };
  }
  return(value) { return this.#stream.return(value); }
  throw(error) { return this.#stream.throw(error); }
  [Symbol.asyncIterator]() { return this; }
  async [Symbol.asyncDispose]() { await this.return(); }
}

const reasonOf = (error) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error));

/** A function that gets the events of a subscription. */
class EventHandler {
  #connection;
  #closed = false;
  #loops = [];
  #ended;

  constructor(connection, service, name, spec, fn, { concurrency = 1, lockTime = LOCK_TIME, onError = warn } = {}) {
    this.#connection = connection;
    this.name = name;
    /** Kept once the subscription is there. */
    this.ready = this.#setUp(service, spec);
    this.#ended = this.ready.then(
      () => {
        for (let i = 0; i < concurrency; ++i) this.#loops.push(new Loop(new Deliveries(service, name, { credits: 1, lockTime })));
        return Promise.all(this.#loops.map((loop) => this.#run(loop, fn, onError)));
      },
      (error) => onError(error),
    );
  }
  async #setUp(service, spec) {
    if (Object.keys(spec).length === 0) {
      try {
        await service.get(this.name);
        return;
      } catch (error) {
        if (error.code !== "notFound") throw error;
      }
    }
    await service.put({ ...spec, name: this.name });
  }
  async #run(loop, fn, onError) {
    try {
      while (!this.#closed) {
        const { value: delivery, done } = await loop.deliveries.next();
        // What was taken in the moment of closing goes back.
        if (done || this.#closed) break;
        loop.busy = true;
        await dealWith(delivery, fn, onError);
        loop.busy = false;
      }
    } catch (error) {
      // That the runtime was closed is no failure.
      if (!this.#closed && !this.#connection.closed) onError(error);
    } finally {
      await loop.deliveries.return();
    }
  }
  /** Ends it, after the events that it is dealing with. */
  async close() {
    this.#closed = true;
    for (const loop of this.#loops) if (!loop.busy) await loop.deliveries.return();
    await this.#ended;
  }
  async [Symbol.asyncDispose]() { await this.close(); }
}
class Loop {
  busy = false;
  constructor(deliveries) { this.deliveries = deliveries; }
}
async function dealWith(delivery, fn, onError) {
  try {
    await fn(delivery.event, delivery);
  } catch (error) {
    delivery.reject(reasonOf(error));
    onError(error, delivery);
    return;
  }
  delivery.ack();
}

/** By default a failure is a warning of the process: nobody else would hear of it. */
function warn(error, delivery) {
  const what = delivery
    ? `an event handler failed on ${delivery.event.id}, which comes again: `
    : "an event handler gets no more events: ";
  process.emitWarning(what + (error?.stack ?? error), "TrunklineWarning");
}

/** The history with iterators over what comes in pages. */
class EventHistory extends services.EventHistoryService {
  async *find({ pageSize = 100, ...query } = {}, options) {
    let after;
    do {
      const page = await this.query({ ...query, limit: pageSize, ...(after !== undefined && { after }) }, options);
      yield* page.items;
      after = page.next;
    } while (after !== undefined);
  }
  async export(to, query = {}, { schema, ...options } = {}) {
    const opened = typeof to === "string" || to instanceof URL;
    if (!opened && typeof to?.write !== "function") throw new ArgumentError("to", "expected a path, a URL or a writable stream");
    let count = 0;
    const lines = async function* (history) {
      for await (const line of history.exportLines(query, schema, options)) {
        yield `${line}\n`;
        ++count;
      }
    };
    // A stream of the caller's stays open, and is the caller's to listen to.
    await pipeline(lines(this), opened ? createWriteStream(to) : to, { end: opened });
    return count;
  }
}

/** What `onEvent` says of the subscription, apart from how the function is called. */
function onEvent(connection, service, name, options, fn) {
  if (typeof options === "function") [options, fn] = [fn ?? {}, options];
  if (typeof fn !== "function") throw new ArgumentError("fn", "expected a function");
  const { concurrency = 1, lockTime, onError, ...spec } = options ?? {};
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw new ArgumentError("concurrency", "expected a whole number from 1 on");
  const settings = { concurrency, ...(lockTime !== undefined && { lockTime }), ...(onError && { onError }) };
  return new EventHandler(connection, service, name, spec, fn, settings);
}

module.exports = { Delivery, Deliveries, EventHandler, EventHistory, onEvent };
