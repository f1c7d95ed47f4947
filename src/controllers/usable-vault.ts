import { KeysteadError } from '../api/error.ts';
import type { VaultHead } from '../vault/vault-record.ts';
import type { World } from './world.ts';

/** A vault and what is in it are mostly applied together: for so long nobody is told that it is not ready. */
const STARTING_MS = 5_000;

/**
 * The vault of a resource, if it may be used now.
 * @throws KeysteadError VaultNotFound, VaultNotReady, VaultDeleting (wait: whatever ends it is watched), RecordTampered
 */
export async function usableVault(world: Pick<World, 'informers' | 'vaults' | 'clock'>, namespace: string, name: string): Promise<VaultHead> {
  const resource = world.informers.vaults.get(`${namespace}/${name}`);
  const record = await world.vaults.find(namespace, name);
  if (resource === undefined) {
    throw record === undefined || record.deleted === undefined
      ? new KeysteadError('VaultNotFound', `Vault ${name} does not exist in namespace ${namespace}. Create it, or correct spec.vaultRef.name.`, 'wait')
      : new KeysteadError('VaultDeleting', `Vault ${name} was deleted at ${record.deleted.at}. Recover it by applying it with spec.createMode: Recover.`, 'wait');
  }
  if (resource.metadata.deletionTimestamp !== undefined || record?.deleted !== undefined) {
    throw new KeysteadError('VaultDeleting', `Vault ${name} is deleted or being deleted. Recover it by applying it with spec.createMode: Recover.`, 'wait');
  }
  if (record === undefined || record.resourceUid !== resource.metadata.uid) {
    const age = world.clock.now().getTime() - Date.parse(resource.metadata.creationTimestamp);
    const again = age < STARTING_MS ? { retryAfterMs: STARTING_MS } : {};
    throw new KeysteadError('VaultNotReady', `Vault ${name} is not ready yet; this goes on as soon as it is.`, 'wait', again);
  }
  return record;
}

/** Whether the vault was made only just now, so that there is nothing to tell anybody yet. */
export function isStarting(error: KeysteadError): boolean {
  return error.code === 'VaultNotReady' && error.retryAfterMs !== undefined;
}
