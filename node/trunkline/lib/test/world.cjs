// The world of one test: a resource that nobody else has, and a clock that stands still.
"use strict";
const { inspect } = require("node:util");
const { Events, Resource } = require("../runtime.cjs");
const { Carrier } = require("./carrier.cjs");
const { checkedWithin, complaint, listing } = require("./match.cjs");
const { Mailbox, Phone } = require("./people.cjs");

const FIRST_STEP = 50, LONGEST_STEP = 1000, MOST_STEPS = 1000;
/** How long handlers may be busy, on the wall, before a test goes on without them. */
const PATIENCE = 5000;
const OURS = "Microsoft.Communication.";
const MOST = 1000;

/** `SMSReceived` is short for `Microsoft.Communication.SMSReceived`. */
const full = (types) => (types === undefined ? [] : Array.isArray(types) ? types : [types]).map((type) => (type.includes(".") ? type : OURS + type));

const HANDLER_STEP = 10_000;
const MOST_HANDLER_STEPS = 500;

class VirtualClock {
  #world;
  constructor(world) { this.#world = world; }
  now() { return this.#world.runtime.clock.now(); }
  async advance(ms, options) {
    const { clock } = this.#world.runtime;
    if (!this.#world._busy()) return clock.advance(ms, options);
    // In steps: a handler takes time of the wall, and a clock that ran on without it would take its event away again.
    await this.#world.settle();
    const step = Math.max(HANDLER_STEP, ms / MOST_HANDLER_STEPS);
    let left = ms;
    do {
      await clock.advance(Math.min(step, left), options);
      await this.#world.settle();
      left -= step;
    } while (left > 0);
    return this.now();
  }
}

class EventLog extends Events {
  #world;
  constructor(service, world) {
    super(service);
    this.#world = world;
  }
  of(...types) { return this.list({ types: full(types), after: 0n }, MOST); }
  async deadLettered() {
    const world = this.#world;
    await world.settle();
    const found = [];
    for (const { name: subscription } of await world.eventSubscriptions.list()) {
      for (const state of ["deadLettered", "dropped"]) {
        for await (const event of world.eventHistory.find({ subscription, state })) {
          for (const each of await world.eventHistory.explain(event.id)) {
            if (each.subscription !== subscription) continue;
            const reason = [each.reason, each.attempts.at(-1)?.reply].filter(Boolean).join(": ");
            found.push({ subscription, event, kept: state === "deadLettered", attempts: each.attempts.length, reason });
          }
        }
      }
    }
    return found;
  }
  async expect(types, predicate, { after = 0n, within } = {}) {
    if (typeof predicate !== "function") [predicate, { after = 0n, within } = {}] = [() => true, predicate ?? {}];
    const wanted = full(types);
    const ms = checkedWithin(within);
    const found = await this.#world._until(async () => {
      for (const event of await this.list({ types: wanted, after }, MOST)) if (await predicate(event)) return event;
      return undefined;
    }, ms);
    if (found !== undefined) return found;
    const happened = await this.of();
    const lines = happened.map((event) => `${event.time.toISOString().slice(11, -1)}  ${event.type}  ${event.subject}  ${JSON.stringify(event.data)}`);
    throw complaint(
      [`no event ${wanted.join(" or ") || "of any type"} that fits came within ${ms} ms of the clock`,
        ...(lines.length > 0 ? ["these did:", ...listing(lines)] : ["none came at all"])].join("\n"),
      happened.map((event) => event.type), wanted, "expect");
  }
}

class Trunkline extends Resource {
  #number;
  #handlers = [];
  #phones = new Map();
  #mailboxes = new Map();
  #carriers = new Map();
  #events;
  #close;
  #spoiled = false;
  constructor(name, make, connection, runtime, close) {
    super(name, make, connection);
    this.runtime = runtime;
    this.clock = new VirtualClock(this);
    this.#close = close;
  }
  get events() { return (this.#events ??= new EventLog(this._service(require("../../generated/service.cjs").EventsService), this)); }
  async number() {
    if (this.#number === undefined) {
      const owned = await this.numbers.list();
      this.#number = owned.find(({ sms }) => sms === "outbound" || sms === "both")?.number;
      if (this.#number === undefined) throw complaint(`the resource ${this.name} has no number that takes texts; configure one`);
    }
    return this.#number;
  }
  phone(number) { return remember(this.#phones, number, () => new Phone(this, number)); }
  mailbox(address) { return remember(this.#mailboxes, address, () => new Mailbox(this, address)); }
  carrier(name) { return remember(this.#carriers, name, () => new Carrier(this, name)); }

  onEvent(name, options, fn) {
    const handler = super.onEvent(name, options, fn);
    this.#handlers.push(handler);
    return handler;
  }
  /** What this test does may go on after it. */
  _spoil() { this.#spoiled = true; }
  _busy() { return this.#handlers.length > 0; }

  /** Nothing is left to do without the clock moving, in event handlers neither. */
  async settle() {
    await this.runtime.settle();
    const until = performance.now() + PATIENCE;
    for (const handler of this.#handlers) {
      await handler.ready;
      while (performance.now() < until) {
        const { queued, inFlight } = await this.eventSubscriptions.activity(handler.name);
        if (queued === 0 && inFlight === 0) break;
        await new Promise((resolve) => setImmediate(resolve));
      }
      await this.runtime.settle();
    }
  }
  /** Looks, and moves the clock on until something is found or `within` milliseconds have passed on it. */
  async _until(look, within) {
    await this.settle();
    let found = await look();
    let step = FIRST_STEP;
    for (let left = within; found === undefined && left > 0; ) {
      const by = Math.min(step, left);
      await this.clock.advance(by);
      left -= by;
      step = Math.min(step * 2, Math.max(LONGEST_STEP, within / MOST_STEPS));
      found = await look();
    }
    return found;
  }
  /** Ends the handlers and drops the resource. */
  async close() {
    const close = this.#close;
    this.#close = undefined;
    if (close === undefined) return;
    for (const handler of this.#handlers) await handler.close();
    await close(this.#spoiled);
  }
  [Symbol.asyncDispose]() { return this.close(); }
  [inspect.custom]() { return `Trunkline { name: ${inspect(this.name)} }`; }
}

function remember(map, key, make) {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

module.exports = { Trunkline, EventLog, VirtualClock };
