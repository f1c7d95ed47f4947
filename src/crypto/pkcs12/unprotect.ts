/**
 * Takes the protections of a PKCS#12 file off, in all forms that are found in the world. The work that a file may ask for
 * is bounded over all of it: iterations cost time, and the file says how many.
 */
import { createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { childrenOf, identifierOf, Malformed, numberOf, octetsOf, tags, type BerElement } from './ber.ts';
import { bmpPassword, derivePbkdf2, derivePkcs12, type Pkcs12Derivation } from './derive.ts';
import { ciphers, digests, hmacs, legacySchemes, PBES2, PBKDF2, PBMAC1, type Cipher, type Digest } from './identifiers.ts';

/** A protection that we know of and can't take off: RC4, scrypt, certificates as keys. */
export class Unsupported extends Error {}
/** The file asks for more work than is done for one. */
export class TooCostly extends Error {}

/**
 * In iterations of PBKDF2, of which 5 million take a second; one of PKCS#12's own scheme costs 15 of them. Java's files of
 * before 2021 ask for a third of it.
 */
const MOST_WORK = 15_000_000;
const PKCS12_WORK = 15;
const SHORTEST_MAC_KEY = 20;

const keyBytes: Readonly<Record<Cipher, number>> = { 'aes-128-cbc': 16, 'aes-192-cbc': 24, 'aes-256-cbc': 32, 'des-ede3-cbc': 24 };
const digestBytes: Readonly<Record<Digest, number>> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 };

/** Opens the parts of one file under one password. */
export class Unprotector {
  readonly #password: string;
  #bmp: Buffer;
  #work = MOST_WORK;

  constructor(password: string) {
    this.#password = password;
    this.#bmp = bmpPassword(password);
  }

  /** Overwrites what it can of the password. */
  close(): void {
    this.#bmp.fill(0);
  }

  /** Whether `macData` is a MAC over `content` under the password. @throws Malformed, Unsupported, TooCostly */
  async verifies(macData: BerElement, content: Buffer): Promise<boolean> {
    const [digestInfo, salt, iterations] = childrenOf(macData, tags.sequence);
    const [algorithm, expected] = childrenOf(digestInfo, tags.sequence);
    const mac = octetsOf(expected);
    const [type, parameters] = childrenOf(algorithm, tags.sequence);
    if (identifierOf(type) === PBMAC1) return matches(mac, await this.#pbmac1(parameters, content));
    const digest = nameOf(digests, type);
    // DEFAULT 1 (RFC 7292 §4).
    const rounds = iterations === undefined ? 1 : numberOf(iterations);
    // Without a password some write the terminating zero of an empty one, and some nothing at all.
    for (const bmp of this.#password === '' ? [this.#bmp, Buffer.alloc(0)] : [this.#bmp]) {
      const key = await this.#derive({ digest, purpose: 'mac', password: bmp, salt: octetsOf(salt), iterations: rounds, length: digestBytes[digest] });
      if (matches(mac, createHmac(digest, key).update(content).digest())) {
        this.#bmp = bmp;
        return true;
      }
    }
    return false;
  }

  async #pbmac1(parameters: BerElement | undefined, content: Buffer): Promise<Buffer> {
    const [derivation, scheme] = childrenOf(parameters, tags.sequence);
    const digest = nameOf(hmacs, childrenOf(scheme, tags.sequence)[0]);
    const key = await this.#pbkdf2(derivation, undefined);
    // With a shorter one anybody could make the MAC without the password, by trying keys (RFC 9579 §5).
    if (key.length < SHORTEST_MAC_KEY) throw new Malformed('a MAC key that is too short');
    return createHmac(digest, key).update(content).digest();
  }

  /** @throws Malformed, also when the padding says that the key is wrong; Unsupported, TooCostly */
  async decrypt(algorithm: BerElement | undefined, ciphertext: Buffer): Promise<Buffer> {
    const [type, parameters] = childrenOf(algorithm, tags.sequence);
    return identifierOf(type) === PBES2 ? this.#decryptModern(parameters, ciphertext) : this.#decryptLegacy(nameOf(legacySchemes, type), parameters, ciphertext);
  }

  async #decryptModern(parameters: BerElement | undefined, ciphertext: Buffer): Promise<Buffer> {
    const [derivation, scheme] = childrenOf(parameters, tags.sequence);
    const [type, iv] = childrenOf(scheme, tags.sequence);
    const cipher = nameOf(ciphers, type);
    return decipher(cipher, await this.#pbkdf2(derivation, keyBytes[cipher]), octetsOf(iv), ciphertext);
  }

  /** PBKDF2-params (RFC 8018 appendix A.2); `length` is what the cipher needs, else the parameters must say it. */
  async #pbkdf2(derivation: BerElement | undefined, length: number | undefined): Promise<Buffer> {
    const [type, parameters] = childrenOf(derivation, tags.sequence);
    if (identifierOf(type) !== PBKDF2) throw new Unsupported();
    const [salt, iterations, ...optional] = childrenOf(parameters, tags.sequence);
    const said = optional[0]?.tag === tags.integer ? numberOf(optional[0]) : undefined;
    const prf = optional[said === undefined ? 0 : 1];
    const digest = prf === undefined ? 'sha1' : nameOf(hmacs, childrenOf(prf, tags.sequence)[0]);
    const octets = length ?? said;
    if (octets === undefined || octets > 64 || (said !== undefined && said !== octets)) throw new Malformed('a key of another length');
    const rounds = numberOf(iterations);
    this.#spend(rounds * Math.ceil(octets / digestBytes[digest]));
    return derivePbkdf2(digest, this.#password, octetsOf(salt), rounds, octets);
  }

  async #decryptLegacy(scheme: keyof typeof legacySchemes, parameters: BerElement | undefined, ciphertext: Buffer): Promise<Buffer> {
    const [salt, iterations] = childrenOf(parameters, tags.sequence);
    const from = { digest: 'sha1', password: this.#bmp, salt: octetsOf(salt), iterations: numberOf(iterations) } as const;
    const length = { tripleDes: 24, twoKeyTripleDes: 16, rc2With128Bits: 16, rc2With40Bits: 5 }[scheme];
    const key = await this.#derive({ ...from, purpose: 'encryption', length });
    const iv = await this.#derive({ ...from, purpose: 'iv', length: 8 });
    if (scheme === 'rc2With128Bits' || scheme === 'rc2With40Bits') return decipherRc2(key, iv, ciphertext);
    return decipher('des-ede3-cbc', scheme === 'tripleDes' ? key : Buffer.concat([key, key.subarray(0, 8)]), iv, ciphertext);
  }

  #derive(parts: Pkcs12Derivation): Promise<Buffer> {
    this.#spend(parts.iterations * Math.ceil(parts.length / digestBytes[parts.digest]) * PKCS12_WORK);
    return derivePkcs12(parts);
  }

  #spend(work: number): void {
    if (work < 1) throw new Malformed('no iterations');
    this.#work -= work;
    if (this.#work < 0) throw new TooCostly();
  }
}

/** The name of an identifier in one of our tables. @throws Unsupported */
function nameOf<Name extends string>(table: Readonly<Record<Name, string>>, element: BerElement | undefined): Name {
  const identifier = identifierOf(element);
  for (const name in table) if (table[name] === identifier) return name;
  throw new Unsupported();
}

const matches = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);

function decipher(cipher: Cipher, key: Buffer, iv: Buffer, ciphertext: Buffer): Buffer {
  try {
    const decipherer = createDecipheriv(cipher, key, iv);
    return Buffer.concat([decipherer.update(ciphertext), decipherer.final()]);
  } catch {
    throw new Malformed('nothing that this key decrypts');
  } finally {
    key.fill(0);
  }
}

/** Node's OpenSSL has no RC2; files of OpenSSL before 3 and of Windows hide certificates behind it. Loaded when met. */
async function decipherRc2(key: Buffer, iv: Buffer, ciphertext: Buffer): Promise<Buffer> {
  const { default: forge } = await import('node-forge');
  const decipherer = forge.rc2.createDecryptionCipher(key.toString('latin1'), key.length * 8);
  decipherer.start(iv.toString('latin1'));
  decipherer.update(forge.util.createBuffer(ciphertext.toString('latin1')));
  const whole = ciphertext.length > 0 && ciphertext.length % 8 === 0 && decipherer.finish();
  if (!whole) throw new Malformed('nothing that this key decrypts');
  return Buffer.from(decipherer.output.getBytes(), 'latin1');
}
