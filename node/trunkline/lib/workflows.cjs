// Workflows: what the generated interface has, from files, page by page, and with functions of one's own behind actions.
"use strict";
const { readFile } = require("node:fs/promises");
const path = require("node:path");
const { fileURLToPath } = require("node:url");
const { ArgumentError } = require("./errors.cjs");
const { WorkflowsService } = require("../generated/workflows.cjs");

/** Thrown by a function of a workflow to say how its action fails. */
class WorkflowFunctionError extends Error {
  constructor(code, message = code, { retry = false } = {}) {
    super(message);
    this.name = "WorkflowFunctionError";
    this.code = code;
    this.retry = retry;
  }
}

/** What nobody expected may be over next time. */
function failureOf(error) {
  if (error instanceof WorkflowFunctionError) return [error.code, error.message, error.retry];
  return [error?.name ?? "Error", String(error?.message ?? error), true];
}

/** A function that performs actions of workflows. */
class WorkflowFunction {
  #service;
  #connection;
  #closed = false;
  #streams;
  #ended;
  constructor(connection, service, name, fn, { concurrency = 1, onError = warn } = {}) {
    if (!Number.isInteger(concurrency) || concurrency < 1) throw new ArgumentError("concurrency", "expected a whole number from 1 on");
    this.#service = service;
    this.#connection = connection;
    this.name = name;
    this.#streams = Array.from({ length: concurrency }, () => service.functionCalls(name, 1));
    /** Kept once calls are taken. */
    this.ready = Promise.all(this.#streams.map((stream) => stream.ready)).then(() => {});
    this.#ended = Promise.all(this.#streams.map((stream) => this.#run(stream, fn, onError)));
  }
  async #run(stream, fn, onError) {
    try {
      for await (const call of stream) await this.#dealWith(call, fn, onError);
    } catch (error) {
      // That the runtime was closed is no failure.
      if (!this.#closed && !this.#connection.closed) onError(error);
    }
  }
  async #dealWith(call, fn, onError) {
    let result;
    try {
      result = await fn(call);
    } catch (error) {
      this.#service.failCall(call.id, ...failureOf(error));
      onError(error, call);
      return;
    }
    try {
      this.#service.completeCall(call.id, result === undefined ? null : result);
    } catch (error) {
      // What JSON cannot say: the action fails, and the function goes on with the next.
      if (!(error instanceof TypeError)) throw error;
      this.#service.failCall(call.id, "InvalidResult", error.message, false);
      onError(error, call);
    }
  }
  /** Takes no more calls. One that is under way fails; its action may be tried again. */
  async close() {
    this.#closed = true;
    await Promise.all(this.#streams.map((stream) => stream.return()));
    await this.#ended;
  }
  async [Symbol.asyncDispose]() { await this.close(); }
}

/** By default a failure is a warning of the process: nobody else would hear of it. */
function warn(error, call) {
  const what = call ? `the function ${call.function} failed in run ${call.run}: ` : "a function of workflows gets no more calls: ";
  process.emitWarning(what + (error?.stack ?? error), "TrunklineWarning");
}

/** The workflows of a runtime. */
class Workflows extends WorkflowsService {
  #connection;
  constructor(port, connection) {
    super(port);
    this.#connection = connection;
  }
  async deployFile(file, { name, parameters, stateless, ...options } = {}) {
    if (typeof file !== "string" && !(file instanceof URL)) throw new ArgumentError("file", "expected a path or a URL");
    const definition = JSON.parse(await readFile(file, "utf8"));
    const stem = path.parse(file instanceof URL ? fileURLToPath(file) : file).name;
    return this.deploy({ name: name ?? stem, definition, ...(parameters && { parameters }), ...(stateless && { stateless }) }, options);
  }
  async *allRuns(workflow, { pageSize = 100, ...query } = {}, options) {
    let continuation;
    do {
      const page = await this.runs({ ...query, workflow, limit: pageSize, ...(continuation !== undefined && { continuation }) }, options);
      yield* page.items;
      continuation = page.continuation;
    } while (continuation !== undefined);
  }
  async runToEnd(workflow, body, { trigger, ...options } = {}) {
    const started = await this.run({ workflow, ...(body !== undefined && { body }), ...(trigger && { trigger }) }, options);
    if (started.run === undefined) throw new Error("the trigger did not fire: its conditions do not hold");
    return this.wait(workflow, started.run, options);
  }
  function(name, options, fn) {
    if (typeof options === "function") [options, fn] = [fn ?? {}, options];
    if (typeof name !== "string") throw new ArgumentError("name", "expected a string");
    if (typeof fn !== "function") throw new ArgumentError("fn", "expected a function");
    return new WorkflowFunction(this.#connection, this, name, fn, options ?? {});
  }
}

module.exports = { Workflows, WorkflowFunction, WorkflowFunctionError };
