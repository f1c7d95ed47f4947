import type { Caller } from '../../vault/context.ts';
import type { VaultHead } from '../../vault/vault-record.ts';
import type { World } from '../world.ts';

const DAY_MS = 86_400_000;

/** Soft-deletes a vault: from now on it answers nobody, until it is recovered or its time is over. */
export function softDelete(world: World, record: VaultHead, caller: Caller): Promise<VaultHead> {
  return world.vaults.change(record, caller, (head) => {
    if (head.deleted !== undefined) return undefined;
    const now = world.clockGuard.latest();
    const deleted = { at: now.toISOString(), scheduledPurge: new Date(now.getTime() + head.retentionDays * DAY_MS).toISOString() };
    return { operation: 'VaultDelete', head: { ...head, deleted } };
  });
}

/** When an object deleted now will be purged. */
export function scheduledPurge(vault: Pick<VaultHead, 'retentionDays'>, now: Date): string {
  return new Date(now.getTime() + vault.retentionDays * DAY_MS).toISOString();
}
