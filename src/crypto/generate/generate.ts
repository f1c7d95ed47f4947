/**
 * The generators of `spec.generate`. Values come into being here and nowhere else: they go to the caller, who puts them
 * into an envelope at once. Nothing here keeps, logs or reports any of them, not even its length.
 */
import { KeysteadError } from '../../api/error.ts';
import type { Generate } from '../../api/generate.ts';
import type { Random } from '../../runtime/random.ts';
import { exportPrivateKey, exportPublicKey, parseKeyAlgorithm, type KeyAlgorithm, type KeyGenerator } from '../keys.ts';
import { DEFAULT_BCRYPT_COST, htpasswdLine } from './htpasswd.ts';
import { generatePassword } from './password.ts';
import { encodeSshKeyPair } from './ssh.ts';
import { generateUuid } from './uuid.ts';

/** One generator of `spec.generate`, after defaulting; exactly one member is set. */
export type GeneratorSpec = Omit<Generate, 'rotation'>;

/** What generators draw from. */
export interface GeneratorTools {
  readonly random: Random;
  readonly keys: KeyGenerator;
  /** 4 to 15. */
  readonly bcryptCost?: number;
  readonly signal?: AbortSignal;
}

/** Field names to values. Generators of one value have one field, of the generator's own name. */
export type GeneratedFields = Readonly<Record<string, string>>;

/**
 * Makes a value: `password` → password; `uuid` → uuid; `bytes` → bytes; `sshKey`, `keyPair` → privateKey, publicKey;
 * `basicAuth` → username, password, auth. Nothing of it is kept or logged here.
 * @throws KeysteadError InvalidGenerator when there is no such value
 */
export async function generate(spec: GeneratorSpec, tools: GeneratorTools): Promise<GeneratedFields> {
  const { random } = tools;
  if (spec.password !== undefined) return { password: generatePassword(spec.password, random) };
  if (spec.uuid !== undefined) return { uuid: generateUuid(random) };
  if (spec.bytes !== undefined) return { bytes: random.bytes(spec.bytes.length).toString(spec.bytes.encoding) };
  if (spec.sshKey !== undefined) return generateSshKey(spec.sshKey, tools);
  if (spec.keyPair !== undefined) return generateKeyPair(spec.keyPair, tools);
  if (spec.basicAuth !== undefined) return generateBasicAuth(spec.basicAuth, tools);
  throw new KeysteadError('InvalidGenerator', 'spec.generate names no generator that this version knows. Set exactly one.', 'stalled');
}

async function generateSshKey(spec: NonNullable<GeneratorSpec['sshKey']>, { keys, random, signal }: GeneratorTools): Promise<GeneratedFields> {
  const key = await keys.generate(sshKeyAlgorithm(spec.type, spec.bits), signal);
  return { ...encodeSshKeyPair(key, spec.comment ?? '', random) };
}

function sshKeyAlgorithm(type: 'ed25519' | 'rsa' | 'ecdsa', bits: number): KeyAlgorithm {
  if (type === 'ed25519') return { algorithm: 'Ed25519' };
  return parseKeyAlgorithm({ algorithm: type === 'rsa' ? 'RSA' : 'ECDSA', size: bits });
}

async function generateKeyPair(spec: NonNullable<GeneratorSpec['keyPair']>, { keys, signal }: GeneratorTools): Promise<GeneratedFields> {
  const kind = spec.algorithm === 'RSA' ? parseKeyAlgorithm({ algorithm: 'RSA', size: spec.size }) : parseKeyAlgorithm({ algorithm: 'ECDSA', curve: spec.curve });
  const key = await keys.generate(kind, signal);
  return { privateKey: exportPrivateKey(key), publicKey: exportPublicKey(key) };
}

async function generateBasicAuth(spec: NonNullable<GeneratorSpec['basicAuth']>, tools: GeneratorTools): Promise<GeneratedFields> {
  const password = generatePassword(spec.password, tools.random);
  const auth = await htpasswdLine(spec.username, password, tools.bcryptCost ?? DEFAULT_BCRYPT_COST, tools.random);
  return { username: spec.username, password, auth };
}
