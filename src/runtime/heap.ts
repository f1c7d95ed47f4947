/** An entry of a heap knows its own place, so that it can be moved or taken out in O(log n). */
export interface HeapEntry {
  /** Index in the heap, -1 when in none. Written by the heap only. */
  position: number;
}

/** A binary heap whose entries can change their order or leave from the middle. */
export class Heap<E extends HeapEntry> {
  readonly #entries: E[] = [];
  readonly #before: (a: E, b: E) => boolean;

  /** `before` must be a strict total order; ties are the caller's to break (with a sequence number). */
  constructor(before: (a: E, b: E) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** The first entry, which stays. */
  peek(): E | undefined {
    return this.#entries[0];
  }

  /** `entry` must not be in any heap. */
  push(entry: E): void {
    this.#place(entry, this.#entries.length);
    this.#rise(entry);
  }

  /** Takes the first entry out. */
  pop(): E | undefined {
    const first = this.#entries[0];
    if (first !== undefined) {
      this.remove(first);
    }
    return first;
  }

  /** To be called after the fields that decide the order of `entry` have changed. */
  moved(entry: E): void {
    this.#rise(entry);
    this.#sink(entry);
  }

  /** Takes `entry` out, wherever it is; the last one fills its place and finds its own from there. */
  remove(entry: E): void {
    const { position } = entry;
    const last = this.#entries.pop();
    entry.position = -1;
    if (last !== undefined && last !== entry) {
      this.#place(last, position);
      this.moved(last);
    }
  }

  clear(): void {
    for (const entry of this.#entries) {
      entry.position = -1;
    }
    this.#entries.length = 0;
  }

  #place(entry: E, position: number): void {
    this.#entries[position] = entry;
    entry.position = position;
  }

  /** Towards the root, past all that come after it. */
  #rise(entry: E): void {
    while (entry.position > 0) {
      const { position } = entry;
      const parentPosition = (position - 1) >> 1;
      const parent = this.#entries[parentPosition];
      if (parent === undefined || !this.#before(entry, parent)) {
        return;
      }
      this.#place(parent, position);
      this.#place(entry, parentPosition);
    }
  }

  /** Towards the leaves, past all that come before it. */
  #sink(entry: E): void {
    for (;;) {
      const { position } = entry;
      const left = this.#entries[2 * position + 1];
      const right = this.#entries[2 * position + 2];
      const child = right !== undefined && left !== undefined && this.#before(right, left) ? right : left;
      if (child === undefined || !this.#before(child, entry)) {
        return;
      }
      const childPosition = child.position;
      this.#place(child, position);
      this.#place(entry, childPosition);
    }
  }
}
