// Fixtures for node:test, Vitest and whatever else runs functions.
"use strict";
const { Runtime } = require("../runtime.cjs");
const { Carrier } = require("./carrier.cjs");
const { Mailbox, Phone } = require("./people.cjs");
const { Trunkline } = require("./world.cjs");

/** The configuration with a clock that stands still. Text and files say so themselves. */
function withVirtualClock(config) {
  // What one test leaves on its way, a later one hears of when it moves the clock: no reason to warn.
  if (config === undefined)
    return require("../native.cjs").defaultConfig().replace("level: warning", "level: error").replace("\nruntime:\n", "\nruntime:\n  clock: virtual\n");
  if (typeof config !== "object" || config === null || config.configFile !== undefined) return config;
  return { ...config, runtime: { ...config.runtime, clock: "virtual" } };
}

/** One runtime for the tests of a process, one after the other. Each gets a copy of the configuration's first resource. */
class Home {
  #config;
  #opened;
  #count = 0;
  constructor(config) { this.#config = config; }
  #open() {
    this.#opened ??= (async () => {
      const runtime = await Runtime.open(withVirtualClock(this.#config));
      return { runtime, base: (await runtime.resources.list())[0].name };
    })();
    return this.#opened;
  }
  async open() {
    const { runtime, base } = await this.#open();
    const name = `test-${++this.#count}`;
    await runtime.resources.fork(base, name);
    // Breakers of carriers are the runtime's: the next test would find one open that this one made trip.
    return runtime._make(Trunkline, name, runtime, (spoiled) => (spoiled ? this.close() : runtime.resources.drop(name)));
  }
  async close() {
    const opened = this.#opened;
    this.#opened = undefined;
    await (await opened)?.runtime.close();
  }
  [Symbol.asyncDispose]() { return this.close(); }
}

let home = new Home();
/** The configuration of the tests that follow in this process. */
async function configure(config) {
  const old = home;
  home = new Home(config);
  await old.close();
}
/** A world; close it, or use it with `await using`. */
const open = () => home.open();

/** For test.extend() of Vitest. */
const fixtures = {
  // Vitest reads from the first parameter which other fixtures this one needs.
  trunkline: async ({}, use) => { // eslint-disable-line no-empty-pattern
    const world = await open();
    try {
      await use(world);
    } finally {
      await world.close();
    }
  },
};

/** node:test with the fixtures: the function gets `{ trunkline, t }`. */
function test(name, options, fn) {
  if (typeof options === "function") [options, fn] = [undefined, options];
  return require("node:test").test(name, options, async (t) => fixtures.trunkline({}, (trunkline) => fn({ trunkline, t })));
}
for (const variant of ["only", "skip", "todo"]) test[variant] = (name, options, fn) => {
  if (typeof options === "function") [options, fn] = [undefined, options];
  return test(name, { ...options, [variant]: true }, fn);
};

module.exports = { Home, Trunkline, Phone, Mailbox, Carrier, configure, open, fixtures, test };
