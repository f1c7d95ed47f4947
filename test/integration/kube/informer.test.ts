import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ControlPlaneAccess } from '../../../src/cli/dev/access.ts';
import { call } from '../../../src/cli/dev/https-call.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import { isGone } from '../../../src/kube/errors.ts';
import { resources } from '../../../src/kube/resource.ts';
import type { WatchEvent } from '../../../src/kube/watch.ts';
import { watch } from '../../../src/kube/watch.ts';
import type { ConfigMap } from '../../../src/kube/kinds.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { adminKubeconfig, createNamespace, ownControlPlane } from '../../support/control-plane.ts';
import { configMap, configMaps, connect, type RunningInformer } from './rig.ts';

let client: KubeClient;
let namespace: string;
const running: RunningInformer[] = [];
beforeAll(async () => {
  client = await connect(adminKubeconfig());
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((informer) => informer.stop()));
});
afterAll(() => client.close());

function start(...args: Parameters<typeof configMaps>): RunningInformer {
  const started = configMaps(...args);
  running.push(started);
  return started;
}

const names = ({ informer }: RunningInformer): string[] => informer.list().map((object) => object.metadata.name).toSorted();

describe.each([true, false])('an informer that streams its lists: %s', (streamLists) => {
  it('has what was there, follows what changes, and forgets what no longer matches', async () => {
    namespace = await createNamespace('kube-informer');
    await client.create(resources.configMaps, configMap(namespace, 'before'));
    const informing = start(client, namespace, { streamLists });
    await informing.informer.synced();
    expect(names(informing)).toEqual(['before']);
    await client.create(resources.configMaps, configMap(namespace, 'after'));
    await informing.until(() => names(informing).length === 2);
    await client.mergePatch(resources.configMaps, { namespace, name: 'before' }, { metadata: { labels: { test: 'no' } } });
    await client.delete(resources.configMaps, { namespace, name: 'after' });
    await informing.until(() => informing.informer.size === 0);
  });

  it('has 1,200 objects', async () => {
    namespace = await createNamespace('kube-informer');
    const all = Array.from({ length: 1_200 }, (_none, index) => configMap(namespace, `item-${index}`));
    await Promise.all(all.map((object) => client.create(resources.configMaps, object)));
    const informing = start(client, namespace, { streamLists });
    await informing.informer.synced();
    expect(informing.informer.size).toBe(1_200);
  });
});

it('shows own writes at once, however many writers there are, and never an older state afterwards', async () => {
  namespace = await createNamespace('kube-writes');
  const informing = start(client, namespace);
  await informing.informer.synced();
  const { informer } = informing;
  const regressions: string[] = [];
  const latest = new Map<string, number>();
  informer.onChange(({ key, object }) => {
    const round = Number(object?.data?.['round'] ?? -1);
    if (round < (latest.get(key) ?? -1)) {
      regressions.push(`${key} ${round}`);
    }
    latest.set(key, round);
  });
  const write = async (name: string): Promise<void> => {
    const key = `${namespace}/${name}`;
    await informer.write(key, () => client.create(resources.configMaps, configMap(namespace, name, { round: '0' })));
    for (let round = 1; round <= 20; round += 1) {
      // Always from the cache: were it behind, the compare-and-swap would fail.
      const cached = informer.get(key);
      await informer.write(key, () => client.update(resources.configMaps, { ...(cached ?? configMap(namespace, name)), data: { round: String(round) } }));
      latest.set(key, Math.max(latest.get(key) ?? 0, Number(informer.get(key)?.data?.['round'])));
    }
  };
  await Promise.all(Array.from({ length: 20 }, (_none, index) => write(`object-${index}`)));
  expect([regressions, new Set(latest.values())]).toEqual([[], new Set([20])]);
});

it('gets a bookmark before a short watch ends, if the kind changed anywhere (decisions 23)', async () => {
  namespace = await createNamespace('kube-bookmark');
  const elsewhere = await createNamespace('kube-elsewhere');
  const events: Array<WatchEvent<ConfigMap>> = [];
  const { signal } = new AbortController();
  const options = { namespace, labelSelector: 'test=yes', resourceVersion: undefined, initialEvents: true, timeoutSeconds: 10, silenceMs: 30_000, signal };
  const connection = client.connection();
  let change: Promise<unknown> | undefined;
  for await (const event of watch(connection, resources.configMaps, options, systemClock)) {
    events.push(event);
    // Without this the server keeps silent to the end: it never sends a bookmark that says nothing new.
    change ??= client.create(resources.configMaps, configMap(elsewhere, 'change'));
  }
  connection.destroy();
  await change;
  const ends = events.map((event) => (event.type === 'BOOKMARK' ? event.initialEventsEnd : 'an object'));
  expect([ends[0], ends.length > 1, new Set(ends.slice(1))]).toEqual([true, true, new Set([false])]);
});

/** What a watch from an old state ends with; undefined if it is served. */
async function watchFailure(on: KubeClient, resourceVersion: string): Promise<unknown> {
  const connection = on.connection();
  const options = { resourceVersion, initialEvents: false, timeoutSeconds: 1, silenceMs: 10_000, signal: new AbortController().signal };
  try {
    for await (const event of watch(connection, resources.configMaps, options, systemClock)) {
      void event;
    }
    return undefined;
  } catch (error) {
    return error;
  } finally {
    connection.destroy();
  }
}

/** Makes etcd forget the history before a revision, as the API server has it do every five minutes (etcd's gRPC gateway). */
async function compact(on: ControlPlaneAccess, revision: string): Promise<void> {
  const read = (file: string): string => readFileSync(join(on.directory, file), 'utf8');
  const { etcdUrl }: { etcdUrl: string } = JSON.parse(read('endpoints.json'));
  const us = { certificatePem: read('etcd-client.crt'), keyPem: read('etcd-client.key') };
  const answer = await call({ url: etcdUrl, caPem: read('etcd-ca.crt'), client: us }, '/v3/kv/compaction', { revision, physical: true });
  expect(answer).toMatchObject({ status: 200 });
}

it('survives a restart of the API server that no longer knows where we were, and learns what happened meanwhile', async () => {
  const own = await ownControlPlane();
  const direct = await connect(own.adminKubeconfig);
  const informing = start(direct, 'default');
  await informing.informer.synced();
  const before = await direct.create(resources.configMaps, configMap('default', 'before'));
  await informing.until(() => informing.informer.size === 1);
  const { metadata } = await direct.create(resources.configMaps, { metadata: { namespace: 'default', name: 'not-selected' } });
  await own.killApiServer();
  await compact(own, metadata.resourceVersion);
  await own.startApiServer();
  expect(isGone(await watchFailure(direct, before.metadata.resourceVersion))).toBe(true);
  await direct.create(resources.configMaps, configMap('default', 'after'));
  await direct.delete(resources.configMaps, { namespace: 'default', name: 'before' });
  await informing.until(() => names(informing).join() === 'after');
  await informing.stop();
  await direct.close();
});
