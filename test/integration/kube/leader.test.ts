import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { KubeClient } from '../../../src/kube/client.ts';
import { LeaderElector } from '../../../src/kube/leader.ts';
import type { Leadership } from '../../../src/kube/leadership.ts';
import { resources } from '../../../src/kube/resource.ts';
import { adminKubeconfig, createNamespace } from '../../support/control-plane.ts';
import { common, configMap, connect } from './rig.ts';

let client: KubeClient;
let namespace: string;
beforeAll(async () => {
  client = await connect(adminKubeconfig());
  namespace = await createNamespace('kube-leader');
});
afterAll(() => client.close());

const timing = { leaseMs: 3_000, renewMs: 2_000, retryMs: 200 };

/** A candidate that does nothing but lead until it is stopped. */
function candidate(identity: string, log: string[]): { stop: () => Promise<void>; leads: Promise<Leadership> } {
  const stopping = new AbortController();
  let resolve: (leadership: Leadership) => void = () => undefined;
  const leads = new Promise<Leadership>((done) => {
    resolve = done;
  });
  const elector = new LeaderElector({ client, ...common, namespace, name: 'lease', identity, timing });
  const running = elector.run(async (leadership, stop) => {
    log.push(`${identity} begins`);
    resolve(leadership);
    await new Promise<void>((end) => {
      stop.addEventListener('abort', () => end());
      leadership.signal.addEventListener('abort', () => end());
    });
    log.push(`${identity} ends`);
  }, stopping.signal);
  return {
    leads,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

it('hands the leadership over when a leader ends, and when its lease is taken away', async () => {
  const log: string[] = [];
  const first = candidate('first', log);
  const leadership = await first.leads;
  const second = candidate('second', log);
  const guarded = client.guarded(leadership);
  await guarded.create(resources.configMaps, configMap(namespace, 'by-the-leader'));
  await first.stop();
  await second.leads;
  expect(log).toEqual(['first begins', 'first ends', 'second begins']);
  const { spec } = await client.get(resources.leases, { namespace, name: 'lease' });
  expect(spec).toMatchObject({ holderIdentity: 'second', leaseTransitions: 1 });
  await second.stop();
});
