import { keyOf, type KubeObject } from './object.ts';

/**
 * What became of one object. `initial`: it was there before we looked, so nobody waits for us to act on it. `own`: it is
 * the answer of a write of ours, so whoever wrote it knows; false does not say that it was somebody else.
 */
export type Change<T> =
  | { readonly type: 'added'; readonly key: string; readonly object: T; readonly previous: undefined; readonly initial: boolean; readonly own: boolean }
  | { readonly type: 'updated'; readonly key: string; readonly object: T; readonly previous: T; readonly initial: false; readonly own: boolean }
  | { readonly type: 'removed'; readonly key: string; readonly object: undefined; readonly previous: T; readonly initial: false; readonly own: false };

/** The values under which an object can be found in an index. */
export type IndexFunction<T> = (object: T) => readonly string[];

interface Index<T> {
  readonly values: IndexFunction<T>;
  readonly keys: Map<string, Set<string>>;
}

/**
 * Objects by key, with indexes kept up to date synchronously. Objects are shared with all readers: never change one.
 * Knows nothing of watches; what to put in is decided in `WriteAwareCache`.
 */
export class Cache<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();

  constructor(indexes: Readonly<Record<string, IndexFunction<T>>>) {
    for (const [name, values] of Object.entries(indexes)) {
      this.#indexes.set(name, { values, keys: new Map() });
    }
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  /** Keys of the objects that have `value` in the index. @throws TypeError for an index that was not declared. */
  keysBy(index: string, value: string): readonly string[] {
    return [...(this.#index(index).keys.get(value) ?? [])];
  }

  /** The objects that have `value` in the index. */
  by(index: string, value: string): readonly T[] {
    return this.keysBy(index, value).flatMap((key) => this.#objects.get(key) ?? []);
  }

  /** Puts an object in place of the one of the same name, which it returns. */
  put(object: T): T | undefined {
    const key = keyOf(object.metadata);
    const previous = this.#objects.get(key);
    this.#objects.set(key, object);
    for (const index of this.#indexes.values()) {
      reindex(index, key, previous, object);
    }
    return previous;
  }

  /** Takes an object out, and returns it. */
  remove(key: string): T | undefined {
    const previous = this.#objects.get(key);
    this.#objects.delete(key);
    for (const index of this.#indexes.values()) {
      reindex(index, key, previous, undefined);
    }
    return previous;
  }

  #index(name: string): Index<T> {
    const index = this.#indexes.get(name);
    if (index === undefined) {
      throw new TypeError(`There is no index "${name}"`);
    }
    return index;
  }
}

/** Moves one object in one index from its old values to its new ones; values that stay are not touched. */
function reindex<T>(index: Index<T>, key: string, previous: T | undefined, object: T | undefined): void {
  const before = previous === undefined ? [] : index.values(previous);
  const after = object === undefined ? [] : index.values(object);
  for (const value of before) {
    const keys = after.includes(value) ? undefined : index.keys.get(value);
    keys?.delete(key);
    if (keys?.size === 0) {
      index.keys.delete(value);
    }
  }
  for (const value of after) {
    const keys = index.keys.get(value);
    if (keys === undefined) {
      index.keys.set(value, new Set([key]));
    } else {
      keys.add(key);
    }
  }
}
