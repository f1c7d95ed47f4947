import type { KeyObject, X509Certificate } from 'node:crypto';
import { KeysteadError } from '../../api/error.ts';
import { publicKeyThumbprint } from '../../crypto/keys.ts';
import { buildChain, type CertificateChain } from '../../crypto/x509/chain.ts';
import { factsOf } from '../../crypto/x509/inspect.ts';
import { chainCaps, encodePem, parsePemCertificates, type PemCaps } from '../../crypto/x509/pem.ts';
import type { CertificateRequest } from '../../crypto/x509/request.ts';
import type { SignedCertificate } from '../issuer.ts';
import { lacks, weakLinks } from './weaker.ts';

/**
 * Certificates that come back by hand: whoever brings one may be mistaken or mean harm, so nothing of it is believed but
 * what is verified here. Pure, and bounded in size and work.
 */
export interface AnswerInput {
  /** The certificate and its chain, in any order. */
  readonly pem: string;
  /** The key that the certificate must be about; either half. */
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

/**
 * Reads an answer, orders and completes its chain.
 * @throws KeysteadError InvalidCertificate, KeyMismatch, CertificateNotYetValid (`wait`, with the time until then),
 *   CertificateExpired, ChainInvalid, ChainIncomplete, PathLengthExceeded, NameNotPermitted, CertificateWeaker
 */
export function readAnswer(input: AnswerInput): Answer {
  const given = parsePemCertificates(input.pem, chainCaps);
  const fresh = given.filter((certificate) => !input.known.has(thumbprintOf(certificate)));
  const wanted = publicKeyThumbprint(input.publicKey);
  const own = fresh.filter((certificate) => publicKeyThumbprint(certificate.publicKey) === wanted);
  if (own.length === 0 && fresh.length < given.length) return { kind: 'history' };
  if (own.length === 0) {
    throw new KeysteadError('KeyMismatch', 'None of the certificates is about the key of the CSR. Give the one that was made from the latest CSR; an older CSR is void as soon as a newer one is there.', 'wait');
  }
  checkBegun(own, input.now);
  const chain = completeChain(fresh, input);
  refuseWeaker(chain, input.request);
  return { kind: 'signed', signed: signedBy(chain) };
}

/** A certificate of tomorrow is no mistake: it is taken when its time has come. */
function checkBegun(own: readonly X509Certificate[], now: Date): void {
  const begins = Math.min(...own.map((certificate) => certificate.validFromDate.getTime()));
  if (begins <= now.getTime()) return;
  throw new KeysteadError(
    'CertificateNotYetValid',
    `The certificate is valid only from ${new Date(begins).toISOString()}; it is accepted then. If that is wrong, check the clocks of the CA and the cluster.`,
    'wait',
    { retryAfterMs: begins - now.getTime() },
  );
}

/**
 * A chain that ends in a root of the issuer, if one is named. Otherwise it ends where the certificates end; but what was
 * sent along must belong to it, for a chain that fits nothing is somebody's mistake.
 */
function completeChain(fresh: readonly X509Certificate[], { publicKey, caBundle, earlierPem, now }: AnswerInput): CertificateChain {
  const ofIssuer = caBundle === undefined ? [] : parseCaBundle(caBundle);
  const earlier = earlierPem === '' ? [] : parsePemCertificates(earlierPem, chainCaps).slice(1);
  const roots = ofIssuer.filter((certificate) => certificate.subject === certificate.issuer);
  const chain = buildChain({ certificates: [...fresh, ...ofIssuer, ...earlier], publicKey, ...(roots.length === 0 ? {} : { roots }), now });
  const sent = fresh.filter((certificate) => certificate.fingerprint256 !== chain.leaf.fingerprint256);
  if (sent.length > 0 && chain.intermediates.length === 0 && chain.root === undefined) {
    throw new KeysteadError('ChainInvalid', 'None of the other certificates that were sent along signed this one. Send the chain of the CA that did, or the certificate alone.', 'wait');
  }
  return chain;
}

/** Enough for a CA with its old and new roots and intermediates. */
const caBundleCaps: PemCaps = { bytes: 95_000, certificates: 30 };

/** The certificates that a VaultIssuer names as its CA's. @throws KeysteadError InvalidCertificate */
export function parseCaBundle(pem: string): X509Certificate[] {
  try {
    return parsePemCertificates(pem, caBundleCaps);
  } catch (error) {
    if (!(error instanceof KeysteadError)) throw error;
    throw new KeysteadError(error.code, `external.caBundle of the VaultIssuer cannot be used: ${error.message}`, 'stalled', { cause: error });
  }
}

function refuseWeaker(chain: CertificateChain, request: CertificateRequest): void {
  const found = [...lacks(chain.leaf, request), ...weakLinks(chain)];
  if (found.length === 0) return;
  throw new KeysteadError('CertificateWeaker', `The certificate is less than what was asked for: ${found.join('; ')}. Have it signed again, or ask for less in spec.`, 'wait');
}

function signedBy({ leaf, intermediates, root, chainPem }: CertificateChain): SignedCertificate {
  const above = intermediates[0] ?? root;
  return {
    chainPem,
    caPem: root === undefined ? '' : encodePem('CERTIFICATE', root.raw),
    facts: factsOf(leaf),
    // Whoever signed may have sent nothing about himself.
    issuerThumbprint: above === undefined ? '' : thumbprintOf(above),
  };
}

const thumbprintOf = (certificate: X509Certificate): string => certificate.fingerprint256.replaceAll(':', '').toLowerCase();
