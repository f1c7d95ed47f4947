/**
 * Reads PKCS#12 files (RFC 7292) that others wrote. Hostile input: its size, its elements and the work that it asks for
 * are bounded, the MAC is checked before anything is decrypted, and no error holds any of it.
 */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { KeysteadError } from '../../api/error.ts';
import { importPrivateKey, publicKeyThumbprint } from '../keys.ts';
import { bundleCaps, parseCertificate } from '../x509/pem.ts';
import { childrenOf, identifierOf, Malformed, numberOf, octetsOf, parseBer, tags, type BerElement } from './ber.ts';
import { bagTypes, contentTypes, X509_CERTIFICATE } from './identifiers.ts';
import { TooCostly, Unprotector, Unsupported } from './unprotect.ts';

/** What a file holds. Nothing is said of whether these belong together: see `buildChain`. */
export interface ReadPkcs12 {
  /** Undefined for a truststore. */
  readonly privateKey: KeyObject | undefined;
  /** In the file's order, which means nothing. */
  readonly certificates: readonly X509Certificate[];
}

/** As many certificates as a bundle may have, and a key. */
const LARGEST_FILE_BYTES = 300_000;
const LONGEST_PASSWORD = 1024;

/**
 * @param password of the MAC and of all parts; may be empty
 * @throws KeysteadError InvalidPkcs12, Pkcs12PasswordWrong, InvalidKey, InvalidCertificate
 */
export async function readPkcs12(file: Buffer, password: string): Promise<ReadPkcs12> {
  if (file.length > LARGEST_FILE_BYTES) throw invalid(`it has ${file.length} bytes; at most ${LARGEST_FILE_BYTES} are read`);
  if (password.length > LONGEST_PASSWORD) throw wrongPassword();
  const unprotector = new Unprotector(password);
  try {
    return await readFile(file, unprotector);
  } catch (error) {
    if (error instanceof Malformed) throw invalid('it is damaged, or something else');
    if (error instanceof Unsupported) throw invalid('it is protected in a way that is not supported. Export it anew with AES-256 and SHA-256');
    if (error instanceof TooCostly) throw invalid('its password is stretched by so many iterations that reading it would take too long. Export it anew with fewer');
    throw error;
  } finally {
    unprotector.close();
  }
}

async function readFile(file: Buffer, unprotector: Unprotector): Promise<ReadPkcs12> {
  const [version, authenticatedSafe, macData] = childrenOf(parseBer(file), tags.sequence);
  if (numberOf(version) !== 3) throw new Malformed('another version');
  const content = plainContent(authenticatedSafe);
  const authentic = macData !== undefined;
  if (authentic && !(await unprotector.verifies(macData, content))) throw wrongPassword();
  const keys = new Map<string, KeyObject>();
  const certificates: X509Certificate[] = [];
  for (const part of childrenOf(parseBer(content), tags.sequence)) {
    const safe = await decrypted(authentic, () => partContent(part, unprotector));
    for (const bag of await decrypted(authentic, async () => childrenOf(parseBer(safe), tags.sequence))) {
      const key = await decrypted(authentic, () => keyOf(bag, unprotector));
      if (key !== undefined) keys.set(publicKeyThumbprint(key), key);
      certificates.push(...certificatesOf(bag));
    }
    safe.fill(0);
  }
  if (keys.size > 1) throw invalid(`it has ${keys.size} private keys. Export the one that is meant`);
  if (certificates.length > bundleCaps.certificates) throw invalid(`it has ${certificates.length} certificates; at most ${bundleCaps.certificates} are read`);
  if (keys.size + certificates.length === 0) throw invalid('it has neither a private key nor a certificate');
  const [privateKey] = keys.values();
  return { privateKey, certificates };
}

/** Without a MAC, what does not decrypt is all that tells of a wrong password. */
async function decrypted<Result>(authentic: boolean, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Malformed && !authentic) throw wrongPassword();
    throw error;
  }
}

/** ContentInfo of plain data. Files signed instead of MACed, by a certificate, are not in use. */
function plainContent(info: BerElement | undefined): Buffer {
  const [type, content] = childrenOf(info, tags.sequence);
  if (identifierOf(type) !== contentTypes.data) throw new Unsupported();
  return octetsOf(childrenOf(content, tags.explicit0)[0]);
}

/** SafeContents of one part; a copy, the caller's to overwrite. */
async function partContent(part: BerElement, unprotector: Unprotector): Promise<Buffer> {
  const [type, content] = childrenOf(part, tags.sequence);
  if (identifierOf(type) !== contentTypes.encryptedData) return Buffer.from(plainContent(part));
  const [, info] = childrenOf(childrenOf(content, tags.explicit0)[0], tags.sequence);
  const [, algorithm, ciphertext] = childrenOf(info, tags.sequence);
  return unprotector.decrypt(algorithm, octetsOf(ciphertext, tags.implicit0));
}

/** Undefined for a bag without a key. */
async function keyOf(bag: BerElement, unprotector: Unprotector): Promise<KeyObject | undefined> {
  const [type, value] = childrenOf(bag, tags.sequence);
  const bagType = identifierOf(type);
  if (bagType !== bagTypes.key && bagType !== bagTypes.shroudedKey) return undefined;
  const [info] = childrenOf(value, tags.explicit0);
  const [algorithm, ciphertext] = childrenOf(info, tags.sequence);
  const privateKey = bagType === bagTypes.key ? Buffer.from(info?.encoded ?? '') : await unprotector.decrypt(algorithm, octetsOf(ciphertext));
  try {
    return importPrivateKey(privateKey);
  } finally {
    privateKey.fill(0);
  }
}

/** None for a bag of something else: CRLs, secrets and what else there may be are passed over. */
function certificatesOf(bag: BerElement): readonly X509Certificate[] {
  const [type, value] = childrenOf(bag, tags.sequence);
  if (identifierOf(type) !== bagTypes.certificate) return [];
  const [kind, certificate] = childrenOf(childrenOf(value, tags.explicit0)[0], tags.sequence);
  if (identifierOf(kind) !== X509_CERTIFICATE) return [];
  return [parseCertificate(octetsOf(childrenOf(certificate, tags.explicit0)[0]))];
}

const invalid = (why: string): KeysteadError => new KeysteadError('InvalidPkcs12', `What was given is no PKCS#12 file that can be read: ${why}.`, 'stalled');

const wrongPassword = (): KeysteadError => new KeysteadError('Pkcs12PasswordWrong', 'The password does not open the PKCS#12 file, or the file is damaged. Give the password that it was exported with.', 'stalled');
