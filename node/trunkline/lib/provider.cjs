// Providers written in JavaScript: classes or objects in a configuration, behind the same table of functions as a shared library.
"use strict";
const { ArgumentError, CODES, TrunklineError } = require("./errors.cjs");

// As in bindings/node/support/provider.hpp.
const OPEN = 0x7fff0000, CANCEL = 0x7fff0001, CLOSE = 0x7fff0002;
const NEXT = 0, COMPLETE = 1, EMIT = 2;
const SECRET = 0, LOG = 1, NOW = 2;
const LEVELS = { debug: 1, info: 2, warning: 3, error: 4 };

const table = () => require("../generated/provide.cjs");
const shortName = (id) => id.replace(/^trunkline\./, "").replace(/\/.*$/, "");

/** The runtime as one provider sees it. */
class ProviderHost {
  #run;
  constructor(run, events) {
    this.#run = run;
    for (const [name, tell] of events) this[name] = tell;
  }
  /** A secret of the provider's configuration; throws when it is not configured. */
  secret(name) { return this.#run(SECRET, (w) => w.string("name", name), (r) => r.string()); }
  /** Writes to the runtime's log, which redacts secrets. */
  log(level, message, fields = {}) {
    if (!Object.hasOwn(LEVELS, level)) throw new ArgumentError("level", `expected one of ${Object.keys(LEVELS).join(", ")}`);
    this.#run(LOG, (w) => {
      w.put(LEVELS[level]);
      w.string("message", message);
      w.record("fields", Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, String(value)])));
    });
  }
  /** The time on the runtime's clock. */
  now() { return this.#run(NOW, undefined, (r) => r.time()); }
}

/** One class or object, as a plugin of one runtime. */
class Binding {
  #target;
  #interfaces;
  #native;
  #handle = 0;
  #operations = [];
  #instances = new Map(); // number -> object
  #running = new Map(); // id of a job -> AbortController

  constructor(target, interfaces, id) {
    this.#target = target;
    this.#interfaces = interfaces;
    this.id = id;
    for (const name of interfaces) for (const operation of table()[name].operations) this.#operations.push(operation);
  }
  get target() { return this.#target; }

  #manifest() {
    const { version = "0.1.0", configSchema = { type: "object" }, secrets = [], optionalSecrets = [] } = this.#target;
    return JSON.stringify({
      id: this.id, version, abi_min: "1.0", interfaces: this.#interfaces, config_schema: configSchema, secrets, optional_secrets: optionalSecrets, threads: true,
    });
  }

  /** Registers it and begins to serve; its handle for the addon. */
  start(native) {
    this.#native = native;
    this.#handle = native.makeProvider(this.#manifest(), this.#interfaces);
    void this.#serve();
    return this.#handle;
  }
  /** After its runtime is closed. */
  close() {
    this.#native.release(this.#handle);
  }

  async #serve() {
    for (;;) {
      // In the background: it alone does not keep the process alive.
      const jobs = await this.#native.background(this.#handle, this, NEXT, (r) => this.#read(r)).catch(() => []);
      if (jobs.length === 0) return;
      for (const job of jobs) this.#begin(job);
    }
  }
  /** Reads all at once: the buffer is used again for what comes next. */
  #read(r) {
    const jobs = [];
    for (let left = r.number(); left > 0; left--) {
      const job = { instance: r.number(), op: r.number(), id: r.number(), deadline: r.boolean() ? r.time() : undefined,
        idempotencyKey: r.string(), traceparent: r.string(), resource: r.string() };
      if (job.op === OPEN) job.config = r.string();
      else if (job.op === CANCEL) job.cancelled = r.number();
      else if (job.op !== CLOSE) job.args = this.#operations[job.op].read(r);
      jobs.push(job);
    }
    return jobs;
  }

  #begin(job) {
    if (job.op === CANCEL) {
      this.#running.get(job.cancelled)?.abort();
    } else if (job.op === CLOSE) {
      const instance = this.#instances.get(job.instance);
      this.#instances.delete(job.instance);
      Promise.resolve().then(() => instance?.stop?.()).catch(() => {});
    } else if (job.op === OPEN) {
      void this.#open(job);
    } else {
      void this.#run(job);
    }
  }

  async #open(job) {
    try {
      const host = this.#host(job.instance);
      const config = JSON.parse(job.config);
      const instance = typeof this.#target === "function" ? new this.#target(host, config) : this.#target;
      if (instance === this.#target) Object.assign(instance, { host, config });
      this.#instances.set(job.instance, instance);
      const constants = [];
      for (const name of this.#interfaces)
        for (const constant of table()[name].constants) {
          const given = instance[constant.name];
          const value = typeof given === "function" ? await given.call(instance) : given;
          constants.push([constant, value]);
        }
      await this.#succeed(job, `${this.#name()}.capabilities`, (w) => {
        for (const [constant, value] of constants) constant.write(w, { ...DEFAULTS[constant.name], ...value });
      });
    } catch (error) {
      await this.#fail(job, error);
    }
  }

  async #run(job) {
    const operation = this.#operations[job.op];
    const instance = this.#instances.get(job.instance);
    const method = instance?.[operation.name];
    if (typeof method !== "function") return this.#fail(job, new TrunklineError("unimplemented", `${this.#name()} has no ${operation.name}`));
    const controller = new AbortController();
    this.#running.set(job.id, controller);
    const call = { signal: controller.signal, deadline: job.deadline, idempotencyKey: job.idempotencyKey, traceparent: job.traceparent, resource: job.resource };
    try {
      const value = await method.call(instance, ...job.args, call);
      await this.#succeed(job, `${this.#name()}.${operation.name}`, (w) => operation.write(w, value));
    } catch (error) {
      await this.#fail(job, error);
    } finally {
      this.#running.delete(job.id);
    }
  }

  async #succeed(job, what, write) {
    try {
      await this.#native.call(this.#handle, this, COMPLETE, undefined, (w) => {
        w.put(job.id);
        w.put(0);
        write(w);
      });
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      await this.#fail(job, new TrunklineError("internal", `${what} returned what does not fit: ${error.message}`));
    }
  }
  /** Completing cannot fail but when everything is gone. */
  #fail(job, error) {
    const { code, message, target = "", retryable = false, retryAfterMs = -1, providerCode = "" } = described(error, this.#name());
    return this.#native.call(this.#handle, this, COMPLETE, undefined, (w) => {
      w.put(job.id);
      w.put(1);
      w.put(CODES.indexOf(code) + 1);
      w.string("message", message);
      w.string("target", target);
      w.put(retryable ? 1 : 0);
      w.put(retryAfterMs);
      w.string("providerCode", providerCode);
    }).catch(() => {});
  }

  #host(instance) {
    const run = (op, write, read) => this.#native.run(this.#handle, op, (w) => {
      w.put(instance);
      write?.(w);
    }, read);
    const events = this.#interfaces.flatMap((name) => table()[name].events).map(({ name, number, write }) => [name, (...args) =>
      this.#native.call(this.#handle, this, EMIT, undefined, (w) => {
        w.put(instance);
        w.put(number);
        write(w, args);
      })]);
    return new ProviderHost(run, events);
  }
  #name() { return typeof this.#target === "function" ? this.#target.name : this.#target.constructor?.name ?? "the provider"; }
}

/** What a provider can do when it does not say. */
const DEFAULTS = {
  capabilities: { deliveryReports: false, inbound: false, alphanumericSender: false, idempotent: false, maxRecipients: 100, maxSegments: 10, countries: [] },
};

/** What the caller of an operation is told of something that was thrown. */
function described(error, provider) {
  if (error instanceof TrunklineError && CODES.includes(error.code)) return error;
  if (error?.name === "AbortError") return { code: "cancelled", message: error.message };
  if (error?.name === "TimeoutError") return { code: "deadlineExceeded", message: error.message };
  process.emitWarning(error instanceof Error ? error : new Error(String(error)), { type: "TrunklineProviderWarning", detail: provider });
  return { code: "internal", message: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
}

const kebab = (name) => name.replace(/([a-z0-9])([A-Z])/g, "$1-$2").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "") || "provider";

function interfacesOf(target, configured) {
  const names = Array.isArray(target.interfaces) ? target.interfaces : Array.isArray(configured) ? configured : [];
  const known = Object.keys(table());
  const ids = names.map((name) => known.find((id) => id === name || shortName(id) === name));
  if (ids.length === 0 || ids.includes(undefined))
    throw new ArgumentError("interfaces", `a provider in JavaScript says what it offers, in its own \`interfaces\` or the configuration's: expected some of ${known.map(shortName).join(", ")}`);
  return ids;
}

/** Takes classes and objects out of a configuration and puts the ids of their plugins in: [configuration, bindings]. */
function extract(config) {
  if (config === null || typeof config !== "object" || !Array.isArray(config.providers)) return [config, []];
  const bindings = [];
  const providers = config.providers.map((entry) => {
    const target = entry?.plugin;
    if (target === null || (typeof target !== "object" && typeof target !== "function")) return entry;
    let binding = bindings.find((one) => one.target === target);
    if (binding === undefined) {
      const first = target.id ?? kebab(typeof target === "function" ? target.name : target.constructor?.name ?? "");
      let id = first;
      for (let number = 2; bindings.some((one) => one.id === id); number++) id = `${first}-${number}`;
      binding = new Binding(target, interfacesOf(target, entry.interfaces), id);
      bindings.push(binding);
    }
    return { ...entry, plugin: binding.id };
  });
  return bindings.length === 0 ? [config, []] : [{ ...config, providers }, bindings];
}

/** Runs the conformance kit on a provider class or object, in this process: a promise of the report. */
async function runKit(target, { config = {}, secrets = {}, quirks = {}, only = [], interfaces } = {}) {
  const native = require("./native.cjs");
  const [, [binding]] = extract({ providers: [{ plugin: target, interfaces }] });
  if (binding === undefined) throw new ArgumentError("target", "expected a class or an object");
  const handle = binding.start(native);
  try {
    return JSON.parse(await native.runKit(handle, JSON.stringify(config), Object.entries(secrets).flat().map(String), JSON.stringify(quirks), only));
  } finally {
    binding.close();
  }
}

module.exports = { extract, runKit };
