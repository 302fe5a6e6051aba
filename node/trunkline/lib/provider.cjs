// Providers that are written in JavaScript: what the native side drives. Everything happens on the thread that registered them.
"use strict";
const { inspect } = require("node:util");
const { ArgumentError, CODES, TrunklineError, makeError } = require("./errors.cjs");
const { HOST, OFFERS, ProviderBase } = require("../generated/providers.cjs");

const shortName = (id) => id.split("/")[0].replace(/^trunkline\./, "");
const INTERFACES = new Map(Object.keys(OFFERS).map((id) => [shortName(id), id]));
/** For what is under way when a provider is to end; then it is told to give up. */
const STOP_GRACE_MS = 2000;
const isClass = (value) => typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value));

/** A provider object, or what makes one for each instance, as a plugin of the application. */
class Plugin {
  constructor(provider, options) {
    const { id, interface: wanted, stopGrace = STOP_GRACE_MS } = options;
    if (typeof id !== "string") throw new ArgumentError("name", "expected a string");
    if (provider === null || (typeof provider !== "object" && typeof provider !== "function"))
      throw new ArgumentError("provider", "expected an object, a class or a function that makes a provider");
    this.id = id;
    this.stopGrace = stopGrace;
    this.make = typeof provider !== "function" ? () => provider : isClass(provider) ? () => new provider() : () => provider();
    const type = typeof provider === "function" ? provider : provider.constructor;
    const about = typeof provider === "function" && !isClass(provider) ? {} : type ?? {};
    this.interfaces = interfaceIds(about, wanted);
    if (typeof provider !== "function") for (const interfaceId of this.interfaces) methodsOf(provider, interfaceId);
    else if (isClass(provider)) for (const interfaceId of this.interfaces) methodsOf(provider.prototype, interfaceId);
    const say = (name, otherwise) => options[name] ?? (Object.hasOwn(about, name) || ProviderBase.isPrototypeOf(about) ? about[name] : undefined) ?? otherwise;
    this.manifest = JSON.stringify({
      id,
      name: isClass(about) && about.name ? about.name : id,
      version: say("version", "0.1.0"),
      abi_min: "1.0",
      interfaces: this.interfaces,
      config_schema: say("configSchema", { type: "object" }),
      secrets: say("secrets", []),
      optional_secrets: say("optionalSecrets", []),
      threads: true,
    });
  }
}

/** Ids of what is offered: named, or said by a base class. */
function interfaceIds(type, wanted) {
  if (wanted === undefined || wanted === null) {
    const found = [];
    for (let t = type; typeof t === "function" && t !== ProviderBase; t = Object.getPrototypeOf(t))
      if (Object.hasOwn(t, "interfaceId") && ProviderBase.isPrototypeOf(t)) found.push(t.interfaceId);
    if (!found.length) throw new ArgumentError("interface", "expected what the provider offers, such as \"sms\": its class extends none such as SmsProvider");
    return found;
  }
  const all = Array.isArray(wanted) ? wanted : [wanted];
  const ids = all.map((one) => {
    const name = typeof one === "function" ? one.interfaceId : one;
    const id = INTERFACES.get(name) ?? name;
    if (!Object.hasOwn(OFFERS, id ?? "")) throw new ArgumentError("interface", `expected one of ${[...INTERFACES.keys()].map((x) => `"${x}"`).join(", ")}, got ${inspect(name)}`);
    return id;
  });
  if (!ids.length) throw new ArgumentError("interface", "expected at least one");
  return [...new Set(ids)];
}

/** The methods of one interface, undefined where there is none. Throws when there is not a single one. */
function methodsOf(provider, interfaceId) {
  const operations = OFFERS[interfaceId].filter((op) => !op.sync);
  const methods = operations.map((op) => {
    const method = provider[op.name];
    if (method !== undefined && typeof method !== "function") throw new ArgumentError(`provider.${op.name}`, `expected a function, got ${inspect(method)}`);
    return method;
  });
  if (methods.every((method) => method === undefined))
    throw new ArgumentError("provider", `has no method of ${interfaceId}: expected ${operations.map((op) => op.name).join(", ")}`);
  return methods;
}

/** What is said of a provider in the configuration. */
function registration(name, provider, options = {}) {
  if (typeof name !== "string") throw new ArgumentError("name", "expected a string");
  const { interface: wanted, config = {}, secrets, timeout, settings, first = true, stopGrace, configSchema, optionalSecrets, version } = options;
  const type = typeof provider === "function" ? provider : provider?.constructor;
  const declared = type && Object.hasOwn(type, "secrets") ? type.secrets : undefined;
  const plugin = new Plugin(provider, { id: name, interface: wanted, stopGrace, configSchema, optionalSecrets, version, secrets: declared ?? (secrets && Object.keys(secrets)) });
  const item = { ...settings, name, plugin: name, config };
  if (secrets) item.secrets = Object.fromEntries(Object.entries(secrets).map(([key, value]) => [key, { value }]));
  if (timeout !== undefined) item.timeout = `${Math.round(timeout)}ms`;
  try {
    return { plugin, item: JSON.stringify(item), first: Boolean(first) };
  } catch (error) {
    throw new ArgumentError("options.config", `cannot be written as JSON: ${error.message}`);
  }
}

// ---- what a provider sees ----

/** The operation that is being served. */
class ProviderCall {
  #controller;
  constructor(deadline, idempotencyKey, traceparent, resource) {
    if (deadline !== undefined) this.deadline = deadline;
    this.idempotencyKey = idempotencyKey;
    this.traceparent = traceparent;
    this.resource = resource;
  }
  /** Aborted when the caller wants no answer any more. */
  get signal() { return (this.#controller ??= new AbortController()).signal; }
  /** True when the provider listens, and will answer by itself. */
  static abort(call, reason) {
    call.#controller?.abort(reason);
    return call.#controller !== undefined;
  }
}

/** What a provider gets of its runtime. Its parts are made when they are first asked for. */
class ProviderHost {
  #open;
  constructor(name, config, open) {
    this.name = name;
    this.config = config;
    this.#open = open;
  }
  _part(name) {
    const type = HOST[name]();
    const value = new type(this.#open(type.id));
    Object.defineProperty(this, name, { value });
    return value;
  }
}
for (const name of Object.keys(HOST)) Object.defineProperty(ProviderHost.prototype, name, { get() { return this._part(name); }, configurable: true });

// ---- the instances of this thread ----

const KIND = { call: 2, cancel: 3, create: 4, stop: 5, end: 6, forget: 7 };

/** An error as the host sees it; `where`: `acme.send`. */
function explain(error, where) {
  if (error instanceof TrunklineError) {
    const code = CODES.indexOf(error.code) + 1;
    return { code: code || 2, message: String(error.message), target: error.target, retryable: error.retryable, retryAfterMs: error.retryAfterMs, providerCode: error.providerCode, serviceCode: error.serviceCode, details: error.details };
  }
  if (error?.name === "AbortError") return { code: 1, message: `${where} was cancelled` };
  let text = "", name = typeof error;
  try {
    name = error?.name ?? name;
    text = String(error?.message ?? error);
  } catch {
    text = "what cannot be shown";
  }
  const message = `${where} threw ${name}${text ? `: ${text}` : ""}`;
  process.emitWarning(message, { type: "TrunklineProviderWarning", detail: typeof error?.stack === "string" ? error.stack : undefined });
  return { code: 13, message, details: { exception: String(name) } };
}

/** Serves the packets of providers. `native`: the addon; `wire`: how answers are written; `Port`: what the parts of a host use. */
class Providers {
  #native;
  #answer;
  #abandonAll;
  #plugins = new Map(); // number -> Plugin
  #instances = new Map(); // number -> { plugin, provider, handle, parts, ended }
  #serving = new Map(); // call -> { call, instance, where }
  #lastPlugin = 0;
  #work = [];
  #settling = false;

  constructor(native, answer, abandonAll) {
    this.#native = native;
    this.#answer = answer;
    this.#abandonAll = abandonAll;
  }
  /** What names a plugin to the addon. It is forgotten when the addon says so. */
  add(plugin) {
    const number = ++this.#lastPlugin;
    this.#plugins.set(number, plugin);
    return [number, plugin.id, plugin.manifest];
  }

  /** Reads one packet. What it leads to happens afterwards: the buffer that it lies in is used by every call. */
  receive(kind, number, handle, reader) {
    switch (kind) {
      case KIND.call: return this.#receiveCall(number, handle, reader);
      case KIND.cancel: return this.#later(() => this.#cancel(number, "the caller cancelled the operation"));
      case KIND.create: {
        const config = reader.string();
        return this.#later(() => void this.#create(number, handle, config));
      }
      case KIND.stop: {
        // At once: what the stop ends comes in the same breath.
        const instance = this.#instances.get(number);
        if (instance) instance.stopping = true;
        return this.#later(() => void this.#stop(number));
      }
      case KIND.end: return this.#later(() => this.#end(number));
      case KIND.forget: return void this.#plugins.delete(number);
    }
  }
  /** The hosts of the instances wait for what a packet leads to, up to where JavaScript waits for something outside. */
  settle() {
    if ((this.#plugins.size === 0 && this.#instances.size === 0) || this.#settling) return;
    this.#settling = true;
    setImmediate(() => {
      this.#settling = false;
      this.#native.idle();
    });
  }
  #later(work) {
    this.#work.push(work);
    if (this.#work.length > 1) return;
    queueMicrotask(() => {
      const all = this.#work;
      this.#work = [];
      for (const one of all) one();
    });
  }

  #receiveCall(number, handle, reader) {
    const instance = this.#instances.get(handle);
    const part = reader.number(), operation = reader.number();
    const deadline = reader.boolean() ? reader.time() : undefined;
    const call = new ProviderCall(deadline, reader.string(), reader.string(), reader.string());
    const op = instance.parts[part][operation];
    const args = op.read(reader);
    this.#later(() => this.#serve(number, instance, op, args, call));
  }
  #serve(number, instance, op, args, call) {
    const where = `${instance.plugin.id}.${op.name}`;
    const method = instance.provider[op.name];
    if (typeof method !== "function") return this.#fail(number, makeError("unimplemented", `${op.name} is not implemented`), where);
    this.#serving.set(number, { call, instance, where });
    let result;
    try {
      result = method.apply(instance.provider, [...args, call]);
      if (typeof result?.then !== "function") return this.#succeed(number, op, result, where);
    } catch (error) {
      return this.#fail(number, error, where);
    }
    result.then((value) => this.#succeed(number, op, value, where), (error) => this.#fail(number, error, where));
  }
  #succeed(number, op, value, where) {
    if (!this.#serving.delete(number)) return;
    try {
      this.#answer("answer", number, false, op.write && ((w) => op.write(w, value)));
    } catch (error) {
      const told = error instanceof ArgumentError ? makeError("internal", `${where}: ${error.message}`, { target: error.target }) : error;
      this.#tellFailure(number, explain(told, where));
    }
  }
  #fail(number, error, where) {
    this.#serving.delete(number);
    this.#tellFailure(number, explain(error, where));
  }
  #tellFailure(number, error) { this.#answer("answer", number, true, (w) => writeError(w, error)); }

  #cancel(number, why) {
    const serving = this.#serving.get(number);
    if (serving === undefined) return;
    const reason = makeError("cancelled", why);
    // Who listens answers by itself; who does not shall not keep the caller.
    if (ProviderCall.abort(serving.call, reason)) return;
    this.#fail(number, reason, serving.where);
  }

  async #create(number, pluginNumber, config) {
    const plugin = this.#plugins.get(pluginNumber);
    try {
      const provider = plugin.make();
      if (provider === null || typeof provider !== "object") throw new ArgumentError("provider", "expected an object");
      const instance = { plugin, provider, handle: this.#native.instance(), parts: plugin.interfaces.map((id) => OFFERS[id]), stopping: false, ended: false };
      this.#instances.set(number, instance);
      for (const id of plugin.interfaces) methodsOf(provider, id);
      const seen = new Map();
      for (const id of plugin.interfaces)
        for (const op of OFFERS[id]) {
          if (seen.has(op.name)) throw new ArgumentError("provider", `${op.name} is an operation of ${seen.get(op.name)} and of ${id}: give two providers`);
          seen.set(op.name, id);
        }
      const host = new ProviderHost(plugin.id, JSON.parse(config), (id) => this.#port(number, instance, id));
      if (provider instanceof ProviderBase) provider.host = host;
      await provider.start?.(host);
      const constants = plugin.interfaces.map((id) => OFFERS[id].filter((op) => op.sync).map((op) => {
        const given = provider[op.name];
        return { op, value: typeof given === "function" ? given.call(provider) : given };
      }));
      this.#answer("created", number, false, (w) => {
        w.put(plugin.interfaces.length);
        plugin.interfaces.forEach((id, i) => {
          w.raw(id);
          for (const { op, value } of constants[i]) if (w.has(value)) op.write(w, value);
        });
      });
    } catch (error) {
      const told = error instanceof ArgumentError ? makeError("invalidArgument", error.message, { target: error.target }) : error;
      this.#answer("created", number, true, (w) => writeError(w, explain(told, plugin.id)));
    }
  }
  #port(number, instance, id) {
    const { Port } = require("./port.cjs");
    // Waiting for a host keeps no process alive: a provider may well do nothing else.
    const connection = (instance.connection ??= {
      idle: true,
      quiet: (error) => instance.stopping && (error?.code === "cancelled" || error?.code === "failedPrecondition"),
      get handle() {
        if (instance.ended) throw makeError("failedPrecondition", `provider ${instance.plugin.id} was stopped`);
        return instance.handle;
      },
    });
    return new Port(connection, (handle) => {
      const found = this.#native.host(number, handle, id);
      if (found === 0) throw makeError("notFound", `the host does not offer ${id}`, { target: id });
      return found;
    });
  }

  async #stop(number) {
    const instance = this.#instances.get(number);
    try {
      await instance?.provider.stop?.();
    } catch (error) {
      explain(error, `${instance.plugin.id}.stop`);
    }
    this.#native.drained(number);
    const giveUp = () => {
      for (const [call, serving] of [...this.#serving])
        if (serving.instance === instance) {
          const reason = makeError("cancelled", "the provider was stopped");
          ProviderCall.abort(serving.call, reason);
          this.#fail(call, reason, serving.where);
        }
    };
    if ([...this.#serving.values()].some((serving) => serving.instance === instance)) setTimeout(giveUp, instance.plugin.stopGrace).unref();
  }
  #end(number) {
    const instance = this.#instances.get(number);
    if (instance === undefined) return;
    this.#instances.delete(number);
    instance.ended = true;
    if (instance.connection) this.#abandonAll(instance.connection, () => makeError("cancelled", "the provider was stopped"));
    this.#native.release(instance.handle);
  }
}

/** As `read(Reader&, Error&)` in bindings/node/support/object.cpp. */
function writeError(w, error) {
  const text = (value) => w.raw(typeof value === "string" ? value : "");
  w.put(error.code);
  text(error.message);
  text(error.target);
  w.put(error.retryable ? 1 : 0);
  const after = typeof error.retryAfterMs === "number" && error.retryAfterMs >= 0 ? error.retryAfterMs : undefined;
  if (w.has(after)) w.put(after);
  text(error.providerCode);
  text(error.serviceCode);
  const details = Object.entries(error.details ?? {}).filter(([, value]) => typeof value === "string");
  w.put(details.length);
  for (const [key, value] of details) {
    w.raw(key);
    w.raw(value);
  }
}

module.exports = { Plugin, Providers, registration };
