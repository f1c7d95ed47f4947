import { labels } from '../../api/names.ts';
import { targetTypes, type Target } from '../../api/target.ts';
import type { TargetState } from '../../vault/object-record.ts';
import { describeOwner, managingVault, marksOf, mergeMarkOf, sameResource, valueOf, type Owner } from './identity.ts';
import type { ManagedSecret } from './managed-secret.ts';
import { refusal, type Refusal } from './refusal.ts';
import { isSameTarget } from './state.ts';

/**
 * What to do about a target, decided from facts alone. The rule above all others: nothing is done to a Secret that is not
 * proven to be ours, by marks that only who may write it could have put there, or by the owner of a merged one.
 */

/** Foreign Secrets are not watched, so nobody tells when one goes. */
const LOOK_AGAIN_MS = 5 * 60_000;

export type Write = { readonly do: 'create'; readonly live?: undefined } | { readonly do: 'update' | 'replace' | 'merge'; readonly live: ManagedSecret };
export type Action = { readonly do: 'none'; readonly live: ManagedSecret } | Write | Refusal;

export interface TargetFacts {
  readonly owner: Owner;
  /** Name of the vault, as in the label. */
  readonly vault: string;
  readonly target: Target;
  /** The Secret of the target's name, as far as it is known; with Merge, only one that carries the label merge. */
  readonly live: ManagedSecret | undefined;
  /** The HMAC on `live` is right for what it should hold. */
  readonly current: boolean;
  readonly recorded: TargetState | undefined;
  /** Undefined if all consents are there. */
  readonly consent: Refusal | undefined;
}

/** Whose a live Secret is, seen from one resource. */
export type Claim =
  | { readonly of: 'ours' | 'nobody' }
  /** Another resource's; the first one that wrote it has it. */
  | { readonly of: 'other'; readonly owner: Owner }
  /** Managed by label, but what else it says is a copy's or makes no sense. */
  | { readonly of: 'unclear' };

/**
 * A resource of the same kind, namespace and name but another uid was an earlier one, since there is only one at a time:
 * what it left is ours, so that deleting and re-creating a manifest goes on where it was.
 */
export function claimOf(live: ManagedSecret, owner: Owner, recorded: TargetState | undefined): Claim {
  if (managingVault(live) === undefined) return { of: 'nobody' };
  const marks = marksOf(live);
  const { namespace = '', name, uid } = live.metadata;
  if (marks === undefined) {
    // Marks wiped, label kept: two other things may still say whose it is.
    const referenced = (live.metadata.ownerReferences ?? []).some((reference) => reference.uid === owner.uid);
    const isRecorded = isSameTarget(recorded, { namespace, name }) && recorded?.uid === uid;
    return { of: referenced || isRecorded ? 'ours' : 'unclear' };
  }
  if (marks === 'malformed' || marks.target !== `${namespace}/${name}`) return { of: 'unclear' };
  return sameResource(marks.owner, owner) ? { of: 'ours' } : { of: 'other', owner: marks.owner };
}

export function decideTarget(facts: TargetFacts): Action {
  if (facts.consent !== undefined) return facts.consent;
  return facts.target.creationPolicy === 'Merge' ? decideMerge(facts) : decideWhole(facts);
}

function decideWhole({ owner, target, live, current, recorded }: TargetFacts): Action {
  if (live === undefined) return { do: 'create' };
  const foreign = refuseForeign(live, claimOf(live, owner, recorded));
  if (foreign !== undefined) return foreign;
  const secret = nameOf(live);
  if (live.metadata.deletionTimestamp !== undefined) {
    return refusal('TargetDeleting', `Secret ${secret} is being deleted; it is written anew when it is gone. If that takes long, see its finalizers.`, 'wait');
  }
  if (current) return { do: 'none', live };
  // Neither the type nor the values of an immutable Secret can be changed.
  return { do: live.immutable || live.type !== target.type ? 'replace' : 'update', live };
}

function refuseForeign(live: ManagedSecret, claim: Claim): Refusal | undefined {
  const secret = nameOf(live);
  switch (claim.of) {
    case 'other':
      return conflict(`Secret ${secret} belongs to ${describeOwner(claim.owner)}. Choose another spec.target.name, or delete that Secret if its resource is gone.`);
    case 'unclear':
      return conflict(`Secret ${secret} carries the label ${labels.managed}, but not the annotations of a Secret that Keystead wrote here. Remove the label or the Secret.`);
    case 'nobody':
      // The operator is not let near a Secret without the label, whatever else it says.
      return marksOf(live) === undefined
        ? conflict(`Secret ${secret} exists and is not managed by Keystead. Choose another spec.target.name, delete the Secret, or let its owner allow creationPolicy Merge.`)
        : conflict(`Secret ${secret} has lost the label ${labels.managed}, so Keystead leaves it alone. Put the label back, or delete the Secret.`);
    default:
      return undefined;
  }
}

function decideMerge({ target, live, current }: TargetFacts): Action {
  const secret = `${target.namespace}/${target.name}`;
  if (live === undefined || valueOf(live.metadata.labels, labels.merge) === undefined) {
    return refusal('MergeNotAllowed', `There is no Secret ${secret} with the label ${labels.merge}. Create it or label it, so that its owner agrees, or use another creationPolicy.`, 'wait');
  }
  if (managingVault(live) !== undefined) {
    return conflict(`Secret ${secret} is managed by Keystead as a whole, so nothing is merged into it. Choose another spec.target.name.`);
  }
  if (valueOf(live.metadata.labels, labels.source) !== undefined) {
    // Else a value could be taken from where it is written to, and change for ever (decisions 28).
    return conflict(`Secret ${secret} is a source of values (label ${labels.source}), so nothing is merged into it. Choose another spec.target.name.`);
  }
  if (live.metadata.deletionTimestamp !== undefined) return refusal('TargetDeleting', `Secret ${secret} is being deleted.`, 'wait');
  if (current) return { do: 'none', live };
  if (live.immutable) return conflict(`Secret ${secret} is immutable, so nothing can be merged into it. Choose another spec.target.name.`);
  if (!(targetTypes as readonly string[]).includes(live.type)) {
    return refusal('TargetNotAllowed', `Secret ${secret} is of type ${live.type}, which Keystead does not write. Choose another spec.target.name.`, 'wait');
  }
  return { do: 'merge', live };
}

/**
 * After rendering: an immutable Secret whose values, type and immutability stay needs no replacing, only other metadata.
 */
export function withoutGap(action: Write, target: Target, sameContent: boolean): Write {
  if (action.do !== 'replace' || !sameContent || action.live.type !== target.type) return action;
  return action.live.immutable && !target.immutable ? action : { do: 'update', live: action.live };
}

export type Departure = { readonly do: 'none' | 'keep' } | { readonly do: 'delete' | 'unmerge'; readonly live: ManagedSecret };

/**
 * What becomes of a target that its resource no longer has: because it names another one, or none, or is gone. Only what
 * this very resource wrote is removed, by uid: one of the same name that came later may have taken it over.
 */
export function decideDeparture(owner: Owner, recorded: TargetState, live: ManagedSecret | undefined): Departure {
  if (live === undefined || live.metadata.deletionTimestamp !== undefined) return { do: 'none' };
  if (recorded.deletionPolicy === 'Retain') return { do: 'keep' };
  if (recorded.creationPolicy === 'Merge') {
    const mayWrite = valueOf(live.metadata.labels, labels.merge) !== undefined && managingVault(live) === undefined && !live.immutable;
    return mayWrite && mergeMarkOf(live, owner.uid) !== undefined ? { do: 'unmerge', live } : { do: 'keep' };
  }
  const marks = marksOf(live);
  const sameUid = marks === undefined || (marks !== 'malformed' && marks.owner.uid === owner.uid);
  return claimOf(live, owner, recorded).of === 'ours' && sameUid ? { do: 'delete', live } : { do: 'keep' };
}

function conflict(message: string): Refusal {
  return refusal('Conflict', message, 'wait', LOOK_AGAIN_MS);
}

function nameOf(secret: ManagedSecret): string {
  return `${secret.metadata.namespace ?? ''}/${secret.metadata.name}`;
}
