/**
 * A CA made ready. Everything that does not change from leaf to leaf is parsed, checked and encoded here, once, so that
 * issuing is only writing and signing. Callers keep the result for as long as they may keep the key.
 */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { KeysteadError } from '../../api/error.ts';
import { buildChain } from './chain.ts';
import { childElements } from './der.ts';
import { formatDistinguishedName } from './distinguished-name.ts';
import { keyIdentifierOf, publicKeyBitsOf } from './extensions.ts';
import type { NameConstraints } from './name-constraints.ts';
import { chainCaps, encodePem, parsePemCertificates } from './pem.ts';
import { readCertificate } from './read.ts';

const KEY_CERT_SIGN = 5;

/** A CA that is ready to sign: parsed and checked once, then used for many certificates. */
export interface CertificateIssuer {
  readonly privateKey: KeyObject;
  /** RFC 4514. */
  readonly subject: string;
  /** The bytes of the CA's own subject, which its leaves repeat as issuer (RFC 5280 §4.1.2.4: compared by verifiers). */
  readonly encodedSubject: Buffer;
  readonly subjectKeyId: Buffer;
  /** The earliest end in the chain: nothing below is valid for longer. */
  readonly notAfter: Date;
  /** How many CAs may follow; undefined: any number. The strictest in the chain counts. */
  readonly pathLength: number | undefined;
  /** Of every certificate of the chain. */
  readonly nameConstraints: readonly NameConstraints[];
  /** The CA and what is above it, without the root: follows the leaf. */
  readonly intermediatesPem: string;
  /** The top of the chain. */
  readonly caPem: string;
}

export interface IssuerInput {
  /** The CA's certificate and those above it, in any order. */
  readonly chainPem: string;
  readonly privateKey: KeyObject;
  readonly now: Date;
}

/**
 * Makes an issuer of a CA's chain and key.
 * @throws KeysteadError KeyMismatch, IssuerNotCA, InvalidCertificate, and what `buildChain` says of the chain
 */
export function loadIssuer({ chainPem, privateKey, now }: IssuerInput): CertificateIssuer {
  const chain = buildChain({ certificates: parsePemCertificates(chainPem, chainCaps), publicKey: privateKey, now });
  const path = [chain.leaf, ...chain.intermediates, ...(chain.root === undefined || chain.root === chain.leaf ? [] : [chain.root])];
  const reads = path.map((certificate) => readCertificate(certificate.raw));
  const [ca] = reads;
  const mayBeSigner = ca?.isCA === true && ca.subject.length > 0 && (ca.purposes.keyUsage.length === 0 || ca.purposes.keyUsage.includes(KEY_CERT_SIGN));
  if (ca === undefined || !mayBeSigner) {
    throw new KeysteadError('IssuerNotCA', 'The certificate of the issuer is no CA: it needs a subject, isCA: true and the usage "cert sign". Issue it anew with isCA: true.', 'stalled');
  }
  // A path length counts the CAs below its own certificate; by the time it reaches ours, those between have used it up.
  const pathLengths = reads.flatMap((read, index) => (read.pathLength === undefined ? [] : [read.pathLength - index]));
  if (pathLengths.some((left) => left < 0)) {
    throw new KeysteadError('PathLengthExceeded', 'A CA above the issuer does not allow one more below it, so nothing that it signs would be accepted. Use another issuer.', 'stalled');
  }
  return Object.freeze({
    privateKey,
    subject: formatDistinguishedName(ca.subject),
    encodedSubject: encodedSubjectOf(chain.leaf),
    subjectKeyId: ca.subjectKeyId ?? keyIdentifierOf(publicKeyBitsOf(chain.leaf.publicKey.export({ type: 'spki', format: 'der' }))),
    notAfter: path.map((certificate) => certificate.validToDate).reduce((earliest, end) => (end < earliest ? end : earliest)),
    pathLength: pathLengths.length === 0 ? undefined : Math.min(...pathLengths),
    nameConstraints: reads.flatMap((read) => read.nameConstraints ?? []),
    intermediatesPem: chain.root === chain.leaf ? '' : [chain.leaf, ...chain.intermediates].map(pemOf).join(''),
    caPem: pemOf(path.at(-1) ?? chain.leaf),
  });
}

const pemOf = (certificate: X509Certificate): string => encodePem('CERTIFICATE', certificate.raw);

/** The sixth field of a version 3 certificate: version, serial number, signature, issuer, validity, subject (RFC 5280 §4.1). */
function encodedSubjectOf(certificate: X509Certificate): Buffer {
  const [toSign = Buffer.alloc(0)] = childElements(certificate.raw);
  const subject = childElements(toSign)[5];
  if (subject === undefined) throw new KeysteadError('InvalidCertificate', 'The certificate of the issuer is no version 3 certificate.', 'stalled');
  return subject;
}
