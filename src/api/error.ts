import type { Reason } from './reasons.ts';

/**
 * What follows from an error, decided where it is thrown (one place), not where it is caught:
 * - `retry`: passing fault; try again with backoff.
 * - `wait`: something outside must change first (a watch will tell) or a time must come; no backoff.
 * - `stalled`: the spec cannot work as written; nothing happens until it changes.
 */
export type Consequence = 'retry' | 'wait' | 'stalled';

/**
 * An error that reaches a person. `message` says what happened, why, and what to do next, and never holds a secret;
 * `cause` is for the log and is not shown to users.
 */
export class KeysteadError extends Error {
  override readonly name = 'KeysteadError';
  /** Stable code; also the condition's reason. */
  readonly code: Reason;
  readonly consequence: Consequence;
  /** With `wait`: milliseconds after which to look again even if no watch told anything. */
  readonly retryAfterMs: number | undefined;

  constructor(code: Reason, message: string, consequence: Consequence, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.consequence = consequence;
    this.retryAfterMs = options.retryAfterMs;
  }
}
