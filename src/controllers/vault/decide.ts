import type { VaultSpec } from '../../api/vault.ts';
import { durationMs } from '../../api/duration.ts';
import { currentKey, type VaultHead } from '../../vault/vault-record.ts';

/** Everything that decides what becomes of a vault; gathered before, so that deciding needs nothing else. */
export interface VaultFacts {
  readonly resource: { readonly uid: string; readonly generation: number; readonly rotateRequest: string | undefined };
  readonly spec: VaultSpec;
  readonly namespaceUid: string;
  readonly record: VaultHead | undefined;
  readonly now: Date;
  readonly clockTrusted: boolean;
}

export type VaultDecision =
  /** There is no record: make the vault. */
  | { readonly do: 'create' }
  /** The record is of a resource that went unnoticed: delete that vault first. */
  | { readonly do: 'delete-former' }
  | { readonly do: 'recover'; readonly head: VaultHead }
  | { readonly do: 'update'; readonly head: VaultHead }
  | { readonly do: 'rotate-key'; readonly handled: string | undefined }
  | { readonly do: 'refuse'; readonly reason: 'VaultDeletedButRecoverable'; readonly message: string }
  | { readonly do: 'nothing' };

/** What to do next; after each act it is decided again, until nothing is left to do. */
export function decideVault(facts: VaultFacts): VaultDecision {
  const { record, resource, spec } = facts;
  if (record === undefined) return { do: 'create' };
  if (record.deleted !== undefined) return decideDeleted(facts, record, record.deleted);
  if (record.resourceUid !== resource.uid) return { do: 'delete-former' };
  const head = withSettings(record, spec);
  if (head !== record) return { do: 'update', head };
  return decideRotation(facts, record);
}

function decideDeleted(facts: VaultFacts, record: VaultHead, deleted: NonNullable<VaultHead['deleted']>): VaultDecision {
  const { resource, spec } = facts;
  if (spec.createMode === 'Recover' && record.purgeRequested === undefined) {
    const { deleted: _recovered, ...rest } = record;
    return { do: 'recover', head: { ...withSettings(rest, spec), resourceUid: resource.uid, namespaceUid: facts.namespaceUid, recoveredAt: resource.generation } };
  }
  return {
    do: 'refuse',
    reason: 'VaultDeletedButRecoverable',
    message:
      `A vault of this name was deleted at ${deleted.at} and is kept until ${deleted.scheduledPurge}. ` +
      'To take it back, set spec.createMode: Recover (needs the verb recover on its DeletedVault); to destroy it, set spec.purge on the DeletedVault.',
  };
}

/** The record with what the spec may change. Purge protection only ever goes on; retention stays (decisions 18). */
function withSettings(record: VaultHead, spec: VaultSpec): VaultHead {
  const purgeProtection = record.purgeProtection || spec.purgeProtection;
  const { objects, versionsPerObject, bytes } = spec.limits;
  const limits = record.limits;
  const same = limits.objects === objects && limits.versionsPerObject === versionsPerObject && limits.bytes === bytes;
  if (purgeProtection === record.purgeProtection && same) return record;
  return { ...record, purgeProtection, limits: { objects, versionsPerObject, bytes } };
}

function decideRotation(facts: VaultFacts, record: VaultHead): VaultDecision {
  const { rotateRequest } = facts.resource;
  if (rotateRequest !== undefined && rotateRequest !== record.rotationHandled) return { do: 'rotate-key', handled: rotateRequest };
  const due = rotationDue(facts.spec, record);
  if (due !== undefined && due.getTime() <= facts.now.getTime() && facts.clockTrusted) {
    return { do: 'rotate-key', handled: record.rotationHandled };
  }
  return { do: 'nothing' };
}

/** When the vault key is to be replaced by time; undefined if only on request. */
export function rotationDue(spec: VaultSpec, record: VaultHead): Date | undefined {
  const interval = spec.encryption?.rotationInterval;
  return interval === undefined ? undefined : new Date(new Date(currentKey(record).created).getTime() + durationMs(interval));
}
