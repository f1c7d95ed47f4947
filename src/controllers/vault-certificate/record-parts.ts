import type { VaultCertificateSpec } from '../../api/vault-certificate.ts';
import type { SignedCertificate } from '../../issuers/issuer.ts';
import { rootsToKeep } from '../../issuers/trusted-roots.ts';
import type { CertificateFacts, CertificateState, Declaration, ObjectHead } from '../../vault/object-record.ts';
import type { Claim } from '../claim.ts';
import { recordedTarget } from '../target/recorded-target.ts';
import type { Gathered } from './facts.ts';
import type { Need } from './need.ts';
import { renewalInstant, spreadOf } from './renewal.ts';

/* The pieces that all transitions of a certificate's record are put together from. Pure. */

/** What was decided, and from what. */
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

/** A certificate that takes the place of the current one. */
export interface Replacement {
  readonly signed: SignedCertificate;
  readonly versionId: string;
  /** Root of the version that it replaces, if there is one. */
  readonly replacedCaPem: string | undefined;
  /** namespace/name of the VaultIssuer that signed; empty for what was imported. */
  readonly issuer: string;
}

/**
 * The state with room for a new version, and with all that a new version changes beside itself: versions beyond
 * `versionsToKeep` go, the old root stays as long as certificates below it, the next renewal is planned.
 */
export function withReplacement(before: CertificateState, facts: Gathered, { signed, versionId, replacedCaPem, issuer }: Replacement): { state: CertificateState; certificate: CertificateFacts } {
  const replaced = before.versions[0];
  const certificate = factsOf(signed, issuer);
  const { failures: _over, previousRoots: _roots, renewalDue: _due, ...kept } = before;
  const previousRoots = rootsToKeep(
    before.previousRoots ?? [],
    replaced?.certificate === undefined || replacedCaPem === undefined ? undefined : { caPem: replacedCaPem, end: replaced.certificate.notAfter },
    signed.caPem,
    facts.now,
  );
  const state: CertificateState = {
    ...kept,
    updated: facts.now.toISOString(),
    versions: before.versions.slice(0, facts.spec.versionsToKeep - 1),
    revision: before.revision + 1,
    ...plannedRenewal(certificate, facts, versionId),
    inputs: facts.inputs,
    ...renewHandled(facts),
    ...(previousRoots.length === 0 ? {} : { previousRoots }),
  };
  return { state, certificate };
}

/** The annotation `keystead.dev/renew` as carried out. */
export function renewHandled({ resource }: Gathered): Pick<CertificateState, 'renewHandled'> {
  return resource.renewRequest === undefined ? {} : { renewHandled: resource.renewRequest };
}

/** The state as this resource's. */
export function claimed(state: CertificateState, { resource, spec }: Gathered, claim: Claim): CertificateState {
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

export function newHead(facts: Gathered, ids: FreshIds): ObjectHead {
  return { vaultId: facts.vaultId, name: facts.spec.objectName, incarnation: ids.incarnation, counter: 0, archives: [] };
}

export function emptyState(at: string): CertificateState {
  return { created: at, updated: at, attributes: { enabled: true }, tags: {}, versions: [], revision: 0, recentIssues: [] };
}

function factsOf({ facts, issuerThumbprint }: SignedCertificate, issuer: string): CertificateFacts {
  return {
    serialNumber: facts.serialNumber,
    thumbprint: facts.thumbprint,
    notBefore: facts.notBefore.toISOString(),
    notAfter: facts.notAfter.toISOString(),
    issuer,
    issuerThumbprint,
  };
}

/** Nothing where nobody renews. */
export function plannedRenewal(certificate: CertificateFacts, { spec, vaultId }: Pick<Gathered, 'spec' | 'vaultId'>, versionId: string): Pick<CertificateState, 'renewalDue'> {
  return spec.issuerRef === undefined ? {} : { renewalDue: instantOf(certificate, spec, vaultId, versionId).toISOString() };
}

/** When the current version is to be replaced: by a renewal that is planned, or, where nobody renews it, by a person. */
export function dueAt(spec: VaultCertificateSpec, vaultId: string, state: CertificateState | undefined): Date | undefined {
  if (state?.renewalDue !== undefined) return new Date(state.renewalDue);
  const current = state?.versions[0];
  return current?.certificate === undefined || spec.issuerRef !== undefined ? undefined : instantOf(current.certificate, spec, vaultId, current.id);
}

function instantOf(certificate: CertificateFacts, spec: VaultCertificateSpec, vaultId: string, versionId: string): Date {
  const lifetime = { notBefore: new Date(certificate.notBefore), notAfter: new Date(certificate.notAfter) };
  return renewalInstant(lifetime, spec, spreadOf(vaultId, versionId));
}
