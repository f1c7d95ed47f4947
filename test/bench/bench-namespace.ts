import { resources, type Resource } from '../../src/kube/resource.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { forAll } from './api.ts';
import type { Cluster, Cpu } from './cluster.ts';
import { namespace, vault } from './manifests.ts';
import { Readiness } from './readiness.ts';

/** Where everything that is measured lives; its vault has the same name. */
export const BENCH = 'bench';

/** What it took to bring a batch of objects to Ready. */
export interface Batch {
  readonly seconds: number;
  /** By verb and resource. The bench's own creates are taken off; reads of single resources are the garbage collector's, which looks for owners of Secrets. */
  readonly requests: Readonly<Record<string, number>>;
  /** Of the operator, watches that it opened anew included. */
  readonly reads: number;
  readonly cpu: Cpu;
  /** Memory of the operator, in bytes: before the first object, and the most since its start. */
  readonly memory: { readonly before: number; readonly peak: number };
}

/** A started operator with a vault that is Ready, so that no start-up is measured. */
export async function openBench(cluster: Cluster): Promise<void> {
  const vaults = new Readiness(cluster.api, resources.vaults, BENCH);
  await cluster.api.create(resources.namespaces, undefined, namespace(BENCH));
  await cluster.startOperator();
  await cluster.api.create(resources.vaults, BENCH, vault(BENCH));
  await vaults.all([BENCH]);
  vaults.stop();
}

/** Creates all objects at once, and measures from the first create to the last Ready seen on a watch (decisions 52). */
export async function createAll(cluster: Cluster, resource: Resource, objects: readonly object[]): Promise<Batch> {
  const names = objects.map(nameOf);
  const readiness = new Readiness(cluster.api, resource, BENCH);
  await cluster.operator.idle();
  const [requests, reads, cpu] = [await cluster.requests(), await cluster.operator.reads(), cluster.cpu()];
  const memoryBefore = cluster.operator.memory().now;
  const started = systemClock.monotonic();
  const ready = readiness.all(names);
  await forAll(objects, (object) => cluster.api.create(resource, BENCH, object));
  const seconds = ((await ready) - started) / 1000;
  const after = cluster.cpu();
  readiness.stop();
  return {
    seconds,
    requests: withoutCreates(await cluster.requestsSince(requests), resource, objects.length),
    reads: (await cluster.operator.reads()) - reads,
    cpu: { operator: after.operator - cpu.operator, apiServer: after.apiServer - cpu.apiServer, etcd: after.etcd - cpu.etcd },
    memory: { before: memoryBefore, peak: cluster.operator.memory().peak },
  };
}

export function nameOf(object: object): string {
  if ('metadata' in object && typeof object.metadata === 'object' && object.metadata !== null && 'name' in object.metadata) return String(object.metadata.name);
  throw new TypeError('an object without a name');
}

function withoutCreates(requests: Readonly<Record<string, number>>, { group, plural }: Resource, count: number): Readonly<Record<string, number>> {
  const own = `POST ${group}/${plural}`;
  const { [own]: all = 0, ...others } = requests;
  return all > count ? { ...others, [own]: all - count } : others;
}
