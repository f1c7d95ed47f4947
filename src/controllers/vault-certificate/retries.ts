const MINUTE_MS = 60_000;

/** After the first, second and third failure, and after every later one (Let's Encrypt's advice to integrators). */
const DELAYS_MS = [1 * MINUTE_MS, 10 * MINUTE_MS, 100 * MINUTE_MS] as const;
const LATER_MS = 24 * 60 * MINUTE_MS;
/** Up to a tenth later, so that what failed together does not come back together. Never sooner. */
const JITTER = 0.1;

/**
 * When a failed attempt is tried again.
 * @param failures attempts that have failed in a row, at least 1
 * @param fraction in [0, 1), for the jitter
 */
export function nextAttempt(failures: number, failedAt: Date, fraction: number): Date {
  const delay = DELAYS_MS[failures - 1] ?? LATER_MS;
  return new Date(Math.floor(failedAt.getTime() + delay * (1 + JITTER * fraction)));
}
