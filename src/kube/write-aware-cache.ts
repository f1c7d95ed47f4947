import type { Clock, Timer } from '../runtime/clock.ts';
import type { Cache, Change } from './cache.ts';
import { keyOf, type KubeObject } from './object.ts';

/** A write of ours whose own event the watch has not shown yet. */
interface Pending<T> {
  readonly resourceVersion: string;
  /** Our writes before this one that the watch had not shown either. */
  readonly earlier: readonly string[];
  /** What the handlers knew before the first of them. */
  readonly before: T | undefined;
  /** Somebody else wrote before us, and nobody was told: our answer covers it up. */
  foreign: boolean;
  /** The newest state that the watch showed meanwhile and that was held back as older than ours. */
  held: { readonly object: T | undefined } | undefined;
  timer: Timer | undefined;
}

/** A write of ours that is on its way: the versions that the watch shows for the key meanwhile. */
interface Writing {
  readonly seen: Set<string>;
  /** The list was read anew meanwhile: states may have been skipped, ours among them. */
  relisted: boolean;
}

/** How long a state is held back when our own write does not show up, as after a skipped event. */
const LONGEST_HOLD_MS = 10_000;

/**
 * A cache in which our own writes are seen at once, and never vanish again because the watch is behind (read-your-writes).
 *
 * resourceVersions may only be compared for equality, so "older" is told by order: the events of one object come in the
 * order of its writes. From the answer of our write W until the watch shows W, every other event of that key is older
 * than W, and is held back. Two things can go wrong with that, and both are watched for:
 * - The watch showed W before the answer came (perhaps followed by newer states). So all versions that the watch shows
 *   while a write is under way are noted; if W is among them the cache is right already.
 * - The watch will never show W, because the list was read anew and starts with a newer state. A list that was begun
 *   after the answer contains W or something newer, so it ends the wait. One that was begun before may be either; then,
 *   as in any case not thought of, what was held back comes into force after 10 seconds.
 * Handlers are told of own writes as `own`, so that nobody acts on what he did himself. If the watch then shows that
 * somebody else had written before us, and our answer contained that, it is told again, as a change of somebody else's.
 *
 * Whatever happens here, a write that is based on an old state fails with 409, since it carries its resourceVersion.
 *
 * There must be one writer per key at a time (the work queue sees to that).
 */
export class WriteAwareCache<T extends KubeObject> {
  readonly cache: Cache<T>;
  readonly #clock: Clock;
  readonly #tell: (change: Change<T>) => void;
  readonly #pending = new Map<string, Pending<T>>();
  readonly #writing = new Map<string, Set<Writing>>();

  constructor(cache: Cache<T>, clock: Clock, tell: (change: Change<T>) => void) {
    this.cache = cache;
    this.#clock = clock;
    this.#tell = tell;
  }

  /** Runs a write of the object `key`; its answer is in the cache when this resolves. Undefined: nothing was written. */
  async write<W extends T | undefined>(key: string, run: () => Promise<W>, transform: (object: T) => T): Promise<W> {
    const writing: Writing = { seen: new Set(), relisted: false };
    const all = this.#writing.get(key) ?? new Set();
    this.#writing.set(key, all.add(writing));
    try {
      const written = await run();
      if (written !== undefined) {
        this.#observe(key, transform(written), writing);
      }
      return written;
    } finally {
      all.delete(writing);
      if (all.size === 0) {
        this.#writing.delete(key);
      }
    }
  }

  /** Takes one event of the watch. `object` is undefined for a removal; `resourceVersion` is the event's own. */
  apply(key: string, object: T | undefined, resourceVersion: string, initial: boolean): void {
    this.#note(key, resourceVersion);
    const pending = this.#pending.get(key);
    if (pending !== undefined && pending.resourceVersion !== resourceVersion) {
      pending.foreign ||= !pending.earlier.includes(resourceVersion);
      this.#hold(key, pending, object);
      return;
    }
    this.#settle(key);
    this.#set(key, object, initial);
    if (pending?.foreign === true) {
      this.#tellCovered(key, pending);
    }
  }

  /** Takes a whole new list: what is not in it is removed. `begun` is what `begin` said before the list was requested. */
  replace(objects: Iterable<T>, begun: ListBegun, scope: ListScope): void {
    const covered = (key: string): boolean => key.startsWith(scope.prefix);
    const left = new Set([...this.cache.keys()].filter(covered));
    for (const [key, writers] of this.#writing) {
      writers.forEach((writing) => (writing.relisted ||= covered(key)));
    }
    for (const [key, pending] of this.#pending) {
      if (covered(key)) {
        this.#crossed(key, pending, begun);
      }
    }
    for (const object of objects) {
      const key = keyOf(object.metadata);
      left.delete(key);
      this.apply(key, object, object.metadata.resourceVersion, scope.initial);
    }
    for (const key of left) {
      const pending = this.#pending.get(key);
      if (pending === undefined) {
        this.#set(key, undefined, false);
      } else {
        this.#hold(key, pending, undefined);
      }
    }
  }

  /** To be called before a list is requested; hand the result to `replace`. */
  begin(): ListBegun {
    return { pendingThen: new Map(Array.from(this.#pending, ([key, pending]) => [key, pending.resourceVersion])) };
  }

  stop(): void {
    for (const key of this.#pending.keys()) {
      this.#settle(key);
    }
  }

  /** A new list meets a write that the watch has not shown. What happened before the list, nobody was told. */
  #crossed(key: string, pending: Pending<T>, begun: ListBegun): void {
    pending.foreign = true;
    if (begun.pendingThen.get(key) === pending.resourceVersion) {
      this.#settle(key);
      this.#tellCovered(key, pending);
    }
  }

  #observe(key: string, object: T, writing: Writing): void {
    const { resourceVersion } = object.metadata;
    if (writing.seen.has(resourceVersion) || this.cache.get(key)?.metadata.resourceVersion === resourceVersion) {
      return;
    }
    const last = this.#settle(key);
    const pending: Pending<T> = {
      resourceVersion,
      earlier: last === undefined ? [] : [...last.earlier, last.resourceVersion],
      before: last === undefined ? this.cache.get(key) : last.before,
      foreign: writing.relisted || (last?.foreign ?? false),
      held: undefined,
      timer: undefined,
    };
    this.#pending.set(key, pending);
    if (writing.relisted) {
      this.#hold(key, pending, this.cache.get(key));
    }
    this.#set(key, object, false, true);
  }

  /** Tells of what somebody else wrote before our own write, which hid it. */
  #tellCovered(key: string, { before: previous }: Pending<T>): void {
    const object = this.cache.get(key);
    if (object !== undefined && previous === undefined) {
      this.#tell({ type: 'added', key, object, previous, initial: false, own: false });
    } else if (object !== undefined && previous !== undefined) {
      this.#tell({ type: 'updated', key, object, previous, initial: false, own: false });
    }
  }

  #note(key: string, resourceVersion: string): void {
    for (const writing of this.#writing.get(key) ?? []) {
      writing.seen.add(resourceVersion);
    }
  }

  #hold(key: string, pending: Pending<T>, object: T | undefined): void {
    pending.held = { object };
    pending.timer ??= this.#clock.after(LONGEST_HOLD_MS, () => {
      const held = pending.held?.object;
      this.#settle(key);
      this.#set(key, held, false);
    });
  }

  /** Ends the wait for our own write of the key, which it returns. */
  #settle(key: string): Pending<T> | undefined {
    const pending = this.#pending.get(key);
    pending?.timer?.cancel();
    this.#pending.delete(key);
    return pending;
  }

  #set(key: string, object: T | undefined, initial: boolean, own = false): void {
    if (object === undefined) {
      const previous = this.cache.remove(key);
      if (previous !== undefined) {
        this.#tell({ type: 'removed', key, object: undefined, previous, initial: false, own: false });
      }
      return;
    }
    const previous = this.cache.put(object);
    if (previous === undefined) {
      this.#tell({ type: 'added', key, object, previous, initial, own });
    } else if (previous.metadata.resourceVersion !== object.metadata.resourceVersion) {
      this.#tell({ type: 'updated', key, object, previous, initial: false, own });
    }
  }
}

/** What a list is of. */
export interface ListScope {
  /** Only keys that begin with it: a namespace and a slash, or nothing for a list of everything. */
  readonly prefix: string;
  /** What is in it was there before we looked. */
  readonly initial: boolean;
}

/** The writes (key and resourceVersion) that the watch had not shown when a list was begun. */
export interface ListBegun {
  readonly pendingThen: ReadonlyMap<string, string>;
}
