import { resources, type Resource } from '../../src/kube/resource.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { forAll, type Live } from './api.ts';
import { BENCH } from './bench-namespace.ts';
import type { Cluster } from './cluster.ts';

const RECORDS = 'keystead-system';

/**
 * Seconds for the same requests without Keystead: create of the resource, of the record and of the target, and a write of
 * the status, each one after the answer of the last, by the raw client with the operator's own rights. Nothing can be
 * faster with three writes. The operator must be stopped; what it made is the pattern.
 */
export async function leastPossible(cluster: Cluster, resource: Resource, count: number): Promise<number> {
  const { api, asOperator } = cluster;
  const [declared, target, record] = await patterns(cluster, resource);
  const names = Array.from({ length: count }, (_, n) => `least-${n}`);
  const started = systemClock.monotonic();
  await forAll(names, async (name) => {
    const created = await api.create(resource, BENCH, renamed(declared, name));
    await asOperator.create(resources.secrets, RECORDS, renamed(record, `o-${name}`));
    await asOperator.create(resources.secrets, BENCH, renamed(target, name));
    await asOperator.updateStatus(resource, BENCH, name, { ...created, status: declared.status });
  });
  return (systemClock.monotonic() - started) / 1000;
}

async function patterns({ api }: Cluster, resource: Resource): Promise<[declared: Live, target: Live, record: Live]> {
  const [declared] = await api.list(resource, BENCH, '?limit=1');
  const [target] = await api.list(resources.secrets, BENCH, '?limit=1&labelSelector=keystead.dev/managed');
  const [record] = await api.list(resources.secrets, RECORDS, '?limit=1&labelSelector=keystead.dev/record%3Dobject');
  if (declared === undefined || target === undefined || record === undefined) throw new Error('there is nothing to take as a pattern');
  return [declared, target, record];
}

/** What a writer sends: without what the API server fills in. */
function renamed({ metadata, ...rest }: Live, name: string): object {
  const { labels, annotations } = metadata as Live['metadata'] & { annotations?: object };
  return { ...rest, metadata: { name, ...(labels === undefined ? {} : { labels }), ...(annotations === undefined ? {} : { annotations }) } };
}
