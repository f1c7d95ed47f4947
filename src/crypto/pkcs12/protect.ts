/** The two protections of a PKCS#12 file, as we write them: encryption of its parts, and a MAC over all of it. */
import { createCipheriv, createHmac } from 'node:crypto';
import type { Random } from '../../runtime/random.ts';
import { nullValue, objectIdentifier, octetString, sequence, smallInteger } from '../x509/der.ts';
import { bmpPassword, derivePbkdf2, derivePkcs12 } from './derive.ts';
import { ciphers, digests, hmacs, legacySchemes, PBES2, PBKDF2, PBMAC1, type Digest } from './identifiers.ts';

/**
 * What a file is protected with, by cert-manager's names.
 * - `Modern2023`: AES-256 under PBKDF2, MAC of RFC 7292 with SHA-256. OpenSSL 1.1.1, Java 12,
 *   Windows Server 2019 and newer.
 * - `Modern2026`: the same with PBMAC1 (RFC 9579). OpenSSL 3.4, Java 26 and newer.
 * - `LegacyDES`: 3DES and SHA-1, for readers that know nothing better. Everybody reads it.
 */
export type Profile = 'Modern2023' | 'Modern2026' | 'LegacyDES';

/** How writers get salts and initialization vectors. */
export type Salts = Pick<Random, 'bytes'>;

/** As Java's own default. */
const PBKDF2_ITERATIONS = 10_000;
/** As OpenSSL's own default: this scheme costs 3 µs of the event loop an iteration. */
const PKCS12_ITERATIONS = 2048;
const MAC_BYTES = 32;

export interface Encrypted {
  /** AlgorithmIdentifier. */
  readonly algorithm: Buffer;
  readonly ciphertext: Buffer;
}

export function encrypt(profile: Profile, password: string, plaintext: Buffer, salts: Salts): Promise<Encrypted> {
  return profile === 'LegacyDES' ? encryptLegacy(password, plaintext, salts) : encryptModern(password, plaintext, salts);
}

/** PBES2 (RFC 8018 §6.2). */
async function encryptModern(password: string, plaintext: Buffer, salts: Salts): Promise<Encrypted> {
  const salt = salts.bytes(16);
  const iv = salts.bytes(16);
  const key = await derivePbkdf2('sha256', password, salt, PBKDF2_ITERATIONS, 32);
  const scheme = sequence(objectIdentifier(ciphers['aes-256-cbc']), octetString(iv));
  const algorithm = sequence(objectIdentifier(PBES2), sequence(pbkdf2Identifier(salt, []), scheme));
  return { algorithm, ciphertext: encipher('aes-256-cbc', key, iv, plaintext) };
}

/** RFC 7292 appendix C, by the one cipher there that is still read everywhere. */
async function encryptLegacy(password: string, plaintext: Buffer, salts: Salts): Promise<Encrypted> {
  const salt = salts.bytes(8);
  const bmp = bmpPassword(password);
  const from = { digest: 'sha1', password: bmp, salt, iterations: PKCS12_ITERATIONS } as const;
  const key = await derivePkcs12({ ...from, purpose: 'encryption', length: 24 });
  const iv = await derivePkcs12({ ...from, purpose: 'iv', length: 8 });
  bmp.fill(0);
  const algorithm = sequence(objectIdentifier(legacySchemes.tripleDes), sequence(octetString(salt), smallInteger(PKCS12_ITERATIONS)));
  return { algorithm, ciphertext: encipher('des-ede3-cbc', key, iv, plaintext) };
}

function encipher(cipher: keyof typeof ciphers, key: Buffer, iv: Buffer, plaintext: Buffer): Buffer {
  const encipherer = createCipheriv(cipher, key, iv);
  key.fill(0);
  return Buffer.concat([encipherer.update(plaintext), encipherer.final()]);
}

/** PBKDF2-params with HMAC-SHA-256; PBMAC1 wants the key length said (RFC 9579 §5), PBES2 does not. */
const pbkdf2Identifier = (salt: Buffer, keyLength: readonly Buffer[]): Buffer =>
  sequence(objectIdentifier(PBKDF2), sequence(octetString(salt), smallInteger(PBKDF2_ITERATIONS), ...keyLength, withNull(hmacs.sha256)));

const withNull = (identifier: string): Buffer => sequence(objectIdentifier(identifier), nullValue());

/** MacData (RFC 7292 §4) over `content`. */
export async function macData(profile: Profile, password: string, content: Buffer, salts: Salts): Promise<Buffer> {
  if (profile === 'Modern2026') return pbmac1(password, content, salts);
  const digest: Digest = profile === 'LegacyDES' ? 'sha1' : 'sha256';
  const salt = salts.bytes(16);
  const bmp = bmpPassword(password);
  const length = digest === 'sha1' ? 20 : 32;
  const key = await derivePkcs12({ digest, purpose: 'mac', password: bmp, salt, iterations: PKCS12_ITERATIONS, length });
  bmp.fill(0);
  return sequence(sequence(withNull(digests[digest]), octetString(hmac(digest, key, content))), octetString(salt), smallInteger(PKCS12_ITERATIONS));
}

/** RFC 9579: the salt and iterations of MacData itself mean nothing, and readers must not believe them. */
async function pbmac1(password: string, content: Buffer, salts: Salts): Promise<Buffer> {
  const salt = salts.bytes(16);
  const key = await derivePbkdf2('sha256', password, salt, PBKDF2_ITERATIONS, MAC_BYTES);
  const parameters = sequence(pbkdf2Identifier(salt, [smallInteger(MAC_BYTES)]), withNull(hmacs.sha256));
  const digestInfo = sequence(sequence(objectIdentifier(PBMAC1), parameters), octetString(hmac('sha256', key, content)));
  return sequence(digestInfo, octetString(Buffer.from('NOT USED')), smallInteger(1));
}

function hmac(digest: Digest, key: Buffer, content: Buffer): Buffer {
  const mac = createHmac(digest, key).update(content).digest();
  key.fill(0);
  return mac;
}
