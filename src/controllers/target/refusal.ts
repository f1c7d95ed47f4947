import { KeysteadError, type Consequence } from '../../api/error.ts';
import type { Reason } from '../../api/reasons.ts';

/** A decision not to write, as a value; it becomes an error only where it leaves this folder. */
export interface Refusal {
  readonly do: 'refuse';
  readonly reason: Reason;
  readonly message: string;
  readonly consequence: Consequence;
  /** When to look again although no watch will tell. */
  readonly retryAfterMs?: number;
}

export function refusal(reason: Reason, message: string, consequence: Consequence, retryAfterMs?: number): Refusal {
  return { do: 'refuse', reason, message, consequence, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

export function refused({ reason, message, consequence, retryAfterMs }: Refusal, cause?: unknown): KeysteadError {
  return new KeysteadError(reason, message, consequence, { cause, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
}
