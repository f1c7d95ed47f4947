import type { KeyObject, X509Certificate } from 'node:crypto';
import { KeysteadError } from '../../api/error.ts';
import type { CertificateRequest } from '../../crypto/x509/request.ts';
import type { SignedCertificate } from '../issuer.ts';
import { completeChain, parseCaBundle, refuseWeaker, signedBy } from './checked-chain.ts';

/** A certificate that is there already, with its key. */
export interface ImportInput {
  /** The certificate and its chain, in any order. */
  readonly certificates: readonly X509Certificate[];
  readonly privateKey: KeyObject;
  /** `ca.crt`, if there is one: with a root in it, the chain must end in one. */
  readonly caPem: string | undefined;
  /** What an issuer will be asked for at the next renewal, which the certificate must satisfy; undefined: nobody renews it. */
  readonly request: CertificateRequest | undefined;
  readonly isCA: boolean;
  readonly now: Date;
}

/**
 * Checks a certificate that is imported, as if its CA had just sent it, and orders its chain.
 * @throws KeysteadError InvalidCertificate, CertificateWeaker, and as `completeChain`
 */
export function readImport({ certificates, privateKey, caPem, request, isCA, now }: ImportInput): SignedCertificate {
  const ofCa = caPem === undefined || caPem.trim() === '' ? [] : parseCaBundle(caPem, 'ca.crt');
  const chain = completeChain({ brought: certificates, publicKey: privateKey, ofCa, known: [], now });
  refuseWeaker(chain, request);
  const signed = signedBy(chain);
  // A key that signs certificates shall not come into a target by mistake.
  if (signed.facts.isCA !== isCA) {
    throw new KeysteadError('CertificateWeaker', `The certificate ${signed.facts.isCA ? 'is' : 'is not'} one of a CA, and spec.isCA is ${isCA}. Correct spec.isCA, or import another certificate.`, 'wait');
  }
  return signed;
}
