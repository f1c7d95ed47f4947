import type { Target } from '../../api/target.ts';
import type { Claim } from '../claim.ts';
import type { CertificateState, SecretState, TargetState } from '../../vault/object-record.ts';
import { plannedState } from './state.ts';

/**
 * What the record shall say of the target before the Secret is written. Planned together with the very first version,
 * which saves a write. A target that comes later, or that moves to another Secret, gets only versions made after that,
 * unless an AccessPolicy allows more (decisions 58): so which version was current then is noted, and while the move is
 * not carried out the old Secret stays the recorded one.
 */
export function recordedTarget(
  before: SecretState | CertificateState | undefined,
  wanted: Target | undefined,
  claim: Claim,
): TargetState | undefined {
  // Adopting, which needs `grant`, makes the versions the resource's own; the former resource's target stays that one's.
  if (claim === 'adopt') return wanted === undefined ? undefined : plannedState(wanted);
  const recorded = before?.declaredBy?.target;
  const current = before?.versions[0]?.id;
  if (wanted === undefined) return recorded;
  if (recorded === undefined) return plannedState(wanted, current);
  const { moving, ...settled } = recorded;
  if (isSame(recorded, wanted)) return settled;
  if (moving !== undefined && isSame(moving, wanted)) return recorded;
  const { namespace, name } = wanted;
  return { ...settled, moving: { namespace, name, ...(current === undefined ? {} : { sinceVersion: current }) } };
}

/** Only versions newer than this one count as made for the wanted target; undefined: all that the resource made. */
export function sinceVersionOf(recorded: TargetState | undefined, wanted: Target): string | undefined {
  if (recorded === undefined || isSame(recorded, wanted)) return recorded?.sinceVersion;
  return recorded.moving?.sinceVersion;
}

function isSame(a: { readonly namespace: string; readonly name: string }, b: { readonly namespace: string; readonly name: string }): boolean {
  return a.namespace === b.namespace && a.name === b.name;
}
