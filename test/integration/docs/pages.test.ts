import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { kubectl, ownControlPlane } from '../../support/control-plane.ts';
import { installKeystead, startOperator, until, type RunningOperator } from '../../support/operator.ts';
import { writtenPages } from '../../unit/docs/markdown.ts';
import { Terminal } from './terminal.ts';

let on: ControlPlane;
let operator: RunningOperator;
let terminal: Terminal;

beforeAll(async () => {
  on = await ownControlPlane();
  await installKeystead(on);
  operator = await startOperator(on);
  terminal = await Terminal.open(on);
}, 120_000);

afterAll(async () => {
  terminal.close();
  await operator.stop();
});

const vault = (namespace: string, name: string): string => `{apiVersion: keystead.dev/v1alpha1, kind: Vault, metadata: {namespace: ${namespace}, name: ${name}}}`;
const secret = (namespace: string, name: string, spec: string): string =>
  `{apiVersion: keystead.dev/v1alpha1, kind: VaultSecret, metadata: {namespace: ${namespace}, name: ${name}}, spec: ${spec}}`;
const dbPassword = secret('team-a', 'db-password', '{vaultRef: {name: app}, generate: {password: {}}, target: {name: db}}');

const source = `{apiVersion: v1, kind: Secret, metadata: {namespace: team-a, name: mail-provider, labels: {keystead.dev/source: app}}, stringData: {api-key: first}}`;
const workload = `{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: team-a, name: api}, spec: {selector: {matchLabels: {app: api}},
  template: {metadata: {labels: {app: api}}, spec: {containers: [{name: api, image: example.com/api}]}}}}`;

/** What is there when somebody begins with a page, beside namespace team-a with a vault app (which the README applies again). */
const prepared: Readonly<Record<string, readonly string[]>> = {
  'README.md': [],
  'docs/guides/generate-a-secret.md': [],
  'docs/guides/follow-a-secret.md': [],
  'docs/guides/sync-to-another-namespace.md': [],
  'docs/guides/certificates-from-an-own-ca.md': [vault('team-b', 'app')],
  'docs/guides/keystores-and-other-formats.md': [],
  'docs/guides/a-ca-that-signs-by-e-mail.md': [],
  'docs/guides/bring-your-own-certificate.md': [],
  'docs/guides/recover-what-was-deleted.md': [dbPassword, vault('team-c', 'box')],
  'docs/guides/restart-workloads.md': [source, workload],
  'docs/guides/rotate-keys.md': [secret('team-a', 'session-key', '{vaultRef: {name: app}, generate: {uuid: {}, rotation: {interval: 720h}}}')],
};

const TEAMS = 'team-a team-b team-c';

/** As in a fresh cluster: everything goes but the namespaces, which take seconds to go; vaults go for good. */
async function freshTeams(): Promise<void> {
  await terminal.run(`for t in ${TEAMS}; do kubectl create namespace $t; kubectl label namespace $t sync.keystead.dev/team-a- team-; done`);
  await terminal.run(`for t in ${TEAMS}; do kubectl delete kvs,kvc,kvi,kvap,kv,secrets,configmaps --all -n $t; done`);
  const purge = `kubectl get deletedvaults -o jsonpath='{range .items[*]}{.metadata.name} {.status.vaultId}{"\\n"}{end}' |
    while read name id; do kubectl patch deletedvault $name --type=merge -p '{"spec":{"purge":"'$id'"}}'; done`;
  await until(async () => {
    await terminal.run(purge);
    return (await terminal.run('kubectl get deletedvaults -o name')) === '' && (await terminal.run('kubectl get kv -A -o name')) === '';
  });
}

describe('pages followed word for word on a real API server', () => {
  it('docs/getting-started.md', async () => {
    expect(await terminal.follow('docs/getting-started.md')).toEqual([]);
  }, 120_000);

  it.each(Object.entries(prepared))('%s', async (path, manifests) => {
    await freshTeams();
    await terminal.run('kubectl config set-context --current --namespace=team-a');
    for (const manifest of [vault('team-a', 'app'), ...manifests]) await terminal.run('kubectl apply -f -', manifest);
    terminal.write('db-password.yaml', dbPassword);
    await terminal.run('kubectl wait --for=condition=Ready vault/app; kubectl wait --for=condition=Ready vaultsecret --all');
    expect(await terminal.follow(path)).toEqual([]);
  }, 180_000);
});

describe('manifests on the pages', () => {
  it('are all accepted by the API server, with every field known', async () => {
    await terminal.run('for t in team-a team-b; do kubectl create namespace $t; done');
    const refused: string[] = [];
    const blocks = writtenPages().flatMap((page) => page.blocks.filter(({ language }) => language === 'yaml').map((block) => ({ path: page.path, ...block })));
    for (const { path, line, text } of blocks) {
      await kubectl(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], { on, input: text }).catch((error: unknown) => refused.push(`${path}:${line}: ${String(error)}`));
    }
    expect(refused).toEqual([]);
    expect(blocks.length).toBeGreaterThan(20);
  }, 120_000);
});
