import type { KubeClient } from '../../kube/client.ts';
import { isNotFound } from '../../kube/errors.ts';
import type { KubeObject } from '../../kube/object.ts';
import { apiVersionOf, resources, typed, type Resource } from '../../kube/resource.ts';
import type { Manifest } from '../../operator/manifest.ts';
import { sleep, type Clock } from '../../runtime/clock.ts';
import { CommandFailed } from '../io.ts';

/** What became of the objects that were applied. */
export interface Applied {
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
}

const ESTABLISHED_WITHIN_MS = 30_000;

/** The resource of a manifest. @throws CommandFailed for a kind that Keystead has nothing to do with */
export function resourceOf({ apiVersion, kind }: Pick<Manifest, 'apiVersion' | 'kind'>): Resource {
  const found = Object.values<Resource>(resources).find((one) => one.kind === kind && apiVersionOf(one) === apiVersion);
  if (found === undefined) throw new CommandFailed(`${apiVersion} ${kind} is no kind that is applied here.`);
  return found;
}

/**
 * Applies objects in their order by server-side apply, taking over fields that others wrote: what is installed must be
 * exactly what the operator relies on. Kinds are waited for, so that resources of theirs can follow at once.
 */
export async function applyAll(client: KubeClient, manifests: readonly Manifest[], fieldManager: string, clock: Clock, signal: AbortSignal): Promise<Applied> {
  const counts = { created: 0, changed: 0, unchanged: 0 };
  const kinds: string[] = [];
  for (const manifest of manifests) {
    const resource = typed<KubeObject>(resourceOf(manifest));
    const at = { namespace: manifest.metadata.namespace, name: manifest.metadata.name };
    const before = await client.get(resource, at, { representation: 'metadata', signal }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    const after = await client.apply(resource, manifest, { fieldManager, force: true, signal });
    const became = before === undefined ? 'created' : before.metadata.resourceVersion === after.metadata.resourceVersion ? 'unchanged' : 'changed';
    counts[became] += 1;
    if (manifest.kind === 'CustomResourceDefinition') kinds.push(at.name);
  }
  for (const name of kinds) await established(client, name, clock, signal);
  return counts;
}

/** Until then the API server answers 404 for resources of the kind. */
async function established(client: KubeClient, name: string, clock: Clock, signal: AbortSignal): Promise<void> {
  const deadline = clock.monotonic() + ESTABLISHED_WITHIN_MS;
  while (!(await isEstablished(client, name, signal))) {
    if (clock.monotonic() > deadline) throw new CommandFailed(`The API server does not serve ${name} after ${ESTABLISHED_WITHIN_MS / 1000} s.`);
    await sleep(clock, 50, signal);
  }
}

async function isEstablished(client: KubeClient, name: string, signal: AbortSignal): Promise<boolean> {
  const { status } = await client.get(resources.customResourceDefinitions, { name }, { signal });
  return (status?.conditions ?? []).some((condition) => condition.type === 'Established' && condition.status === 'True');
}
