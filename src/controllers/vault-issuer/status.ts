import type { VaultIssuerSpec, VaultIssuerStatus } from '../../api/vault-issuer.ts';
import { KeysteadError } from '../../api/error.ts';
import type { CertificateFacts } from '../../crypto/x509/inspect.ts';
import { CA_BUNDLE } from '../../issuers/external/answer.ts';
import { parseCaBundle } from '../../issuers/external/checked-chain.ts';
import { caProblem } from './ca-readiness.ts';
import type { CertificateState } from '../../vault/object-record.ts';
import { isReady, notReady, toSeconds, type WantedCondition } from '../conditions.ts';

/** What was found of an issuer's CA. */
export interface CaSeen {
  readonly state: CertificateState | undefined;
  /** Of the current version. */
  readonly facts: CertificateFacts | undefined;
  readonly otherVault: string | undefined;
}

export type IssuerStatusFields = Omit<VaultIssuerStatus, 'conditions' | 'observedGeneration'>;

export interface IssuerVerdict {
  readonly conditions: readonly WantedCondition[];
  readonly fields: IssuerStatusFields;
  /** Milliseconds after which time alone changes the verdict. */
  readonly again: number | undefined;
}

/** Whether an issuer can sign, and what is known of its CA. `seen` is undefined where it needs none. */
export function issuerStatus(spec: VaultIssuerSpec, seen: CaSeen | undefined, now: Date): IssuerVerdict {
  if (spec.external !== undefined) return externalStatus(spec.external);
  if (spec.ca === undefined || seen === undefined) return { conditions: [isReady('Certificates are signed with their own keys.')], fields: {}, again: undefined };
  const { state, facts, otherVault } = seen;
  const problem = caProblem({ vault: spec.ca.vaultRef.name, certificateName: spec.ca.certificateName, state, otherVault, isCA: facts?.isCA, now });
  const fields = facts === undefined ? {} : { subject: facts.subject, notAfter: toSeconds(facts.notAfter), thumbprint: facts.thumbprint };
  if (problem !== undefined || facts === undefined) {
    const { reason, message } = problem ?? { reason: 'CaNotReady' as const, message: `The CA certificate ${spec.ca.certificateName} has not been issued yet.` };
    return { conditions: notReady(reason, message, 'waits'), fields, again: undefined };
  }
  const ready = isReady(`The CA ${facts.subject} signs, until ${toSeconds(facts.notAfter)}.`);
  return { conditions: [ready], fields, again: facts.notAfter.getTime() - now.getTime() };
}

/** Nobody outside is asked: such an issuer is ready as soon as it can be understood. */
function externalStatus({ caBundle }: NonNullable<VaultIssuerSpec['external']>): IssuerVerdict {
  const verdict = (conditions: readonly WantedCondition[]): IssuerVerdict => ({ conditions, fields: {}, again: undefined });
  try {
    if (caBundle !== undefined) parseCaBundle(caBundle, CA_BUNDLE);
  } catch (error) {
    if (error instanceof KeysteadError) return verdict(notReady(error.code, error.message, 'stalled'));
    throw error;
  }
  return verdict([isReady('Certificates are signed outside of the cluster: each CSR waits in the status of its VaultCertificate.')]);
}
