import type { CachedRecord } from './record-cache.ts';
import { allSealed, type ObjectHead } from './object-record.ts';

/** What a vault holds, counted from the records as they come and go (decisions 5, 12). */
export interface VaultStats {
  /** Names in use, deleted ones too. */
  objects: number;
  bytes: number;
  secrets: number;
  certificates: number;
  deleted: number;
  /** Versions by the vault key that wraps them. */
  readonly versionsUnder: Map<string, number>;
}

export function emptyStats(): VaultStats {
  return { objects: 0, bytes: 0, secrets: 0, certificates: 0, deleted: 0, versionsUnder: new Map() };
}

/** Adds a record to the counts of its vault, or takes it away. Records that must not be used count as names only. */
export function count(stats: VaultStats, record: CachedRecord<ObjectHead>, sign: 1 | -1): void {
  stats.objects += sign;
  stats.bytes += sign * record.size;
  if (record.problem !== undefined) return;
  const { secret, certificate } = record.head;
  if (secret !== undefined && secret.deleted === undefined) stats.secrets += sign;
  if (certificate !== undefined && certificate.deleted === undefined) stats.certificates += sign;
  if ([secret, certificate].some((state) => state?.deleted !== undefined)) stats.deleted += sign;
  for (const version of allSealed(record.head)) {
    const under = (stats.versionsUnder.get(version.vaultKey) ?? 0) + sign;
    if (under === 0) stats.versionsUnder.delete(version.vaultKey);
    else stats.versionsUnder.set(version.vaultKey, under);
  }
}
