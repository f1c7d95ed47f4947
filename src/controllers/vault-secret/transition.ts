import { isDeepStrictEqual } from 'node:util';
import type { VaultSecretSpec } from '../../api/vault-secret.ts';
import type { AuditOperation } from '../../audit/record.ts';
import type { NewVersion } from '../../vault/blobs.ts';
import type { Change } from '../../vault/object-change.ts';
import type { Attributes, Declaration, ObjectHead, SecretState, TargetState, VersionHead } from '../../vault/object-record.ts';
import type { Claim } from '../claim.ts';
import type { SecretDecision } from './decide.ts';

/** What the next head is made of, besides the head itself. */
export interface SecretTransition {
  readonly decision: Extract<SecretDecision, { do: 'keep' }>;
  readonly spec: VaultSecretSpec;
  readonly resource: { readonly namespace: string; readonly name: string; readonly uid: string; readonly generation: number };
  readonly vaultId: string;
  readonly inputs: string | undefined;
  /** The new version, if the decision wants one. */
  readonly version: NewVersion | undefined;
  /** The target as the record shall say it from now on. */
  readonly target: TargetState | undefined;
  readonly now: Date;
  /** Of the record, if it is made now. */
  readonly incarnation: string;
}

/** The one change that takes the object where the decision wants it; undefined when it is there already. */
export function transition(head: ObjectHead | undefined, next: SecretTransition): Change | undefined {
  const before = head?.secret;
  const state = nextState(before, next);
  if (next.version === undefined && before !== undefined && isDeepStrictEqual(before, state)) return undefined;
  const updated = { ...state, updated: next.now.toISOString() };
  const base = head ?? { vaultId: next.vaultId, name: next.spec.objectName, incarnation: next.incarnation, counter: 0, archives: [] };
  return {
    operation: operationOf(next),
    kind: 'secret',
    head: { ...base, secret: updated },
    ...(next.version === undefined ? {} : { add: next.version }),
  };
}

function nextState(before: SecretState | undefined, next: SecretTransition): SecretState {
  const { spec, now } = next;
  const created = before?.created ?? now.toISOString();
  const { attributes: _a, tags: _t, contentType: _c, declaredBy: _b, deleted: _d, inputs: _i, versions: _v, ...rest } = before ?? {};
  return {
    ...rest,
    created,
    updated: before?.updated ?? now.toISOString(),
    attributes: attributesOf(spec),
    tags: spec.tags ?? {},
    ...(spec.contentType === undefined ? {} : { contentType: spec.contentType }),
    declaredBy: declarationOf(before, next),
    ...inputsOf(before, next),
    versions: keptVersions(before, next),
  };
}

function attributesOf({ attributes }: VaultSecretSpec): Attributes {
  return {
    enabled: attributes.enabled,
    ...(attributes.notBefore === undefined ? {} : { notBefore: attributes.notBefore }),
    ...(attributes.expires === undefined ? {} : { expires: attributes.expires }),
  };
}

function declarationOf(before: SecretState | undefined, next: SecretTransition): Declaration {
  const { resource, spec } = next;
  const recoveredAt = next.decision.claim === 'recover' ? resource.generation : before?.declaredBy?.recoveredAt;
  const sameResource = before?.declaredBy?.uid === resource.uid || next.decision.claim === 'recover';
  return {
    kind: 'VaultSecret',
    namespace: resource.namespace,
    name: resource.name,
    uid: resource.uid,
    deletionPolicy: spec.deletionPolicy,
    ...(recoveredAt === undefined || !sameResource ? {} : { recoveredAt }),
    ...(next.target === undefined ? {} : { target: next.target }),
  };
}

/** Inputs move with a new version, and with a take-over that accepts the versions as they are. */
function inputsOf(before: SecretState | undefined, next: SecretTransition): { inputs?: string } {
  const accepts = next.decision.claim === 'adopt' || next.decision.claim === 'recover';
  const inputs = next.version !== undefined || accepts ? next.inputs : before?.inputs;
  return inputs === undefined ? {} : { inputs };
}

/** Adopting rebinds the versions to the new resource (decisions 43); then the oldest beyond what is kept go. */
function keptVersions(before: SecretState | undefined, next: SecretTransition): readonly VersionHead[] {
  const versions = before?.versions ?? [];
  const bound = next.decision.claim === 'adopt' ? versions.map((version) => ({ ...version, origin: next.resource.uid })) : versions;
  const keep = next.spec.versionsToKeep;
  if (keep === undefined) return bound;
  return bound.slice(0, next.version === undefined ? keep : keep - 1);
}

const claimOperations: Readonly<Record<Claim, AuditOperation | undefined>> = {
  adopt: 'ObjectAdopt',
  recover: 'ObjectRecover',
  create: undefined,
  own: undefined,
};

function operationOf({ decision, spec }: SecretTransition): AuditOperation {
  const claimed = claimOperations[decision.claim];
  if (claimed !== undefined) return claimed;
  if (decision.newVersion === undefined) return 'SecretUpdate';
  if (decision.newVersion === 'rotation') return 'SecretRotate';
  return spec.secretRef === undefined ? 'SecretGenerate' : 'SecretSet';
}
