import { KeysteadError } from '../api/error.ts';
import { deriveKey, hmac } from '../crypto/aead.ts';
import { canonical } from '../crypto/canonical.ts';
import { sha256, type VaultKey } from '../crypto/envelope.ts';
import { sameDigest } from '../crypto/root-key.ts';

/**
 * A record as bytes: JSON with the head as a string of its own, so that the MAC covers exact bytes and nobody needs a
 * canonical JSON. The head holds the hash of every blob and archive, so its MAC covers them too (decisions 10).
 */

export const FORMAT = 1;

export interface RecordDocument {
  readonly format: number;
  readonly head: string;
  /** HMAC-SHA-256, base64, under a key derived from the named vault key. */
  readonly mac: { readonly vaultKey: string; readonly value: string };
  /** Version id to the JSON of its blob; only those that are not in archives. */
  readonly blobs?: Readonly<Record<string, string>>;
}

/** What a head is bound to besides its own bytes. */
export interface HeadPlace {
  readonly recordName: string;
  readonly vaultId: string;
}

/** Keys for other purposes than wrapping, one for each purpose (decisions 54). */
export function subKey(vaultKey: VaultKey, purpose: 'head' | 'published-hash' | 'inputs' | 'keystores'): Buffer {
  return deriveKey(vaultKey.secret, Buffer.alloc(0), canonical(['keystead/subkey', purpose, vaultKey.id]));
}

/** The MAC of a head, base64. `headKey` is the vault key's subkey for `head`. */
export function headMac(headKey: Buffer, at: HeadPlace, head: string): string {
  return hmac(headKey)
    .update(canonical(['keystead/head', String(FORMAT), at.vaultId, at.recordName, head]))
    .digest('base64');
}

/** What is said of a record that somebody else has changed; `what` ends a sentence. */
export function tampered(name: string, what: string): KeysteadError {
  return new KeysteadError(
    'RecordTampered',
    `Record ${name} is not as Keystead wrote it: ${what}. It is not used. Restore it from a backup of the operator's namespace.`,
    'wait',
  );
}

/** @throws KeysteadError RecordTampered when the bytes are no record of a known format. */
export function parseDocument(name: string, body: Buffer): RecordDocument {
  let document: Partial<RecordDocument> | null;
  try {
    document = JSON.parse(body.toString('utf8'));
  } catch {
    throw tampered(name, 'it is not JSON');
  }
  if (typeof document !== 'object' || document === null) throw tampered(name, 'it is not an object');
  if (document.format !== FORMAT) throw tampered(name, `its format is ${String(document.format).slice(0, 20)}, not ${FORMAT}`);
  const { head, mac, blobs } = document;
  const strings = blobs === undefined || (typeof blobs === 'object' && Object.values(blobs ?? {}).every((b) => typeof b === 'string'));
  if (typeof head !== 'string' || typeof mac?.vaultKey !== 'string' || typeof mac.value !== 'string' || blobs === null || !strings) {
    throw tampered(name, 'a part is missing');
  }
  return { format: FORMAT, head, mac: { vaultKey: mac.vaultKey, value: mac.value }, ...(blobs === undefined ? {} : { blobs }) };
}

/** The head as an object. Only after `verifyHead` may its content be believed. @throws KeysteadError RecordTampered */
export function parseHead<Head>(name: string, document: RecordDocument, isHead: (head: object) => head is Head & object): Head {
  try {
    const head: unknown = JSON.parse(document.head);
    if (typeof head === 'object' && head !== null && isHead(head)) return head;
  } catch {
    // Falls through to the same answer: what is no JSON is no head.
  }
  throw tampered(name, 'its head cannot be read');
}

/** @throws KeysteadError RecordTampered when the head is not what this vault's key signed for this place. */
export function verifyHead(headKey: Buffer, at: HeadPlace, document: RecordDocument): void {
  if (!sameDigest(headMac(headKey, at, document.head), document.mac.value)) {
    throw tampered(at.recordName, 'its head does not carry the right authentication code');
  }
}

/** @throws KeysteadError RecordTampered when a blob or archive isn't the one that the (verified) head names. */
export function verifyHash(recordName: string, what: string, bytes: Buffer | string, expected: string): void {
  if (!sameDigest(sha256(bytes), expected)) throw tampered(recordName, `${what} does not have the hash that the head names`);
}

export function encodeDocument(document: RecordDocument): Buffer {
  return Buffer.from(JSON.stringify(document), 'utf8');
}
