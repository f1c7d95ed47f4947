/**
 * How lower layers tell the controller loop that a failure is ordinary, without the loop knowing them.
 * - `conflict`: somebody else wrote first; look again at once, it is no error.
 * - `throttled`: the other side asked us to come back later.
 * - `unavailable`: the other side could not be reached or is not up.
 */
export type Transient = 'conflict' | 'throttled' | 'unavailable';

export interface TransientFailure extends Error {
  readonly transient: Transient | undefined;
  /** When the other side said so: milliseconds to wait before the next attempt. */
  readonly retryAfterMs: number | undefined;
}

/** Recognises failures by shape, so that this folder needs to import no client. */
export function isTransient(error: unknown): error is TransientFailure & { readonly transient: Transient } {
  return error instanceof Error && 'transient' in error && error.transient !== undefined;
}
