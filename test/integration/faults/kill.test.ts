import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { resources } from '../../../src/kube/resource.ts';
import { failPoints } from '../../../src/runtime/fail-point.ts';
import { adminClient, closeClients } from '../../support/admin.ts';
import { ownControlPlane } from '../../support/control-plane.ts';
import { dieAfter, dieAt } from '../../support/mortal.ts';
import { laterChoices } from '../../support/moved-clock.ts';
import { installKeystead, OPERATOR_NAMESPACE, startOperator } from '../../support/operator.ts';
import { expectOrderlyCalls } from '../../support/orderly-calls.ts';
import { Tenant } from '../../support/tenant.ts';
import { WriteCount } from '../../support/write-count.ts';
import { flows, pointsOf } from './flows.ts';

/**
 * kill -9 before and after every write of every flow. The processes die one after the other in the same flow, each at
 * the next point, so that every one but the first also takes over from one that was killed.
 */

const firstStart = ['root-key', 'installation', 'identity'] as const;

let on: ControlPlane;
const tenants = new Map<string, Tenant>();
/** Of the processes that live. */
const writes = new WriteCount();

beforeAll(async () => {
  on = await ownControlPlane();
  await installKeystead(on);
}, 120_000);

afterAll(() => closeClients(on));

it('comes through the very first start with one root key, killed at every write of it', async () => {
  for (const point of pointsOf(firstStart)) await dieAt(on, point);
  const operator = await startOperator(on, writes.choices);
  const { items } = await (await adminClient(on)).list(resources.secrets, { namespace: OPERATOR_NAMESPACE });
  expect(items.filter(({ type }) => type === 'keystead.dev/root-key')).toHaveLength(1);
  for (const { what } of flows) tenants.set(what, await Tenant.create(on));
  await Promise.all(flows.map(({ what, before }) => before(tenantOf(what)))).finally(() => operator.stop());
}, 120_000);

describe('killed before and after every write while', () => {
  it.each(flows)('$what, it comes to the same end', async ({ what, writes: expected, cause, laterMs, after }) => {
    const tenant = tenantOf(what);
    const later = laterChoices(laterMs ?? 0);
    await cause(tenant);
    for (const point of pointsOf(expected)) await dieAt(on, point, later);
    const { failAt, transport } = writes.choices;
    const operator = await startOperator(on, { ...later, failAt, transport: (real) => transport(later.transport(real)) });
    await after(tenant).finally(() => operator.stop());
  }, 60_000);
});

it('killed before and after a checkpoint of the audit log, it comes to the same end', async () => {
  const tenant = await Tenant.create(on);
  await tenant.declare('Vault/app', {});
  for (const [n, point] of pointsOf(['checkpoint']).entries()) {
    await tenant.declare(`VaultSecret/number-${n}`, { vaultRef: { name: 'app' }, generate: { uuid: {} }, target: {} });
    await dieAt(on, point);
  }
  const operator = await startOperator(on, writes.choices);
  await tenant.ready('VaultSecret/number-0', 'VaultSecret/number-1').finally(() => operator.stop());
  expect(await Promise.all([0, 1].map((n) => tenant.versions(`number-${n}`)))).toEqual([1, 1]);
}, 60_000);

it('makes each of many things once, killed again and again wherever it happens to be', async () => {
  const tenant = await Tenant.create(on);
  await tenant.declare('Vault/app', {});
  await tenant.declare('VaultIssuer/self', { selfSigned: {} });
  const names = Array.from({ length: 12 }, (_, n) => `thing-${n}`);
  for (const name of names) {
    await tenant.declare(`VaultSecret/${name}`, { vaultRef: { name: 'app' }, generate: { password: {} }, target: {} });
    await tenant.declare(`VaultCertificate/cert-${name}`, { vaultRef: { name: 'app' }, issuerRef: { name: 'self' }, dnsNames: ['a.example'], target: {} });
  }
  // Primes, so that deaths meet ever other places.
  for (const last of [1, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31]) await dieAfter(on, last);
  const operator = await startOperator(on, writes.choices);
  const refs = names.flatMap((name) => [`VaultSecret/${name}`, `VaultCertificate/cert-${name}`] as const);
  await tenant.ready(...refs).finally(() => operator.stop());
  const versions = await Promise.all(names.flatMap((name) => [tenant.versions(name), tenant.versions(`cert-${name}`)]));
  expect(new Set(versions)).toEqual(new Set([1]));
  const values = await Promise.all(names.map(async (name) => (await tenant.data(name))?.['value']));
  expect(new Set(values).size).toBe(names.length);
}, 60_000);

it('has a flow for every fail point', () => {
  const covered = new Set([...flows.flatMap((flow) => pointsOf(flow.writes)), ...pointsOf([...firstStart, 'checkpoint'])]);
  expect(failPoints.filter((point) => !covered.has(point))).toEqual([]);
});

it('makes no write that is not between two fail points', () => {
  expect(Object.fromEntries(writes.sent)).toEqual(Object.fromEntries(writes.announced));
});

it('was refused nothing in all of this, and asked for nothing that it does not declare', () => expectOrderlyCalls(on));

function tenantOf(what: string): Tenant {
  const tenant = tenants.get(what);
  if (tenant === undefined) throw new Error(`${what} was not laid out`);
  return tenant;
}
