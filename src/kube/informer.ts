import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import { Cache, type Change, type IndexFunction } from './cache.ts';
import type { KubeClient } from './client.ts';
import { keyOf, type KubeObject } from './object.ts';
import { Reflector } from './reflector.ts';
import type { Resource } from './resource.ts';
import { metadataOnly, slim, type Transform } from './transform.ts';
import type { Selection } from './watch.ts';
import { WriteAwareCache, type ListBegun } from './write-aware-cache.ts';

export interface InformerOptions<T extends KubeObject> extends Omit<Selection, 'namespace'> {
  /** Undefined: all, in one watch. Otherwise a watch for each, for an operator that may only see these. */
  readonly namespaces?: readonly string[] | undefined;
  readonly client: KubeClient;
  readonly resource: Resource<T>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Named functions from an object to the values that it is found under. */
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  /** Default `slim`, and `metadataOnly` for metadata. */
  readonly transform?: Transform<T>;
  readonly timeoutSeconds?: readonly [least: number, most: number];
  readonly silenceMs?: number;
  readonly streamLists?: boolean;
}

/** What one watch covers, and how it stands. */
interface Scope {
  /** Undefined: everything. */
  readonly namespace: string | undefined;
  synced: boolean;
  lastContact: number | undefined;
}

/** Told of each change, synchronously. Only notes what is to do (adds to a queue); takes no time and does not throw. */
export type ChangeHandler<T> = (change: Change<T>) => void;

/**
 * A local copy of the objects of one kind, kept current by a watch. Reads cost nothing and are as old as the watch is
 * behind; own writes made through `write` are seen at once. What it returns is shared: never change it.
 */
export class Informer<T extends KubeObject> {
  readonly resource: Resource<T>;
  readonly #options: InformerOptions<T>;
  readonly #cache: Cache<T>;
  readonly #store: WriteAwareCache<T>;
  readonly #transform: Transform<T>;
  readonly #handlers = new Set<ChangeHandler<T>>();
  readonly #waiting: Array<() => void> = [];
  readonly #scopes: readonly Scope[];

  constructor(options: InformerOptions<T>) {
    this.resource = options.resource;
    this.#options = options;
    this.#scopes = (options.namespaces ?? [undefined]).map((namespace) => ({ namespace, synced: false, lastContact: undefined }));
    const indexes = Object.entries(options.indexes ?? {}).map(([name, values]) => [name, this.#guarded(name, values)] as const);
    this.#cache = new Cache(Object.fromEntries(indexes));
    this.#store = new WriteAwareCache(this.#cache, options.clock, (change) => this.#tell(change));
    this.#transform = options.transform ?? (options.representation === 'metadata' ? metadataOnly(options.resource) : slim);
  }

  /** Lists and watches until `signal` is aborted; never rejects. The cache stays readable afterwards. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#scopes.map((scope) => this.#reflect(scope, signal)));
    this.#store.stop();
  }

  /** One watch, and where it puts what it learns. */
  #reflect(scope: Scope, signal: AbortSignal): Promise<void> {
    const { client, clock, random, log, labelSelector, fieldSelector, representation } = this.#options;
    const { timeoutSeconds, silenceMs, streamLists } = this.#options;
    const sink = {
      begin: () => this.#store.begin(),
      transform: this.#transform,
      replace: (objects: readonly T[], begun: ListBegun) => this.#replace(scope, objects, begun),
      apply: (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T) => {
        const { metadata } = object;
        this.#store.apply(keyOf(metadata), type === 'DELETED' ? undefined : object, metadata.resourceVersion, false);
      },
      contact: () => (scope.lastContact = clock.monotonic()),
    };
    const reflector = new Reflector<T, ListBegun>(this.resource, sink, {
      client,
      clock,
      random,
      log,
      selection: { namespace: scope.namespace, labelSelector, fieldSelector, representation },
      ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
      ...(silenceMs === undefined ? {} : { silenceMs }),
      ...(streamLists === undefined ? {} : { streamLists }),
    });
    return reflector.run(signal);
  }

  /** True once everything that existed at the start is in the cache and was told to the handlers. */
  get hasSynced(): boolean {
    return this.#scopes.every((scope) => scope.synced);
  }

  /** Resolves when `hasSynced`, or rejects with the signal's reason. */
  async synced(signal?: AbortSignal): Promise<void> {
    if (this.hasSynced) {
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => reject(signal?.reason);
      if (signal?.aborted === true) {
        onAbort();
      }
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
    });
  }

  /**
   * Monotonic time at which the server last showed that the cache is current; undefined before the first list. With
   * `timeoutSeconds: [20, 20]` a healthy quiet stream renews it every 20 s at least (decisions 23).
   */
  get lastContact(): number | undefined {
    const contacts = this.#scopes.map((scope) => scope.lastContact ?? Number.NEGATIVE_INFINITY);
    const oldest = Math.min(...contacts);
    return Number.isFinite(oldest) ? oldest : undefined;
  }

  /**
   * Tells `handler` of everything that is there already, as `initial`, and then of each change, until the function that
   * it returns is called (at the end of a leadership, say: the next one begins with a queue of its own).
   */
  onChange(handler: ChangeHandler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#cache.values()) {
      const key = keyOf(object.metadata);
      this.#call(handler, { type: 'added', key, object, previous: undefined, initial: true, own: false });
    }
    return () => void this.#handlers.delete(handler);
  }

  /** Objects in the cache. */
  get size(): number {
    return this.#cache.size;
  }

  /** By `namespace/name`, or `name` for cluster-scoped kinds. */
  get(key: string): T | undefined {
    return this.#cache.get(key);
  }

  list(): readonly T[] {
    return [...this.#cache.values()];
  }

  /** The objects under a value of an index. */
  by(index: string, value: string): readonly T[] {
    return this.#cache.by(index, value);
  }

  /** Their keys. */
  keysBy(index: string, value: string): readonly string[] {
    return this.#cache.keysBy(index, value);
  }

  /**
   * Runs a write of the object `key` (create, update, patch) and has its answer in the cache when it resolves; what it
   * throws is passed on. Only for objects that belong into this cache: its selectors are not checked against the answer.
   */
  write<W extends T | undefined>(key: string, run: () => Promise<W>): Promise<W> {
    return this.#store.write(key, run, this.#transform);
  }

  #replace(scope: Scope, objects: readonly T[], begun: ListBegun): void {
    const prefix = scope.namespace === undefined ? '' : `${scope.namespace}/`;
    this.#store.replace(objects, begun, { prefix, initial: !scope.synced });
    scope.synced = true;
    if (this.hasSynced) {
      this.#waiting.splice(0).forEach((resolve) => resolve());
    }
  }

  #tell(change: Change<T>): void {
    for (const handler of this.#handlers) {
      this.#call(handler, change);
    }
  }

  /** An object that an index function does not understand is found under nothing; it must not stop the watch of all others. */
  #guarded(name: string, values: IndexFunction<T>): IndexFunction<T> {
    return (object) => {
      try {
        return values(object);
      } catch (error) {
        this.#options.log.error('An index function threw', { resource: this.resource.plural, index: name, key: keyOf(object.metadata), error: String(error) });
        return [];
      }
    };
  }

  /** One handler's fault must stop neither the watch nor the other handlers. */
  #call(handler: ChangeHandler<T>, change: Change<T>): void {
    try {
      handler(change);
    } catch (error) {
      this.#options.log.error('A handler of changes threw', { resource: this.resource.plural, key: change.key, error: String(error) });
    }
  }
}
