import { isDeepStrictEqual } from 'node:util';
import type { Guard } from './guard.ts';

/** A guard as the API server has it; only name and spec are looked at, labels may be the chart's. */
export interface LiveGuardObject {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly spec?: unknown;
}

export interface LiveGuards {
  readonly policies: readonly LiveGuardObject[];
  readonly bindings: readonly LiveGuardObject[];
}

/** One guard that does not protect as it should. */
export interface GuardProblem {
  readonly kind: 'ValidatingAdmissionPolicy' | 'ValidatingAdmissionPolicyBinding';
  readonly name: string;
  readonly problem: 'missing' | 'altered';
}

/**
 * Compares the guards in the cluster with the expected ones. Empty: all are in force. Anything in a live spec that is not
 * expected counts as altered, for one added field (another namespaceSelector, `excludeResourceRules`, a matchResources in
 * the binding) can switch a guard off; foreign policies are nobody's business, since they can only refuse more.
 */
export function guardProblems(expected: readonly Guard[], live: LiveGuards): GuardProblem[] {
  const policies = new Map(live.policies.map((one) => [one.metadata.name, one]));
  const bindings = new Map(live.bindings.map((one) => [one.metadata.name, one]));
  return expected.flatMap((guard) => [
    ...compare(guard.policy, policies.get(guard.policy.metadata.name)),
    ...compare(guard.binding, bindings.get(guard.binding.metadata.name)),
  ]);
}

function compare(expected: Guard['policy'] | Guard['binding'], live: LiveGuardObject | undefined): GuardProblem[] {
  const { kind } = expected;
  const { name } = expected.metadata;
  if (live === undefined || live.metadata.deletionTimestamp !== undefined) return [{ kind, name, problem: 'missing' }];
  // The order of keys means nothing, the order of lists does not either for most, but nobody but us writes them.
  return isDeepStrictEqual(plain(live.spec), plain(expected.spec)) ? [] : [{ kind, name, problem: 'altered' }];
}

/** Without prototypes and undefined members, so that only content is compared. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null));
}
