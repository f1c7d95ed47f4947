/**
 * What stands in certificates and requests that others made, read with the ASN.1 classes of @peculiar. Everything here is
 * hostile input: callers cap its size first, and whatever the parsers throw becomes a KeysteadError.
 */
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  KeyUsage,
  NameConstraints as AsnNameConstraints,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  type AttributeTypeAndValue,
  type Extension,
  type GeneralName,
  type GeneralSubtrees,
  type Name,
} from '@peculiar/asn1-x509';
import { KeysteadError } from '../../api/error.ts';
import { elementContent } from './der.ts';
import type { DistinguishedName } from './distinguished-name.ts';
import { extensionIds } from './extensions.ts';
import { formatIpAddress, parseIpAddress } from './ip-address.ts';
import type { NameConstraints, NameSubtrees } from './name-constraints.ts';
import type { OtherName, SubjectAltNames } from './names.ts';
import type { KeyPurposes } from './usages.ts';

/** The extensions that we understand, as somebody else wrote them. */
export interface ReadExtensions {
  readonly sans: SubjectAltNames;
  readonly purposes: KeyPurposes;
  readonly isCA: boolean;
  readonly pathLength: number | undefined;
  readonly nameConstraints: NameConstraints | undefined;
  readonly subjectKeyId: Buffer | undefined;
  readonly authorityKeyId: Buffer | undefined;
}

export interface ReadCertificate extends ReadExtensions {
  readonly subject: DistinguishedName;
  readonly issuer: DistinguishedName;
}

/** Names and extensions of a certificate. @throws KeysteadError InvalidCertificate */
export function readCertificate(der: Buffer): ReadCertificate {
  try {
    const { tbsCertificate } = AsnConvert.parse(der, Certificate);
    return { subject: readName(tbsCertificate.subject), issuer: readName(tbsCertificate.issuer), ...readExtensions(tbsCertificate.extensions ?? []) };
  } catch (cause) {
    throw new KeysteadError('InvalidCertificate', 'A certificate has fields that can not be read; it is damaged or no RFC 5280 certificate.', 'stalled', { cause });
  }
}

/** The values of known extensions; unknown ones are passed over. @throws whatever the ASN.1 classes throw */
export function readExtensions(extensions: readonly Extension[]): ReadExtensions {
  // RFC 5280 §4.2: at most one of a kind. With two, one verifier reads the first and another the last.
  if (new Set(extensions.map((extension) => extension.extnID)).size !== extensions.length) throw new TypeError('an extension stands there twice');
  const parse = <Value>(id: string, type: new () => Value): Value | undefined => {
    const found = extensions.find((extension) => extension.extnID === id);
    return found === undefined ? undefined : AsnConvert.parse(found.extnValue.buffer, type);
  };
  const basic = parse(extensionIds.basicConstraints, BasicConstraints);
  const constraints = parse(extensionIds.nameConstraints, AsnNameConstraints);
  return {
    sans: readNames([...(parse(extensionIds.subjectAltName, SubjectAlternativeName) ?? [])]),
    purposes: {
      keyUsage: bitsOf(parse(extensionIds.keyUsage, KeyUsage)?.toNumber() ?? 0),
      extendedKeyUsage: [...(parse(extensionIds.extendedKeyUsage, ExtendedKeyUsage) ?? [])],
    },
    isCA: basic?.cA ?? false,
    pathLength: basic?.pathLenConstraint,
    nameConstraints: constraints && readConstraints(constraints, extensions.some((extension) => extension.extnID === extensionIds.nameConstraints && extension.critical)),
    subjectKeyId: bytes(parse(extensionIds.subjectKeyIdentifier, SubjectKeyIdentifier)?.buffer),
    authorityKeyId: bytes(parse(extensionIds.authorityKeyIdentifier, AuthorityKeyIdentifier)?.keyIdentifier?.buffer),
  };
}

const bytes = (buffer: ArrayBuffer | undefined): Buffer | undefined => (buffer === undefined ? undefined : Buffer.from(buffer));

/** The class counts bit 0 as 1, bit 1 as 2, …, bit 8 as 256. */
const bitsOf = (mask: number): number[] => Array.from({ length: 9 }, (_, bit) => bit).filter((bit) => (mask & (1 << bit)) !== 0);

export function readName(name: Name): DistinguishedName {
  return Array.from(name, (relative) => Array.from(relative, (attribute) => ({ oid: attribute.type, value: attributeText(attribute) })));
}

/** Text of a value; what is no string is shown as the hex of its DER, since a name must stay comparable. */
function attributeText({ value }: AttributeTypeAndValue): string {
  return value.anyValue === undefined ? value.toString() : Buffer.from(value.anyValue).toString('hex');
}

function readNames(names: readonly GeneralName[]): SubjectAltNames {
  const text = (pick: (name: GeneralName) => string | undefined): string[] => names.flatMap((name) => pick(name) ?? []);
  return {
    dnsNames: text((name) => name.dNSName?.toLowerCase()),
    ipAddresses: text((name) => name.iPAddress).map(canonicalIpAddress),
    uris: text((name) => name.uniformResourceIdentifier),
    // The domain has no case (RFC 5321 §2.4), the rest may have.
    emailAddresses: text((name) => name.rfc822Name?.replace(/[^@]*$/, (domain) => domain.toLowerCase())),
    otherNames: names.flatMap(({ otherName }) => (otherName === undefined ? [] : readOtherName(otherName.typeId, Buffer.from(otherName.value)))),
  };
}

function canonicalIpAddress(text: string): string {
  const octets = parseIpAddress(text);
  return octets === undefined ? text : formatIpAddress(octets);
}

/** Only UTF8String values: others have no form in a request, so they never match one, and are shown as hex. */
function readOtherName(oid: string, value: Buffer): OtherName {
  return { oid, utf8Value: value[0] === 0x0c ? elementContent(value).toString('utf8') : `#${value.toString('hex')}` };
}

function readConstraints(constraints: AsnNameConstraints, critical: boolean): NameConstraints {
  const { permittedSubtrees, excludedSubtrees } = constraints;
  return {
    critical,
    ...(permittedSubtrees && { permitted: readSubtrees(permittedSubtrees) }),
    ...(excludedSubtrees && { excluded: readSubtrees(excludedSubtrees) }),
  };
}

function readSubtrees(subtrees: GeneralSubtrees): NameSubtrees {
  const bases = Array.from(subtrees, (subtree) => subtree.base);
  return {
    dnsDomains: bases.flatMap((base) => base.dNSName?.toLowerCase() ?? []),
    ipRanges: bases.flatMap((base) => base.iPAddress ?? []),
    emailAddresses: bases.flatMap((base) => base.rfc822Name ?? []),
    uriDomains: bases.flatMap((base) => base.uniformResourceIdentifier?.toLowerCase() ?? []),
  };
}
