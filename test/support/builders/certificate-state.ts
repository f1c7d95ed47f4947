import type { CertificateFacts, CertificateState, ObjectHead, VersionHead } from '../../../src/vault/object-record.ts';

const HOUR_MS = 3_600_000;

export const issuedAt = new Date('2026-01-01T00:00:00.000Z');

/** `hours` after the certificates of these builders were issued. */
export const hoursLater = (hours: number): Date => new Date(issuedAt.getTime() + hours * HOUR_MS);

/** Of a certificate that was issued at `issuedAt` for 90 days. */
export function certificateFacts(parts: Partial<CertificateFacts> = {}): CertificateFacts {
  return {
    serialNumber: '4a01',
    thumbprint: 'aa'.repeat(32),
    notBefore: issuedAt.toISOString(),
    notAfter: hoursLater(2160).toISOString(),
    issuer: 'team/ca',
    issuerThumbprint: 'bb'.repeat(32),
    ...parts,
  };
}

/** A version that the resource `uid-web` made. */
export function certificateVersion(parts: Partial<VersionHead> = {}): VersionHead {
  return { id: '01'.repeat(16), created: issuedAt.toISOString(), origin: 'uid-web', blob: 'cc'.repeat(32), size: 2000, vaultKey: 'key-1', certificate: certificateFacts(), ...parts };
}

/** Issued once, declared by `team/web`, due when a third of its life is left. */
export function certificateState(parts: Partial<CertificateState> = {}): CertificateState {
  return {
    created: issuedAt.toISOString(),
    updated: issuedAt.toISOString(),
    attributes: { enabled: true },
    tags: {},
    declaredBy: { kind: 'VaultCertificate', namespace: 'team', name: 'web', uid: 'uid-web', deletionPolicy: 'Delete' },
    versions: [certificateVersion()],
    revision: 1,
    renewalDue: hoursLater(1440).toISOString(),
    inputs: 'inputs-1',
    recentIssues: [],
    ...parts,
  };
}

/** The object `web` of vault `vault-1`. */
export function certificateHead(certificate: CertificateState = certificateState(), parts: Partial<ObjectHead> = {}): ObjectHead {
  return { vaultId: 'vault-1', name: 'web', incarnation: 'first', counter: 3, archives: [], certificate, ...parts };
}
