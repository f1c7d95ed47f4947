import type { Clock, Timer } from '../runtime/clock.ts';
import { statusOf } from './client.ts';
import { ApiError, ConnectionError, SilentWatch, type Status } from './errors.ts';
import { lines } from './lines.ts';
import type { KubeObject } from './object.ts';
import { pathOf, type Resource } from './resource.ts';
import type { StreamConnection } from './transport.ts';

export type WatchEvent<T extends KubeObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEventsEnd: boolean };

/** Which objects, and how much of each. */
export interface Selection {
  /** Undefined: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** `metadata`: without spec, data and status. */
  readonly representation?: 'full' | 'metadata' | undefined;
}

export interface WatchOptions extends Selection {
  /** Start after this state; undefined together with `initialEvents`. */
  readonly resourceVersion: string | undefined;
  /** WatchList (KEP-3157): the existing objects come first, as ADDED, then a bookmark that says so. */
  readonly initialEvents: boolean;
  /** The server ends the stream after this time. */
  readonly timeoutSeconds: number;
  /** Not a byte for this long: the stream is dead, its connection is destroyed. */
  readonly silenceMs: number;
  readonly signal: AbortSignal;
}

const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';
/** An API server that is busy may take long to begin, but not for ever. */
const OPEN_TIMEOUT_MS = 60_000;

/**
 * One watch, from its opening to its end. Ends without error when the server closes it in good order.
 * @throws ApiError for a refusal or an ERROR event (410: list again), ConnectionError when it broke or fell silent.
 */
export async function* watch<T extends KubeObject>(
  connection: StreamConnection,
  resource: Resource<T>,
  options: WatchOptions,
  clock: Clock,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  const path = pathOf(resource, { namespace: options.namespace });
  const stream = await connection.open({
    method: 'GET',
    path,
    query: queryOf(options),
    accept: options.representation === 'metadata' ? 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1' : 'application/json',
    signal: options.signal,
    timeoutMs: OPEN_TIMEOUT_MS,
  });
  const watchdog = new Watchdog(clock, options.silenceMs, () => connection.destroy());
  const what = `watch ${path}`;
  try {
    const source = lines(watchdog.observe(stream.chunks));
    if (stream.status !== 200) {
      throw new ApiError(stream.status, statusOf(await firstOf(source)), what, stream.retryAfterMs);
    }
    for await (const line of source) {
      yield parse<T>(line, what);
    }
  } catch (error) {
    throw explain(error, what, watchdog, options.signal);
  } finally {
    watchdog.stop();
  }
}

/** Bookmarks always: a quiet kind would otherwise keep an old resourceVersion until the server has forgotten it. */
function queryOf(options: WatchOptions): Record<string, string | number | boolean | undefined> {
  return {
    watch: true,
    allowWatchBookmarks: true,
    timeoutSeconds: options.timeoutSeconds,
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    ...(options.initialEvents
      ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
      : { resourceVersion: options.resourceVersion }),
  };
}

interface RawEvent<T> {
  readonly type: string;
  readonly object: T;
}

/** @throws ApiError for an ERROR event; TypeError or SyntaxError for what is no event, as from a proxy on the way. */
function parse<T extends KubeObject>(line: string, what: string): WatchEvent<T> {
  const event: RawEvent<T> = JSON.parse(line);
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type: event.type, object: event.object };
    case 'BOOKMARK': {
      const { metadata } = event.object;
      return { type: 'BOOKMARK', resourceVersion: metadata.resourceVersion, initialEventsEnd: metadata.annotations?.[INITIAL_EVENTS_END] === 'true' };
    }
    case 'ERROR': {
      const { object: status }: RawEvent<Status> = JSON.parse(line);
      throw new ApiError(status.code ?? 500, status, what);
    }
    default:
      throw new TypeError(`${what}: an event of unknown type "${event.type.slice(0, 32)}"`);
  }
}

/** The body of a refusal: one line of JSON. */
async function firstOf(source: AsyncIterable<string>): Promise<string> {
  for await (const line of source) {
    return line;
  }
  return '';
}

/** Why the stream ended, in the order of who knows best: the caller, the watchdog, the server, the socket. */
function explain(error: unknown, what: string, watchdog: Watchdog, signal: AbortSignal): unknown {
  if (signal.aborted) {
    return signal.reason;
  }
  if (watchdog.fired) {
    return new SilentWatch(what, watchdog.silenceMs);
  }
  return error instanceof ApiError || error instanceof ConnectionError ? error : new ConnectionError(what, true, error);
}

/** Notices when bytes stop coming. A TCP connection that a firewall forgot looks healthy for ever otherwise. */
class Watchdog {
  readonly silenceMs: number;
  readonly #clock: Clock;
  readonly #bite: () => void;
  #lastByte: number;
  #timer: Timer;
  fired = false;

  constructor(clock: Clock, silenceMs: number, bite: () => void) {
    this.silenceMs = silenceMs;
    this.#clock = clock;
    this.#bite = bite;
    this.#lastByte = clock.monotonic();
    this.#timer = clock.after(silenceMs, () => this.#check());
  }

  async *observe(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of chunks) {
      this.#lastByte = this.#clock.monotonic();
      yield chunk;
    }
  }

  stop(): void {
    this.#timer.cancel();
  }

  /** One timer, set anew only when it goes off: a busy stream costs no timers. */
  #check(): void {
    const left = this.#lastByte + this.silenceMs - this.#clock.monotonic();
    if (left > 0) {
      this.#timer = this.#clock.after(left, () => this.#check());
      return;
    }
    this.fired = true;
    this.#bite();
  }
}
