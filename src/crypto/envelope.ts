import { createHash } from 'node:crypto';
import type { Random } from '../runtime/random.ts';
import { deriveKey, KEY_BYTES, open, seal } from './aead.ts';
import { canonical } from './canonical.ts';

/**
 * The envelope of one version: a fresh data key encrypts its fields; the vault key wraps the data key.
 * Every blob is bound to the place it lies in, so moved anywhere else it does not open (decisions 10).
 */

/** Where a version belongs. `name` is canonical (lower case). */
export interface Binding {
  readonly vaultId: string;
  readonly kind: string;
  readonly name: string;
  readonly version: string;
}

/** One version of a vault key, unwrapped. */
export interface VaultKey {
  readonly id: string;
  readonly secret: Buffer;
}

/** What is stored of a version's confidential part. All strings are base64. */
export interface SealedFields {
  /** The data key: which vault key wraps it, the salt of the wrapping key, iv ‖ ciphertext ‖ tag. */
  readonly dataKey: { readonly vaultKey: string; readonly salt: string; readonly wrapped: string };
  /** Field name to iv ‖ ciphertext ‖ tag. */
  readonly fields: Readonly<Record<string, string>>;
}

const FORMAT = '1';
const SALT_BYTES = 32;

function dataBinding(at: Binding, field: string): Buffer {
  return canonical(['keystead/data', FORMAT, at.vaultId, at.kind, at.name, at.version, field]);
}

/** The tuple of the data plus the vault key's id; no field, for one data key serves all fields of a version. */
function wrapBinding(at: Binding, vaultKeyId: string): Buffer {
  return canonical(['keystead/wrap', FORMAT, at.vaultId, at.kind, at.name, at.version, vaultKeyId]);
}

function wrap(vaultKey: VaultKey, dataKey: Buffer, at: Binding, random: Random): SealedFields['dataKey'] {
  const salt = random.bytes(SALT_BYTES);
  const bound = wrapBinding(at, vaultKey.id);
  const wrappingKey = deriveKey(vaultKey.secret, salt, bound);
  const wrapped = seal(wrappingKey, dataKey, bound, random);
  wrappingKey.fill(0);
  return { vaultKey: vaultKey.id, salt: salt.toString('base64'), wrapped: wrapped.toString('base64') };
}

function unwrap(vaultKey: VaultKey, stored: SealedFields['dataKey'], at: Binding): Buffer {
  const bound = wrapBinding(at, vaultKey.id);
  const wrappingKey = deriveKey(vaultKey.secret, Buffer.from(stored.salt, 'base64'), bound);
  try {
    return open(wrappingKey, Buffer.from(stored.wrapped, 'base64'), bound);
  } finally {
    wrappingKey.fill(0);
  }
}

/** Encrypts the fields of one version under a data key made for it alone. */
export function sealFields(vaultKey: VaultKey, at: Binding, fields: ReadonlyMap<string, Buffer>, random: Random): SealedFields {
  const dataKey = random.bytes(KEY_BYTES);
  const sealed: Record<string, string> = {};
  for (const [field, plaintext] of fields) {
    sealed[field] = seal(dataKey, plaintext, dataBinding(at, field), random).toString('base64');
  }
  const stored = wrap(vaultKey, dataKey, at, random);
  dataKey.fill(0);
  return { dataKey: stored, fields: sealed };
}

/** Decrypts one field. The caller overwrites the answer when it is done. @throws OpenFailed; undefined if there is no such field. */
export function openField(vaultKey: VaultKey, at: Binding, sealed: SealedFields, field: string): Buffer | undefined {
  const ciphertext = Object.hasOwn(sealed.fields, field) ? sealed.fields[field] : undefined;
  if (ciphertext === undefined) return undefined;
  const dataKey = unwrap(vaultKey, sealed.dataKey, at);
  try {
    return open(dataKey, Buffer.from(ciphertext, 'base64'), dataBinding(at, field));
  } finally {
    dataKey.fill(0);
  }
}

/** Puts the data key under another vault key; the data itself is not touched. @throws OpenFailed */
export function rewrap(from: VaultKey, to: VaultKey, at: Binding, sealed: SealedFields, random: Random): SealedFields {
  const dataKey = unwrap(from, sealed.dataKey, at);
  try {
    return { dataKey: wrap(to, dataKey, at, random), fields: sealed.fields };
  } finally {
    dataKey.fill(0);
  }
}

/** Hex SHA-256, by which heads name blobs and archives. */
export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
