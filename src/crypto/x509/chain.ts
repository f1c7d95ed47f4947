/**
 * Order in a bag of certificates, as CAs, people and PEM files give them.
 *
 * This is no relying party: nothing gets trusted because of it. It finds out early, and with a reason, that a chain would
 * be refused by those who verify it. Revocation and certificate policies are not looked at. All that is given may be
 * hostile; work is bounded by the caps of `pem.ts` and by the length of a path.
 */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { KeysteadError } from '../../api/error.ts';
import { publicKeyThumbprint } from '../keys.ts';
import { nameViolation } from './name-constraints.ts';
import { encodePem } from './pem.ts';
import { readCertificate, type ReadCertificate } from './read.ts';
import { shownText } from './shown.ts';

export interface ChainInput {
  /** In any order; repeats and strangers are allowed, and left out. */
  readonly certificates: readonly X509Certificate[];
  /** The leaf is the certificate of this key; either half. Without it, the one certificate that signed no other. */
  readonly publicKey?: KeyObject;
  /** Where the chain must end. Without them it ends where the given certificates end. */
  readonly roots?: readonly X509Certificate[];
  readonly now: Date;
}

export interface CertificateChain {
  /** The certificate that the chain is for; it may be a CA itself. */
  readonly leaf: X509Certificate;
  /** From the leaf's issuer upwards, without the root. */
  readonly intermediates: readonly X509Certificate[];
  /** Undefined when it wasn't among what was given. A self-signed leaf is its own root. */
  readonly root: X509Certificate | undefined;
  /** Leaf and intermediates. */
  readonly chainPem: string;
}

/** No real chain is longer, and each step costs a signature check a candidate. */
const LONGEST_CHAIN = 10;
const KEY_CERT_SIGN = 5;

/**
 * Brings certificates into order, leaf first, and checks what a verifier would: signatures, validity, CA bit, path length,
 * name constraints (RFC 5280 §6.1; no revocation, no policies).
 * @throws KeysteadError KeyMismatch, ChainInvalid, ChainIncomplete, CertificateExpired, CertificateNotYetValid,
 *   PathLengthExceeded, NameNotPermitted
 */
export function buildChain(input: ChainInput): CertificateChain {
  const leaf = findLeaf(input);
  const path = climb(leaf, input);
  const top = path.at(-1) ?? leaf;
  const root = isSelfSigned(top) ? top : undefined;
  checkPath(path, input.now);
  const intermediates = path.slice(1).filter((certificate) => certificate !== root);
  return { leaf, intermediates, root, chainPem: [leaf, ...intermediates].map((certificate) => encodePem('CERTIFICATE', certificate.raw)).join('') };
}

function findLeaf({ certificates, publicKey }: ChainInput): X509Certificate {
  if (publicKey !== undefined) {
    const thumbprint = publicKeyThumbprint(publicKey);
    const own = certificates.filter((certificate) => publicKeyThumbprint(certificate.publicKey) === thumbprint);
    // After a renewal with the same key both may be there: the newer one is meant.
    const [newest] = own.toSorted((a, b) => b.validToDate.getTime() - a.validToDate.getTime());
    if (newest === undefined) throw new KeysteadError('KeyMismatch', 'None of the certificates is about the key of the request. Send the certificate that was made from the latest CSR.', 'stalled');
    return newest;
  }
  const distinct = withoutRepeats(certificates);
  const leaves = distinct.filter((certificate) => !distinct.some((other) => other !== certificate && other.checkIssued(certificate)));
  const [leaf] = leaves;
  if (leaf === undefined || leaves.length > 1) {
    throw new KeysteadError('ChainInvalid', `The certificates have ${leaves.length} leaves; there must be exactly one. Remove what does not belong to its chain.`, 'stalled');
  }
  return leaf;
}

const withoutRepeats = (certificates: readonly X509Certificate[]): X509Certificate[] => [...new Map(certificates.map((certificate) => [certificate.fingerprint256, certificate])).values()];

/** Not by checkIssued, which says no to a leaf without the usage cert sign. */
const isSelfSigned = (certificate: X509Certificate): boolean => certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey);

/** From the leaf upwards, to a trusted root, a self-signed certificate, or the last one that is there. */
function climb(leaf: X509Certificate, { certificates, roots, now }: ChainInput): X509Certificate[] {
  const trusted = new Set(roots?.map((root) => root.fingerprint256));
  const given = withoutRepeats([...(roots ?? []), ...certificates]);
  const path = [leaf];
  for (let current = leaf; !trusted.has(current.fingerprint256) && !isSelfSigned(current); ) {
    const next = issuerOf(current, given, trusted, now);
    if (next === undefined) {
      if (roots === undefined) return path;
      throw new KeysteadError('ChainIncomplete', `The certificate of the issuer ${oneLine(current.issuer)} is missing, or is a root that is not trusted. Add it to the chain, or to the trusted roots.`, 'stalled');
    }
    if (path.length >= LONGEST_CHAIN) throw new KeysteadError('ChainInvalid', `The chain goes round in a circle, or is longer than ${LONGEST_CHAIN}.`, 'stalled');
    path.push(next);
    current = next;
  }
  if (roots !== undefined && !trusted.has(path.at(-1)?.fingerprint256 ?? '')) {
    throw new KeysteadError('ChainInvalid', 'The certificate signed itself, and is not among the trusted ones. Add it to them, or send the one that the CA made.', 'stalled');
  }
  return path;
}

/**
 * Of several (cross-signed CAs share name and key) a valid one, a self-signed one, the one valid longest, in this order.
 * Where roots are given, any other self-signed one is a dead end, and not looked at.
 */
function issuerOf(certificate: X509Certificate, given: readonly X509Certificate[], trusted: ReadonlySet<string>, now: Date): X509Certificate | undefined {
  const rank = (candidate: X509Certificate): number => {
    const isValid = candidate.validFromDate <= now && now <= candidate.validToDate;
    return (isValid ? 2 : 0) + (candidate.checkIssued(candidate) ? 1 : 0);
  };
  const isDeadEnd = (candidate: X509Certificate): boolean => trusted.size > 0 && !trusted.has(candidate.fingerprint256) && candidate.checkIssued(candidate);
  const candidates = given.filter((candidate) => candidate !== certificate && certificate.checkIssued(candidate) && !isDeadEnd(candidate));
  return candidates
    .toSorted((a, b) => rank(b) - rank(a) || b.validToDate.getTime() - a.validToDate.getTime())
    .slice(0, LONGEST_CHAIN)
    .find((candidate) => certificate.verify(candidate.publicKey));
}

const oneLine = (name: string | undefined): string => shownText((name ?? '').replaceAll('\n', ', '));

function checkPath(path: readonly X509Certificate[], now: Date): void {
  const reads = path.map((certificate) => readCertificate(certificate.raw));
  for (const [index, certificate] of path.entries()) {
    checkDates(certificate, now);
    const read = reads[index];
    if (read !== undefined && index > 0) checkAuthority(read, certificate, reads.slice(0, index));
  }
}

function checkDates(certificate: X509Certificate, now: Date): void {
  const subject = oneLine(certificate.subject);
  if (now > certificate.validToDate) {
    throw new KeysteadError('CertificateExpired', `The certificate of ${subject} expired at ${certificate.validToDate.toISOString()}. Get a new one.`, 'stalled');
  }
  if (now < certificate.validFromDate) {
    throw new KeysteadError('CertificateNotYetValid', `The certificate of ${subject} is valid only from ${certificate.validFromDate.toISOString()}. Wait until then, or check the clocks.`, 'wait');
  }
}

/** Whether a CA may have signed all that is below it. `below` begins with the leaf. */
function checkAuthority(ca: ReadCertificate, certificate: X509Certificate, below: readonly ReadCertificate[]): void {
  const subject = oneLine(certificate.subject);
  if (!ca.isCA || (ca.purposes.keyUsage.length > 0 && !ca.purposes.keyUsage.includes(KEY_CERT_SIGN))) {
    throw new KeysteadError('ChainInvalid', `${subject} signed a certificate, but is no CA.`, 'stalled');
  }
  if (ca.pathLength !== undefined && below.length - 1 > ca.pathLength) {
    throw new KeysteadError('PathLengthExceeded', `${subject} allows ${ca.pathLength} CAs below it; the chain has ${below.length - 1}.`, 'stalled');
  }
  if (ca.nameConstraints === undefined) return;
  for (const read of below) {
    const violation = nameViolation(ca.nameConstraints, read);
    if (violation !== undefined) throw new KeysteadError('NameNotPermitted', `${subject} may not certify a name of this chain: ${violation}.`, 'stalled');
  }
}
