import { createPublicKey, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import type { PolicyRule } from '../../../src/kube/kinds.ts';
import { resources } from '../../../src/kube/resource.ts';
import { adminClient, clientOf, closeClients } from '../../support/admin.ts';
import { ownControlPlane } from '../../support/control-plane.ts';
import { installKeystead, startOperator, until, type RunningOperator } from '../../support/operator.ts';
import { Tenant, type Ref } from '../../support/tenant.ts';

/**
 * How far editing goes (decisions 42, 58): Mallory may edit every resource of the team, and read one Secret, `readable`.
 * Nothing that is older than the target that he gives a resource gets there. Grace does the same with `grant`, and gets it:
 * so each thing that Mallory is denied is denied for that reason alone.
 */

const ordinary = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
const inApp = { vaultRef: { name: 'app' } };

let on: ControlPlane;
let operator: RunningOperator;
let tenant: Tenant;
let mallory: KubeClient;
let grace: KubeClient;

beforeAll(async () => {
  on = await ownControlPlane();
  await installKeystead(on);
  operator = await startOperator(on);
  tenant = await Tenant.create(on);
  const kinds = { apiGroups: ['keystead.dev'], resources: ['*'], verbs: ordinary };
  await give('mallory', [kinds, { apiGroups: [''], resources: ['secrets'], resourceNames: ['readable'], verbs: ['get'] }]);
  await give('grace', [kinds, { apiGroups: ['keystead.dev'], resources: ['vaults'], resourceNames: ['app'], verbs: ['grant'] }]);
  [mallory, grace] = [await clientOf({ user: 'mallory' }, on), await clientOf({ user: 'grace' }, on)];
  await tenant.declare('Vault/app', {});
  await tenant.declare('VaultIssuer/self', { selfSigned: {} });
  await tenant.ready('Vault/app', 'VaultIssuer/self');
}, 120_000);

afterAll(async () => {
  await operator.stop();
  await closeClients(on);
});

async function give(user: string, rules: readonly PolicyRule[]): Promise<void> {
  const { namespace } = tenant;
  const admin = await adminClient(on);
  await admin.create(resources.roles, { metadata: { namespace, name: user }, rules });
  await admin.create(resources.roleBindings, {
    metadata: { namespace, name: user },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: user },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  });
}

const edit = (client: KubeClient, ref: Ref, spec: object): Promise<unknown> => {
  const [kind = '', name = ''] = ref.split('/');
  return client.mergePatch(kind === 'VaultSecret' ? resources.vaultSecrets : resources.vaultCertificates, { namespace: tenant.namespace, name }, { spec });
};

/** What the Secret that Mallory may read holds; it is taken away for the next attempt. */
async function read(): Promise<Readonly<Record<string, string>> | undefined> {
  const secret = await mallory.get(resources.secrets, { namespace: tenant.namespace, name: 'readable' }).catch(() => undefined);
  if (secret === undefined) return undefined;
  return Object.fromEntries(Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
}

async function end(ref: Ref): Promise<void> {
  await tenant.remove(ref);
  await tenant.gone('Secret/readable');
}

describe('the value of somebody else\'s VaultSecret', () => {
  it('does not get into a target that is added to it; with a policy, which needs grant, it does', async () => {
    await tenant.apply('Secret/source', { stringData: { value: 'treasure' } }, { labels: { 'keystead.dev/source': 'app' } });
    await tenant.declare('VaultSecret/added', { ...inApp, secretRef: { name: 'source' } });
    await tenant.ready('VaultSecret/added');
    await edit(mallory, 'VaultSecret/added', { target: { name: 'readable' } });
    await tenant.reason('VaultSecret/added', 'SyncNotAllowed');
    expect(await read()).toBeUndefined();
    const policy = { metadata: { namespace: tenant.namespace, name: 'added' }, spec: { ...inApp, objects: { names: ['added'] }, syncTo: [tenant.namespace] } };
    await expect(mallory.create(resources.accessPolicies, policy)).rejects.toThrow(/needs the verb "grant"/);
    await grace.create(resources.accessPolicies, policy);
    await tenant.ready('VaultSecret/added');
    expect(await read()).toEqual({ value: 'treasure' });
    await end('VaultSecret/added');
  });

  it('does not get into a renamed target by way of no target, another kind of target, or fewer versions', async () => {
    await tenant.declare('VaultSecret/renamed', { ...inApp, generate: { password: {} }, target: {} });
    await tenant.ready('VaultSecret/renamed');
    const old = (await tenant.data('renamed'))?.['value'];
    await edit(mallory, 'VaultSecret/renamed', { target: null });
    await tenant.gone('Secret/renamed');
    for (const target of [{ name: 'readable' }, { name: 'readable', creationPolicy: 'Orphan' }, { name: 'readable', template: { data: { all: '{{ value }}' } } }]) {
      await edit(mallory, 'VaultSecret/renamed', { target, versionsToKeep: 1 });
      await tenant.reason('VaultSecret/renamed', 'SyncNotAllowed');
    }
    expect(await read()).toBeUndefined();
    // What it makes from now on is what he has declared himself.
    await edit(mallory, 'VaultSecret/renamed', { generate: { password: { length: 40 } } });
    await tenant.ready('VaultSecret/renamed');
    expect((await read())?.['all']).toHaveLength(40);
    expect((await read())?.['all']).not.toBe(old);
    await tenant.remove('VaultSecret/renamed');
    await tenant.remove('Secret/readable');
  });

  it('is adopted only with grant', async () => {
    await tenant.declare('VaultSecret/taken', { ...inApp, generate: { password: {} }, target: {} });
    await tenant.ready('VaultSecret/taken');
    const value = (await tenant.data('taken'))?.['value'];
    const thief = { metadata: { namespace: tenant.namespace, name: 'thief' }, spec: { ...inApp, objectName: 'taken', generate: { password: {} }, target: { name: 'readable' } } };
    await expect(mallory.create(resources.vaultSecrets, { ...thief, spec: { ...thief.spec, adopt: true } })).rejects.toThrow(/needs the verb "grant"/);
    await mallory.create(resources.vaultSecrets, thief);
    await tenant.reason('VaultSecret/thief', 'Conflict');
    expect(await read()).toBeUndefined();
    await edit(grace, 'VaultSecret/thief', { adopt: true });
    await tenant.ready('VaultSecret/thief');
    expect((await read())?.['value']).toBe(value);
    await end('VaultSecret/thief');
  });
});

describe('the private key of somebody else\'s certificate', () => {
  it('that is kept at renewal does not get into a target that is added to it with a new version; afterwards keys are kept', async () => {
    const spec = { ...inApp, issuerRef: { name: 'self' }, commonName: 'ca', isCA: true, privateKey: { rotationPolicy: 'Never' }, duration: '20m' };
    await tenant.declare('VaultCertificate/root', spec);
    await tenant.ready('VaultCertificate/root');
    const old = await currentKey('root');
    await renew('root');
    expect(await currentKey('root')).toBe(old);
    await edit(mallory, 'VaultCertificate/root', { target: { name: 'readable' } });
    await tenant.reason('VaultCertificate/root', 'SyncNotAllowed');
    expect(await read()).toBeUndefined();
    await renew('root');
    await tenant.ready('VaultCertificate/root');
    const got = publicKeyOf((await read())?.['tls.key'] ?? '');
    expect(got).not.toBe(old);
    await renew('root');
    await tenant.ready('VaultCertificate/root');
    expect(publicKeyOf((await read())?.['tls.key'] ?? '')).toBe(got);
    await end('VaultCertificate/root');
  });

  it('does not get there in one step with the target, nor by moving the target', async () => {
    const spec = { ...inApp, issuerRef: { name: 'self' }, commonName: 'a', privateKey: { rotationPolicy: 'Never' }, target: { name: 'elsewhere' } };
    await tenant.declare('VaultCertificate/moved', spec);
    await tenant.ready('VaultCertificate/moved');
    const old = publicKeyOf((await tenant.data('elsewhere'))?.['tls.key'] ?? '');
    await edit(mallory, 'VaultCertificate/moved', { commonName: 'b', target: { name: 'readable' } });
    await tenant.ready('VaultCertificate/moved');
    expect(publicKeyOf((await read())?.['tls.key'] ?? '')).not.toBe(old);
    await end('VaultCertificate/moved');
  });

  async function renew(name: string): Promise<void> {
    const before = await tenant.versions(name);
    await tenant.annotate(`VaultCertificate/${name}`, { 'keystead.dev/renew': String(before) });
    await until(async () => (await tenant.versions(name)) > before);
  }

  const publicKeyOf = (pem: string): string => createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString();

  /** The public key of the current version, from what is public in its record. */
  async function currentKey(name: string): Promise<string> {
    return new X509Certificate(await tenant.certificatePem(name)).publicKey.export({ type: 'spki', format: 'pem' }).toString();
  }
});

describe('a Secret that Keystead writes', () => {
  it('is no source, even with the label of one: no value goes round in a circle', async () => {
    await tenant.declare('VaultSecret/first', { ...inApp, generate: { password: {} }, target: {} });
    await tenant.ready('VaultSecret/first');
    await (await adminClient(on)).mergePatch(resources.secrets, { namespace: tenant.namespace, name: 'first' }, { metadata: { labels: { 'keystead.dev/source': 'app' } } });
    await mallory.create(resources.vaultSecrets, { metadata: { namespace: tenant.namespace, name: 'second' }, spec: { ...inApp, secretRef: { name: 'first' }, target: { name: 'readable' } } });
    expect((await tenant.reason('VaultSecret/second', 'SourceMissing')).message).toContain('is written by Keystead');
    expect(await read()).toBeUndefined();
  });
});

describe('a template', () => {
  it.each([
    ['another file', "{% include '/var/run/secrets/kubernetes.io/serviceaccount/token' %}"],
    ['another template', "{% render 'other' %}"],
    ['a layout', "{% layout '/etc/passwd' %}"],
    ['the prototype of a value', '{{ value.constructor.constructor }}'],
    ['the prototype of the scope', '{{ fields.__proto__.toString }}'],
    ['the environment', '{{ process.env.HOME }}'],
    ['a filter of the language that is not on our list', "{{ value | where: 'a' }}"],
  ])('does not reach %s', async (_what, template) => {
    const name = `template-${Buffer.from(template).toString('hex').slice(0, 40)}`;
    await mallory.create(resources.vaultSecrets, { metadata: { namespace: tenant.namespace, name }, spec: { ...inApp, generate: { uuid: {} }, target: { name: 'readable', template: { data: { a: template } } } } });
    await tenant.reason(`VaultSecret/${name}`, 'TemplateInvalid');
    expect(await read()).toBeUndefined();
  });

  it('that would print for ever is stopped, and holds nobody up', async () => {
    const data = { a: '{% for a in (1..100000) %}{% for b in (1..100000) %}x{% endfor %}{% endfor %}' };
    await mallory.create(resources.vaultSecrets, { metadata: { namespace: tenant.namespace, name: 'endless' }, spec: { ...inApp, generate: { uuid: {} }, target: { name: 'readable', template: { data } } } });
    await tenant.reason('VaultSecret/endless', 'TemplateLimitExceeded');
    await tenant.declare('VaultSecret/meanwhile', { ...inApp, generate: { uuid: {} } });
    await tenant.ready('VaultSecret/meanwhile');
    expect(await read()).toBeUndefined();
  });
});

describe('the use of a CA key', () => {
  it('needs grant', async () => {
    await tenant.declare('VaultCertificate/ca', { ...inApp, issuerRef: { name: 'self' }, commonName: 'ca', isCA: true });
    await tenant.ready('VaultCertificate/ca');
    const issuer = { metadata: { namespace: tenant.namespace, name: 'lent' }, spec: { ca: { ...inApp, certificateName: 'ca' } } };
    await expect(mallory.create(resources.vaultIssuers, issuer)).rejects.toThrow(/needs the verb "grant"/);
    await grace.create(resources.vaultIssuers, issuer);
    await tenant.ready('VaultIssuer/lent');
    const at = { namespace: tenant.namespace, name: 'lent' };
    await expect(mallory.mergePatch(resources.vaultIssuers, at, { spec: { allowedNamespaces: { from: 'All' } } })).rejects.toThrow(/needs the verb "grant"/);
    await grace.mergePatch(resources.vaultIssuers, at, { spec: { allowedNamespaces: { from: 'All' } } });
  });
});

describe('everything at once', () => {
  it('deletes all policies but the denying ones, and opens nothing by it', async () => {
    const at = (name: string): { readonly namespace: string; readonly name: string } => ({ namespace: tenant.namespace, name });
    await grace.create(resources.accessPolicies, { metadata: at('deny'), spec: { ...inApp, effect: 'Deny', objects: { names: ['locked'] }, syncTo: [tenant.namespace] } });
    await grace.create(resources.accessPolicies, { metadata: at('allow'), spec: { ...inApp, syncTo: [tenant.namespace] } });
    await tenant.apply('Secret/source', { stringData: { value: 'locked' } }, { labels: { 'keystead.dev/source': 'app' } });
    await tenant.declare('VaultSecret/locked', { ...inApp, secretRef: { name: 'source' } });
    await tenant.ready('AccessPolicy/deny', 'AccessPolicy/allow', 'VaultSecret/locked');
    await expect(mallory.delete(resources.accessPolicies, at('deny'))).rejects.toThrow(/needs the verb "grant"/);
    await edit(mallory, 'VaultSecret/locked', { target: { name: 'readable' } });
    await tenant.reason('VaultSecret/locked', 'SyncNotAllowed');
    expect(await read()).toBeUndefined();
    await grace.delete(resources.accessPolicies, at('deny'));
    await tenant.ready('VaultSecret/locked');
    expect(await read()).toEqual({ value: 'locked' });
    await end('VaultSecret/locked');
  });
});
