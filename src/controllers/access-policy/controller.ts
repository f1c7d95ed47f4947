import { KeysteadError } from '../../api/error.ts';
import { parseAccessPolicy } from '../../api/access-policy.ts';
import type { Permission } from '../../kube/permissions.ts';
import type { ReconcileContext, Result } from '../../runtime/controller.ts';
import { isReady, notReady, type WantedCondition } from '../conditions.ts';
import { writeStatus } from '../status.ts';
import { usableVault } from '../usable-vault.ts';
import type { World } from '../world.ts';

export const accessPolicyPermissions: readonly Permission[] = [
  { apiGroup: 'keystead.dev', resource: 'accesspolicies', verbs: ['get', 'list', 'watch'], scope: 'cluster' },
  { apiGroup: 'keystead.dev', resource: 'accesspolicies/status', verbs: ['update'], scope: 'cluster' },
];

/** AccessPolicies: they are in force as soon as the watch tells of them; here is only said whether they are. */
export class AccessPolicyController {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async reconcile(key: string, { signal }: ReconcileContext): Promise<Result> {
    const { client, events, failAt, clock, informers } = this.#world;
    const resource = informers.accessPolicies.get(key);
    if (resource === undefined || resource.metadata.deletionTimestamp !== undefined) return {};
    const conditions = await this.#conditions(resource);
    await writeStatus({ client, events, failAt, now: clock.now(), signal }, informers.accessPolicies, resource, { conditions, fields: {} });
    return {};
  }

  async #conditions(resource: Parameters<typeof parseAccessPolicy>[0]): Promise<readonly WantedCondition[]> {
    const spec = parseAccessPolicy(resource);
    if (spec instanceof KeysteadError) return notReady(spec.code, spec.message, 'stalled');
    if (this.#world.policies.isPending(resource.metadata.namespace ?? '', resource.metadata.name)) {
      return notReady('GuardMissing', 'A guard at admission is missing, so this policy, which widens access, is not in force yet. Reinstall the chart.', 'waits');
    }
    try {
      await usableVault(this.#world, resource.metadata.namespace ?? '', spec.vaultRef.name);
      return [isReady(`The policy is in force on vault ${spec.vaultRef.name}.`)];
    } catch (error) {
      if (error instanceof KeysteadError) return notReady(error.code, error.message, 'waits');
      throw error;
    }
  }
}
