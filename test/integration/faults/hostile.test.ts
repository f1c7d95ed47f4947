import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { resources } from '../../../src/kube/resource.ts';
import { closeClients } from '../../support/admin.ts';
import { auditEvents, auditMark, type AuditMark } from '../../support/audit-log.ts';
import { ownControlPlane } from '../../support/control-plane.ts';
import { laterChoices } from '../../support/moved-clock.ts';
import { installKeystead, OPERATOR_USER, startOperator, until, type RunningOperator } from '../../support/operator.ts';
import { expectOrderlyCalls } from '../../support/orderly-calls.ts';
import type { Live } from '../../support/team.ts';
import { conditionOf, isReady, Tenant } from '../../support/tenant.ts';

/** Others who write where we write: nobody's Secret is touched, and nothing is fought over. */

/** So that a minute is three seconds. */
const SPEED = 20;
const inApp = { vaultRef: { name: 'app' } };

let on: ControlPlane;
let tenant: Tenant;
let operator: RunningOperator;

beforeAll(async () => {
  on = await ownControlPlane();
  await installKeystead(on);
  operator = await startOperator(on, laterChoices(0, SPEED));
  tenant = await Tenant.create(on);
  await tenant.declare('Vault/app', {});
  await tenant.declare('VaultIssuer/self', { selfSigned: {} });
  await tenant.ready('Vault/app', 'VaultIssuer/self');
}, 120_000);

afterAll(async () => {
  await operator.stop();
  await closeClients(on);
});

/** Writes of the operator to one Secret. */
async function writesTo(secret: string, since: AuditMark): Promise<number> {
  const events = await auditEvents(on, { since, user: OPERATOR_USER });
  return events.filter(({ verb, objectRef }) =>
    !['get', 'list', 'watch'].includes(verb) && objectRef?.resource === 'secrets' && objectRef.namespace === tenant.namespace &&
    (objectRef.name === secret || verb === 'create')).length;
}

describe('a hostile writer', () => {
  it('is not answered blow by blow, is named as the reason, and is put right once he stops', async () => {
    await tenant.declare('VaultSecret/fought', { ...inApp, generate: { password: {} }, target: {} });
    await tenant.ready('VaultSecret/fought');
    const right = await tenant.data('fought');
    const mark = auditMark(on);
    let contested: Live | undefined;
    let blows = 0;
    for (; contested === undefined || blows < 100; blows += 1) {
      await tenant.client.mergePatch(resources.secrets, { namespace: tenant.namespace, name: 'fought' }, { stringData: { value: `mine ${blows}` } });
      const live = await tenant.find('VaultSecret/fought');
      if (conditionOf(live, 'Ready')?.reason === 'TargetContested') contested = live;
    }
    expect(conditionOf(contested, 'Ready')?.message).toContain('fought');
    expect(await writesTo('fought', mark)).toBeLessThan(10);
    await until(async () => JSON.stringify(await tenant.data('fought')) === JSON.stringify(right));
    await tenant.ready('VaultSecret/fought');
    expect(await tenant.versions('fought')).toBe(1);
  });

  it('who deletes it again and again is not answered without end either', async () => {
    await tenant.declare('VaultSecret/deleted', { ...inApp, generate: { password: {} }, target: {} });
    await tenant.ready('VaultSecret/deleted');
    const right = await tenant.data('deleted');
    const mark = auditMark(on);
    let isContested = false;
    while (!isContested) {
      await tenant.client.delete(resources.secrets, { namespace: tenant.namespace, name: 'deleted' }).catch(() => undefined);
      isContested = conditionOf(await tenant.find('VaultSecret/deleted'), 'Ready')?.reason === 'TargetContested';
    }
    expect(await writesTo('deleted', mark)).toBeLessThan(10);
    await until(async () => JSON.stringify(await tenant.data('deleted')) === JSON.stringify(right));
  });
});

describe('two resources on one target', () => {
  it('belongs to the first; the others say Conflict, and nobody fights', async () => {
    await tenant.declare('VaultSecret/one', { ...inApp, generate: { password: {} }, target: { name: 'shared' } });
    await tenant.ready('VaultSecret/one');
    const before = await tenant.find('Secret/shared');
    await tenant.declare('VaultSecret/two', { ...inApp, generate: { uuid: {} }, target: { name: 'shared' } });
    await tenant.declare('VaultCertificate/three', { ...inApp, issuerRef: { name: 'self' }, dnsNames: ['a.example'], target: { name: 'shared', type: 'kubernetes.io/tls' } });
    for (const other of ['VaultSecret/two', 'VaultCertificate/three'] as const) {
      expect((await tenant.reason(other, 'Conflict')).message).toContain(`VaultSecret/${tenant.namespace}/one`);
    }
    expect((await tenant.find('Secret/shared'))?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
    expect(conditionOf(await tenant.find('VaultSecret/one'), 'Ready')?.status).toBe('True');
  });

  it('has one owner, whoever of many comes first', async () => {
    const names = Array.from({ length: 8 }, (_, n) => `racer-${n}`);
    await Promise.all(names.map((name) => tenant.declare(`VaultSecret/${name}`, { ...inApp, generate: { uuid: {} }, target: { name: 'raced' } })));
    await Promise.all(names.map((name) => tenant.when(`VaultSecret/${name}`, (live) => isReady(live) || conditionOf(live, 'Ready')?.reason === 'Conflict')));
    const all = await Promise.all(names.map((name) => tenant.find(`VaultSecret/${name}`)));
    expect(all.filter((live) => live !== undefined && isReady(live))).toHaveLength(1);
    expect((await tenant.find('Secret/raced'))?.metadata.annotations?.['keystead.dev/resource-uid']).toBe(all.find((live) => live !== undefined && isReady(live))?.metadata.uid);
  });
});

describe('a Secret of somebody else', () => {
  const foreign: readonly (readonly [string, Record<string, unknown>, object])[] = [
    ['plain', {}, {}],
    ['with a label of ours', {}, { labels: { 'keystead.dev/managed': 'app' } }],
    ['immutable', { immutable: true }, {}],
    ['of another type', { type: 'example.com/theirs' }, {}],
    ['with the marks of another', {}, { labels: { 'keystead.dev/managed': 'app' }, annotations: { 'keystead.dev/resource': 'VaultSecret/elsewhere/x', 'keystead.dev/resource-uid': 'u', 'keystead.dev/target': 'elsewhere/x' } }],
  ];

  it.each(foreign)('%s: is never touched, also when the resource changes and goes', async (what, content, metadata) => {
    const name = `foreign-${what.replaceAll(' ', '-')}`;
    await tenant.apply(`Secret/${name}`, { stringData: { theirs: 'kept' }, ...content }, metadata);
    const before = await tenant.find(`Secret/${name}`);
    await tenant.declare(`VaultSecret/${name}`, { ...inApp, generate: { password: {} }, target: {} });
    await tenant.reason(`VaultSecret/${name}`, 'Conflict');
    await tenant.declare(`VaultSecret/${name}`, { ...inApp, generate: { password: { length: 40 } }, target: { deletionPolicy: 'Delete' } });
    await tenant.reason(`VaultSecret/${name}`, 'Conflict');
    await tenant.remove(`VaultSecret/${name}`);
    await until(async () => (await tenant.objectHead(name))?.secret?.deleted !== undefined);
    expect(await tenant.find(`Secret/${name}`)).toEqual(before);
  });
});

it('was refused nothing in all of this, and asked for nothing that it does not declare', () => expectOrderlyCalls(on));
