import { exponentialDelay } from '../runtime/backoff.ts';
import { sleep, type Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import type { KubeClient } from './client.ts';
import { ApiError, isGone, SilentWatch } from './errors.ts';
import type { KubeObject } from './object.ts';
import type { Resource } from './resource.ts';
import type { StreamConnection } from './transport.ts';
import { watch, type Selection, type WatchEvent } from './watch.ts';

/** Where a reflector puts what it learns. All calls are synchronous: the next event waits for nothing but the cache. */
export interface Sink<T extends KubeObject, Begun> {
  /** A list is about to be requested. */
  begin(): Begun;
  /** Keeps of an object what is worth keeping; called on each object as soon as it is parsed. */
  transform(object: T): T;
  /** Everything there is, transformed. */
  replace(objects: readonly T[], begun: Begun): void;
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void;
  /** The server has just shown that what we have is current: an event, a bookmark, a list, or an end in good order. */
  contact(): void;
}

export interface ReflectorOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly selection: Selection;
  /**
   * The server ends a watch after a random time between these; default 300 to 600 s, so that not all end together. Its
   * end in good order proves the stream as a bookmark does: who must know that within 20 s says 20, 20 (decisions 23).
   */
  readonly timeoutSeconds?: readonly [least: number, most: number];
  /** Longest silence of a healthy stream; default 90 s (bookmarks come once a minute, if anything changed). */
  readonly silenceMs?: number;
  /** Tried first, dropped when the server cannot stream lists; default true. */
  readonly streamLists?: boolean;
}

const TIMEOUT_SECONDS = [300, 600] as const;
const SILENCE_MS = 90_000;
const BACKOFF = { baseMs: 800, maxMs: 30_000 };
/** A stream that lived this long was healthy: its end does not count with the failures before it. */
const HEALTHY_MS = 30_000;

/**
 * Keeps a sink equal to what the API server has, over any fault: list, then watch from there, list again when the
 * server no longer remembers where we were (410). Runs until its signal is aborted.
 */
export class Reflector<T extends KubeObject, Begun> {
  readonly #resource: Resource<T>;
  readonly #sink: Sink<T, Begun>;
  readonly #options: ReflectorOptions;
  #connection: StreamConnection | undefined;
  /** Where to go on; undefined: nowhere, list. */
  #resourceVersion: string | undefined;
  #streamLists: boolean;
  /** Pages expired before the last one was there: take the list in one answer. */
  #wholeLists = false;
  #failures = 0;
  #failing: FailureKind | undefined;

  constructor(resource: Resource<T>, sink: Sink<T, Begun>, options: ReflectorOptions) {
    this.#resource = resource;
    this.#sink = sink;
    this.#options = options;
    this.#streamLists = options.streamLists ?? true;
  }

  /** Resolves when `signal` is aborted; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const started = this.#options.clock.monotonic();
      let failure: unknown;
      try {
        await this.#session(signal);
      } catch (error) {
        failure = error;
      }
      const lived = this.#options.clock.monotonic() - started;
      if (lived >= HEALTHY_MS) {
        this.#failures = 0;
      }
      if (!signal.aborted) {
        await this.#recover(failure, lived, signal);
      }
    }
    this.#drop();
  }

  /** One stream, preceded by a list if we don't know where to start. */
  async #session(signal: AbortSignal): Promise<void> {
    this.#connection ??= this.#options.client.connection();
    if (this.#resourceVersion === undefined && this.#streamLists) {
      await this.#streamFromNothing(this.#connection, signal);
      return;
    }
    if (this.#resourceVersion === undefined) {
      await this.#list(signal);
    }
    for await (const event of this.#watch(this.#connection, signal)) {
      this.#take(event);
    }
    this.#sink.contact();
  }

  /** Page by page, for servers that don't stream lists; each page is parsed and slimmed before the next one comes. */
  async #list(signal: AbortSignal): Promise<void> {
    const begun = this.#sink.begin();
    const objects: T[] = [];
    let resourceVersion = '';
    const options = { ...this.#options.selection, ...(this.#wholeLists ? { limit: 0 } : {}), signal };
    for await (const page of this.#options.client.pages(this.#resource, options)) {
      page.items.forEach((item) => objects.push(this.#sink.transform(item)));
      ({ resourceVersion } = page);
    }
    this.#sink.replace(objects, begun);
    this.#resourceVersion = resourceVersion;
    this.#sink.contact();
  }

  /** WatchList: the existing objects, the bookmark that ends them, and then the changes, all in one stream. */
  async #streamFromNothing(connection: StreamConnection, signal: AbortSignal): Promise<void> {
    const begun = this.#sink.begin();
    let existing: Map<string, T> | undefined = new Map();
    for await (const event of this.#watch(connection, signal)) {
      if (existing === undefined) {
        this.#take(event);
      } else if (event.type !== 'BOOKMARK') {
        collect(existing, event.type, this.#sink.transform(event.object));
      } else if (event.initialEventsEnd) {
        this.#sink.replace([...existing.values()], begun);
        existing = undefined;
        this.#take(event);
      }
    }
    if (existing === undefined) {
      this.#sink.contact();
    }
  }

  /** From where we are, or from nothing, which the server takes as a wish for everything that exists first. */
  #watch(connection: StreamConnection, signal: AbortSignal): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const [least, most] = this.#options.timeoutSeconds ?? TIMEOUT_SECONDS;
    const options = {
      ...this.#options.selection,
      resourceVersion: this.#resourceVersion,
      initialEvents: this.#resourceVersion === undefined,
      timeoutSeconds: Math.round(least + (most - least) * this.#options.random.fraction()),
      silenceMs: this.#options.silenceMs ?? SILENCE_MS,
      signal,
    };
    return watch(connection, this.#resource, options, this.#options.clock);
  }

  /** One event, into the sink before the next one is looked at: the order of events is the order of changes. */
  #take(event: WatchEvent<T>): void {
    if (event.type === 'BOOKMARK') {
      this.#resourceVersion = event.resourceVersion;
    } else {
      this.#resourceVersion = event.object.metadata.resourceVersion;
      this.#sink.apply(event.type, this.#sink.transform(event.object));
    }
    this.#sink.contact();
  }

  /** Decides what an end means, and waits as long as that deserves. */
  async #recover(failure: unknown, livedMs: number, signal: AbortSignal): Promise<void> {
    const { log, clock } = this.#options;
    if (failure === undefined && livedMs >= 1_000) {
      // The ordinary end. One that comes at once is not: without a pause it would be a storm of requests.
      return;
    }
    if (isGone(failure)) {
      this.#wholeLists = this.#resourceVersion === undefined;
      this.#resourceVersion = undefined;
      log.info('The API server no longer has the state that we watched from; listing again', { resource: this.#resource.plural });
    } else if (this.#cannotStreamLists(failure)) {
      this.#streamLists = false;
      log.info('The API server does not stream lists; listing page by page', { resource: this.#resource.plural });
      return;
    } else if (failure !== undefined) {
      // A new socket: whatever is wrong with the old one (or with the replica behind it) is not taken along.
      this.#drop();
    }
    const delay = this.#delay(failure);
    if (failure instanceof SilentWatch) {
      log.info('Watch fell silent; it is opened again', { resource: this.#resource.plural });
    } else if (failure !== undefined && !isGone(failure)) {
      log.warn('Watch failed; it is opened again', { resource: this.#resource.plural, delayMs: Math.round(delay), error: failure instanceof Error ? failure.message : '' });
    }
    if (delay > 0) {
      await sleep(clock, delay, signal).catch(() => undefined);
    }
  }

  /** What the server asks for, else a pause that grows with each failure of one kind in a row. */
  #delay(failure: unknown): number {
    const kind = failureKind(failure);
    // A server that is back first refuses, then knows no old state: neither says anything about the next attempt. Counted
    // on from the outage, they would keep us blind for half a minute more.
    this.#failures = kind === this.#failing ? this.#failures + 1 : 1;
    this.#failing = kind;
    // The first 410 costs no delay, for it is the ordinary way to be told to list again.
    if (isGone(failure) && this.#failures === 1) {
      return 0;
    }
    const asked = failure instanceof ApiError ? failure.retryAfterMs : undefined;
    return asked ?? exponentialDelay(BACKOFF, this.#failures - 1, this.#options.random);
  }

  /** 400 and 422 are how servers without the feature answer `sendInitialEvents` (KEP-3157). */
  #cannotStreamLists(failure: unknown): boolean {
    const refused = failure instanceof ApiError && (failure.status === 400 || failure.status === 422);
    return refused && this.#streamLists && this.#resourceVersion === undefined;
  }

  /** The next session gets a new socket. */
  #drop(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
  }
}

type FailureKind = 'gone' | 'refused' | 'unreachable';

function failureKind(failure: unknown): FailureKind {
  if (isGone(failure)) return 'gone';
  return failure instanceof ApiError ? 'refused' : 'unreachable';
}

/** During the streamed list, by uid: an object may change or go again before the list has ended. */
function collect<T extends KubeObject>(into: Map<string, T>, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void {
  if (type === 'DELETED') {
    into.delete(object.metadata.uid);
  } else {
    into.set(object.metadata.uid, object);
  }
}
