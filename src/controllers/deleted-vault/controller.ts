import { deletedVaultName } from '../../api/deleted-vault.ts';
import { isAlreadyExists } from '../../kube/errors.ts';
import type { Permission } from '../../kube/permissions.ts';
import type { ReconcileContext, Result } from '../../runtime/controller.ts';
import { between } from '../../runtime/fail-point.ts';
import type { Caller } from '../../vault/context.ts';
import type { VaultHead } from '../../vault/vault-record.ts';
import { callerFor } from '../caller.ts';
import { toSeconds, type WantedCondition } from '../conditions.ts';
import { kinds, type DeletedVaultResource } from '../resources.ts';
import { writeStatus } from '../status.ts';
import type { World } from '../world.ts';

export const deletedVaultPermissions: readonly Permission[] = [
  { apiGroup: 'keystead.dev', resource: 'deletedvaults', verbs: ['get', 'list', 'watch', 'create', 'delete'], scope: 'cluster' },
  { apiGroup: 'keystead.dev', resource: 'deletedvaults/status', verbs: ['update'], scope: 'cluster' },
];

/**
 * Shows deleted vaults to people, and purges them: when their time is over, or when somebody with the verb `purge` asks
 * for it. The record is the truth: a DeletedVault that was removed is made again, never taken for a purge (decisions 41).
 */
export class DeletedVaultController {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async reconcile(key: string, { signal }: ReconcileContext): Promise<Result> {
    const [namespace = '', name = ''] = key.split('.', 2);
    const record = await this.#world.vaults.find(namespace, name);
    const resource = this.#world.informers.deletedVaults.get(key);
    if (record?.deleted === undefined) {
      if (resource !== undefined) await this.#remove(resource, signal);
      return {};
    }
    const caller = callerFor('deleted-vault', signal, resource);
    const shown = resource ?? (await this.#show(key, signal));
    if (shown === undefined) return {};
    const asked = await this.#purgeAsked(shown, record, caller);
    if (asked.purgeRequested !== undefined) return this.#purge(shown, asked, caller);
    const waits = this.#untilPurge(asked, record.deleted);
    if (waits === 0) return this.#purge(shown, asked, caller);
    await this.#writeStatus(shown, asked, record.deleted, signal);
    return { requeueAfterMs: waits };
  }

  /** Takes a request to purge into the record before anything is removed; refused there under purge protection. */
  async #purgeAsked(resource: DeletedVaultResource, record: VaultHead, caller: Caller): Promise<VaultHead> {
    if (resource.spec.purge !== record.vaultId || record.purgeRequested !== undefined || record.purgeProtection) return record;
    return this.#world.vaults.change(record, caller, (head) =>
      head.purgeProtection || head.deleted === undefined
        ? undefined
        : { operation: 'VaultPurge', head: { ...head, purgeRequested: this.#world.clock.now().toISOString() } });
  }

  /** 0 when the vault may be purged by time now, else milliseconds to look again after (decisions 14). */
  #untilPurge(record: VaultHead, deleted: { readonly scheduledPurge: string }): number {
    const what = `purge ${record.vaultId} ${deleted.scheduledPurge}`;
    const waits = new Date(deleted.scheduledPurge).getTime() - this.#world.clock.now().getTime();
    if (waits > 0) {
      this.#world.clockGuard.forget(what);
      return waits;
    }
    const confirmed = this.#world.clockGuard.confirm(what);
    return confirmed === 'now' ? 0 : confirmed;
  }

  /** Objects first, the record with the keys last: killed in between, the next pass goes on. */
  async #purge(resource: DeletedVaultResource, record: VaultHead, caller: Caller): Promise<Result> {
    for (const head of Array.from(this.#world.objects.headsOf(record.vaultId))) await this.#world.objects.purge(record, head.name, caller);
    await this.#world.vaults.purge(record, caller);
    this.#world.events.record({
      regarding: resource,
      type: 'Warning',
      reason: 'Purged',
      action: 'Purge',
      note: `Vault ${record.namespace}/${record.name} (${record.vaultId}) was destroyed for good.`,
    });
    await this.#remove(resource, caller.signal);
    return {};
  }

  async #show(name: string, signal: AbortSignal): Promise<DeletedVaultResource | undefined> {
    const { client, failAt, informers } = this.#world;
    try {
      return await between(failAt, 'deleted-vault', () =>
        informers.deletedVaults.write(name, () => client.create(kinds.deletedVaults, { metadata: { name }, spec: {} }, { signal })));
    } catch (error) {
      // The watch is behind and will tell.
      if (isAlreadyExists(error)) return undefined;
      throw error;
    }
  }

  async #remove(resource: DeletedVaultResource, signal: AbortSignal): Promise<void> {
    const { name, uid } = resource.metadata;
    await between(this.#world.failAt, 'deleted-vault', () => this.#world.client.delete(kinds.deletedVaults, { name }, { uid, signal }));
  }

  async #writeStatus(resource: DeletedVaultResource, record: VaultHead, deleted: NonNullable<VaultHead['deleted']>, signal: AbortSignal): Promise<void> {
    const { client, events, failAt, clock, informers } = this.#world;
    const scheduledPurge = toSeconds(new Date(deleted.scheduledPurge));
    const ready: WantedCondition = {
      type: 'Ready',
      status: 'True',
      reason: 'DeletedVaultKept',
      message: `Kept until ${scheduledPurge}. Recover it by applying the Vault with spec.createMode: Recover.`,
    };
    const refused: WantedCondition[] =
      resource.spec.purge !== undefined && record.purgeProtection
        ? [{ type: 'PurgeRefused', status: 'True', reason: 'PurgeProtected', message: `Purge protection is on: the vault is kept until ${scheduledPurge}.` }]
        : [];
    const fields = {
      vaultId: record.vaultId,
      namespace: record.namespace,
      vault: record.name,
      deletedAt: toSeconds(new Date(deleted.at)),
      scheduledPurge,
      purgeProtection: record.purgeProtection,
    };
    await writeStatus({ client, events, failAt, now: clock.now(), signal }, informers.deletedVaults, resource, { conditions: [ready, ...refused], fields });
  }
}

/** Names of the DeletedVaults that there should be. */
export function* deletedVaultNames(world: Pick<World, 'vaults'>): Iterable<string> {
  for (const head of world.vaults.heads()) if (head.deleted !== undefined) yield deletedVaultName(head.namespace, head.name);
}
