import { ItemBackoff, TokenBucket, type BackoffOptions, type BucketOptions } from './backoff.ts';
import type { Clock, Timer } from './clock.ts';
import { Heap, type HeapEntry } from './heap.ts';
import type { Random } from './random.ts';

/** Higher runs first. `change` is what somebody waits for; `routine` is a restart's first look, a resync or a timed refresh. */
export const priority = { routine: 0, change: 100 } as const;

/** What a queue tells the metrics; times in milliseconds. */
export interface QueueMetrics {
  added(): void;
  retried(): void;
  /** A worker took a key that had been ready for `queuedMs`. */
  started(queuedMs: number): void;
  finished(workMs: number): void;
}

export interface QueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Delays of `addRateLimited`, per key. */
  readonly backoff: BackoffOptions;
  /** Bounds the rate-limited adds of all keys together; default 100 a second, 1,000 at once. */
  readonly bucket?: BucketOptions;
  readonly metrics?: QueueMetrics;
}

/** A key that a worker has taken; give it back with `done`. */
export interface WorkItem {
  readonly key: string;
  readonly priority: number;
}

interface Entry extends HeapEntry {
  readonly key: string;
  priority: number;
  /** Monotonic time from which it may run. */
  due: number;
  /** Arrival order: the queue is first in, first out among equals. */
  sequence: number;
  /** `held`: due, but its key runs; it becomes ready when that is done. */
  where: 'delayed' | 'ready' | 'held';
}

interface Running {
  readonly since: number;
  /** Added again while it runs; goes back to the queue when done. */
  again: Entry | undefined;
}

/**
 * Ten times client-go's: there, ten thousand keys that fail once because the API server is down come back over a quarter
 * of an hour. What protects the API server is its own priority and fairness.
 */
const DEFAULT_BUCKET: BucketOptions = { perSecond: 100, burst: 1_000 };

/**
 * A work queue of keys with client-go's guarantees and controller-runtime's priorities:
 * - a key is in the queue at most once, however often it is added (what is known last is what is worked on);
 * - a key is never given to two workers at once; added while it runs, it runs again afterwards;
 * - on a second add the highest priority and the earliest time win, so an add now takes up a delayed add of the same key.
 *
 * All operations are O(log n). Nothing is fair between priorities: routine work waits while there are changes.
 * Unlike client-go's, a queue that is shut down hands out nothing more: what is left is found again after a restart.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #metrics: QueueMetrics | undefined;
  readonly #backoff: ItemBackoff;
  readonly #bucket: TokenBucket;
  /** The one waiting entry of each key, wherever it waits. */
  readonly #waiting = new Map<string, Entry>();
  readonly #ready = new Heap<Entry>((a, b) => a.priority > b.priority || (a.priority === b.priority && a.sequence < b.sequence));
  readonly #delayed = new Heap<Entry>((a, b) => a.due < b.due || (a.due === b.due && a.sequence < b.sequence));
  readonly #running = new Map<string, Running>();
  /** Workers that wait for a key, the longest waiting first. */
  readonly #workers: Array<(item: WorkItem | undefined) => void> = [];
  /** Who waits for nothing to run any more. */
  readonly #idle: Array<() => void> = [];
  #timer: { readonly due: number; readonly timer: Timer } | undefined;
  #sequence = 0;
  #shutDown = false;

  constructor(options: QueueOptions) {
    this.#clock = options.clock;
    this.#metrics = options.metrics;
    this.#backoff = new ItemBackoff(options.backoff, options.random);
    this.#bucket = new TokenBucket(options.bucket ?? DEFAULT_BUCKET, options.clock);
  }

  /** Keys that could run now if there were workers enough. */
  get depth(): number {
    return this.#ready.size;
  }

  /** Keys that wait for their time. */
  get delayed(): number {
    return this.#delayed.size;
  }

  /** How long the keys that run now have been running, in milliseconds. */
  unfinished(): { totalMs: number; longestMs: number } {
    const now = this.#clock.monotonic();
    const ages = Array.from(this.#running.values(), (running) => now - running.since);
    return { totalMs: ages.reduce((sum, age) => sum + age, 0), longestMs: Math.max(0, ...ages) };
  }

  /** Adds `key`; what is to be done is looked up when it runs, so nothing is lost by merging adds. */
  add(key: string, level: number = priority.change): void {
    this.#insert(key, this.#clock.monotonic(), level);
  }

  /** Adds `key` once `delayMs` have passed; the earliest of several wins. */
  addAfter(key: string, delayMs: number, level: number = priority.routine): void {
    this.#insert(key, this.#clock.monotonic() + Math.max(0, delayMs), level);
  }

  /** Adds `key` after the delay that its failures so far have earned it. */
  addRateLimited(key: string, level: number = priority.routine): void {
    if (this.#shutDown) {
      return;
    }
    this.#metrics?.retried();
    this.addAfter(key, Math.max(this.#backoff.next(key), this.#bucket.reserve()), level);
  }

  /** Ends the history of failures of `key`; to be called when it succeeded, or won't be tried again. */
  forget(key: string): void {
    this.#backoff.forget(key);
  }

  /** Rate-limited adds of `key` since it was last forgotten. */
  failures(key: string): number {
    return this.#backoff.failures(key);
  }

  /** The next key to work on, as soon as there is one; undefined once the queue is shut down. */
  get(): Promise<WorkItem | undefined> {
    return new Promise((resolve) => {
      this.#workers.push(resolve);
      this.#dispatch();
    });
  }

  /** Says that the work on `key` has ended, whatever came of it. Must be called once for each `get`. */
  done(key: string): void {
    const running = this.#running.get(key);
    if (running === undefined) {
      return;
    }
    this.#running.delete(key);
    this.#metrics?.finished(this.#clock.monotonic() - running.since);
    if (running.again !== undefined) {
      this.#makeReady(running.again);
    }
    if (this.#running.size === 0) {
      this.#idle.splice(0).forEach((resolve) => resolve());
    }
    this.#dispatch();
  }

  /** Refuses further adds, drops what waits, and lets the workers go home. What runs is not touched. */
  shutDown(): void {
    this.#shutDown = true;
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    this.#waiting.clear();
    this.#ready.clear();
    this.#delayed.clear();
    for (const running of this.#running.values()) {
      running.again = undefined;
    }
    this.#workers.splice(0).forEach((resolve) => resolve(undefined));
  }

  /** `shutDown`, then resolves when nothing runs any more. The caller bounds the time. */
  shutDownWithDrain(): Promise<void> {
    this.shutDown();
    return new Promise((resolve) => {
      if (this.#running.size === 0) {
        resolve();
      } else {
        this.#idle.push(resolve);
      }
    });
  }

  #insert(key: string, due: number, level: number): void {
    if (this.#shutDown) {
      return;
    }
    const now = this.#clock.monotonic();
    const known = this.#waiting.get(key);
    if (known === undefined) {
      const entry: Entry = { key, priority: level, due, sequence: (this.#sequence += 1), where: 'delayed', position: -1 };
      this.#waiting.set(key, entry);
      this.#schedule(entry, now);
    } else {
      this.#merge(known, due, level, now);
    }
    this.#dispatch();
  }

  /** A second add of a key that waits: highest priority, earliest time. It keeps its place among equals. */
  #merge(entry: Entry, due: number, level: number, now: number): void {
    const raised = level > entry.priority;
    entry.priority = Math.max(entry.priority, level);
    if (entry.where === 'delayed' && due < entry.due) {
      this.#delayed.remove(entry);
      entry.due = due;
      entry.sequence = this.#sequence += 1;
      this.#schedule(entry, now);
    } else if (entry.where === 'ready' && raised) {
      this.#ready.moved(entry);
    }
  }

  #schedule(entry: Entry, now: number): void {
    if (entry.due <= now) {
      this.#becomeDue(entry);
      return;
    }
    entry.where = 'delayed';
    this.#delayed.push(entry);
    this.#arm();
  }

  /** The key may run now: unless it runs already, for then it waits for that to end. */
  #becomeDue(entry: Entry): void {
    this.#metrics?.added();
    const running = this.#running.get(entry.key);
    if (running === undefined) {
      this.#makeReady(entry);
    } else {
      entry.where = 'held';
      running.again = entry;
    }
  }

  #makeReady(entry: Entry): void {
    entry.where = 'ready';
    // From here on `due` is when it became ready: the start of its queue time.
    entry.due = this.#clock.monotonic();
    this.#ready.push(entry);
  }

  /** Brings workers and ready keys together. */
  #dispatch(): void {
    while (this.#workers.length > 0) {
      const entry = this.#shutDown ? undefined : this.#ready.pop();
      if (entry === undefined) {
        if (this.#shutDown) {
          this.#workers.splice(0).forEach((resolve) => resolve(undefined));
        }
        return;
      }
      const now = this.#clock.monotonic();
      this.#waiting.delete(entry.key);
      this.#running.set(entry.key, { since: now, again: undefined });
      this.#metrics?.started(now - entry.due);
      this.#workers.shift()?.({ key: entry.key, priority: entry.priority });
    }
  }

  /** One timer for all delayed keys, set for the earliest. */
  #arm(): void {
    const first = this.#delayed.peek();
    if (first === undefined || (this.#timer !== undefined && this.#timer.due <= first.due)) {
      return;
    }
    this.#timer?.timer.cancel();
    const timer = this.#clock.after(first.due - this.#clock.monotonic(), () => this.#wake());
    this.#timer = { due: first.due, timer };
  }

  #wake(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (let entry = this.#delayed.peek(); entry !== undefined && entry.due <= now; entry = this.#delayed.peek()) {
      this.#delayed.remove(entry);
      this.#becomeDue(entry);
    }
    this.#arm();
    this.#dispatch();
  }
}
