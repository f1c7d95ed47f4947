import type { Reason } from '../../api/reasons.ts';
import type { CertificateState } from '../../vault/object-record.ts';

/** What stands in the way of signing with a CA. */
export interface CaProblem {
  readonly reason: Reason;
  /** What happened, and what to do. */
  readonly message: string;
}

export interface CaFacts {
  readonly vault: string;
  readonly certificateName: string;
  /** The certificate of that name in the vault; undefined if there is none. */
  readonly state: CertificateState | undefined;
  /** Name of a vault in which a VaultCertificate of the namespace keeps a certificate of that name, if not in this one. */
  readonly otherVault?: string | undefined;
  /** Whether the current version is a CA certificate; undefined when it was not looked at. */
  readonly isCA: boolean | undefined;
  readonly now: Date;
}

type Check = (facts: CaFacts) => CaProblem | undefined;

const notThere: Check = ({ state, vault, certificateName, otherVault }) => {
  if (state !== undefined) return undefined;
  if (otherVault !== undefined) {
    return { reason: 'CaInOtherVault', message: `The certificate ${certificateName} is in vault ${otherVault}, and this issuer may use vault ${vault} only. Correct spec.ca.vaultRef, or create the certificate there.` };
  }
  return { reason: 'CaNotFound', message: `Vault ${vault} has no certificate ${certificateName}. Create a VaultCertificate with isCA: true and that objectName, or correct spec.ca.certificateName.` };
};

const deleted: Check = ({ state, certificateName }) =>
  state?.deleted === undefined
    ? undefined
    : { reason: 'CaNotReady', message: `The CA certificate ${certificateName} is deleted and will be purged at ${state.deleted.scheduledPurge}. Recover it: set createMode: Recover on its VaultCertificate.` };

const disabled: Check = ({ state, certificateName }) =>
  state?.attributes.enabled === false ? { reason: 'CaNotReady', message: `The CA certificate ${certificateName} is disabled. Enable it.` } : undefined;

const notIssued: Check = ({ state, certificateName }) =>
  state?.versions.length === 0 ? { reason: 'CaNotReady', message: `The CA certificate ${certificateName} has not been issued yet; see the status of its VaultCertificate.` } : undefined;

const noCa: Check = ({ isCA, certificateName }) =>
  isCA === false ? { reason: 'IssuerNotCA', message: `The certificate ${certificateName} is no CA certificate. Set isCA: true on its VaultCertificate, or name another one.` } : undefined;

const ended: Check = ({ state, certificateName, now }) => {
  const end = state?.versions[0]?.certificate?.notAfter;
  return end !== undefined && Date.parse(end) <= now.getTime()
    ? { reason: 'IssuerExpired', message: `The CA certificate ${certificateName} expired at ${end}. Renew it; see the status of its VaultCertificate.` }
    : undefined;
};

/** In order; the first hit is what a person must mend first. */
export const caChecks: readonly Check[] = [notThere, deleted, disabled, notIssued, noCa, ended];

/** Why a CA can't sign now; undefined if it can. */
export function caProblem(facts: CaFacts): CaProblem | undefined {
  for (const check of caChecks) {
    const problem = check(facts);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
