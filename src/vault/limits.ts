import { KeysteadError } from '../api/error.ts';
import { allVersions, type ObjectHead } from './object-record.ts';
import type { VaultStats } from './stats.ts';
import type { VaultHead } from './vault-record.ts';

/** How soon it is tried again: room is made by purges, which nobody announces. */
const ROOM_MS = 60_000;

function exceeded(vault: VaultHead, what: string, limit: number, field: string): KeysteadError {
  return new KeysteadError(
    'LimitExceeded',
    `Vault ${vault.namespace}/${vault.name} may hold ${limit} ${what}, and this would be more. ` +
      `Raise spec.limits.${field} of the Vault, or remove what is not needed.`,
    'wait',
    { retryAfterMs: ROOM_MS },
  );
}

/**
 * Refuses a write that would take a vault over its limits (decisions 12). Only growth is refused: a vault whose limits
 * were lowered can still change, delete and renew within what it has.
 *
 * @param grows bytes that the write adds, negative when it removes
 */
export function checkLimits(vault: VaultHead, stats: VaultStats, before: ObjectHead | undefined, after: ObjectHead, grows: number): void {
  const { objects, versionsPerObject, bytes } = vault.limits;
  if (before === undefined && stats.objects + 1 > objects) throw exceeded(vault, 'objects', objects, 'objects');
  const versions = allVersions(after).length;
  if (versions > versionsPerObject && versions > (before === undefined ? 0 : allVersions(before).length)) {
    throw exceeded(vault, 'versions of one object', versionsPerObject, 'versionsPerObject');
  }
  if (grows > 0 && stats.bytes + grows > bytes) throw exceeded(vault, 'bytes', bytes, 'bytes');
}
