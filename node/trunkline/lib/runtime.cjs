// The friendly layer: a runtime and what it offers. Everything below it is generated from the interface definitions.
"use strict";
const { readFile } = require("node:fs/promises");
const { resolve: resolvePath } = require("node:path");
const { fileURLToPath } = require("node:url");
const { inspect } = require("node:util");
const { ArgumentError, makeError } = require("./errors.cjs");
const { load } = require("./loader.cjs");
const calling = require("../generated/calling.cjs");
const services = require("../generated/service.cjs");
const { Chat } = require("./chat.cjs");
const { Email } = require("./email.cjs");
const { Deliveries, EventHistory, onEvent } = require("./events.cjs");
const { Plugin, registration } = require("./provider.cjs");
const { Workflows } = require("./workflows.cjs");

/** Interfaces of providers by short name. */
const PROVIDERS = {
  sms: () => require("../generated/sms.cjs").SmsProvider,
  identity: () => require("../generated/identity.cjs").IdentityProvider,
  sandbox: () => require("../generated/sandbox.cjs").SandboxProvider,
  sandboxMail: () => require("../generated/sandbox.cjs").SandboxMailProvider,
  chat: () => require("../generated/chat.cjs").ChatProvider,
  email: () => require("../generated/email.cjs").EmailProvider,
  pstn: () => require("../generated/pstn.cjs").PstnProvider,
  "pstn.audio": () => require("../generated/pstn.cjs").PstnAudioProvider,
  "pstn.trunks": () => require("../generated/pstn.cjs").PstnTrunkProvider,
  media: () => require("../generated/media.cjs").MediaProvider,
  webhook: () => require("../generated/host.cjs").WebhookReceiver,
};

/** What Runtime.open takes, as YAML text, and the path of the file it stands in. */
async function readConfig(config) {
  if (config === undefined || config === null) return ["", ""];
  if (typeof config === "string") return [config, ""];
  if (typeof config !== "object" || Array.isArray(config)) throw new ArgumentError("config", "expected an object, YAML text or { configFile }");
  if (config.configFile === undefined) {
    try {
      return [JSON.stringify(config), ""]; // JSON is YAML
    } catch (error) {
      throw new ArgumentError("config", `cannot be written as JSON: ${error.message}`);
    }
  }
  const file = config.configFile;
  if (typeof file !== "string" && !(file instanceof URL)) throw new ArgumentError("config.configFile", "expected a path or a URL");
  try {
    return [await readFile(file, "utf8"), file instanceof URL ? fileURLToPath(file) : file];
  } catch (error) {
    throw makeError(error.code === "ENOENT" ? "notFound" : "failedPrecondition", `${file} cannot be read: ${error.message}`, { target: "configFile" });
  }
}

/** subscribe() with a filter whose every part may be left out, and options. */
class Events {
  #service;
  constructor(service) { this.#service = service; }
  subscribe(filter, options) { return this.#service.subscribe(complete(filter), options); }
  list(filter, limit, options) { return this.#service.list(complete(filter), limit, options); }
}
function complete(filter) {
  if (filter === undefined || filter === null) return { types: [] };
  return typeof filter === "object" ? { ...filter, types: filter.types ?? [] } : filter;
}

/** What has events: a resource or a custom topic. The services are made when they are first asked for. */
class EventSource {
  #make;
  #connection;
  #cache = new Map();
  constructor(name, make, connection) {
    this.name = name;
    this.#make = make;
    this.#connection = connection;
  }
  _service(type) {
    let service = this.#cache.get(type);
    if (service === undefined) this.#cache.set(type, (service = this.#make(type)));
    return service;
  }
  get events() {
    let events = this.#cache.get(Events);
    if (events === undefined) this.#cache.set(Events, (events = new Events(this._service(services.EventsService))));
    return events;
  }
  get eventSubscriptions() { return this._service(services.EventSubscriptionsService); }
  get eventHistory() { return this._service(EventHistory); }
  /** The events of a subscription, to be acknowledged. */
  deliveries(name, options) { return new Deliveries(this.eventSubscriptions, name, options); }
  /** Calls a function with the events of a subscription. */
  onEvent(name, options, fn) { return onEvent(this.#connection, this.eventSubscriptions, name, options, fn); }

  /**
   * The first event of a type that satisfies a predicate, among those after `after`: by default all, so one that came before
   * the call is found as well.
   */
  async waitFor(type, predicate, options = {}) {
    if (typeof predicate !== "function") {
      options = predicate ?? options;
      predicate = () => true;
    }
    const { timeout, signal, after = 0n } = options;
    const types = type === undefined ? [] : Array.isArray(type) ? type : [type];
    if (!types.every((each) => typeof each === "string")) throw new ArgumentError("type", "expected a string or an array of strings");
    if (timeout !== undefined && !(timeout >= 0 && typeof timeout === "number")) throw new ArgumentError("options.timeout", "expected a number of milliseconds");
    const giveUp = new AbortController();
    const late = () => makeError("deadlineExceeded", `no ${types.join(" or ") || "event"} that fits came within ${timeout} ms`);
    const timer = timeout === undefined ? undefined : setTimeout(() => giveUp.abort(late()), timeout);
    const either = signal ? AbortSignal.any([signal, giveUp.signal]) : giveUp.signal;
    const stream = this.events.subscribe({ types, after }, { signal: either });
    try {
      for await (const event of stream) if (await predicate(event)) return event;
      throw makeError("unavailable", "the events ended before one that fits came");
    } finally {
      clearTimeout(timer);
    }
  }
  [inspect.custom]() { return `${this.constructor.name} { name: ${inspect(this.name)} }`; }
}

/** One communication resource. Its name is empty for the default resource. */
class Resource extends EventSource {
  get sms() { return this._service(services.SmsService); }
  get smsConsent() { return this._service(services.SmsConsentService); }
  get identity() { return this._service(services.IdentityService); }
  get chat() { return this._service(Chat); }
  get numbers() { return this._service(services.NumbersService); }
  get sipRouting() { return this._service(services.SipRoutingService); }
  get rooms() { return this._service(services.RoomsService); }
  get calls() { return this._service(calling.CallsService); }
  get sandbox() { return this._service(services.SandboxService); }
  get email() { return this._service(Email); }
  get sandboxMail() { return this._service(services.SandboxMailService); }
  /** Virtual phones that take part in calls. */
  get sandboxPhones() { return this._service(calling.SandboxPhonesService); }
}

/** A custom topic: the events that an application publishes by itself. */
class Topic extends EventSource {
  #topics;
  constructor(name, make, connection, topics) {
    super(name, make, connection);
    this.#topics = topics;
  }
  async publish(event, options) {
    const one = !Array.isArray(event);
    const ids = await this.#topics.publish(this.name, one ? [event] : event, options);
    return one ? ids[0] : ids;
  }
}

/** The clock of a runtime. Only a virtual one can be advanced. */
class Clock {
  #service;
  constructor(service) { this.#service = service; }
  now() { return this.#service.now(); }
  advance(ms, options) { return this.#service.advance(ms, options); }
}

/** The providers of a runtime: what serves them, another build of one, and the end of one. */
class Providers {
  #connection;
  #service;
  constructor(connection, service) {
    this.#connection = connection;
    this.#service = service;
  }
  list(options) { return this.#service.listProviders(options); }
  async get(name, options) {
    const found = (await this.list(options)).find((each) => each.name === name);
    if (found === undefined) throw makeError("notFound", `provider ${name}: there is none of this name`);
    return found;
  }
  /** Lets another instance of a provider take over. */
  async reload(name, change = {}, options = {}) {
    if (typeof name !== "string") throw new ArgumentError("name", "expected a string");
    if (typeof change !== "object" || change === null) throw new ArgumentError("change", "expected an object");
    const { provider, library, config, settings, probation = 10_000, drain = 10_000, ...more } = change;
    for (const [key, value] of Object.entries({ probation, drain }))
      if (!(typeof value === "number" && value >= 0)) throw new ArgumentError(`change.${key}`, "expected a number of milliseconds");
    if (provider !== undefined) {
      if (library !== undefined) throw new ArgumentError("change.library", "expected a provider or a library, found both");
      await require("./native.cjs").replaceProvider(this.#connection.handle, registration(name, provider, { config, settings, ...more }), probation, drain);
      return this.get(name, options);
    }
    const [other] = Object.keys(more);
    if (other !== undefined) throw new ArgumentError(`change.${other}`, "is said of a provider object; of others `settings` says it");
    const wanted = { probation, drain };
    if (library !== undefined) wanted.library = library instanceof URL ? fileURLToPath(library) : resolvePath(String(library));
    if (config !== undefined) wanted.config = JSON.stringify(config);
    if (settings !== undefined) wanted.settings = JSON.stringify(settings);
    return this.#service.reloadProvider(name, wanted, options);
  }
  /** Kept once a provider is not on probation. */
  wait(name, options) { return this.#service.settleProvider(name, options); }
  /** Takes away a provider that was registered while the runtime ran. */
  remove(name, options) { return this.#service.removeProvider(name, options); }
  [inspect.custom]() { return "Providers {}"; }
}

class Runtime extends Resource {
  #connection;
  #service;
  #ports;
  #resources = new Map();
  #topicObjects = new Map();

  constructor(token, connection, ports) {
    if (token !== made) throw new TypeError("use await Runtime.open()");
    super("", (type) => new type(ports.service(connection, "", type.id)), connection);
    this.#connection = connection;
    this.#ports = ports;
    this.#service = new services.RuntimeService(ports.service(connection, "", services.RuntimeService.id));
    this.clock = new Clock(this.#service);
    this.providers = new Providers(connection, this.#service);
    this.resources = new services.ResourcesService(ports.service(connection, "", services.ResourcesService.id));
    this.topics = new services.EventTopicsService(ports.service(connection, "", services.EventTopicsService.id));
    this.workflows = new Workflows(ports.service(connection, "", Workflows.id), connection);
  }

  static async open(config, options = {}) {
    const [text, file] = await readConfig(config);
    const plugins = Object.entries(options?.plugins ?? {}).map(([id, provider]) => new Plugin(provider, { id }));
    load();
    const native = require("./native.cjs");
    const { Connection, Port } = require("./port.cjs");
    return new Runtime(made, new Connection(await native.open(text, file, plugins)), Port);
  }

  /** A resource of a class of its own. */
  _make(type, name, ...more) {
    return new type(name, (service) => new service(this.#ports.service(this.#connection, name, service.id)), this.#connection, ...more);
  }
  /** The provider `name` for an interface by its class. */
  _provider(name, type) { return new type(this.#ports.provider(this.#connection, name, type.id)); }
  resource(name) {
    if (typeof name !== "string") throw new ArgumentError("name", "expected a string");
    let resource = this.#resources.get(name);
    if (resource === undefined) {
      resource = this._make(Resource, name);
      this.#resources.set(name, resource);
    }
    return resource;
  }
  topic(name) {
    if (typeof name !== "string") throw new ArgumentError("name", "expected a string");
    let topic = this.#topicObjects.get(name);
    if (topic === undefined) {
      const make = (type) => new type(this.#ports.service(this.#connection, `topic:${name}`, type.id));
      topic = new Topic(name, make, this.#connection, this.topics);
      this.#topicObjects.set(name, topic);
    }
    return topic;
  }
  /** A provider itself, past routing, records and events. */
  provider(name, kind) {
    if (typeof name !== "string") throw new ArgumentError("name", "expected a string");
    const type = Object.hasOwn(PROVIDERS, kind) ? PROVIDERS[kind]() : undefined;
    if (type === undefined) throw new ArgumentError("kind", `expected one of ${Object.keys(PROVIDERS).map((x) => `"${x}"`).join(", ")}`);
    return this._provider(name, type);
  }
  /** Adds a provider that is written in JavaScript. */
  async registerProvider(name, provider, options) {
    await require("./native.cjs").addProvider(this.#connection.handle, registration(name, provider, options));
  }
  get version() { return this.#service.version(); }
  get closed() { return this.#connection.closed; }
  settle(options) { return this.#service.settle(options); }
  metrics(options) { return this.#service.metrics(options); }
  plugins(options) { return this.#service.listPlugins(options); }

  close() { return this.#connection.close(); }
  [Symbol.asyncDispose]() { return this.close(); }
  [inspect.custom]() { return `Runtime { closed: ${this.closed} }`; }
}
const made = Symbol("made by Runtime.open");

module.exports = { Runtime, Resource, Topic, Events, Clock, Providers };
