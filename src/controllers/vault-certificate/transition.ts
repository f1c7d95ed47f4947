import { isDeepStrictEqual } from 'node:util';
import type { KeysteadError } from '../../api/error.ts';
import type { VaultCertificateSpec } from '../../api/vault-certificate.ts';
import type { SignedCertificate } from '../../issuers/issuer.ts';
import { rootsToKeep } from '../../issuers/trusted-roots.ts';
import type { NewVersion } from '../../vault/blobs.ts';
import type { Change } from '../../vault/object-change.ts';
import type { CertificateFacts, CertificateState, Declaration, ObjectHead } from '../../vault/object-record.ts';
import { recordedTarget } from '../target/recorded-target.ts';
import type { Claim } from '../claim.ts';
import { attemptOf, type Gathered } from './facts.ts';
import { withIssue } from './issue-limit.ts';
import type { Need } from './need.ts';
import { renewalInstant, spreadOf } from './renewal.ts';
import { nextAttempt } from './retries.ts';

/**
 * What a decision makes of the record, each one compare-and-swap: an operation is opened and completed in the same write,
 * so that nothing exists before it, and a process that is killed leaves either the old state or the new one.
 */

/** A certificate that was signed and is not published yet. */
export interface Issued {
  readonly signed: SignedCertificate;
  /** PKCS#8 in PEM; the engine overwrites it. */
  readonly privateKey: Buffer;
  readonly versionId: string;
  /** Of the version that it replaces, if there is one. */
  readonly replacedCaPem: string | undefined;
}

export interface IssueStep {
  readonly facts: Gathered;
  readonly claim: Claim;
  readonly need: Need;
}

/** Random ids that a change needs, drawn before, so that the change itself is pure. */
export interface FreshIds {
  readonly incarnation: string;
  readonly operation: string;
}

/** The new version becomes current; versions beyond `versionsToKeep` are destroyed in the same write. */
export function issueChange({ facts, claim, need }: IssueStep, issued: Issued, ids: FreshIds): Change {
  const at = facts.now.toISOString();
  const head = facts.head ?? newHead(facts, ids);
  const before = claimed(head.certificate ?? emptyState(at), facts, claim);
  const replaced = before.versions[0];
  const certificate = factsOf(issued.signed, facts.spec);
  const { failures: _over, previousRoots: _roots, ...kept } = before;
  const previousRoots = rootsToKeep(
    before.previousRoots ?? [],
    replaced?.certificate === undefined || issued.replacedCaPem === undefined ? undefined : { caPem: issued.replacedCaPem, end: replaced.certificate.notAfter },
    issued.signed.caPem,
    facts.now,
  );
  const state: CertificateState = {
    ...kept,
    updated: at,
    versions: before.versions.slice(0, facts.spec.versionsToKeep - 1),
    revision: before.revision + 1,
    operation: { id: ids.operation, state: 'completed', openedAt: at, closedAt: at, reason: need },
    renewalDue: renewalDue(certificate, facts, issued.versionId),
    inputs: facts.inputs,
    recentIssues: withIssue(before.recentIssues, facts.now),
    ...(facts.resource.renewRequest === undefined ? {} : { renewHandled: facts.resource.renewRequest }),
    ...(previousRoots.length === 0 ? {} : { previousRoots }),
  };
  const add: NewVersion = {
    kind: 'certificate',
    id: issued.versionId,
    created: at,
    origin: facts.resource.uid,
    certificate,
    public: { certificate: issued.signed.chainPem, ca: issued.signed.caPem },
    fields: new Map([['privateKey', issued.privateKey]]),
  };
  return { operation: replaced === undefined ? 'CertificateIssue' : 'CertificateRenew', kind: 'certificate', head: { ...head, certificate: state }, add };
}

/** An attempt that failed: counted, and put off. */
export function failureChange({ facts, claim, need }: IssueStep, error: Pick<KeysteadError, 'code' | 'message'>, fraction: number, ids: FreshIds): Change {
  const at = facts.now.toISOString();
  const head = facts.head ?? newHead(facts, ids);
  const before = claimed(head.certificate ?? emptyState(at), facts, claim);
  const attempt = attemptOf(facts);
  const count = before.failures?.attempt === attempt && need !== 'RenewRequested' ? before.failures.count + 1 : 1;
  const state: CertificateState = {
    ...before,
    updated: at,
    operation: { id: ids.operation, state: 'failed', openedAt: at, closedAt: at, reason: need, error: { code: error.code, message: error.message } },
    failures: { count, nextAttempt: nextAttempt(count, facts.now, fraction).toISOString(), attempt },
    // Asked for once is tried at once, once; what follows are the usual retries.
    ...(need === 'RenewRequested' && facts.resource.renewRequest !== undefined ? { renewHandled: facts.resource.renewRequest } : {}),
  };
  return { operation: 'CertificateUpdate', kind: 'certificate', head: { ...head, certificate: state } };
}

/** What the spec says beside the certificate itself: tags, policies, when to renew, whose it is. Undefined: it says so already. */
export function settingsChange(facts: Gathered, claim: Claim): Change | undefined {
  const { head } = facts;
  if (head?.certificate === undefined) return undefined;
  const state = claimed(head.certificate, facts, claim);
  const current = state.versions[0];
  const next = current?.certificate === undefined ? state : { ...state, renewalDue: renewalDue(current.certificate, facts, current.id) };
  if (isDeepStrictEqual(next, head.certificate)) return undefined;
  const operation = claim === 'adopt' ? 'ObjectAdopt' : claim === 'recover' ? 'ObjectRecover' : 'CertificateUpdate';
  return { operation, kind: 'certificate', head: { ...head, certificate: { ...next, updated: facts.now.toISOString() } } };
}

/** The state as this resource's. */
function claimed(state: CertificateState, { resource, spec }: Gathered, claim: Claim): CertificateState {
  const { deleted: _back, ...rest } = state;
  const isOwn = state.declaredBy?.uid === resource.uid;
  const recoveredAt = claim === 'recover' ? resource.generation : isOwn ? state.declaredBy?.recoveredAt : undefined;
  const target = recordedTarget(isOwn ? state : undefined, spec.target, claim);
  const declaredBy: Declaration = {
    kind: 'VaultCertificate',
    namespace: resource.namespace,
    name: resource.name,
    uid: resource.uid,
    deletionPolicy: spec.deletionPolicy,
    ...(recoveredAt === undefined ? {} : { recoveredAt }),
    ...(target === undefined ? {} : { target }),
  };
  const versions = claim === 'adopt' ? state.versions.map((version) => ({ ...version, origin: resource.uid })) : state.versions;
  return { ...rest, tags: spec.tags ?? {}, declaredBy, versions };
}

function newHead(facts: Gathered, ids: FreshIds): ObjectHead {
  return { vaultId: facts.vaultId, name: facts.spec.objectName, incarnation: ids.incarnation, counter: 0, archives: [] };
}

function emptyState(at: string): CertificateState {
  return { created: at, updated: at, attributes: { enabled: true }, tags: {}, versions: [], revision: 0, recentIssues: [] };
}

function factsOf({ facts, issuerThumbprint }: SignedCertificate, spec: VaultCertificateSpec): CertificateFacts {
  return {
    serialNumber: facts.serialNumber,
    thumbprint: facts.thumbprint,
    notBefore: facts.notBefore.toISOString(),
    notAfter: facts.notAfter.toISOString(),
    issuer: `${spec.issuerRef.namespace}/${spec.issuerRef.name}`,
    issuerThumbprint,
  };
}

function renewalDue(certificate: CertificateFacts, { spec, vaultId }: Gathered, versionId: string): string {
  const lifetime = { notBefore: new Date(certificate.notBefore), notAfter: new Date(certificate.notAfter) };
  return renewalInstant(lifetime, spec, spreadOf(vaultId, versionId)).toISOString();
}
