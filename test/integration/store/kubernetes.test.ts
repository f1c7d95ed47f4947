import { KubeClient } from '../../../src/kube/client.ts';
import { kubeconfigFile } from '../../../src/kube/config.ts';
import { HttpTransport } from '../../../src/kube/http.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { systemRandom } from '../../../src/runtime/random.ts';
import { KubernetesStore } from '../../../src/store/kubernetes.ts';
import { adminKubeconfig, createNamespace } from '../../support/control-plane.ts';
import { afterAll, expect, it } from '@jest/globals';
import { resources } from '../../../src/kube/resource.ts';
import { describeStore } from '../../support/store-conformance.ts';

const parts = { clock: systemClock, random: systemRandom, log: silentLog };
const clients: KubeClient[] = [];

async function client(): Promise<KubeClient> {
  const config = await kubeconfigFile(adminKubeconfig(), systemClock);
  const made = new KubeClient(new HttpTransport(config, { clock: systemClock, userAgent: 'keystead/test' }), parts);
  clients.push(made);
  return made;
}

afterAll(async () => {
  for (const one of clients) await one.close();
});

let shared: KubeClient | undefined;

async function openStore(): Promise<KubernetesStore> {
  shared ??= await client();
  return new KubernetesStore({ client: shared, namespace: await createNamespace('store'), ...parts });
}

describeStore('Kubernetes', openStore);

it('takes nothing for a record that is not one, whatever its labels say', async () => {
  const kube = await client();
  const namespace = await createNamespace('store');
  const store = new KubernetesStore({ client: kube, namespace, ...parts });
  const labels = { 'keystead.dev/record': 'object' };
  await kube.create(resources.secrets, { metadata: { namespace, name: 'o-fake', labels }, type: 'Opaque', data: { record: 'e30=' } });
  expect(await store.list({ kind: 'object' })).toEqual([]);
  expect(await store.get('o-fake')).toBeUndefined();
});

it('has the API server itself refuse to change an archive', async () => {
  const kube = await client();
  const namespace = await createNamespace('store');
  const store = new KubernetesStore({ client: kube, namespace, ...parts });
  const archive = { name: 'a-1', kind: 'archive', vaultId: 'v', body: Buffer.from('one') } as const;
  const { revision } = await store.compareAndSwap(archive, undefined);
  await expect(store.compareAndSwap({ ...archive, body: Buffer.from('two') }, revision)).rejects.toThrow(/immutable/);
});
