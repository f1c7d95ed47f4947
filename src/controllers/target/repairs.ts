import type { Clock } from '../../runtime/clock.ts';

/** So many writes of the same content beyond the first at once, then one a minute. */
const BURST = 5;
const MINUTE_MS = 60_000;
/** A fight is fought now: older entries are those of targets that are at rest. */
const MOST_REMEMBERED = 2_000;

interface Entry {
  readonly content: string;
  /** A minute for each repair; passes as time does. */
  readonly debtMs: number;
  readonly at: number;
}

/**
 * Bounds how often one target gets the same content: somebody else who rewrites it in a loop, or an admission webhook that
 * changes it each time, must not make us write as fast as he does. New content is never held back, and a write that failed
 * does not count: then nobody is fighting.
 */
export class Repairs {
  readonly #clock: Clock;
  readonly #targets = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Milliseconds until the target may get this content; 0 if it may now.
   * @param content says what is to be written: which version, under which spec
   */
  waitMs(target: string, content: string): number {
    return Math.max(0, (this.#debtMs(target, content) ?? 0) - (BURST - 1) * MINUTE_MS);
  }

  /** The target was given this content. */
  wrote(target: string, content: string): void {
    const debtMs = this.#debtMs(target, content);
    this.#targets.delete(target);
    const oldest = this.#targets.size >= MOST_REMEMBERED ? this.#targets.keys().next().value : undefined;
    if (oldest !== undefined) this.#targets.delete(oldest);
    // The first write is no repair.
    this.#targets.set(target, { content, debtMs: debtMs === undefined ? 0 : debtMs + MINUTE_MS, at: this.#clock.monotonic() });
  }

  #debtMs(target: string, content: string): number | undefined {
    const entry = this.#targets.get(target);
    if (entry?.content !== content) return undefined;
    return Math.max(0, entry.debtMs - (this.#clock.monotonic() - entry.at));
  }
}
