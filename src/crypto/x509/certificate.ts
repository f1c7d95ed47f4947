/**
 * Issuing: one certificate out of a request, a public key and an issuer. Pure: time, serial number and keys are given.
 * It knows neither vaults nor records, and does not ask whether the requester may have the name: that was decided before.
 */
import { createHash, type KeyObject } from 'node:crypto';
import { KeysteadError } from '../../api/error.ts';
import type { Random } from '../../runtime/random.ts';
import { exportPublicKeyDer, keyAlgorithmOf } from '../keys.ts';
import { constructed, sequence, smallInteger, time, unsignedInteger } from './der.ts';
import { formatDistinguishedName } from './distinguished-name.ts';
import {
  authorityKeyIdentifierExtension,
  basicConstraintsExtension,
  certificateExtensions,
  keyIdentifierOf,
  publicKeyBitsOf,
  requestedExtensions,
  subjectKeyIdentifierExtension,
} from './extensions.ts';
import type { CertificateFacts } from './inspect.ts';
import type { CertificateIssuer } from './issuer.ts';
import { nameViolation } from './name-constraints.ts';
import { encodePem } from './pem.ts';
import { profileOf, type CertificateProfile, type CertificateRequest } from './request.ts';
import { signatureAlgorithmIdentifier, signed } from './signature.ts';
import { encodeDistinguishedName, selfIssuedSubject } from './subject.ts';
import { describeKeyPurposes } from './usages.ts';

export interface IssueInput {
  readonly request: CertificateRequest;
  /** The key that the certificate is about; either half. */
  readonly publicKey: KeyObject;
  /** Whole seconds count; the rest is cut off. */
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** From `newSerialNumber`. */
  readonly serialNumber: Buffer;
  readonly issuer: CertificateIssuer | { readonly self: KeyObject };
}

export interface IssuedCertificate {
  /** The certificate alone. */
  readonly pem: string;
  readonly der: Buffer;
  /** The leaf and the intermediates in order, without the root: what a server presents. */
  readonly chainPem: string;
  /** The top of the issuer's chain, or the certificate itself: what a client trusts (`ca.crt`). */
  readonly caPem: string;
  readonly facts: CertificateFacts;
  /** The certificate ends with its issuer, sooner than asked for. */
  readonly shortened: boolean;
}

/** 20 octets, positive, 158 random bits (RFC 5280 §4.1.2.2: at most 20 octets; CA/Browser Forum: at least 64 random bits). */
export function newSerialNumber(random: Random): Buffer {
  const serial = random.bytes(20);
  serial.writeUInt8((serial.readUInt8(0) & 0x7f) | 0x40, 0);
  return serial;
}

const wholeSeconds = (at: Date): Date => new Date(Math.floor(at.getTime() / 1000) * 1000);

/**
 * Issues a certificate. Synchronous on purpose: a P-256 leaf takes 0.2 ms, less than a trip through the thread pool.
 * @throws KeysteadError InvalidSubject, InvalidSubjectAltName, … for what is wrong in the request; IssuerExpired when the
 *   issuer ends before the certificate would begin; PathLengthExceeded and NameNotPermitted when the issuer may not
 *   sign this, so that verifiers would refuse it
 */
export function issue(input: IssueInput): IssuedCertificate {
  return 'self' in input.issuer ? issueBySelf(input, input.issuer.self) : issueByAuthority(input, input.issuer);
}

function issueBySelf(input: IssueInput, privateKey: KeyObject): IssuedCertificate {
  const spki = exportPublicKeyDer(input.publicKey);
  if (!exportPublicKeyDer(privateKey).equals(spki)) {
    throw new KeysteadError('KeyMismatch', 'A self-signed certificate is signed by its own key, and this is another one.', 'stalled');
  }
  const requested = profileOf(input.request);
  const profile = { ...requested, subject: selfIssuedSubject(requested.subject, requested.sans) };
  const content: Content = {
    profile,
    serialNumber: input.serialNumber,
    notBefore: wholeSeconds(input.notBefore),
    notAfter: wholeSeconds(input.notAfter),
    publicKey: input.publicKey,
    issuer: formatDistinguishedName(profile.subject),
    encodedIssuer: encodeDistinguishedName(profile.subject),
    authorityKeyId: undefined,
  };
  const { der, facts } = signContent(content, privateKey);
  const pem = encodePem('CERTIFICATE', der);
  return { pem, der, chainPem: pem, caPem: pem, facts, shortened: false };
}

function issueByAuthority(input: IssueInput, issuer: CertificateIssuer): IssuedCertificate {
  const notAfter = wholeSeconds(input.notAfter);
  const shortened = notAfter > issuer.notAfter;
  const content: Content = {
    profile: withinIssuer(profileOf(input.request), issuer),
    serialNumber: input.serialNumber,
    notBefore: wholeSeconds(input.notBefore),
    notAfter: shortened ? issuer.notAfter : notAfter,
    publicKey: input.publicKey,
    issuer: issuer.subject,
    encodedIssuer: issuer.encodedSubject,
    authorityKeyId: issuer.subjectKeyId,
  };
  if (shortened && content.notBefore >= issuer.notAfter) {
    throw new KeysteadError('IssuerExpired', `The issuer ${issuer.subject} is valid until ${issuer.notAfter.toISOString()}, before this certificate would begin. Renew the issuer.`, 'wait');
  }
  const { der, facts } = signContent(content, issuer.privateKey);
  const pem = encodePem('CERTIFICATE', der);
  return { pem, der, chainPem: pem + issuer.intermediatesPem, caPem: issuer.caPem, facts, shortened };
}

/** What the issuer's own certificates allow of a profile; its path length is brought under theirs. */
function withinIssuer(profile: CertificateProfile, issuer: CertificateIssuer): CertificateProfile {
  for (const constraints of issuer.nameConstraints) {
    const violation = nameViolation(constraints, profile);
    if (violation !== undefined) {
      throw new KeysteadError('NameNotPermitted', `The issuer ${issuer.subject} may not certify this: ${violation}. Change the name, or use another issuer.`, 'stalled');
    }
  }
  if (!profile.isCA || issuer.pathLength === undefined) return profile;
  if (issuer.pathLength === 0) {
    throw new KeysteadError('PathLengthExceeded', `The issuer ${issuer.subject} has path length 0: it may sign leaves, but no CA. Use another issuer.`, 'stalled');
  }
  return { ...profile, pathLength: Math.min(profile.pathLength ?? Infinity, issuer.pathLength - 1) };
}

/** A certificate before it is encoded. */
interface Content {
  readonly profile: CertificateProfile;
  readonly serialNumber: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: KeyObject;
  /** RFC 4514. */
  readonly issuer: string;
  readonly encodedIssuer: Buffer;
  /** Undefined: the certificate's own. */
  readonly authorityKeyId: Buffer | undefined;
}

function signContent(content: Content, key: KeyObject): { readonly der: Buffer; readonly facts: CertificateFacts } {
  checkValidity(content);
  const { profile } = content;
  const spki = exportPublicKeyDer(content.publicKey);
  const subjectKeyId = keyIdentifierOf(publicKeyBitsOf(spki));
  const authorityKeyId = content.authorityKeyId ?? subjectKeyId;
  const toSign = sequence(
    constructed(0, smallInteger(2)),
    unsignedInteger(content.serialNumber),
    signatureAlgorithmIdentifier(key),
    content.encodedIssuer,
    sequence(time(content.notBefore), time(content.notAfter)),
    encodeDistinguishedName(profile.subject),
    spki,
    certificateExtensions([
      basicConstraintsExtension(profile),
      ...requestedExtensions(profile),
      subjectKeyIdentifierExtension(subjectKeyId),
      authorityKeyIdentifierExtension(authorityKeyId),
    ]),
  );
  const der = signed(toSign, key);
  const facts: CertificateFacts = {
    serialNumber: content.serialNumber.toString('hex'),
    notBefore: content.notBefore,
    notAfter: content.notAfter,
    thumbprint: createHash('sha256').update(der).digest('hex'),
    thumbprintSha1: createHash('sha1').update(der).digest('hex'),
    subject: formatDistinguishedName(profile.subject),
    issuer: content.issuer,
    sans: profile.sans,
    usages: describeKeyPurposes(profile.purposes),
    isCA: profile.isCA,
    pathLength: profile.pathLength,
    nameConstraints: profile.nameConstraints,
    keyAlgorithm: keyAlgorithmOf(content.publicKey),
    publicKeyThumbprint: createHash('sha256').update(spki).digest('hex'),
    subjectKeyId: subjectKeyId.toString('hex'),
    authorityKeyId: authorityKeyId.toString('hex'),
  };
  return { der, facts };
}

function checkValidity({ notBefore, notAfter, serialNumber }: Content): void {
  if (!(notAfter > notBefore)) throw new KeysteadError('InvalidCertificateRequest', 'The certificate would end before it begins. Give it a longer duration.', 'stalled');
  if (notAfter.getUTCFullYear() > 9999) throw new KeysteadError('InvalidCertificateRequest', 'The certificate would end after the year 9999. Give it a shorter duration.', 'stalled');
  const first = serialNumber[0] ?? 0;
  if (serialNumber.length < 16 || serialNumber.length > 20 || first === 0 || first >= 0x80) throw new RangeError('a serial number has 16 to 20 octets, and is positive and of minimal length');
}
