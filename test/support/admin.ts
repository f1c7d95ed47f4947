import type { ControlPlaneAccess } from '../../src/cli/dev/access.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { kubeconfigFile as configFrom } from '../../src/kube/config.ts';
import { HttpTransport } from '../../src/kube/http.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { systemRandom } from '../../src/runtime/random.ts';
import { kubeconfigFile, type Identity } from './control-plane.ts';

const clients = new WeakMap<ControlPlaneAccess, Map<string, Promise<KubeClient>>>();

/** A client of our own with the administrator's credentials: a call takes a millisecond, where kubectl takes 200. */
export function adminClient(on: ControlPlaneAccess): Promise<KubeClient> {
  return cached(on, 'admin', () => Promise.resolve(on.adminKubeconfig));
}

/** A client with real credentials of somebody. */
export function clientOf(identity: Identity, on: ControlPlaneAccess): Promise<KubeClient> {
  return cached(on, JSON.stringify(identity), () => kubeconfigFile(identity, on));
}

/** Ends all clients of a control plane, so that no socket keeps the tests' process. */
export async function closeClients(on: ControlPlaneAccess): Promise<void> {
  const known = [...(clients.get(on)?.values() ?? [])];
  clients.delete(on);
  await Promise.all(known.map(async (client) => (await client).close()));
}

function cached(on: ControlPlaneAccess, key: string, path: () => Promise<string>): Promise<KubeClient> {
  const known = clients.get(on) ?? new Map<string, Promise<KubeClient>>();
  clients.set(on, known);
  const client = known.get(key) ?? open(path);
  known.set(key, client);
  return client;
}

async function open(path: () => Promise<string>): Promise<KubeClient> {
  const config = await configFrom(await path(), systemClock);
  return new KubeClient(new HttpTransport(config, { clock: systemClock, userAgent: 'keystead-test-admin' }), { clock: systemClock, random: systemRandom });
}
