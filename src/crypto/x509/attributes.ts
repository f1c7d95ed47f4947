/** The attribute types of distinguished names that have a name of their own, and what may stand in each. */

/** How a value is written (RFC 5280 appendix A.1, RFC 4519). Everything that may be international is UTF8String. */
export type AttributeSyntax = 'utf8' | 'printable' | 'ia5';

export interface AttributeType {
  /** As RFC 4514 §3 or, where it is silent, OpenSSL and Go print it. */
  readonly name: string;
  readonly oid: string;
  readonly syntax: AttributeSyntax;
  /** Most characters that a value may have: the upper bounds of RFC 5280 appendix A.1 and X.520. */
  readonly longest: number;
  readonly alsoKnownAs?: readonly string[];
}

export const attributeTypes: readonly AttributeType[] = [
  { name: 'CN', oid: '2.5.4.3', syntax: 'utf8', longest: 64, alsoKnownAs: ['commonName'] },
  { name: 'SN', oid: '2.5.4.4', syntax: 'utf8', longest: 64, alsoKnownAs: ['surname'] },
  { name: 'serialNumber', oid: '2.5.4.5', syntax: 'printable', longest: 64 },
  { name: 'C', oid: '2.5.4.6', syntax: 'printable', longest: 2, alsoKnownAs: ['countryName'] },
  { name: 'L', oid: '2.5.4.7', syntax: 'utf8', longest: 128, alsoKnownAs: ['localityName'] },
  { name: 'ST', oid: '2.5.4.8', syntax: 'utf8', longest: 128, alsoKnownAs: ['S', 'stateOrProvinceName'] },
  { name: 'STREET', oid: '2.5.4.9', syntax: 'utf8', longest: 128, alsoKnownAs: ['streetAddress'] },
  { name: 'O', oid: '2.5.4.10', syntax: 'utf8', longest: 64, alsoKnownAs: ['organizationName'] },
  { name: 'OU', oid: '2.5.4.11', syntax: 'utf8', longest: 64, alsoKnownAs: ['organizationalUnitName'] },
  { name: 'title', oid: '2.5.4.12', syntax: 'utf8', longest: 64, alsoKnownAs: ['T'] },
  { name: 'description', oid: '2.5.4.13', syntax: 'utf8', longest: 1024 },
  { name: 'businessCategory', oid: '2.5.4.15', syntax: 'utf8', longest: 128 },
  { name: 'postalCode', oid: '2.5.4.17', syntax: 'utf8', longest: 40 },
  { name: 'telephoneNumber', oid: '2.5.4.20', syntax: 'printable', longest: 32 },
  { name: 'name', oid: '2.5.4.41', syntax: 'utf8', longest: 256 },
  { name: 'GN', oid: '2.5.4.42', syntax: 'utf8', longest: 64, alsoKnownAs: ['givenName'] },
  { name: 'initials', oid: '2.5.4.43', syntax: 'utf8', longest: 64 },
  { name: 'generationQualifier', oid: '2.5.4.44', syntax: 'utf8', longest: 64 },
  { name: 'dnQualifier', oid: '2.5.4.46', syntax: 'printable', longest: 64 },
  { name: 'pseudonym', oid: '2.5.4.65', syntax: 'utf8', longest: 128 },
  { name: 'organizationIdentifier', oid: '2.5.4.97', syntax: 'utf8', longest: 256 },
  { name: 'UID', oid: '0.9.2342.19200300.100.1.1', syntax: 'utf8', longest: 256, alsoKnownAs: ['userId'] },
  { name: 'DC', oid: '0.9.2342.19200300.100.1.25', syntax: 'ia5', longest: 63, alsoKnownAs: ['domainComponent'] },
  { name: 'emailAddress', oid: '1.2.840.113549.1.9.1', syntax: 'ia5', longest: 255, alsoKnownAs: ['E'] },
];

const byName = new Map(attributeTypes.flatMap((type) => [type.name, ...(type.alsoKnownAs ?? [])].map((name) => [name.toLowerCase(), type])));
const byOid = new Map(attributeTypes.map((type) => [type.oid, type]));

/** Names of attribute types are compared without regard to case (RFC 4512 §1.4). */
export const attributeTypeByName = (name: string): AttributeType | undefined => byName.get(name.toLowerCase());
export const attributeTypeByOid = (oid: string): AttributeType | undefined => byOid.get(oid);
