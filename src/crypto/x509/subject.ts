/**
 * The subject of a certificate: from fields or RFC 4514 text to a checked name, and to its DER.
 */
import { KeysteadError } from '../../api/error.ts';
import { attributeTypeByName, attributeTypeByOid, type AttributeSyntax } from './attributes.ts';
import { ia5String, objectIdentifier, printableString, sequence, setOf, utf8String } from './der.ts';
import { parseDistinguishedName, type Attribute, type DistinguishedName } from './distinguished-name.ts';
import type { SubjectAltNames } from './names.ts';

/** The subject as separate fields, in cert-manager's words. */
export interface SubjectFields {
  readonly commonName?: string | undefined;
  readonly organizations?: readonly string[] | undefined;
  readonly organizationalUnits?: readonly string[] | undefined;
  readonly countries?: readonly string[] | undefined;
  readonly localities?: readonly string[] | undefined;
  readonly provinces?: readonly string[] | undefined;
  readonly streetAddresses?: readonly string[] | undefined;
  readonly postalCodes?: readonly string[] | undefined;
  readonly serialNumber?: string | undefined;
}

/** Attribute types without a bound of their own. */
const LONGEST_OTHER_VALUE = 1024;
/** PrintableString: X.680 §41.4. */
const PRINTABLE = /^[A-Za-z0-9 '()+,./:=?-]*$/;
const IA5 = /^[\x20-\x7e]*$/;

function invalid(message: string): KeysteadError {
  return new KeysteadError('InvalidSubject', message, 'stalled');
}

/** Fields to a name: the order that Go and so cert-manager writes, one relative name per value, in the order given. */
export function subjectFromFields(fields: SubjectFields): DistinguishedName {
  return [
    ...relativeNames('C', fields.countries),
    ...relativeNames('O', fields.organizations),
    ...relativeNames('OU', fields.organizationalUnits),
    ...relativeNames('L', fields.localities),
    ...relativeNames('ST', fields.provinces),
    ...relativeNames('STREET', fields.streetAddresses),
    ...relativeNames('postalCode', fields.postalCodes),
    ...relativeNames('CN', optional(fields.commonName)),
    ...relativeNames('serialNumber', optional(fields.serialNumber)),
  ];
}

const relativeNames = (typeName: string, values: readonly string[] = []): Attribute[][] => {
  const type = attributeTypeByName(typeName);
  return type === undefined ? [] : values.map((value) => [{ oid: type.oid, value }]);
};

const optional = (value: string | undefined): string[] => (value === undefined || value === '' ? [] : [value]);

/** The name of a request, from the one or the other form. @throws KeysteadError InvalidSubject when both are there. */
export function subjectOf(fields: SubjectFields | undefined, literal: string | undefined): DistinguishedName {
  const fromFields = subjectFromFields(fields ?? {});
  if (literal === undefined || literal === '') return checkSubject(fromFields);
  if (fromFields.length > 0) throw invalid('literalSubject and subject exclude each other. Keep one of them.');
  return checkSubject(parseDistinguishedName(literal));
}

/** Holds a name against the character sets and upper bounds of RFC 5280 appendix A.1, and gives it back in canonical order. */
export function checkSubject(name: DistinguishedName): DistinguishedName {
  for (const relative of name) {
    for (const attribute of relative) checkAttribute(attribute);
    const encodings = new Set(relative.map((attribute) => `${attribute.oid}=${attribute.value}`));
    if (encodings.size !== relative.length) throw invalid('A part of the subject joined by "+" has the same attribute twice.');
  }
  // What is joined by "+" is a set, which DER orders; so do we, or a name read back would seem to differ from the one asked for.
  return name.map((relative) => relative.toSorted((a, b) => encodeAttribute(a).compare(encodeAttribute(b))));
}

function checkAttribute({ oid, value }: Attribute): void {
  const type = attributeTypeByOid(oid);
  const label = type?.name ?? oid;
  const longest = type?.longest ?? LONGEST_OTHER_VALUE;
  if (value === '') throw invalid(`${label} in the subject is empty. Leave it out, or give it a value.`);
  if (Array.from(value).length > longest) throw invalid(`${label} in the subject is longer than ${longest} characters, the bound of RFC 5280.`);
  if (!value.isWellFormed() || /\p{Cc}/u.test(value)) throw invalid(`${label} in the subject has control characters or is not well-formed Unicode.`);
  if (type?.name === 'C' && !/^[A-Za-z]{2}$/.test(value)) throw invalid('C in the subject must be a country code of two letters (ISO 3166), such as DE.');
  if (type?.syntax === 'printable' && !PRINTABLE.test(value)) {
    throw invalid(`${label} in the subject may have only Latin letters, digits, spaces and '()+,-./:=? (PrintableString).`);
  }
  if (type?.syntax === 'ia5' && !IA5.test(value)) throw invalid(`${label} in the subject may have only ASCII characters.`);
}

const writers: Readonly<Record<AttributeSyntax, (text: string) => Buffer>> = { utf8: utf8String, printable: printableString, ia5: ia5String };

/** DER of a name that has been checked (RFC 5280 §4.1.2.4). */
export function encodeDistinguishedName(name: DistinguishedName): Buffer {
  return sequence(...name.map((relative) => setOf(...relative.map(encodeAttribute))));
}

function encodeAttribute({ oid, value }: Attribute): Buffer {
  return sequence(objectIdentifier(oid), writers[attributeTypeByOid(oid)?.syntax ?? 'utf8'](value));
}

/** All values of one attribute type, by its name. */
export function attributeValues(name: DistinguishedName, typeName: string): string[] {
  const oid = attributeTypeByName(typeName)?.oid;
  return name.flat().filter((attribute) => attribute.oid === oid).map((attribute) => attribute.value);
}

/**
 * The subject of a certificate that signs itself. Its issuer must not be empty (RFC 5280 §4.1.2.4), so a request with
 * nothing but alternative names takes the first that fits as common name.
 */
export function selfIssuedSubject(subject: DistinguishedName, sans: SubjectAltNames): DistinguishedName {
  if (subject.length > 0) return subject;
  const names = [...sans.dnsNames, ...sans.ipAddresses, ...sans.emailAddresses, ...sans.uris];
  const fitting = names.find((name) => name.length <= 64);
  if (fitting === undefined) throw invalid('A self-signed certificate needs a subject, and no alternative name fits one. Set subject.commonName.');
  return subjectFromFields({ commonName: fitting });
}
