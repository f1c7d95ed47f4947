import { createHash } from 'node:crypto';
import { booleanTrue, childElements, constructed, elementContent, namedBits, objectIdentifier, octetString, primitive, sequence, smallInteger } from './der.ts';
import { encodeNameConstraints } from './name-constraints.ts';
import { countNames, encodeGeneralNames } from './names.ts';
import type { CertificateProfile } from './request.ts';

export const extensionIds = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

const extension = (id: string, criticality: 'critical' | 'informative', value: Buffer): Buffer =>
  sequence(objectIdentifier(id), ...(criticality === 'critical' ? [booleanTrue()] : []), octetString(value));

/** What a requester asks for beside being a CA or not; a certificate adds basic constraints and the key identifiers. */
export function requestedExtensions(profile: CertificateProfile): Buffer[] {
  const { purposes, sans, nameConstraints } = profile;
  const extensions: Buffer[] = [];
  if (purposes.keyUsage.length > 0) extensions.push(extension(extensionIds.keyUsage, 'critical', namedBits(purposes.keyUsage)));
  if (purposes.extendedKeyUsage.length > 0) {
    extensions.push(extension(extensionIds.extendedKeyUsage, 'informative', sequence(...purposes.extendedKeyUsage.map(objectIdentifier))));
  }
  if (countNames(sans) > 0) {
    // RFC 5280 §4.2.1.6: critical if and only if the subject is empty.
    extensions.push(extension(extensionIds.subjectAltName, profile.subject.length === 0 ? 'critical' : 'informative', sequence(...encodeGeneralNames(sans))));
  }
  if (nameConstraints !== undefined) extensions.push(extension(extensionIds.nameConstraints, nameConstraints.critical === false ? 'informative' : 'critical', encodeNameConstraints(nameConstraints)));
  return extensions;
}

/** RFC 5280 §4.2.1.9. A leaf says so by an empty sequence, since FALSE is the default and DER leaves defaults out. */
export function basicConstraintsExtension({ isCA, pathLength }: CertificateProfile): Buffer {
  const content = isCA ? [booleanTrue(), ...(pathLength === undefined ? [] : [smallInteger(pathLength)])] : [];
  return extension(extensionIds.basicConstraints, 'critical', sequence(...content));
}

export const subjectKeyIdentifierExtension = (id: Buffer): Buffer => extension(extensionIds.subjectKeyIdentifier, 'informative', octetString(id));

export const authorityKeyIdentifierExtension = (id: Buffer): Buffer =>
  extension(extensionIds.authorityKeyIdentifier, 'informative', sequence(primitive(0, id)));

/** `[3] Extensions` of a certificate (RFC 5280 §4.1). */
export const certificateExtensions = (extensions: readonly Buffer[]): Buffer => constructed(3, sequence(...extensions));

/** RFC 7093 §2 method 1: the leftmost 160 bits of the SHA-256 of the public key's bits (as Go and so cert-manager now do). */
export function keyIdentifierOf(publicKeyBits: Buffer): Buffer {
  return createHash('sha256').update(publicKeyBits).digest().subarray(0, 20);
}

/** The bits of a SubjectPublicKeyInfo: its BIT STRING without the count of unused bits. */
export const publicKeyBitsOf = (spki: Buffer): Buffer => elementContent(childElements(spki)[1] ?? Buffer.alloc(2)).subarray(1);
