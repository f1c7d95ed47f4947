import type { KeyObject } from 'node:crypto';
import { KeysteadError } from '../../api/error.ts';
import { chainCaps, parsePemCertificates } from '../../crypto/x509/pem.ts';
import type { CertificateRequest } from '../../crypto/x509/request.ts';
import type { SignedCertificate } from '../issuer.ts';
import { certificatesOf, completeChain, parseCaBundle, refuseWeaker, signedBy, thumbprintOf } from './checked-chain.ts';

/** What somebody gave back for a CSR. */
export interface AnswerInput {
  /** The certificate and its chain, in any order. */
  readonly pem: string;
  /** The CSR's key; either half. */
  readonly publicKey: KeyObject;
  readonly request: CertificateRequest;
  /** SHA-256, lower-case hex, of all certificates that the object has or had. */
  readonly known: ReadonlySet<string>;
  /** What the VaultIssuer says of its CA. With a root in it, the chain must end in one. */
  readonly caBundle: string | undefined;
  /** The chain and root of the version before, to complete a chain with. */
  readonly earlierPem: string;
  readonly now: Date;
}

/** What an answer is, if it isn't refused. `history`: a version that is known already, which has no effect (decisions 53). */
export type Answer = { readonly kind: 'history' } | { readonly kind: 'signed'; readonly signed: SignedCertificate };

/** Where a VaultIssuer names its CA's certificates. */
export const CA_BUNDLE = 'external.caBundle of the VaultIssuer';

/**
 * Reads an answer, orders and completes its chain.
 * @throws KeysteadError InvalidCertificate, CertificateWeaker, and as `completeChain`
 */
export function readAnswer({ pem, publicKey, request, known, caBundle, earlierPem, now }: AnswerInput): Answer {
  const given = parsePemCertificates(pem, chainCaps);
  const brought = given.filter((certificate) => !known.has(thumbprintOf(certificate)));
  if (certificatesOf(publicKey, brought).length === 0) {
    if (brought.length < given.length) return { kind: 'history' };
    throw new KeysteadError('KeyMismatch', 'None of the certificates is about the key of the CSR. Give the one that was made from the latest CSR; an older CSR is void as soon as a newer one is there.', 'wait');
  }
  const ofCa = caBundle === undefined ? [] : parseCaBundle(caBundle, CA_BUNDLE);
  const earlier = earlierPem === '' ? [] : parsePemCertificates(earlierPem, chainCaps).slice(1);
  const chain = completeChain({ brought, publicKey, ofCa, known: earlier, now });
  refuseWeaker(chain, request);
  return { kind: 'signed', signed: signedBy(chain) };
}
