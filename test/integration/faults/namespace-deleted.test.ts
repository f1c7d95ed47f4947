import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import type { PolicyRule } from '../../../src/kube/kinds.ts';
import { resources } from '../../../src/kube/resource.ts';
import { adminClient, clientOf, closeClients } from '../../support/admin.ts';
import { ownControlPlane } from '../../support/control-plane.ts';
import { installKeystead, OPERATOR_NAMESPACE, startOperator, until, type RunningOperator } from '../../support/operator.ts';
import { expectOrderlyCalls } from '../../support/orderly-calls.ts';
import { Tenant } from '../../support/tenant.ts';

/**
 * Somebody deletes the namespace of a team with everything in it. Told in order: each test goes on where the one before
 * it ended.
 */

const ordinary = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
const inApp = { vaultRef: { name: 'app' } };
const stranger = { user: 'stranger' };
const rescuer = { user: 'rescuer' };

let on: ControlPlane;
let admin: KubeClient;
let operator: RunningOperator;
let tenant: Tenant;
/** What was there before. */
let vaultId: string;
let values: Readonly<Record<string, Readonly<Record<string, string>> | undefined>>;

beforeAll(async () => {
  on = await ownControlPlane();
  await installKeystead(on);
  operator = await startOperator(on);
  admin = await adminClient(on);
  tenant = await Tenant.create(on);
  await tenant.declare('Vault/app', {});
  await tenant.declare('VaultIssuer/self', { selfSigned: {} });
  await tenant.declare('AccessPolicy/own', { ...inApp, syncTo: [tenant.namespace] });
  for (const name of ['adopted', 'recovered', 'retained', 'allowed']) await tenant.declare(`VaultSecret/${name}`, secret(name === 'retained' ? { deletionPolicy: 'Retain' } : {}));
  await tenant.declare('VaultCertificate/web', certificate());
  await tenant.ready('VaultSecret/adopted', 'VaultSecret/recovered', 'VaultSecret/retained', 'VaultSecret/allowed', 'VaultCertificate/web', 'AccessPolicy/own');
  vaultId = (await tenant.vaultHead())?.vaultId ?? '';
  values = await targets();
}, 120_000);

afterAll(async () => {
  await operator.stop();
  await closeClients(on);
});

function secret(more: object = {}): object {
  return { ...inApp, generate: { password: {} }, target: {}, ...more };
}

function certificate(more: object = {}): object {
  return { ...inApp, issuerRef: { name: 'self' }, commonName: 'web', target: {}, ...more };
}

async function targets(): Promise<Readonly<Record<string, Readonly<Record<string, string>> | undefined>>> {
  return Object.fromEntries(await Promise.all(['adopted', 'recovered', 'retained', 'allowed', 'web'].map(async (name) => [name, await tenant.data(name)] as const)));
}

/** Every ordinary verb on every kind of ours, and on Secrets, in the namespace; and the rights that are named. */
async function give(user: string, ...more: readonly PolicyRule[]): Promise<void> {
  const { namespace } = tenant;
  const name = user;
  const rules = [{ apiGroups: ['keystead.dev'], resources: ['*'], verbs: ordinary }, { apiGroups: [''], resources: ['secrets'], verbs: ordinary }, ...more];
  await admin.create(resources.roles, { metadata: { namespace, name }, rules });
  await admin.create(resources.roleBindings, {
    metadata: { namespace, name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  });
}

it('is gone as soon as the namespace controller has emptied it; nothing of ours holds it back', async () => {
  const started = performance.now();
  await admin.delete(resources.namespaces, { name: tenant.namespace }, { propagationPolicy: 'Background' });
  await tenant.gone(`Namespace/${tenant.namespace}`);
  expect(performance.now() - started).toBeLessThan(20_000);
});

it('leaves a DeletedVault, and every record', async () => {
  const live = await tenant.when(`DeletedVault/${tenant.namespace}.app`, ({ status }) => status?.['vaultId'] !== undefined);
  expect(live.status).toMatchObject({ vaultId, namespace: tenant.namespace, vault: 'app', purgeProtection: false });
  for (const name of ['adopted', 'recovered', 'allowed']) await until(async () => (await tenant.objectHead(name))?.secret?.deleted !== undefined);
  await until(async () => (await tenant.objectHead('retained'))?.secret?.declaredBy === undefined);
  await until(async () => (await tenant.objectHead('web'))?.certificate?.deleted !== undefined);
  const { items } = await admin.list(resources.secrets, { namespace: OPERATOR_NAMESPACE, labelSelector: `keystead.dev/vault-id=${vaultId}` });
  expect(items).toHaveLength(6);
});

it('gives nothing to a stranger who has the namespace of that name now', async () => {
  await admin.create(resources.namespaces, { metadata: { name: tenant.namespace } });
  await give('stranger', { apiGroups: ['keystead.dev'], resources: ['*'], verbs: ['*'] });
  const client = await clientOf(stranger, on);
  const at = { namespace: tenant.namespace, name: 'app' };
  await expect(client.create(resources.vaults, { metadata: at, spec: { createMode: 'Recover' } })).rejects.toThrow(
    `Recovering a vault needs the verb "recover" on deletedvaults.keystead.dev "${tenant.namespace}.app", which is cluster-scoped`,
  );
  await client.create(resources.vaults, { metadata: at, spec: {} });
  expect((await tenant.reason('Vault/app', 'VaultDeletedButRecoverable')).message).toContain('createMode: Recover');
  // Although he has given himself every verb in his namespace, grant included.
  await client.create(resources.accessPolicies, { metadata: { ...at, name: 'mine' }, spec: { ...inApp, syncTo: [tenant.namespace] } });
  await client.create(resources.vaultSecrets, { metadata: { ...at, name: 'adopted' }, spec: secret({ adopt: true }) as Record<string, unknown> });
  await tenant.reason('VaultSecret/adopted', 'VaultDeleting');
  expect(await tenant.find('Secret/adopted')).toBeUndefined();
  await expect(client.mergePatch(resources.vaults, at, { spec: { createMode: 'Recover' } })).rejects.toThrow('needs the verb "recover"');
  for (const ref of ['Vault/app', 'AccessPolicy/mine', 'VaultSecret/adopted'] as const) await tenant.remove(ref);
});

it('gives the vault back, with the id that it had, to somebody with the verb recover', async () => {
  await give('rescuer', { apiGroups: ['keystead.dev'], resources: ['vaults'], verbs: ['grant'] });
  const rules = [{ apiGroups: ['keystead.dev'], resources: ['deletedvaults'], resourceNames: [`${tenant.namespace}.app`], verbs: ['recover'] }];
  await admin.create(resources.clusterRoles, { metadata: { name: 'rescuer' }, rules });
  await admin.create(resources.clusterRoleBindings, {
    metadata: { name: 'rescuer' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'rescuer' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: rescuer.user }],
  });
  const client = await clientOf(rescuer, on);
  await until(async () => client.create(resources.vaults, { metadata: { namespace: tenant.namespace, name: 'app' }, spec: { createMode: 'Recover' } }).then(() => true, () => false));
  await tenant.ready('Vault/app');
  expect((await tenant.find('Vault/app'))?.status?.['vaultId']).toBe(vaultId);
  await tenant.gone(`DeletedVault/${tenant.namespace}.app`);
  // Old policies are gone with the namespace: none of them opens anything (decisions 55).
  expect(await targets()).toEqual({});
});

it('gives the old values back to resources that adopt, and to those only', async () => {
  const client = await clientOf(rescuer, on);
  const make = async (name: string, more: object): Promise<void> =>
    void (await client.create(resources.vaultSecrets, { metadata: { namespace: tenant.namespace, name }, spec: secret(more) as Record<string, unknown> }));
  await make('adopted', { adopt: true });
  await make('retained', { adopt: true });
  await make('recovered', { createMode: 'Recover' });
  await make('allowed', {});
  await client.create(resources.vaultIssuers, { metadata: { namespace: tenant.namespace, name: 'self' }, spec: { selfSigned: {} } });
  await client.create(resources.vaultCertificates, { metadata: { namespace: tenant.namespace, name: 'web' }, spec: certificate({ adopt: true }) as Record<string, unknown> });
  await tenant.ready('VaultSecret/adopted', 'VaultSecret/retained', 'VaultSecret/recovered', 'VaultCertificate/web');
  expect((await tenant.reason('VaultSecret/allowed', 'Conflict')).message).toContain('soft-deleted');
  const now = await targets();
  expect(now['adopted']).toEqual(values['adopted']);
  expect(now['retained']).toEqual(values['retained']);
  expect(serialOf(now['web'])).toBe(serialOf(values['web']));
  expect(now['allowed']).toBeUndefined();
});

it('gives a resource that only recovers a value of its own; the old one stays in the vault', async () => {
  expect((await tenant.data('recovered'))?.['value']).toHaveLength(32);
  expect(await tenant.data('recovered')).not.toEqual(values['recovered']);
  expect(await tenant.versions('recovered')).toBe(2);
});

it('gives the old value to one that recovers where a policy applied anew lists the namespace', async () => {
  const client = await clientOf(rescuer, on);
  const at = { namespace: tenant.namespace, name: 'allowed' };
  await client.create(resources.accessPolicies, { metadata: at, spec: { ...inApp, syncTo: [tenant.namespace] } });
  await tenant.ready('AccessPolicy/allowed');
  await client.mergePatch(resources.vaultSecrets, at, { spec: { createMode: 'Recover' } });
  await tenant.ready('VaultSecret/allowed');
  expect(await tenant.data('allowed')).toEqual(values['allowed']);
});

it('made the operator do nothing that it may not, but for writing into what was going', () =>
  expectOrderlyCalls(on, { refusals: [/because it is being terminated/] }));

function serialOf(secretData: Readonly<Record<string, string>> | undefined): string {
  return new X509Certificate(secretData?.['tls.crt'] ?? '').serialNumber;
}
