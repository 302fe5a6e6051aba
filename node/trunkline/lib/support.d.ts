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
