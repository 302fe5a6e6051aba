import type { ProviderHost } from "../generated/providers.js";

/** Options of one call. */
export interface CallOptions {
  /** Stops waiting, and asks the other side to stop. The promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Longest wait in milliseconds, on the runtime's clock; then the call rejects with `deadlineExceeded`. */
  timeout?: number | undefined;
  /** The same key is the same intent. */
  idempotencyKey?: string | undefined;
  /** W3C trace context. */
  traceparent?: string | undefined;
  /** Name of the resource on whose behalf a provider is called; services have theirs already. */
  resource?: string | undefined;
}

/** The operation that a provider is serving. */
export interface ProviderCall {
  /** Aborted when the caller wants no answer any more. Who reads it answers by itself; for others the call ends at once. */
  readonly signal: AbortSignal;
  /** When the caller stops waiting, on the clock of the runtime. */
  readonly deadline?: Date;
  /** The same for a call that is made again because its answer was lost; empty when there is none. */
  readonly idempotencyKey: string;
  /** W3C trace context; empty when there is none. */
  readonly traceparent: string;
  /** Name of the communication resource on whose behalf; empty when there is none. */
  readonly resource: string;
}
/** What any provider may have beside its operations. */
export interface ProviderHooks {
  /** Called before the first operation. What it throws fails the registration. */
  start?(host: ProviderHost): unknown;
  /** Called when the provider is to end, before operations that are under way are waited for. */
  stop?(): unknown;
}

/** Values as they come. `for await` reads it; leaving the loop closes it. */
export interface EventStream<T> extends AsyncIterableIterator<T> {
  /** Kept once the stream is open: what happens from then on is not missed. */
  readonly ready: Promise<void>;
  next(): Promise<IteratorResult<T, undefined>>;
  /** Closes the stream. */
  return(value?: unknown): Promise<IteratorResult<T, undefined>>;
  [Symbol.asyncIterator](): EventStream<T>;
  [Symbol.asyncDispose](): Promise<void>;
}
