import { guardObjects } from '../../src/access/guards/guards.ts';
import type { ControlPlane } from '../../src/cli/dev/control-plane.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import type { CustomObject } from '../../src/kube/object.ts';
import { resources } from '../../src/kube/resource.ts';
import { guardParameters } from '../../src/operator/operator.ts';
import { adminClient } from './admin.ts';
import { deployment, until } from './operator.ts';

const { validatingAdmissionPolicyBindings: bindings } = resources;

/** Takes the binding of a guard away, as a cluster administrator may: the policy then stands there and refuses nobody. */
export async function removeGuard(on: ControlPlane, name: string): Promise<void> {
  await (await adminClient(on)).delete(bindings, { name });
}

export async function restoreGuard(on: ControlPlane, name: string): Promise<void> {
  const binding = guardObjects(guardParameters(deployment)).find(({ kind, metadata }) => kind === bindings.kind && metadata.name === name);
  if (binding === undefined) throw new Error(`there is no guard ${name}`);
  const { metadata, spec } = binding;
  await (await adminClient(on)).create(bindings, { metadata: { name, labels: metadata.labels }, spec: spec as CustomObject['spec'] });
}

/**
 * Does what a guard refuses: takes it away, tries `act` until the API server has noticed, and puts the guard back.
 * `act` gets a client of the administrator.
 */
export async function withoutGuard(on: ControlPlane, name: string, act: (admin: KubeClient) => Promise<unknown>): Promise<void> {
  const admin = await adminClient(on);
  await removeGuard(on, name);
  await until(async () => {
    try {
      await act(admin);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 403) return false;
      throw error;
    }
  });
  await restoreGuard(on, name);
}
