import { KeysteadError } from '../../api/error.ts';
import { deletedVaultName } from '../../api/deleted-vault.ts';
import { parseVault, type VaultSpec } from '../../api/vault.ts';
import { keyOf, nameOf } from '../../kube/object.ts';
import type { Permission } from '../../kube/permissions.ts';
import type { ReconcileContext, Result } from '../../runtime/controller.ts';
import type { VaultHead } from '../../vault/vault-record.ts';
import { callerFor } from '../caller.ts';
import { isReady, notReady, type WantedCondition } from '../conditions.ts';
import { confirmGone } from '../confirm-gone.ts';
import { kinds, type VaultResource } from '../resources.ts';
import { writeStatus } from '../status.ts';
import { untilDue } from '../until-due.ts';
import type { World } from '../world.ts';
import { decideVault, rotationDue, type VaultDecision } from './decide.ts';
import { softDelete } from './deletion.ts';
import { soonest, VaultHousekeeper } from './housekeeping.ts';
import { vaultStatus } from './status.ts';

export const vaultPermissions: readonly Permission[] = [
  { apiGroup: 'keystead.dev', resource: 'vaults', verbs: ['get', 'list', 'watch'], scope: 'cluster' },
  { apiGroup: 'keystead.dev', resource: 'vaults/status', verbs: ['update'], scope: 'cluster' },
  { apiGroup: '', resource: 'namespaces', verbs: ['get', 'list', 'watch'], scope: 'cluster' },
];

const ROTATE_ANNOTATION = 'keystead.dev/rotate-vault-key';
/** Counts change with every object; the status follows at most this often (decisions 7). */
const STATUS_INTERVAL_MS = 10_000;
/** create or recover, update, rotate: more acts in one pass would be a circle. */
const MOST_ACTS = 5;

/** Asked for when the vault's DeletedVault has to be looked at. */
export type LookAtDeleted = (deletedVaultName: string) => void;

/** Vaults: made, recovered, deleted softly, their keys rotated, their contents kept in order. */
export class VaultController {
  readonly #world: World;
  readonly #lookAtDeleted: LookAtDeleted;
  readonly #housekeeper: VaultHousekeeper;
  readonly #statusWritten = new Map<string, number>();

  constructor(world: World, lookAtDeleted: LookAtDeleted) {
    this.#world = world;
    this.#lookAtDeleted = lookAtDeleted;
    this.#housekeeper = new VaultHousekeeper(world);
  }

  async reconcile(key: string, { signal }: ReconcileContext): Promise<Result> {
    const resource = this.#world.informers.vaults.get(key);
    if (resource === undefined) return this.#gone(key, signal);
    if (resource.metadata.deletionTimestamp !== undefined) return {};
    const spec = parseVault(resource);
    if (spec instanceof KeysteadError) {
      await this.#writeStatus(resource, notReady(spec.code, spec.message, 'stalled'), undefined, signal);
      return {};
    }
    try {
      return await this.#converge(resource, spec, signal);
    } catch (error) {
      if (error instanceof KeysteadError && error.consequence !== 'retry') {
        await this.#writeStatus(resource, notReady(error.code, error.message, 'waits'), undefined, signal);
      }
      throw error;
    }
  }

  /** The resource is gone: so is the vault, softly, once the API server itself has said so. */
  async #gone(key: string, signal: AbortSignal): Promise<Result> {
    this.#statusWritten.delete(key);
    const { namespace = '', name } = nameOf(key);
    const record = await this.#world.vaults.find(namespace, name);
    if (record === undefined) return {};
    if (record.deleted === undefined) {
      const live = await confirmGone(this.#world.client, kinds.vaults, { namespace, name }, record.resourceUid, signal);
      if (live === 'there') return {};
      await softDelete(this.#world, record, callerFor('vault', signal));
    }
    this.#lookAtDeleted(deletedVaultName(namespace, name));
    return {};
  }

  async #converge(resource: VaultResource, spec: VaultSpec, signal: AbortSignal): Promise<Result> {
    for (let act = 0; act < MOST_ACTS; act += 1) {
      const { namespace = '', name } = resource.metadata;
      const record = await this.#world.vaults.find(namespace, name);
      const decision = decideVault({
        resource: { uid: resource.metadata.uid, generation: resource.metadata.generation ?? 0, rotateRequest: resource.metadata.annotations?.[ROTATE_ANNOTATION] },
        spec,
        namespaceUid: this.#world.informers.namespaces.get(namespace)?.metadata.uid ?? '',
        record,
        now: this.#world.clock.now(),
        clockTrusted: this.#world.clockGuard.trusted(),
      });
      if (decision.do === 'refuse') {
        this.#lookAtDeleted(deletedVaultName(namespace, name));
        await this.#writeStatus(resource, notReady(decision.reason, decision.message, 'stalled'), undefined, signal);
        return {};
      }
      if (decision.do === 'nothing' && record !== undefined) return this.#settled(resource, spec, record, signal);
      await this.#act(resource, spec, record, decision, signal);
    }
    throw new KeysteadError('Internal', 'The vault does not come to rest; this is a fault of Keystead. Please report it.', 'retry');
  }

  async #act(resource: VaultResource, spec: VaultSpec, record: VaultHead | undefined, decision: VaultDecision, signal: AbortSignal): Promise<void> {
    const caller = callerFor('vault', signal, resource);
    const { namespace = '', name, uid } = resource.metadata;
    if (decision.do === 'create') await this.#create(resource, spec, signal);
    if (record === undefined) return;
    switch (decision.do) {
      case 'delete-former':
        await softDelete(this.#world, record, callerFor('vault', signal));
        return;
      case 'recover':
        await this.#world.vaults.change(record, caller, (head) => (head.deleted === undefined ? undefined : { operation: 'VaultRecover', head: decision.head }));
        this.#event(resource, 'Normal', 'Recovered', `The vault was recovered with everything in it; its id is ${record.vaultId}.`);
        this.#lookAtDeleted(deletedVaultName(namespace, name));
        return;
      case 'update':
        await this.#world.vaults.change(record, caller, () => ({ operation: 'VaultUpdate', head: decision.head }));
        return;
      case 'rotate-key':
        await this.#world.vaults.rotateKey(record, decision.handled, caller);
        this.#event(resource, 'Normal', 'VaultKeyRotated', 'A new vault key is in use; all versions are being put under it.');
        return;
      default:
        throw new KeysteadError('Internal', `Vault ${uid}: nothing is known of "${decision.do}"`, 'retry');
    }
  }

  async #create(resource: VaultResource, spec: VaultSpec, signal: AbortSignal): Promise<void> {
    const { namespace = '', name, uid } = resource.metadata;
    const inNamespace = this.#world.informers.namespaces.get(namespace);
    if (inNamespace === undefined) throw new KeysteadError('NamespaceMissing', `Namespace ${namespace} is not known yet.`, 'retry');
    const { objects, versionsPerObject, bytes } = spec.limits;
    await this.#world.vaults.create(
      {
        namespace,
        name,
        namespaceUid: inNamespace.metadata.uid,
        resourceUid: uid,
        retentionDays: spec.retentionDays,
        purgeProtection: spec.purgeProtection,
        limits: { objects, versionsPerObject, bytes },
      },
      callerFor('vault', signal, resource),
    );
  }

  /** Nothing is left to decide: keep house, and say how things are. */
  async #settled(resource: VaultResource, spec: VaultSpec, record: VaultHead, signal: AbortSignal): Promise<Result> {
    const { againMs } = await this.#housekeeper.run(record, signal);
    const due = rotationDue(spec, record);
    const rotationMs = due === undefined ? undefined : untilDue(this.#world, due);
    const statusMs = await this.#writeStatus(resource, this.#conditions(), record, signal);
    const requeueAfterMs = soonest(againMs, rotationMs, statusMs);
    return requeueAfterMs === undefined ? {} : { requeueAfterMs };
  }

  #conditions(): readonly WantedCondition[] {
    const inCluster: WantedCondition = {
      type: 'RootKeyInCluster',
      status: 'True',
      reason: 'LocalRootKey',
      message: 'The root key is in a Secret of the operator\'s namespace: whoever reads that namespace or an unencrypted backup of etcd can open every vault.',
    };
    const untrusted: WantedCondition = {
      type: 'ClockUntrusted',
      status: 'True',
      reason: 'ClockUntrusted',
      message: 'The local clock and the API server\'s differ by more than 5 minutes: nothing is purged or rotated by time until they agree.',
    };
    const { missing } = this.#world.guards;
    const guard: readonly WantedCondition[] = missing === undefined ? [] : [{ type: 'GuardMissing', status: 'True', reason: 'GuardMissing', message: missing }];
    return [isReady('The vault is open.'), inCluster, ...(this.#world.clockGuard.trusted() ? [] : [untrusted]), ...guard];
  }

  /** Answers milliseconds after which a write that was put off is due. */
  async #writeStatus(resource: VaultResource, conditions: readonly WantedCondition[], record: VaultHead | undefined, signal: AbortSignal): Promise<number | undefined> {
    const { client, events, failAt, clock, informers } = this.#world;
    const key = keyOf(resource.metadata);
    const now = clock.monotonic();
    const waits = (this.#statusWritten.get(key) ?? Number.NEGATIVE_INFINITY) + STATUS_INTERVAL_MS - now;
    const told = resource.status?.conditions ?? [];
    const onlyCounts = resource.status?.observedGeneration === resource.metadata.generation && told.length === conditions.length && told.every((one, n) => one.reason === conditions[n]?.reason);
    if (waits > 0 && onlyCounts) return waits;
    const fields = record === undefined ? {} : vaultStatus(this.#world, record);
    const wrote = await writeStatus({ client, events, failAt, now: clock.now(), signal }, informers.vaults, resource, { conditions, fields });
    if (wrote) this.#statusWritten.set(key, now);
    return undefined;
  }

  #event(resource: VaultResource, type: 'Normal' | 'Warning', reason: string, note: string): void {
    this.#world.events.record({ regarding: resource, type, reason, action: reason, note });
  }
}
