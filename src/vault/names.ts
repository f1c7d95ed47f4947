import { createHash } from 'node:crypto';
import { canonicalName } from '../crypto/canonical.ts';

/** Names of records in the store: hashes, so that no length or character of a user's name matters (decisions 6). */

function hashed(prefix: string, first: string, second: string): string {
  return `${prefix}-${createHash('sha256').update(`${first}\0${second}`).digest('hex').slice(0, 40)}`;
}

export const INSTALLATION_RECORD = 'installation';

export function vaultRecordName(namespace: string, vault: string): string {
  return hashed('v', namespace, vault);
}

export function objectRecordName(vaultId: string, object: string): string {
  return hashed('o', vaultId, canonicalName(object));
}

/** Archives are named by their content. `hash` is its hex SHA-256. */
export function archiveRecordName(hash: string): string {
  return `a-${hash.slice(0, 40)}`;
}
