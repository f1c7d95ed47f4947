import type { Reason } from '../api/reasons.ts';
import type { Condition } from '../kube/object.ts';

/** A condition as a controller wants it; times are filled in when it is written. */
export interface WantedCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: Reason;
  readonly message: string;
}

export function isReady(message: string): WantedCondition {
  return { type: 'Ready', status: 'True', reason: 'Ready', message };
}

/**
 * Ready=False. With `stalled`, a Stalled condition beside it: kstatus then says Failed instead of InProgress, for
 * nothing will happen until the spec changes.
 */
export function notReady(reason: Reason, message: string, consequence: 'stalled' | 'waits'): readonly WantedCondition[] {
  const ready: WantedCondition = { type: 'Ready', status: 'False', reason, message };
  return consequence === 'stalled' ? [ready, { ...ready, type: 'Stalled', status: 'True' }] : [ready];
}

/** metav1.Conditions from what is wanted: lastTransitionTime moves only with the status, everything unwanted goes. */
export function nextConditions(
  previous: readonly Pick<Condition, 'type' | 'status' | 'lastTransitionTime'>[] | undefined,
  wanted: readonly WantedCondition[],
  generation: number,
  now: Date,
): readonly Condition[] {
  return wanted.map((condition) => {
    const before = previous?.find((one) => one.type === condition.type);
    const lastTransitionTime = before?.status === condition.status ? before.lastTransitionTime : toSeconds(now);
    return { ...condition, observedGeneration: generation, lastTransitionTime };
  });
}

/** metav1.Time has no fractions of a second. */
export function toSeconds(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
