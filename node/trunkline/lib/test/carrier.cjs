// A sandbox carrier, and what it does to messages of one test.
"use strict";
const { inspect } = require("node:util");
const { ArgumentError } = require("../errors.cjs");
const { SandboxMailProvider, SandboxProvider } = require("../../generated/sandbox.cjs");

const LATENCY = 50;

class Carrier {
  #world;
  #options;
  #rule;
  constructor(world, name) {
    if (typeof name !== "string") throw new ArgumentError("name", "expected a string");
    this.name = name;
    this.#world = world;
    this.#options = { resource: world.name };
  }
  /** Adds a rule: `phone` where texts are carried, `mail` where mail is. Which it is, is asked for once. */
  async #add(phone, mail) {
    if (this.#rule === undefined) {
      const phones = this.#world.runtime._provider(this.name, SandboxProvider);
      try {
        await phones.addRule(phone, this.#options);
        this.#rule = (rule) => phones.addRule(rule, this.#options);
        this.mail = false;
        return;
      } catch (error) {
        if (error.code !== "notFound") throw error;
      }
      const mails = this.#world.runtime._provider(this.name, SandboxMailProvider);
      this.#rule = (rule) => mails.addRule(rule, this.#options);
      this.mail = true;
    }
    await this.#rule(this.mail ? mail : phone);
  }
  fail(reason, { to = "*", times = 0, rate } = {}) {
    const share = rate === undefined ? {} : { rate };
    const failureShare = rate === undefined ? {} : { failureRate: rate };
    return this.#add({ match: to, failure: reason ?? "unreachable", times, ...failureShare }, { match: to, outcome: reason ?? "bounced", times, ...share });
  }
  refuse(reason, { to = "*", times = 0 } = {}) {
    if (reason === "temporary" || reason === "overQuota") this.#world._spoil();
    return this.#add({ match: to, refuse: reason ?? "blocked", times }, { match: to, refuse: true, temporary: reason === "temporary", times });
  }
  beSilent({ to = "*", times = 0 } = {}) {
    const rule = { match: to, silent: true, times };
    return this.#add(rule, rule);
  }
  beSlow(latency, { to = "*", times = 0 } = {}) {
    const rule = { match: to, latency, times };
    return this.#add(rule, rule);
  }
  recover({ to = "*" } = {}) {
    const rule = { match: to, latency: LATENCY };
    return this.#add(rule, rule);
  }
  [inspect.custom]() { return `Carrier { name: ${inspect(this.name)} }`; }
}

module.exports = { Carrier };
