import type { Reason } from '../../api/reasons.ts';
import type { VaultCertificateSpec } from '../../api/vault-certificate.ts';
import type { CertificateState, ObjectHead } from '../../vault/object-record.ts';

/** What is known of the issuer that a certificate names. */
export type IssuerView =
  /** The certificate is imported, and names none. */
  | { readonly kind: 'none' }
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
    }
  /** Somebody outside of the cluster. `caBundle` is PEM. */
  | { readonly kind: 'external'; readonly caBundle: string | undefined };

/** What was brought back for an operation in progress, and where it stands; or why nothing can be read there. */
export type GivenAnswer = { readonly where: string } & ({ readonly pem: string } | { readonly missing: string });

/** Why there is nothing to import. */
export interface SourceProblem {
  readonly reason: Reason;
  readonly message: string;
}

/** The public half of the current version. */
export interface CurrentChain {
  /** Leaf and intermediates. */
  readonly chainPem: string;
  /** Empty where the root is not known. */
  readonly caPem: string;
}

/** Everything that decides what becomes of a VaultCertificate; gathered before, so that deciding needs nothing else. */
export interface Gathered {
  readonly resource: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly generation: number;
    /** SHA-256, hex, of the annotation `keystead.dev/renew`; undefined without one. */
    readonly renewRequest: string | undefined;
    /** Value of the annotation `keystead.dev/cancel`: the id of an operation. */
    readonly cancelRequest: string | undefined;
  };
  readonly spec: VaultCertificateSpec;
  /** A vault that may be used (`usableVault`). */
  readonly vaultId: string;
  readonly head: ObjectHead | undefined;
  /** HMAC over what the certificate is made from: the request (`inputsOf`), or what it is imported from. */
  readonly inputs: string;
  /** Whether a certificate that is needed comes from a Secret; as long as there is none there, why. */
  readonly importing: 'ready' | SourceProblem | undefined;
  readonly issuer: IssuerView;
  /** Only while an operation is in progress. */
  readonly answer: GivenAnswer | undefined;
  /** Only while an operation is in progress; undefined without a version. */
  readonly currentChain: CurrentChain | undefined;
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

/** namespace/name of the VaultIssuer; empty without one. */
export function issuerName({ issuerRef }: Pick<VaultCertificateSpec, 'issuerRef'>): string {
  return issuerRef === undefined ? '' : `${issuerRef.namespace}/${issuerRef.name}`;
}

/** The end of the current version. */
export function endOf(state: CertificateState | undefined): Date | undefined {
  const end = state?.versions[0]?.certificate?.notAfter;
  return end === undefined ? undefined : new Date(end);
}

/** What an attempt to issue is made of: after a failure, the same again waits, and anything else is tried at once. */
export function attemptOf(facts: Pick<Gathered, 'inputs' | 'issuer'>): string {
  return facts.issuer.kind === 'ca' ? `${facts.inputs}/${facts.issuer.versionId}` : facts.inputs;
}
