import type { Clock, Timer } from '../../src/runtime/clock.ts';

interface Pending {
  due: number;
  order: number;
  run: () => void;
}

/** Lets everything that waits only for promises (not for the network) go as far as it can. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** A clock that stands still until a test moves it. Wall clock and monotonic time move together unless `jump` is used. */
export class FakeClock implements Clock {
  #wall: number;
  #monotonic = 0;
  #order = 0;
  readonly #pending = new Set<Pending>();

  constructor(start: Date = new Date('2026-01-01T00:00:00Z')) {
    this.#wall = start.getTime();
  }

  now(): Date {
    return new Date(this.#wall);
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(delayMs: number, run: () => void): Timer {
    const entry: Pending = { due: this.#monotonic + Math.max(0, delayMs), order: (this.#order += 1), run };
    this.#pending.add(entry);
    return { cancel: () => void this.#pending.delete(entry) };
  }

  /** Timers that have not fired: a test of shutdown asserts that none is left. */
  get timers(): number {
    return this.#pending.size;
  }

  /** Moves time on, firing each timer at its own instant, in order, with promises settled before and after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#pending.delete(next);
      this.#move(next.due);
      next.run();
      await settle();
    }
    this.#move(end);
  }

  /** Moves only the wall clock, as an administrator or a broken time server does. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  /** Moves time on without firing anything: a process that was stopped (SIGSTOP) and goes on. Timers fire at the next `advance`. */
  freeze(ms: number): void {
    this.#move(this.#monotonic + ms);
  }

  #move(to: number): void {
    if (to > this.#monotonic) {
      this.#wall += to - this.#monotonic;
      this.#monotonic = to;
    }
  }

  #next(end: number): Pending | undefined {
    let first: Pending | undefined;
    for (const entry of this.#pending) {
      if (entry.due <= end && (first === undefined || entry.due < first.due || (entry.due === first.due && entry.order < first.order))) {
        first = entry;
      }
    }
    return first;
  }
}
