import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

export interface BackoffOptions {
  /** Delay after the first failure, in milliseconds. */
  readonly baseMs: number;
  /** No delay is longer than this, jitter included. */
  readonly maxMs: number;
}

/** Share of a delay that is left to chance, so that what failed together does not come back together. */
const JITTER = 0.2;

/**
 * The delay before attempt `failures + 1`: base doubled for each failure, the last fifth of it at random.
 * `failures` counts from 0 (the first failure).
 */
export function exponentialDelay(options: BackoffOptions, failures: number, random: Random): number {
  const full = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(failures, 60));
  return full * (1 - JITTER * random.fraction());
}

/** Counts failures per key and says how long each has to wait. Forgets a key only when told to. */
export class ItemBackoff {
  readonly #options: BackoffOptions;
  readonly #random: Random;
  readonly #failures = new Map<string, number>();

  constructor(options: BackoffOptions, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  /** Counts one more failure of `key` and returns its delay in milliseconds. */
  next(key: string): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    return exponentialDelay(this.#options, failures, this.#random);
  }

  /** Failures of `key` since it was last forgotten. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next failure of `key` counts as the first again. */
  forget(key: string): void {
    this.#failures.delete(key);
  }
}

export interface BucketOptions {
  readonly perSecond: number;
  /** How many may come at once after a quiet time. */
  readonly burst: number;
}

/** A token bucket. Tokens can be reserved ahead: the answer is how long to wait until the reserved one exists. */
export class TokenBucket {
  readonly #options: BucketOptions;
  readonly #clock: Clock;
  #tokens: number;
  #filledAt: number;

  constructor(options: BucketOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#tokens = options.burst;
    this.#filledAt = clock.monotonic();
  }

  /** Takes one token, now or in advance; returns the milliseconds until it may be used. */
  reserve(): number {
    this.#fill();
    this.#tokens -= 1;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#options.perSecond) * 1000;
  }

  /** Takes one token if there is one now; otherwise takes none. */
  tryTake(): boolean {
    this.#fill();
    if (this.#tokens < 1) {
      return false;
    }
    this.#tokens -= 1;
    return true;
  }

  #fill(): void {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#options.burst, this.#tokens + ((now - this.#filledAt) / 1000) * this.#options.perSecond);
    this.#filledAt = now;
  }
}
