import { resources } from '../../../src/kube/resource.ts';
import type { GuardedCluster } from './cluster.ts';

/** What lies in the cluster when the attacks begin. */

const team = 'team-a';
const system = 'keystead-system';
const base64 = (value: string): string => Buffer.from(value).toString('base64');
const app = { vaultRef: { name: 'app' } };

const custom = [
  { resource: resources.vaults, object: { metadata: { name: 'app', namespace: team }, spec: { purgeProtection: true } } },
  { resource: resources.vaults, object: { metadata: { name: 'other', namespace: team }, spec: {} } },
  {
    resource: resources.accessPolicies,
    object: {
      metadata: { name: 'readers', namespace: team },
      spec: { ...app, subjects: [{ kind: 'User', name: 'alice' }, { kind: 'User', name: 'bob' }], permissions: { secrets: ['get'] }, syncTo: ['team-a'] },
    },
  },
  {
    resource: resources.accessPolicies,
    object: { metadata: { name: 'ban', namespace: team }, spec: { ...app, effect: 'Deny', subjects: [{ kind: 'User', name: 'mallory' }], permissions: { secrets: ['all'] } } },
  },
  { resource: resources.vaultSecrets, object: { metadata: { name: 'db', namespace: team }, spec: { ...app, generate: { password: {} }, target: {} } } },
  { resource: resources.vaultSecrets, object: { metadata: { name: 'taken', namespace: team }, spec: { ...app, adopt: true, generate: { password: {} } } } },
  { resource: resources.vaultIssuers, object: { metadata: { name: 'own-ca', namespace: team }, spec: { ca: { ...app, certificateName: 'root' } } } },
  { resource: resources.vaultIssuers, object: { metadata: { name: 'self', namespace: team }, spec: { selfSigned: {} } } },
  {
    resource: resources.vaultCertificates,
    object: { metadata: { name: 'web', namespace: team }, spec: { ...app, issuerRef: { name: 'own-ca' }, commonName: 'web' } },
  },
];

const workload = (name: string, annotations: object) => ({
  metadata: { name, namespace: team, annotations },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image: 'example.test/shop:1' }] } },
  },
});

/** Objects of people who know nothing of Keystead, or who consented. */
const foreign = [
  { resource: resources.secrets, object: { metadata: { name: 'foreign', namespace: team }, data: { password: base64('theirs') } } },
  { resource: resources.secrets, object: { metadata: { name: 'open', namespace: team, labels: { 'keystead.dev/merge': 'true', 'argocd.argoproj.io/secret-type': 'repository' } } } },
  { resource: resources.secrets, object: { metadata: { name: 'open-mesh', namespace: team, labels: { 'keystead.dev/merge': 'true' } }, type: 'istio.io/key-and-cert' } },
  { resource: resources.secrets, object: { metadata: { name: 'open-token', namespace: team, labels: { 'keystead.dev/merge': 'true' } }, type: 'bootstrap.kubernetes.io/token' } },
  { resource: resources.deployments, object: workload('shop', { 'keystead.dev/restart-on': 'db' }) },
  { resource: resources.deployments, object: workload('quiet', {}) },
  { resource: resources.secrets, object: { metadata: { name: 'pull', namespace: system }, data: { a: base64('b') } } },
  { resource: resources.configMaps, object: { metadata: { name: 'settings', namespace: system }, data: { a: 'b' } } },
];

/** What the operator itself keeps. */
const own = [
  { resource: resources.secrets, object: { metadata: { name: 'db', namespace: team, labels: { 'keystead.dev/managed': 'app' } }, data: { password: base64('ours') } } },
  { resource: resources.secrets, object: { metadata: { name: 'o-1', namespace: system, labels: { 'keystead.dev/record': 'object' } }, type: 'keystead.dev/record', data: { body: base64('sealed') } } },
  { resource: resources.secrets, object: { metadata: { name: 'keystead-root-key', namespace: system }, type: 'keystead.dev/root-key', data: { key: base64('0123456789abcdef0123456789abcdef') } } },
  { resource: resources.configMaps, object: { metadata: { name: 'keystead-identity', namespace: system }, data: { 'identity.pub': 'public' } } },
  { resource: resources.deletedVaults, object: { metadata: { name: 'team-a.gone' }, spec: {} } },
  { resource: resources.deletedVaults, object: { metadata: { name: 'team-a.locked' }, spec: {} } },
];

export async function layOut(cluster: GuardedCluster): Promise<void> {
  for (const { resource, object } of [...custom, ...foreign]) await cluster.create('admin', resource, object);
  for (const { resource, object } of own) await cluster.create('operator', resource, object);
  const status = { subresource: 'status' } as const;
  await cluster.patch('operator', resources.deletedVaults, { name: 'team-a.gone', ...status }, { status: { vaultId: 'id-gone', purgeProtection: false } });
  await cluster.patch('operator', resources.deletedVaults, { name: 'team-a.locked', ...status }, { status: { vaultId: 'id-locked', purgeProtection: true } });
}
