import type { KeyObject } from 'node:crypto';
import type { CertificateFacts } from '../crypto/x509/inspect.ts';
import type { CertificateRequest } from '../crypto/x509/request.ts';

/**
 * Issuers inside the process: they sign at once, have no outside effect, and know neither records nor Kubernetes. Whoever
 * calls one publishes the certificate by one compare-and-swap, or not at all (DESIGN §3).
 */
export interface SigningInput {
  readonly request: CertificateRequest;
  /** The key that the certificate is about; either half. */
  readonly publicKey: KeyObject;
  readonly notBefore: Date;
  /** What is asked for; the issuer may give less, never more. */
  readonly notAfter: Date;
  /** From `newSerialNumber`. */
  readonly serialNumber: Buffer;
}

export interface SignedCertificate {
  /** The leaf and the intermediates in order, without the root. */
  readonly chainPem: string;
  /** The root of this chain. */
  readonly caPem: string;
  readonly facts: CertificateFacts;
  /** SHA-256, hex, of the certificate that signed; its own when it signed itself. */
  readonly issuerThumbprint: string;
}

export interface Issuer {
  /**
   * @throws KeysteadError `stalled` when this request can never be signed here, `wait` when the issuer must change
   *   first; nothing was signed then
   */
  sign(input: SigningInput): SignedCertificate;
}
