import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { auditEvents, auditMark, type AuditEvent, type AuditMark } from '../../support/audit-log.ts';
import { ownControlPlane } from '../../support/control-plane.ts';
import { installKeystead, OPERATOR_USER, startOperator, until, type RunningOperator } from '../../support/operator.ts';
import { Team } from '../../support/team.ts';

let on: ControlPlane;
let operator: RunningOperator;
let team: Team;

beforeAll(async () => {
  on = await ownControlPlane();
  await installKeystead(on);
  operator = await startOperator(on);
  team = await Team.create(on);
  await team.apply(team.manifest('Vault', 'app', {}));
  await team.ready('vault/app');
}, 120_000);

afterAll(() => operator.stop());

function secret(name: string, spec: object, vault = 'app'): object {
  return team.manifest('VaultSecret', name, { vaultRef: { name: vault }, ...spec });
}

/** What the operator asked of the API server for its objects; leases, checkpoints and a vault's own status are not theirs. */
async function callsSince(since: AuditMark): Promise<readonly AuditEvent[]> {
  const events = await auditEvents(on, { since, user: OPERATOR_USER });
  return events.filter(({ verb, objectRef }) =>
    verb !== 'watch' && objectRef?.resource !== 'leases' && objectRef?.resource !== 'vaults' && objectRef?.name !== 'audit-checkpoints');
}

function told({ verb, objectRef }: AuditEvent): string {
  return `${verb} ${objectRef?.resource ?? ''}${objectRef?.subresource === undefined ? '' : `/${objectRef.subresource}`}`;
}

describe('a generated VaultSecret', () => {
  it('is Ready with its Secret after exactly three writes and no read', async () => {
    const mark = auditMark(on);
    await team.apply(secret('db', { generate: { password: {} }, target: { name: 'db' } }));
    await team.ready('vaultsecret/db');
    expect((await team.data('db'))['value']).toHaveLength(32);
    const calls = await callsSince(mark);
    expect(calls.map(told).toSorted()).toEqual(['create secrets', 'create secrets', 'update vaultsecrets/status']);
    expect(calls.every(({ responseStatus }) => (responseStatus?.code ?? 0) < 400)).toBe(true);
  });

  it('keeps the value over a restart, without a write', async () => {
    const before = await team.get('secret/db');
    await operator.stop();
    const mark = auditMark(on);
    operator = await startOperator(on);
    await team.apply(secret('after-restart', { generate: { uuid: {} } }));
    await team.ready('vaultsecret/after-restart');
    const writes = (await callsSince(mark)).filter(({ verb }) => !['get', 'list'].includes(verb));
    expect(writes.map(told).toSorted()).toEqual(['create secrets', 'update vaultsecrets/status']);
    expect((await team.get('secret/db')).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });

  it('gives back what somebody changed in its target, and what somebody deleted', async () => {
    const before = await team.get('secret/db');
    await team.kubectl('patch', 'secret/db', '-p', '{"stringData":{"value":"mine","more":"x"}}');
    await team.when('secret/db', (live) => JSON.stringify(live.data) === JSON.stringify(before.data));
    await team.kubectl('delete', 'secret/db');
    await team.when('secret/db', (live) => JSON.stringify(live.data) === JSON.stringify(before.data));
  });

  it.each([
    ['uuid', { uuid: {} }, { value: /^[0-9a-f-]{36}$/ }],
    ['bytes', { bytes: { length: 24, encoding: 'hex' } }, { value: /^[0-9a-f]{48}$/ }],
    ['ssh', { sshKey: { type: 'ed25519', comment: 'me@here' } }, { privateKey: /BEGIN OPENSSH PRIVATE KEY/, publicKey: /^ssh-ed25519 .* me@here/ }],
    ['pair', { keyPair: { algorithm: 'EC' } }, { privateKey: /BEGIN PRIVATE KEY/, publicKey: /BEGIN PUBLIC KEY/ }],
    ['basic', { basicAuth: { username: 'root' } }, { username: /^root$/, password: /^.{32}$/, auth: /^root:\$2[aby]\$/ }],
  ])('makes %s', async (name, generate, fields) => {
    await team.apply(secret(`made-${name}`, { generate, target: {} }));
    await team.ready(`vaultsecret/made-${name}`);
    const data = await team.data(`made-${name}`);
    expect(Object.keys(data).toSorted()).toEqual(Object.keys(fields).toSorted());
    for (const [field, form] of Object.entries(fields)) expect(data[field]).toMatch(form);
  });

  it('makes a new value when the generator changes, and keeps the old one as a version', async () => {
    await team.apply(secret('changing', { generate: { password: { length: 16 } }, target: {} }));
    await team.ready('vaultsecret/changing');
    const version = (await team.get('vaultsecret/changing')).status?.['version'];
    await team.apply(secret('changing', { generate: { password: { length: 40 } }, target: {} }));
    await team.when('vaultsecret/changing', ({ status }) => status?.['version'] !== version);
    await until(async () => (await team.data('changing'))['value']?.length === 40);
  });

  it('renders templates, and says which key of one is wrong without quoting it', async () => {
    const template = { data: { 'config.ini': 'user={{ username }}\npass={{ password }}' }, labels: { 'app.example.com/tier': 'db' } };
    await team.apply(secret('rendered', { generate: { basicAuth: { username: 'app' } }, target: { template } }));
    await team.ready('vaultsecret/rendered');
    expect((await team.data('rendered'))['config.ini']).toMatch(/^user=app\npass=.{32}$/);
    expect((await team.get('secret/rendered')).metadata.labels).toMatchObject({ 'app.example.com/tier': 'db', 'keystead.dev/managed': 'app' });
    await team.apply(secret('broken', { generate: { uuid: {} }, target: { template: { data: { a: '{{ nothing }}' } } } }));
    expect((await team.reason('vaultsecret/broken', 'TemplateInvalid')).message).toContain('a');
  });
});

describe('a VaultSecret that follows a Secret', () => {
  it('takes its value, and every change within a second', async () => {
    await team.apply(team.secret('upstream', { user: 'one', pass: 'first' }, { 'keystead.dev/source': 'app' }));
    await team.apply(secret('followed', { secretRef: { name: 'upstream' }, target: {} }), secret('one-key', { secretRef: { name: 'upstream', key: 'pass' }, target: {} }));
    await team.ready('vaultsecret/followed', 'vaultsecret/one-key');
    expect(await team.data('followed')).toEqual({ user: 'one', pass: 'first' });
    expect(await team.data('one-key')).toEqual({ value: 'first' });
    await team.apply(team.secret('upstream', { user: 'one', pass: 'second' }, { 'keystead.dev/source': 'app' }));
    await until(async () => (await team.data('one-key'))['value'] === 'second', 5000);
    await until(async () => (await team.data('followed'))['pass'] === 'second', 5000);
  });

  it('waits for a source without consent, and goes on when it has it', async () => {
    await team.apply(team.secret('private', { a: 'b' }), secret('waiting', { secretRef: { name: 'private' } }));
    expect((await team.reason('vaultsecret/waiting', 'SourceMissing')).message).toContain('keystead.dev/source: app');
    await team.kubectl('label', 'secret/private', 'keystead.dev/source=app');
    await team.ready('vaultsecret/waiting');
  });
});

describe('a VaultSecret that goes', () => {
  it('takes its target with it, softly deletes the object, and is recovered with the same value', async () => {
    await team.apply(secret('coming', { generate: { password: {} }, target: {} }));
    await team.ready('vaultsecret/coming');
    const before = await team.data('coming');
    await team.kubectl('delete', 'vaultsecret/coming');
    await team.gone('secret/coming');
    await team.apply(secret('coming', { generate: { password: {} }, target: {} }));
    const conflict = await team.reason('vaultsecret/coming', 'Conflict');
    expect(conflict.message).toContain('soft-deleted');
    await team.apply(secret('coming', { generate: { password: {} }, target: {}, adopt: true }));
    await team.ready('vaultsecret/coming');
    expect(await team.data('coming')).toEqual(before);
  });

  it('gets a value of its own for its target when it only recovers, unless a policy says that it may have the old one', async () => {
    await team.apply(secret('back', { generate: { password: {} }, target: {} }));
    await team.ready('vaultsecret/back');
    const before = await team.data('back');
    await team.kubectl('delete', 'vaultsecret/back');
    await team.gone('secret/back');
    await team.apply(secret('back', { generate: { password: {} }, target: {}, createMode: 'Recover' }));
    await team.ready('vaultsecret/back');
    expect(await team.data('back')).not.toEqual(before);
    await team.kubectl('delete', 'vaultsecret/back');
    await team.gone('secret/back');
    await team.apply(team.manifest('AccessPolicy', 'own', { vaultRef: { name: 'app' }, objects: { names: ['back'] }, syncTo: [team.namespace] }));
    await team.ready('accesspolicy/own');
    await team.apply(secret('back', { generate: { password: {} }, target: {}, createMode: 'Recover' }));
    await team.ready('vaultsecret/back');
    expect(await team.data('back')).not.toEqual(before);
  });

  it('leaves everything with Retain', async () => {
    await team.apply(secret('staying', { generate: { uuid: {} }, deletionPolicy: 'Retain', target: { deletionPolicy: 'Retain' } }));
    await team.ready('vaultsecret/staying');
    const before = await team.data('staying');
    await team.kubectl('delete', 'vaultsecret/staying');
    await team.apply(secret('staying', { generate: { uuid: {} }, adopt: true, target: { deletionPolicy: 'Retain' } }));
    await team.ready('vaultsecret/staying');
    expect(await team.data('staying')).toEqual(before);
  });
});

describe('one object and two resources', () => {
  it('belongs to the first; the second says so and touches nothing', async () => {
    await team.apply(secret('first', { objectName: 'shared', generate: { uuid: {} } }));
    await team.ready('vaultsecret/first');
    const version = (await team.get('vaultsecret/first')).status?.['version'];
    await team.apply(secret('second', { objectName: 'SHARED', generate: { password: {} }, target: {} }));
    expect((await team.reason('vaultsecret/second', 'Conflict')).message).toContain('first');
    expect(await team.find('secret/second')).toBeUndefined();
    expect((await team.get('vaultsecret/first')).status?.['version']).toBe(version);
  });

  it('lets a disabled object\'s target as it is', async () => {
    await team.apply(secret('off', { generate: { uuid: {} }, target: {} }));
    await team.ready('vaultsecret/off');
    const before = await team.data('off');
    await team.apply(secret('off', { generate: { password: {} }, attributes: { enabled: false }, target: {} }));
    await team.reason('vaultsecret/off', 'Disabled');
    expect(await team.data('off')).toEqual(before);
  });
});

describe('a target in another namespace', () => {
  it('is written only with both consents, and kept when one is withdrawn', async () => {
    const other = await Team.create(on, 'other');
    await team.apply(secret('shared-out', { generate: { uuid: {} }, target: { namespace: other.namespace } }));
    await team.reason('vaultsecret/shared-out', 'SyncNotAllowed');
    await team.apply(team.manifest('AccessPolicy', 'out', { vaultRef: { name: 'app' }, syncTo: [other.namespace] }));
    await until(async () => (await team.reason('vaultsecret/shared-out', 'SyncNotAllowed')).message.includes('does not consent'));
    await other.kubectl('label', 'namespace', other.namespace, `sync.keystead.dev/${team.namespace}=allow`);
    await team.ready('vaultsecret/shared-out');
    const before = await other.data('shared-out');
    await other.kubectl('label', 'namespace', other.namespace, `sync.keystead.dev/${team.namespace}-`);
    await team.reason('vaultsecret/shared-out', 'ConsentWithdrawn');
    expect(await other.data('shared-out')).toEqual(before);
  });
});

describe('what went wrong', () => {
  it('is told by a Warning event, once for each reason', async () => {
    await team.apply(secret('orphan', { generate: { uuid: {} } }, 'nowhere'));
    await team.reason('vaultsecret/orphan', 'VaultNotFound');
    await until(async () => (await team.kubectl('get', 'events.events.k8s.io', '-o', 'json')).includes('VaultNotFound'));
    const { items }: { items: { regarding: { name: string }; reason: string; type: string }[] } = JSON.parse(await team.kubectl('get', 'events.events.k8s.io', '-o', 'json'));
    expect(items.filter(({ regarding }) => regarding.name === 'orphan').map(({ type, reason }) => `${type} ${reason}`)).toEqual(['Warning VaultNotFound']);
  });
});
