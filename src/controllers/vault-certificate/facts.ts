import type { Reason } from '../../api/reasons.ts';
import type { VaultCertificateSpec } from '../../api/vault-certificate.ts';
import type { CertificateState, ObjectHead } from '../../vault/object-record.ts';

/** What is known of the issuer that a certificate names. */
export type IssuerView =
  | { readonly kind: 'missing' }
  | { readonly kind: 'notAllowed' }
  /** It is there, and can't sign now. */
  | { readonly kind: 'notReady'; readonly reason: Reason; readonly message: string }
  | { readonly kind: 'selfSigned' }
  | {
      readonly kind: 'ca';
      /** The version of the CA certificate that would sign. */
      readonly versionId: string;
      /** Nothing that it signs is valid for longer. */
      readonly notAfter: Date;
      /** When another version will sign, if that is known already. */
      readonly changesAt: Date | undefined;
      readonly allowSubordinates: boolean;
    };

/** Everything that decides what becomes of a VaultCertificate; gathered before, so that deciding needs nothing else. */
export interface Gathered {
  readonly resource: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly generation: number;
    /** SHA-256, hex, of the annotation `keystead.dev/renew`; undefined without one. */
    readonly renewRequest: string | undefined;
  };
  readonly spec: VaultCertificateSpec;
  /** A vault that may be used (`usableVault`). */
  readonly vaultId: string;
  readonly head: ObjectHead | undefined;
  /** HMAC over what the certificate is made from (`inputsOf`). */
  readonly inputs: string;
  readonly issuer: IssuerView;
  /** Whether versions that this resource did not make may go into its target (decisions 1). */
  readonly mayUseForeignVersions: boolean;
  /** Whether the resource that the record names as declaring is there and wants to adopt, too. */
  readonly otherAdopts: boolean;
  readonly now: Date;
  /** Whether the local clock and the API server's agree: a certificate must begin and end when it says. */
  readonly clocksAgree: boolean;
  /** Whether renewals by time may go on (decisions 14). */
  readonly clockTrusted: boolean;
}

export const stateOfCertificate = (facts: Gathered): CertificateState | undefined => facts.head?.certificate;

/** The end of the current version. */
export function endOf(state: CertificateState | undefined): Date | undefined {
  const end = state?.versions[0]?.certificate?.notAfter;
  return end === undefined ? undefined : new Date(end);
}

/** What an attempt to issue is made of: after a failure, the same again waits, and anything else is tried at once. */
export function attemptOf(facts: Pick<Gathered, 'inputs' | 'issuer'>): string {
  return facts.issuer.kind === 'ca' ? `${facts.inputs}/${facts.issuer.versionId}` : facts.inputs;
}
