import type { KeyObject, X509Certificate } from 'node:crypto';
import { KeysteadError } from '../../api/error.ts';
import { publicKeyThumbprint } from '../../crypto/keys.ts';
import { buildChain, type CertificateChain } from '../../crypto/x509/chain.ts';
import { factsOf } from '../../crypto/x509/inspect.ts';
import { encodePem, parsePemCertificates, type PemCaps } from '../../crypto/x509/pem.ts';
import type { CertificateRequest } from '../../crypto/x509/request.ts';
import type { SignedCertificate } from '../issuer.ts';
import { lacks, weakLinks } from './weaker.ts';

/*
 * Certificates that somebody else made, brought here by hand: whoever brings one may be mistaken or mean harm, so nothing of
 * it is believed but what is verified here. Pure, and bounded in size and work.
 */

export interface ChainToComplete {
  /** What was brought, in any order. */
  readonly brought: readonly X509Certificate[];
  /** The key that the certificate must be about; either half. */
  readonly publicKey: KeyObject;
  /** Certificates of the CA. With a root among them, the chain must end in one. */
  readonly ofCa: readonly X509Certificate[];
  /** What else may complete the chain. */
  readonly known: readonly X509Certificate[];
  readonly now: Date;
}

/**
 * A chain in order that ends in a root of the CA, if one is named. Otherwise it ends where the certificates end; but what
 * was sent along must belong to it, for a chain that fits nothing is somebody's mistake.
 * @throws KeysteadError KeyMismatch, CertificateNotYetValid (`wait`, with the time until then), CertificateExpired,
 *   ChainInvalid, ChainIncomplete, PathLengthExceeded, NameNotPermitted
 */
export function completeChain({ brought, publicKey, ofCa, known, now }: ChainToComplete): CertificateChain {
  const roots = ofCa.filter((certificate) => certificate.subject === certificate.issuer);
  checkBegun(brought, publicKey, now);
  const chain = buildChain({ certificates: [...brought, ...ofCa, ...known], publicKey, ...(roots.length === 0 ? {} : { roots }), now });
  const sent = brought.filter((certificate) => certificate.fingerprint256 !== chain.leaf.fingerprint256);
  if (sent.length > 0 && chain.intermediates.length === 0 && chain.root === undefined) {
    throw new KeysteadError('ChainInvalid', 'None of the other certificates that came along signed this one. Give the chain of the CA that did, or the certificate alone.', 'wait');
  }
  return chain;
}

/** A certificate of tomorrow is no mistake: it is taken when its time has come. */
function checkBegun(brought: readonly X509Certificate[], publicKey: KeyObject, now: Date): void {
  const own = certificatesOf(publicKey, brought);
  const begins = Math.min(...own.map((certificate) => certificate.validFromDate.getTime()));
  if (own.length === 0 || begins <= now.getTime()) return;
  throw new KeysteadError(
    'CertificateNotYetValid',
    `The certificate is valid only from ${new Date(begins).toISOString()}; it is accepted then. If that is wrong, check the clocks of the CA and the cluster.`,
    'wait',
    { retryAfterMs: begins - now.getTime() },
  );
}

/** @throws KeysteadError CertificateWeaker when the certificate lacks something of the request, or its chain is not strong enough */
export function refuseWeaker(chain: CertificateChain, request: CertificateRequest | undefined): void {
  const found = [...(request === undefined ? [] : lacks(chain.leaf, request)), ...weakLinks(chain)];
  if (found.length === 0) return;
  throw new KeysteadError('CertificateWeaker', `The certificate is less than what was asked for: ${found.join('; ')}. Have it signed again, or ask for less in spec.`, 'wait');
}

/** The chain as issuers inside hand theirs out. */
export function signedBy({ leaf, intermediates, root, chainPem }: CertificateChain): SignedCertificate {
  const above = intermediates[0] ?? root;
  return {
    chainPem,
    caPem: root === undefined ? '' : encodePem('CERTIFICATE', root.raw),
    facts: factsOf(leaf),
    // Whoever signed may have sent nothing about himself.
    issuerThumbprint: above === undefined ? '' : thumbprintOf(above),
  };
}

/** Those of the certificates that are about a key; either half of it. */
export function certificatesOf(key: KeyObject, certificates: readonly X509Certificate[]): readonly X509Certificate[] {
  const wanted = publicKeyThumbprint(key);
  return certificates.filter((certificate) => publicKeyThumbprint(certificate.publicKey) === wanted);
}

/** SHA-256, lower-case hex. */
export const thumbprintOf = (certificate: X509Certificate): string => certificate.fingerprint256.replaceAll(':', '').toLowerCase();

/** Enough for a CA with its old and new roots and intermediates. */
const caBundleCaps: PemCaps = { bytes: 95_000, certificates: 30 };

/** The certificates that are named as a CA's; `where` says where, for people. @throws KeysteadError InvalidCertificate */
export function parseCaBundle(pem: string, where: string): X509Certificate[] {
  try {
    return parsePemCertificates(pem, caBundleCaps);
  } catch (error) {
    if (!(error instanceof KeysteadError)) throw error;
    throw new KeysteadError(error.code, `${where} cannot be used: ${error.message}`, 'stalled', { cause: error });
  }
}
