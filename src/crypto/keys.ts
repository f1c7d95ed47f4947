/**
 * Asymmetric keys: their kinds, making them, and their way in and out of text.
 *
 * Keys travel as Node's KeyObject, so that the private part stays in OpenSSL's memory until somebody exports it. What is
 * exported is a string, which nobody can overwrite: export as late as possible, and straight into the envelope. Nothing
 * here logs, and no error carries any of its input.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPair, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { KeysteadError } from '../api/error.ts';
import { Semaphore } from '../runtime/semaphore.ts';

export type RsaSize = 2048 | 3072 | 4096;
export type Curve = 'P-256' | 'P-384' | 'P-521';

/** A kind of key pair that Keystead makes and accepts. */
export type KeyAlgorithm =
  | { readonly algorithm: 'RSA'; readonly size: RsaSize }
  | { readonly algorithm: 'ECDSA'; readonly curve: Curve }
  | { readonly algorithm: 'Ed25519' };

/** The kind as it is written in a resource: cert-manager's pair (ECDSA with size 256, 384, 521), or a curve's name. */
export interface KeyAlgorithmFields {
  readonly algorithm?: string | undefined;
  readonly size?: number | undefined;
  readonly curve?: string | undefined;
}

/** Larger input is no key: RSA-4096 in PEM has 3.3 KB. Checked before anything is parsed. */
const LARGEST_KEY_BYTES = 13_000;

const rsaSizes: readonly RsaSize[] = [2048, 3072, 4096];
const curves: readonly { readonly curve: Curve; readonly size: number; readonly node: string }[] = [
  { curve: 'P-256', size: 256, node: 'prime256v1' },
  { curve: 'P-384', size: 384, node: 'secp384r1' },
  { curve: 'P-521', size: 521, node: 'secp521r1' },
];

/**
 * The kind that the fields name. Without any: ECDSA P-256, whose keys cost a ten-thousandth of RSA 4096's.
 * @throws KeysteadError InvalidKeyAlgorithm
 */
export function parseKeyAlgorithm({ algorithm = 'ECDSA', size, curve }: KeyAlgorithmFields): KeyAlgorithm {
  if (algorithm === 'RSA') {
    const found = rsaSizes.find((candidate) => candidate === (size ?? 2048));
    if (found === undefined || curve !== undefined) throw invalidAlgorithm('An RSA key has the size 2048, 3072 or 4096, and no curve.');
    return { algorithm, size: found };
  }
  if (algorithm === 'ECDSA') {
    const named = curves.find((candidate) => candidate.curve === curve);
    const sized = curves.find((candidate) => candidate.size === size);
    const found = curve === undefined && size === undefined ? curves[0] : (named ?? sized);
    const contradicts = (curve !== undefined && found !== named) || (size !== undefined && found !== sized);
    if (found === undefined || contradicts) throw invalidAlgorithm('An ECDSA key has the size 256, 384 or 521, or the curve P-256, P-384 or P-521 that fits it.');
    return { algorithm, curve: found.curve };
  }
  if (algorithm === 'Ed25519') {
    // 256 is what the schema fills in; it says nothing wrong.
    if ((size ?? 256) !== 256 || curve !== undefined) throw invalidAlgorithm('An Ed25519 key has neither size nor curve.');
    return { algorithm };
  }
  throw invalidAlgorithm(`Key algorithm ${JSON.stringify(algorithm.slice(0, 40))} is not known. Use RSA, ECDSA or Ed25519.`);
}

/** For people: `RSA 2048`, `ECDSA P-256`, `Ed25519`. */
export function describeKeyAlgorithm(kind: KeyAlgorithm): string {
  if (kind.algorithm === 'RSA') return `RSA ${kind.size}`;
  return kind.algorithm === 'ECDSA' ? `ECDSA ${kind.curve}` : 'Ed25519';
}

/** The kind of a key, public or private. @throws KeysteadError InvalidKey for one that Keystead does not work with */
export function keyAlgorithmOf(key: KeyObject): KeyAlgorithm {
  const details = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ed25519') return { algorithm: 'Ed25519' };
  if (key.asymmetricKeyType === 'ec') {
    const found = curves.find(({ node }) => node === details.namedCurve);
    if (found !== undefined) return { algorithm: 'ECDSA', curve: found.curve };
  }
  if (key.asymmetricKeyType === 'rsa') {
    const size = rsaSizes.find((candidate) => candidate === details.modulusLength);
    // Exponent 65537 only: anything else is slower, weaker, or refused by somebody.
    if (size !== undefined && details.publicExponent === 65_537n) return { algorithm: 'RSA', size };
  }
  throw new KeysteadError('InvalidKey', 'The key is of a kind that Keystead does not support. Use RSA 2048, 3072 or 4096, ECDSA on P-256, P-384 or P-521, or Ed25519.', 'stalled');
}

function invalidAlgorithm(message: string): KeysteadError {
  return new KeysteadError('InvalidKeyAlgorithm', message, 'stalled');
}

const generateKeyPairInPool = promisify(generateKeyPair);

/**
 * Makes private keys. One per process: it holds RSA generation to a few at once, since each takes one of libuv's four
 * threads for up to a second, and files, DNS and WebCrypto wait behind them (16 at once: 7 s; 2 at once: 11 ms).
 */
export class KeyGenerator {
  readonly #rsa: Semaphore;

  constructor(rsaAtOnce = 2) {
    this.#rsa = new Semaphore(rsaAtOnce);
  }

  /** @throws the signal's reason if it is aborted before the work begins; a key in the making is finished and dropped */
  async generate(kind: KeyAlgorithm, signal?: AbortSignal): Promise<KeyObject> {
    signal?.throwIfAborted();
    if (kind.algorithm === 'Ed25519') return generateKeyPairSync('ed25519').privateKey;
    if (kind.algorithm === 'ECDSA') return generateKeyPairSync('ec', { namedCurve: kind.curve }).privateKey;
    return this.#rsa.run(async () => {
      const { privateKey } = await generateKeyPairInPool('rsa', { modulusLength: kind.size, publicExponent: 65_537 });
      signal?.throwIfAborted();
      return privateKey;
    }, signal);
  }
}

/** PKCS#8 in PEM, unencrypted. */
export const exportPrivateKey = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

/** PKCS#8 in DER, unencrypted. */
export const exportPrivateKeyDer = (key: KeyObject): Buffer => key.export({ type: 'pkcs8', format: 'der' });

/** SubjectPublicKeyInfo in PEM, of either half. */
export const exportPublicKey = (key: KeyObject): string => publicHalf(key).export({ type: 'spki', format: 'pem' }).toString();

/** SubjectPublicKeyInfo in DER, of either half. */
export const exportPublicKeyDer = (key: KeyObject): Buffer => publicHalf(key).export({ type: 'spki', format: 'der' });

/** The public half; a public key is its own. */
export const publicHalf = (key: KeyObject): KeyObject => (key.type === 'private' ? createPublicKey(key) : key);

/** Lower-case hex SHA-256 of the SubjectPublicKeyInfo: equal for equal keys, whatever certificate they stand in. */
export const publicKeyThumbprint = (key: KeyObject): string => createHash('sha256').update(exportPublicKeyDer(key)).digest('hex');

/**
 * Reads an unencrypted private key: PKCS#8 in PEM or DER, PKCS#1 or SEC1 in PEM.
 * @throws KeysteadError InvalidKey; neither message nor cause holds any of the input
 */
export function importPrivateKey(input: string | Buffer): KeyObject {
  return parseKey(input, 'private', () =>
    typeof input === 'string' || isPem(input) ? createPrivateKey(input) : createPrivateKey({ key: input, format: 'der', type: 'pkcs8' }),
  );
}

/** Reads a public key: SubjectPublicKeyInfo in PEM or DER. A private key is refused, not quietly reduced. @throws KeysteadError InvalidKey */
export function importPublicKey(input: string | Buffer): KeyObject {
  return parseKey(input, 'public', () => {
    if (typeof input === 'string' || isPem(input)) {
      if (input.includes('PRIVATE KEY')) throw new TypeError('a private key');
      return createPublicKey(input);
    }
    return createPublicKey({ key: input, format: 'der', type: 'spki' });
  });
}

const isPem = (input: Buffer): boolean => input.subarray(0, 64).includes('-----BEGIN');

function parseKey(input: string | Buffer, half: 'private' | 'public', parse: () => KeyObject): KeyObject {
  let key: KeyObject | undefined;
  if (input.length <= LARGEST_KEY_BYTES) {
    try {
      key = parse();
    } catch {
      // OpenSSL's words are of no use to a person, and nothing of the input may get into a log.
    }
  }
  if (key === undefined) {
    const expected = half === 'private' ? 'an unencrypted private key in PEM (PKCS#8, PKCS#1, SEC1) or PKCS#8 DER' : 'a public key in PEM or DER (SubjectPublicKeyInfo)';
    throw new KeysteadError('InvalidKey', `What was given is not ${expected} of at most ${LARGEST_KEY_BYTES} bytes.`, 'stalled');
  }
  keyAlgorithmOf(key);
  return key;
}
