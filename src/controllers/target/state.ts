import type { Target } from '../../api/target.ts';
import type { TargetState } from '../../vault/object-record.ts';
import type { ManagedSecret } from './managed-secret.ts';

/** What the record says of a target before its Secret is written. */
export function plannedState(target: Target, sinceVersion?: string): TargetState {
  const { namespace, name, creationPolicy, deletionPolicy } = target;
  return { namespace, name, creationPolicy, deletionPolicy, ...(sinceVersion === undefined ? {} : { sinceVersion }) };
}

/** What it says afterwards. */
export function writtenState(target: Target, secret: ManagedSecret, recorded: TargetState | undefined): TargetState {
  const sinceVersion = isSameTarget(recorded, target) ? recorded?.sinceVersion : recorded?.moving?.sinceVersion;
  return { ...plannedState(target, sinceVersion), uid: secret.metadata.uid };
}

/**
 * Whether the record must be written once more for what deletion will need. The uid alone is no reason: it only helps to
 * know a Secret again that has lost its marks, and is not worth a write for each target.
 */
export function isBehind(recorded: TargetState | undefined, state: TargetState): boolean {
  return (
    recorded === undefined || recorded.moving !== undefined || !isSameTarget(recorded, state) ||
    recorded.creationPolicy !== state.creationPolicy || recorded.deletionPolicy !== state.deletionPolicy
  );
}

export function isSameTarget(recorded: TargetState | undefined, target: { readonly namespace: string; readonly name: string }): boolean {
  return recorded !== undefined && recorded.namespace === target.namespace && recorded.name === target.name;
}
