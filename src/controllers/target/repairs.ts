import { TokenBucket } from '../../runtime/backoff.ts';
import type { Clock } from '../../runtime/clock.ts';

/** So many writes of the same content at once, then one a minute. */
const REPAIRS = { perSecond: 1 / 60, burst: 5 };
/** Longer than a token takes, so that a waiting resource finds one. */
export const REPAIR_WAIT_MS = 60_000;
/** A fight is fought now: older entries are those of targets that are at rest. */
const MOST_REMEMBERED = 2_000;

/**
 * Bounds how often one target gets the same content: somebody else who rewrites it in a loop, or an admission webhook that
 * changes it each time, must not make us write as fast as he does. New content is never held back.
 */
export class Repairs {
  readonly #clock: Clock;
  readonly #targets = new Map<string, { readonly content: string; readonly bucket: TokenBucket }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Whether the target may be written now; counts it if so.
   * @param content says what is to be written: which version, under which spec
   */
  allows(target: string, content: string): boolean {
    const known = this.#targets.get(target);
    if (known?.content === content) return known.bucket.tryTake();
    this.#targets.delete(target);
    const oldest = this.#targets.size >= MOST_REMEMBERED ? this.#targets.keys().next().value : undefined;
    if (oldest !== undefined) this.#targets.delete(oldest);
    // The first write is no repair; it takes no token.
    this.#targets.set(target, { content, bucket: new TokenBucket(REPAIRS, this.#clock) });
    return true;
  }
}
