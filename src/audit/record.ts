import type { Reason } from '../api/reasons.ts';

/**
 * What may stand in an audit record: these fields and no others, each checked (checked-text.ts) before it gets into a
 * line. It is an allow-list on purpose: lists of what to redact are how secrets got into the audit logs of others
 * (CVE-2024-8365, CVE-2025-62513). There is no field for free text; what is not named here is not written.
 */

/** Everything that is audited, in Key Vault's manner: the kind of object, then the verb. */
export const operations = [
  'SecretGet',
  'SecretSet',
  'SecretGenerate',
  'SecretRotate',
  'SecretUpdate',
  'SecretSync',
  'CertificateGet',
  'CertificateCreate',
  'CertificateImport',
  'CertificatePendingMerge',
  'CertificatePendingUpdate',
  'CertificateIssue',
  'CertificateRenew',
  'CertificateUpdate',
  'CertificateSync',
  'KeySign',
  'ObjectAdopt',
  'ObjectDelete',
  'ObjectRecover',
  'ObjectPurge',
  'VaultCreate',
  'VaultUpdate',
  'VaultDelete',
  'VaultRecover',
  'VaultPurge',
  'VaultKeyRotate',
  'VaultKeyRewrap',
  'RollbackAccepted',
  // The chain's own lines: a writer's first one, its taking over another's checkpoint, a checkpoint that was tampered with.
  'AuditWriterStart',
  'AuditWriterRetire',
  'AuditCheckpointInvalid',
] as const;

export type AuditOperation = (typeof operations)[number];

/**
 * - `intent`: about to be changed; written before the compare-and-swap.
 * - `outcome`: what came of an intent (named by its sequence number); an intent without one was cut off by a crash, and
 *   the object's record tells by its counter whether the change took place.
 * - `read`: decrypted, signed with or published; written before the answer.
 * - `chain`: about the log itself.
 */
export type Phase = 'intent' | 'outcome' | 'read' | 'chain';

/**
 * - `ok`: done.
 * - `refused`: not done, nothing was changed.
 * - `failed`: a fault on the way; it is open whether the change took place.
 */
export type AuditResult = 'ok' | 'refused' | 'failed';

/** On whose behalf. `username` is the Kubernetes identity, or the name of a controller. */
export interface AuditActor {
  readonly kind: 'controller' | 'user';
  readonly username: string;
  readonly uid?: string;
}

/** What was done, to what, by whom: the part that the engine supplies. */
export interface AuditEntry {
  readonly operation: AuditOperation;
  readonly vault?: { readonly id: string; readonly namespace: string; readonly name: string };
  /** `name` in its canonical form. */
  readonly object?: { readonly kind: string; readonly name: string; readonly version?: string };
  readonly actor: AuditActor;
  /** The custom resource that asked for it, if one did. */
  readonly resource?: { readonly kind: string; readonly namespace: string; readonly name: string; readonly uid: string };
  /** Ties lines of several steps, or of a request, together. */
  readonly correlation?: string;
}

export interface ReadEntry extends AuditEntry {
  /** The counter of the record that was read. */
  readonly counter?: number;
  /** The access was not allowed: why. */
  readonly refused?: Reason;
}

export interface ChangeEntry extends AuditEntry {
  /** The counter that the record will have once the change is done. */
  readonly expectedCounter?: number;
}

/** What a change left behind: what a rolled-back record is held against. Nothing else of it is looked at. */
export interface ChangeOutcome {
  readonly counter?: number;
  /** SHA-256, hex, of the head as it was written. */
  readonly headHash?: string;
}

/** A point of a writer's chain: everything up to here was accepted by the sinks. */
export interface Checkpoint {
  readonly writer: string;
  /** Sequence number of the line, from 1. */
  readonly seq: number;
  /** The line's MAC. */
  readonly mac: string;
}

/** All that a line can say; time, writer, sequence number and the chain are added by the journal. */
export interface AuditRecord extends AuditEntry {
  readonly phase: Phase;
  /** Of an outcome: the sequence number of its intent. */
  readonly intent?: number;
  readonly expectedCounter?: number;
  readonly counter?: number;
  readonly headHash?: string;
  readonly result?: AuditResult;
  /** With `refused` and `failed`: a reason, or the name of a class of errors. Never a message. */
  readonly code?: string;
  /** Of a line of the chain: the other writer's checkpoint that it is about. */
  readonly checkpoint?: Checkpoint;
}
