import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { request } from 'undici';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import type { ChartValues } from '../../../tools/generate/chart/values.ts';
import { auditEvents } from '../../support/audit-log.ts';
import { apply, kubeconfigFile, kubectl, ownControlPlane } from '../../support/control-plane.ts';
import { OPERATOR_NAMESPACE, OPERATOR_USER, until } from '../../support/operator.ts';
import { rendered } from '../../unit/chart/rendered.ts';
import { Release } from './helm.ts';

/** Limited to one namespace, which is where a right too few shows. */
const values: ChartValues = { rbac: { namespaces: ['served'] } };

interface Container {
  readonly args: readonly string[];
  readonly env: ReadonlyArray<{ readonly name: string; readonly value?: string }>;
  readonly readinessProbe: { readonly httpGet: { readonly path: string } };
  readonly livenessProbe: { readonly httpGet: { readonly path: string } };
}

/** One replica: the program with the arguments and environment of the chart, with the rights of its ServiceAccount. */
interface Replica {
  readonly process: ChildProcess;
  readonly health: string;
  readonly metrics: string;
  readonly stdout: () => string;
}

let on: ControlPlane;
let container: Container;
const replicas: Replica[] = [];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function start(name: string): Promise<Replica> {
  const [health, metrics] = [await freePort(), await freePort()];
  const given: Readonly<Record<string, string>> = { '$(POD_NAMESPACE)': OPERATOR_NAMESPACE, '$(POD_NAME)': name, '=8081': `=${health}`, '=8080': `=${metrics}` };
  const args = container.args.map((arg) => Object.entries(given).reduce((text, [from, to]) => text.replace(from, to), arg));
  const kubeconfig = await kubeconfigFile({ serviceAccount: 'keystead-operator', namespace: OPERATOR_NAMESPACE }, on);
  const env = Object.fromEntries(container.env.flatMap((one) => (one.value === undefined ? [] : [[one.name, one.value]])));
  const main = join(import.meta.dirname, '../../../src/main.ts');
  const child = spawn(process.execPath, [main, ...args, '--kubeconfig', kubeconfig], { env, stdio: ['ignore', 'pipe', process.env['KEYSTEAD_TEST_LOG'] === undefined ? 'ignore' : 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  return { process: child, health: `http://127.0.0.1:${health}`, metrics: `http://127.0.0.1:${metrics}`, stdout: () => output };
}

/** 0 while nobody listens. */
async function statusOf(url: string): Promise<number> {
  const answer = await request(url).catch(() => undefined);
  await answer?.body.dump();
  return answer?.statusCode ?? 0;
}

const readyOf = (namespace: string): Promise<string> => kubectl(['-n', namespace, 'get', 'vault', 'app', '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'], { on });

beforeAll(async () => {
  on = await ownControlPlane();
  for (const namespace of ['served', 'other']) await kubectl(['create', 'namespace', namespace], { on });
  await new Release(on).install(values);
  const deployment = (await rendered(values)).find(({ kind }) => kind === 'Deployment') as unknown as { spec: { template: { spec: { containers: [Container] } } } };
  [container] = deployment.spec.template.spec.containers;
  replicas.push(await start('operator-1'), await start('operator-2'));
}, 60_000);

afterAll(() => {
  for (const replica of replicas) replica.process.kill('SIGKILL');
});

describe('the program as the chart runs it', () => {
  it('becomes ready in every replica, whichever leads', async () => {
    for (const { health, metrics } of replicas) {
      await until(async () => (await statusOf(health + container.readinessProbe.httpGet.path)) === 200);
      expect(await statusOf(health + container.livenessProbe.httpGet.path)).toBe(200);
      expect(await statusOf(`${metrics}/metrics`)).toBe(200);
    }
  });

  it('serves the namespaces that the values list and no other, with no right too few', async () => {
    const manifests = ['served', 'other'].flatMap((namespace) => [
      { apiVersion: 'keystead.dev/v1alpha1', kind: 'Vault', metadata: { name: 'app', namespace } },
      {
        apiVersion: 'keystead.dev/v1alpha1',
        kind: 'VaultSecret',
        metadata: { name: 'token', namespace },
        spec: { vaultRef: { name: 'app' }, generate: { uuid: {} }, target: {} },
      },
    ]);
    await apply(manifests, { on });
    await kubectl(['-n', 'served', 'wait', '--for=condition=Ready', '--timeout=20s', 'vault/app', 'vaultsecret/token'], { on });
    await kubectl(['-n', 'served', 'delete', 'vault', 'app'], { on });
    await until(async () => (await kubectl(['get', 'deletedvault', 'served.app', '--ignore-not-found', '-o', 'name'], { on })) !== '');
    await kubectl(['wait', '--for=condition=Ready', '--timeout=20s', 'deletedvault/served.app'], { on });
    // Its event belongs to a cluster-scoped object, so it lies in the namespace `default`.
    const vaultId = await kubectl(['get', 'deletedvault', 'served.app', '-o', 'jsonpath={.status.vaultId}'], { on });
    await kubectl(['patch', 'deletedvault', 'served.app', '--type=merge', '-p', JSON.stringify({ spec: { purge: vaultId } })], { on });
    await until(async () => (await kubectl(['-n', 'default', 'get', 'events', '--field-selector=reason=Purged', '-o', 'name'], { on })) !== '');
    expect(await readyOf('other')).toBe('');
    const refused = (await auditEvents(on, { user: OPERATOR_USER })).filter(({ responseStatus }) => responseStatus?.code === 403);
    expect(refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`)).toEqual([]);
  });

  it('writes its audit log to standard output, and ends in good order when the pod is deleted', async () => {
    const ends = replicas.map(({ process: child }) => once(child, 'exit'));
    for (const { process: child } of replicas) child.kill('SIGTERM');
    expect((await Promise.all(ends)).map(([code]) => code as number)).toEqual([0, 0]);
    const lines = replicas.flatMap(({ stdout }) => stdout().trim().split('\n')).filter((line) => line !== '');
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(() => JSON.parse(line) as unknown).not.toThrow();
  });
});
