/**
 * Writes PKCS#12 files (RFC 7292) as OpenSSL and Java read them: certificates encrypted together, the key on its own, a MAC
 * over all. The same content, password and salts give the same bytes.
 */
import { createHash } from 'node:crypto';
import { constructed, element, objectIdentifier, octetString, primitive, sequence, setOf, smallInteger } from '../x509/der.ts';
import { ANY_EXTENDED_KEY_USAGE, attributes, bagTypes, contentTypes, X509_CERTIFICATE } from './identifiers.ts';
import { encrypt, macData, type Profile, type Salts } from './protect.ts';

/** A private key with its chain, and certificates that are trusted; either may be missing. */
export interface Pkcs12Contents {
  readonly entry?: {
    readonly alias: string;
    /** PKCS#8 in DER; the caller's to overwrite. */
    readonly privateKey: Buffer;
    /** DER, the leaf first. */
    readonly chain: readonly Buffer[];
  };
  readonly trusted: readonly { readonly alias: string; readonly certificate: Buffer }[];
}

export interface Pkcs12Protection {
  readonly profile: Profile;
  readonly password: string;
  readonly salts: Salts;
}

/** The file in DER. */
export async function writePkcs12({ entry, trusted }: Pkcs12Contents, { profile, password, salts }: Pkcs12Protection): Promise<Buffer> {
  const keyId = createHash('sha1').update(entry?.chain[0] ?? '').digest();
  const own = entry === undefined ? [] : [attribute(attributes.friendlyName, bmpString(entry.alias)), attribute(attributes.localKeyId, octetString(keyId))];
  const certificates = [
    ...(entry?.chain ?? []).map((certificate, index) => certificateBag(certificate, index === 0 ? own : [])),
    ...trusted.map(({ alias, certificate }) => certificateBag(certificate, trustedAttributes(alias))),
  ];
  const parts = [await encryptedContent(sequence(...certificates), profile, password, salts)];
  if (entry !== undefined) {
    const { algorithm, ciphertext } = await encrypt(profile, password, entry.privateKey, salts);
    const shrouded = safeBag(bagTypes.shroudedKey, sequence(algorithm, octetString(ciphertext)), own);
    parts.push(plainContent(sequence(shrouded)));
  }
  const authenticatedSafe = sequence(...parts);
  return sequence(smallInteger(3), plainContent(authenticatedSafe), await macData(profile, password, authenticatedSafe, salts));
}

const plainContent = (content: Buffer): Buffer => sequence(objectIdentifier(contentTypes.data), constructed(0, octetString(content)));

async function encryptedContent(content: Buffer, profile: Profile, password: string, salts: Salts): Promise<Buffer> {
  const { algorithm, ciphertext } = await encrypt(profile, password, content, salts);
  const info = sequence(objectIdentifier(contentTypes.data), algorithm, primitive(0, ciphertext));
  return sequence(objectIdentifier(contentTypes.encryptedData), constructed(0, sequence(smallInteger(0), info)));
}

const certificateBag = (certificate: Buffer, about: readonly Buffer[]): Buffer =>
  safeBag(bagTypes.certificate, sequence(objectIdentifier(X509_CERTIFICATE), constructed(0, octetString(certificate))), about);

const safeBag = (type: string, value: Buffer, about: readonly Buffer[]): Buffer =>
  sequence(objectIdentifier(type), constructed(0, value), ...(about.length === 0 ? [] : [setOf(...about)]));

const trustedAttributes = (alias: string): readonly Buffer[] =>
  [attribute(attributes.friendlyName, bmpString(alias)), attribute(attributes.trustedKeyUsage, objectIdentifier(ANY_EXTENDED_KEY_USAGE))];

const attribute = (type: string, value: Buffer): Buffer => sequence(objectIdentifier(type), setOf(value));

const bmpString = (text: string): Buffer => element(0x1e, Buffer.from(text, 'utf16le').swap16());
