import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { KubeClient } from '../../../src/kube/client.ts';
import { isAlreadyExists, isConflict, isForbidden, isInvalid, isNotFound } from '../../../src/kube/errors.ts';
import { EventRecorder } from '../../../src/kube/events.ts';
import { resources } from '../../../src/kube/resource.ts';
import { requireSupportedVersion } from '../../../src/kube/version.ts';
import { adminKubeconfig, createNamespace, kubeconfigFile } from '../../support/control-plane.ts';
import { common, configMap, connect } from './rig.ts';

let client: KubeClient;
let namespace: string;
beforeAll(async () => {
  client = await connect(adminKubeconfig());
  namespace = await createNamespace('kube-client');
});
afterAll(() => client.close());

const failure = (call: Promise<unknown>): Promise<unknown> => call.then(() => undefined, (error: unknown) => error);

describe('against the real API server', () => {
  it('accepts its version', async () => {
    expect((await requireSupportedVersion(client)).gitVersion).toMatch(/^v1\.\d+/);
  });

  it('creates, reads, replaces as compare-and-swap, and deletes with preconditions', async () => {
    const created = await client.create(resources.configMaps, configMap(namespace, 'one', { a: '1' }));
    expect(isAlreadyExists(await failure(client.create(resources.configMaps, configMap(namespace, 'one'))))).toBe(true);
    const changed = await client.update(resources.configMaps, { ...created, data: { a: '2' } });
    expect(isConflict(await failure(client.update(resources.configMaps, { ...created, data: { a: '3' } })))).toBe(true);
    const name = { namespace, name: 'one' };
    expect((await client.get(resources.configMaps, name)).data).toEqual({ a: '2' });
    expect(isConflict(await failure(client.delete(resources.configMaps, name, { uid: 'another' })))).toBe(true);
    expect(isConflict(await failure(client.delete(resources.configMaps, name, { resourceVersion: created.metadata.resourceVersion })))).toBe(true);
    await client.delete(resources.configMaps, name, { uid: changed.metadata.uid, resourceVersion: changed.metadata.resourceVersion });
    expect(isNotFound(await failure(client.get(resources.configMaps, name)))).toBe(true);
  });

  it('merges by server-side apply, says who holds a field, and makes nothing when the uid is another', async () => {
    const mine = (value: string): ReturnType<typeof configMap> => configMap(namespace, 'shared', { mine: value });
    await client.create(resources.configMaps, configMap(namespace, 'shared', { theirs: 'x' }));
    const applied = await client.apply(resources.configMaps, mine('1'), { fieldManager: 'keystead-test' });
    expect(applied.data).toEqual({ theirs: 'x', mine: '1' });
    expect(isConflict(await failure(client.apply(resources.configMaps, mine('2'), { fieldManager: 'somebody' })))).toBe(true);
    expect((await client.apply(resources.configMaps, mine('2'), { fieldManager: 'somebody', force: true })).data?.['mine']).toBe('2');
    const absent = { ...configMap(namespace, 'absent'), metadata: { namespace, name: 'absent', uid: applied.metadata.uid } };
    expect(isConflict(await failure(client.apply(resources.configMaps, absent, { fieldManager: 'keystead-test' })))).toBe(true);
  });

  it('patches by merge and by JSON patch', async () => {
    await client.create(resources.configMaps, configMap(namespace, 'patched', { a: '1', b: '2' }));
    const name = { namespace, name: 'patched' };
    expect((await client.mergePatch(resources.configMaps, name, { data: { a: null, c: '3' } })).data).toEqual({ b: '2', c: '3' });
    const test = [{ op: 'test' as const, path: '/data/b', value: 'wrong' }];
    expect(isInvalid(await failure(client.jsonPatch(resources.configMaps, name, test)))).toBe(true);
  });

  it('lists 1,200 objects page by page, in full and as metadata', async () => {
    const many = await createNamespace('kube-many');
    const names = Array.from({ length: 1_200 }, (_none, index) => `item-${String(index).padStart(4, '0')}`);
    await Promise.all(names.map((name) => client.create(resources.configMaps, configMap(many, name, { payload: 'x' }))));
    const selection = { namespace: many, labelSelector: 'test=yes' };
    const pages: number[] = [];
    for await (const page of client.pages(resources.configMaps, selection)) {
      pages.push(page.items.length);
    }
    expect(pages).toEqual([500, 500, 200]);
    const { items } = await client.list(resources.configMaps, { ...selection, representation: 'metadata' });
    expect(items.map((item) => item.metadata.name).toSorted()).toEqual(names);
    expect(items[0]).not.toHaveProperty('data');
  });

  it('knows the server\'s clock', async () => {
    const time = client.serverTime();
    expect(Math.abs((time?.date.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it('is told what is forbidden, as somebody without rights', async () => {
    const nobody = await connect(await kubeconfigFile({ user: 'nobody' }));
    const error = await failure(nobody.get(resources.secrets, { namespace, name: 'x' }));
    await nobody.close();
    expect(isForbidden(error)).toBe(true);
  });

  it('writes events that the API accepts, and counts series', async () => {
    const object = await client.create(resources.configMaps, configMap(namespace, 'eventful'));
    const recorder = new EventRecorder({ client, ...common, controller: 'keystead.dev/test', instance: 'test-1' });
    recorder.record({ regarding: object, type: 'Warning', reason: 'Conflict', action: 'Sync', note: 'Somebody else holds it.' });
    await recorder.flush(10_000);
    const { items } = await client.list(resources.events, { namespace });
    const event = items.find((item) => item.regarding.name === 'eventful');
    expect(event).toMatchObject({ reason: 'Conflict', action: 'Sync', regarding: { uid: object.metadata.uid }, type: 'Warning' });
    const patched = await client.mergePatch(resources.events, { namespace, name: event?.metadata.name ?? '' }, { series: { count: 2, lastObservedTime: event?.eventTime } });
    expect(patched.series?.count).toBe(2);
  });
});
