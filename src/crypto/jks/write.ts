/**
 * Writes Java's old keystore format, JKS, as the SUN provider has read it since JDK 1.2.
 *
 * The JDK would also read a PKCS#12 file under the name .jks; but not every reader of such files is a JDK, and where one
 * is asked for JKS with `keystore.type.compat=false`, it does not either. The format protects little: the key is masked
 * with a stream of SHA-1 of the password, certificates not at all. It is here for programs that can't read anything else.
 */
import { createHash } from 'node:crypto';
import type { Salts } from '../pkcs12/protect.ts';
import { nullValue, objectIdentifier, octetString, sequence } from '../x509/der.ts';

/** A private key with its chain, and certificates that are trusted; either may be missing. */
export interface JksContents {
  readonly entry?: {
    /** ASCII; written in lower case, for Java looks aliases up in lower case. */
    readonly alias: string;
    /** PKCS#8 in DER; the caller's to overwrite. */
    readonly privateKey: Buffer;
    /** DER, the leaf first. */
    readonly chain: readonly Buffer[];
  };
  readonly trusted: readonly { readonly alias: string; readonly certificate: Buffer }[];
  /** Shown by Java as the creation date of each entry. */
  readonly created: Date;
}

const MAGIC = 0xfeedfeed;
const VERSION = 2;
const tags = { privateKey: 1, trustedCertificate: 2 } as const;
/** `KeyProtector` of the SUN provider. */
const KEY_PROTECTOR = '1.3.6.1.4.1.42.2.17.1.1';
const SALT_BYTES = 20;

/**
 * The file. Salts must never repeat for another key under the same password: the mask would be the same.
 * @param password of the file and of the key in it; any characters
 */
export function writeJks({ entry, trusted, created }: JksContents, password: string, salts: Salts): Buffer {
  const secret = Buffer.from(password, 'utf16le').swap16();
  const about = (tag: number, alias: string): Buffer[] => [uint32(tag), text(alias.toLowerCase()), time(created)];
  const parts = [uint32(MAGIC), uint32(VERSION), uint32(trusted.length + (entry === undefined ? 0 : 1))];
  if (entry !== undefined) {
    parts.push(...about(tags.privateKey, entry.alias), withLength(protectKey(entry.privateKey, secret, salts.bytes(SALT_BYTES))));
    parts.push(uint32(entry.chain.length), ...entry.chain.flatMap(certificateParts));
  }
  for (const { alias, certificate } of trusted) parts.push(...about(tags.trustedCertificate, alias), ...certificateParts(certificate));
  const content = Buffer.concat(parts);
  const digest = sha1(secret, Buffer.from('Mighty Aphrodite'), content);
  secret.fill(0);
  return Buffer.concat([content, digest]);
}

/** EncryptedPrivateKeyInfo: salt, key under a stream of SHA-1, SHA-1 of password and key. */
function protectKey(privateKey: Buffer, secret: Buffer, salt: Buffer): Buffer {
  const masked = Buffer.from(privateKey);
  let mask = salt;
  for (let at = 0; at < masked.length; at += 1) {
    if (at % SALT_BYTES === 0) mask = sha1(secret, mask);
    masked.writeUInt8(masked.readUInt8(at) ^ mask.readUInt8(at % SALT_BYTES), at);
  }
  const content = Buffer.concat([salt, masked, sha1(secret, privateKey)]);
  return sequence(sequence(objectIdentifier(KEY_PROTECTOR), nullValue()), octetString(content));
}

const certificateParts = (certificate: Buffer): Buffer[] => [text('X.509'), withLength(certificate)];

const withLength = (content: Buffer): Buffer => Buffer.concat([uint32(content.length), content]);

function sha1(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('sha1');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** DataOutput.writeUTF: for ASCII without NUL the same as UTF-8. */
function text(ascii: string): Buffer {
  const content = Buffer.from(ascii, 'latin1');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(content.length);
  return Buffer.concat([length, content]);
}

function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}

function time(at: Date): Buffer {
  const octets = Buffer.alloc(8);
  octets.writeBigInt64BE(BigInt(at.getTime()));
  return octets;
}
