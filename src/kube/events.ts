import { TokenBucket } from '../runtime/backoff.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { withTimeout } from '../runtime/deadline.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import type { KubeClient } from './client.ts';
import { isNotFound } from './errors.ts';
import type { Event } from './kinds.ts';
import { microTime } from './micro-time.ts';
import type { KubeObject, ObjectMeta } from './object.ts';
import { resources } from './resource.ts';

export interface EventToRecord {
  /** The object that it is about. */
  readonly regarding: KubeObject;
  readonly type: 'Normal' | 'Warning';
  /** PascalCase, from `src/api/reasons.ts`. */
  readonly reason: string;
  /** What was being done, PascalCase. */
  readonly action: string;
  /** For people; never a secret. Cut to 1,024 characters. */
  readonly note: string;
}

export interface EventRecorderOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** `keystead.dev/operator`. */
  readonly controller: string;
  /** The pod. */
  readonly instance: string;
}

/** The same thing told again and again about one object: one Event, whose count grows. */
interface Series {
  readonly event: EventToRecord;
  /** The Event in the API; undefined until it is created. */
  written: ObjectMeta | undefined;
  count: number;
  lastSeen: Date;
  lastWrite: number;
  queued: boolean;
}

/** Per object, as client-go: 25 at once, then one in five minutes. */
const BUCKET = { burst: 25, perSecond: 1 / 300 };
/** How often at most the count of a series is brought up to date. */
const SERIES_INTERVAL_MS = 60_000;
const MOST_SERIES = 4_096;
const MOST_OBJECTS = 4_096;
const CALL_LIMIT_MS = 10_000;
const LONGEST_NOTE = 1_024;

/**
 * Writes Events (events.k8s.io/v1) in the background. `record` returns at once and never fails: an event that cannot
 * be written is dropped and said in the log, for no work may depend on it. Equal events become one series; each object
 * has a budget; memory and the writes at shutdown are bounded.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  /** By object and text, the least recently used first. */
  readonly #series = new Map<string, Series>();
  readonly #budgets = new Map<string, TokenBucket>();
  readonly #outbox: Series[] = [];
  readonly #timers = new Set<Timer>();
  #sending: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** Returns at once; see the class for what may become of it. */
  record(event: EventToRecord): void {
    const key = [event.regarding.metadata.uid, event.type, event.reason, event.action, event.note].join('\0');
    const known = this.#series.get(key);
    const series = known ?? this.#newSeries(event);
    series.count += 1;
    series.lastSeen = this.#options.clock.now();
    this.#series.delete(key);
    this.#series.set(key, series);
    forgetOldest(this.#series, MOST_SERIES);
    if (!series.queued) {
      this.#enqueue(series);
    }
  }

  /** Resolves when everything recorded so far is written or dropped; waits at most `limitMs`. Then nothing is left to run. */
  async flush(limitMs: number): Promise<void> {
    this.#timers.forEach((timer) => timer.cancel());
    this.#timers.clear();
    const { clock } = this.#options;
    const end = new Promise<void>((resolve) => {
      const timer = clock.after(limitMs, resolve);
      void (this.#sending ?? Promise.resolve()).then(() => {
        timer.cancel();
        resolve();
      });
    });
    await end;
    this.#outbox.length = 0;
  }

  #newSeries(event: EventToRecord): Series {
    const now = this.#options.clock.now();
    return { event, written: undefined, count: 0, lastSeen: now, lastWrite: Number.NEGATIVE_INFINITY, queued: false };
  }

  /** The first time at once, counts at most once a minute. */
  #enqueue(series: Series): void {
    series.queued = true;
    const wait = series.lastWrite + SERIES_INTERVAL_MS - this.#options.clock.monotonic();
    if (wait <= 0) {
      this.#send(series);
      return;
    }
    const timer = this.#options.clock.after(wait, () => {
      this.#timers.delete(timer);
      this.#send(series);
    });
    this.#timers.add(timer);
  }

  /** Into the outbox, if the object's budget allows. */
  #send(series: Series): void {
    if (!this.#budget(series.event.regarding.metadata.uid).tryTake()) {
      series.queued = false;
      this.#options.log.debug('Event dropped: the object has too many', { reason: series.event.reason, object: series.event.regarding.metadata.name });
      return;
    }
    this.#outbox.push(series);
    this.#sending ??= this.#drain().finally(() => {
      this.#sending = undefined;
    });
  }

  /** One at a time: events never compete with the work for connections. */
  async #drain(): Promise<void> {
    for (let series = this.#outbox.shift(); series !== undefined; series = this.#outbox.shift()) {
      series.queued = false;
      series.lastWrite = this.#options.clock.monotonic();
      try {
        await this.#write(series);
      } catch (error) {
        this.#options.log.warn('Event could not be written', {
          reason: series.event.reason,
          object: series.event.regarding.metadata.name,
          error: error instanceof Error ? error.message : '',
        });
      }
    }
  }

  /** The count is taken before the call: what is told meanwhile is written next time. */
  async #write(series: Series): Promise<void> {
    const { clock } = this.#options;
    const { count } = series;
    const written = await withTimeout(clock, CALL_LIMIT_MS, undefined, (signal) => this.#createOrCount(series, count, signal));
    series.written = written.metadata;
  }

  async #createOrCount(series: Series, count: number, signal: AbortSignal): Promise<Event> {
    const { client } = this.#options;
    if (series.written !== undefined) {
      const { namespace, name } = series.written;
      try {
        const patch = { series: { count, lastObservedTime: microTime(series.lastSeen) } };
        return await client.mergePatch(resources.events, { namespace, name }, patch, { signal });
      } catch (error) {
        // Events live an hour by default; a series may outlive its own.
        if (!isNotFound(error)) {
          throw error;
        }
      }
    }
    return client.create(resources.events, this.#toCreate(series, count), { signal });
  }

  /** An Event with every field that events.k8s.io/v1 demands (its validation: k8s.io/kubernetes pkg/apis/core/validation/events.go). */
  #toCreate(series: Series, count: number): Omit<Event, 'apiVersion' | 'kind' | 'metadata'> & { metadata: { namespace: string; name: string } } {
    const { regarding, type, reason, action, note } = series.event;
    const { metadata } = regarding;
    const suffix = this.#options.random.bytes(8).toString('hex');
    const time = microTime(series.lastSeen);
    return {
      metadata: { namespace: metadata.namespace ?? 'default', name: `${metadata.name.slice(0, 230)}.${suffix}` },
      eventTime: time,
      regarding: {
        apiVersion: regarding.apiVersion,
        kind: regarding.kind,
        name: metadata.name,
        uid: metadata.uid,
        resourceVersion: metadata.resourceVersion,
        ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      },
      type,
      reason,
      action,
      note: note.length <= LONGEST_NOTE ? note : `${note.slice(0, LONGEST_NOTE - 1)}…`,
      reportingController: this.#options.controller,
      reportingInstance: this.#options.instance.slice(0, 128),
      ...(count < 2 ? {} : { series: { count, lastObservedTime: time } }),
    };
  }

  /** The bucket of one object; the least recently used is forgotten, which errs on the side of one event more. */
  #budget(uid: string): TokenBucket {
    const budget = this.#budgets.get(uid) ?? new TokenBucket(BUCKET, this.#options.clock);
    this.#budgets.delete(uid);
    this.#budgets.set(uid, budget);
    forgetOldest(this.#budgets, MOST_OBJECTS);
    return budget;
  }
}

function forgetOldest<V>(map: Map<string, V>, most: number): void {
  if (map.size > most) {
    const oldest = map.keys().next();
    if (oldest.done !== true) {
      map.delete(oldest.value);
    }
  }
}
