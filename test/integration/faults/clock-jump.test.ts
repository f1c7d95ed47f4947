import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { closeClients } from '../../support/admin.ts';
import { ownControlPlane } from '../../support/control-plane.ts';
import { AgreeingTime, MovedClock } from '../../support/moved-clock.ts';
import { installKeystead, startOperator, type RunningOperator } from '../../support/operator.ts';
import { conditionOf, Tenant, type Ref } from '../../support/tenant.ts';

/** The wall clock of a running operator is moved by a year. What it looks at, it looks at some times faster. */

const YEAR_MS = 365 * 86_400_000;
const DAY_MS = 86_400_000;
const SPEED = 4;
const inApp = { vaultRef: { name: 'app' } };
/** More than the operator renews at once without the clocks being proven. */
const certificates = Array.from({ length: 12 }, (_, n) => `web-${n}`);
const refs = certificates.map((name): Ref => `VaultCertificate/${name}`);

let on: ControlPlane;

beforeAll(async () => {
  on = await ownControlPlane();
  await installKeystead(on);
}, 120_000);

afterAll(() => closeClients(on));

/** A namespace with everything that time could destroy or renew. */
async function fleet(): Promise<Tenant> {
  const tenant = await Tenant.create(on);
  for (const vault of ['app', 'gone']) await tenant.declare(`Vault/${vault}`, { retentionDays: 7, ...(vault === 'app' ? { encryption: { rotationInterval: '720h' } } : {}) });
  await tenant.declare('VaultIssuer/self', { selfSigned: {} });
  for (const name of certificates) await tenant.declare(`VaultCertificate/${name}`, { ...inApp, issuerRef: { name: 'self' }, commonName: name, target: {} });
  await tenant.declare('VaultSecret/rotating', { ...inApp, generate: { password: {}, rotation: { interval: '720h' } }, target: {} });
  await tenant.declare('VaultSecret/deleted', { ...inApp, generate: { uuid: {} } });
  await tenant.declare('VaultSecret/inside', { vaultRef: { name: 'gone' }, generate: { uuid: {} } });
  await tenant.ready(...refs, 'VaultSecret/rotating', 'VaultSecret/deleted', 'VaultSecret/inside');
  await tenant.remove('VaultSecret/deleted');
  await tenant.remove('Vault/gone');
  await tenant.when(`DeletedVault/${tenant.namespace}.gone`, ({ status }) => status?.['vaultId'] !== undefined);
  await tenant.when('Vault/app', ({ status }) => status?.['counts'] !== undefined);
  return tenant;
}

/** All that must stay: what lies in the vault by number of versions, and what targets hold. */
async function state(tenant: Tenant): Promise<object> {
  const versions = await Promise.all([...certificates, 'rotating', 'deleted'].map((name) => tenant.versions(name)));
  const inside = await tenant.versions('inside', 'gone');
  const serials = await Promise.all(certificates.map(async (name) => new X509Certificate((await tenant.data(name))?.['tls.crt'] ?? '').serialNumber));
  const keys = (await tenant.vaultHead())?.keys.length;
  return { versions, inside, serials, keys, rotating: await tenant.data('rotating'), deleted: (await tenant.objectHead('deleted'))?.secret?.deleted };
}

async function untilUntrusted(tenant: Tenant): Promise<void> {
  await tenant.when('Vault/app', (live) => conditionOf(live, 'ClockUntrusted')?.status === 'True');
}

async function untilTrusted(tenant: Tenant): Promise<void> {
  await tenant.when('Vault/app', (live) => conditionOf(live, 'Ready')?.status === 'True' && conditionOf(live, 'ClockUntrusted') === undefined);
}

async function running(work: (operator: RunningOperator, clock: MovedClock) => Promise<void>): Promise<void> {
  const clock = new MovedClock(0, SPEED);
  const operator = await startOperator(on, { clock });
  await work(operator, clock).finally(() => operator.stop());
}

describe.each([['ahead', YEAR_MS], ['back', -YEAR_MS]])('a clock that jumps a year %s', (_where, jump) => {
  it('is said on every Vault; nothing is purged, rotated or issued; it is over when the clock is right again', async () => {
    await running(async (_operator, clock) => {
      const tenant = await fleet();
      const before = await state(tenant);
      clock.jump(jump);
      await untilUntrusted(tenant);
      // All of it is looked at once more, for another reason.
      for (const ref of [...refs, 'VaultSecret/rotating', 'Vault/app'] as const) await tenant.annotate(ref, { 'example.com/look': 'again' });
      await tenant.declare('VaultCertificate/new', { ...inApp, issuerRef: { name: 'self' }, commonName: 'new' });
      await tenant.reason('VaultCertificate/new', 'ClockUntrusted');
      await tenant.declare('VaultSecret/another', { ...inApp, generate: { uuid: {} } });
      await tenant.ready('VaultSecret/another');
      expect(await state(tenant)).toEqual(before);
      expect(await tenant.find(`DeletedVault/${tenant.namespace}.gone`)).toBeDefined();

      clock.jump(-jump);
      await untilTrusted(tenant);
      await tenant.ready(...refs, 'VaultCertificate/new', 'VaultSecret/rotating');
      expect(await state(tenant)).toEqual(before);
      expect(await tenant.find(`DeletedVault/${tenant.namespace}.gone`)).toBeDefined();
      expect(await tenant.versions('new')).toBe(1);
    });
  }, 60_000);

  it('shortens the retention of nothing that is deleted meanwhile', async () => {
    await running(async (_operator, clock) => {
      const tenant = await Tenant.create(on);
      for (const vault of ['app', 'gone']) await tenant.declare(`Vault/${vault}`, { retentionDays: 7 });
      await tenant.declare('VaultSecret/deleted', { ...inApp, generate: { uuid: {} } });
      await tenant.ready('Vault/gone', 'VaultSecret/deleted');
      clock.jump(jump);
      await tenant.remove('Vault/gone');
      await tenant.remove('VaultSecret/deleted');
      const shown = await tenant.when(`DeletedVault/${tenant.namespace}.gone`, ({ status }) => status?.['scheduledPurge'] !== undefined);
      await tenant.when('Vault/app', ({ status }) => JSON.stringify(status?.['counts'] ?? {}).includes('"deleted":1'));
      const due = (await tenant.objectHead('deleted'))?.secret?.deleted?.scheduledPurge ?? '';
      for (const at of [String(shown.status?.['scheduledPurge']), due]) expect(Date.parse(at) - Date.now()).toBeGreaterThan(6.9 * DAY_MS);
    });
  }, 60_000);
});

it('a jump on which the API server agrees purges nothing at once, and renews no whole fleet at once', async () => {
  const clock = new MovedClock(0, SPEED);
  const operator = await startOperator(on, { clock, transport: (real) => new AgreeingTime(real, clock) });
  try {
    const tenant = await fleet();
    const { rotating: _rotates, keys: _too, ...before } = (await state(tenant)) as Record<string, unknown>;
    clock.jump(YEAR_MS);
    // The sign that it has been noticed: what can be undone, or replaces itself, is done.
    await tenant.when('VaultSecret/rotating', ({ status }) => Date.parse(String(status?.['lastRotation'])) > Date.now() + YEAR_MS - DAY_MS);
    await Promise.all(refs.map((ref) => tenant.reason(ref, 'ClockUntrusted')));
    const { rotating: _rotated, keys: _more, ...after } = (await state(tenant)) as Record<string, unknown>;
    expect({ ...after, versions: (after['versions'] as number[]).with(certificates.length, 1) }).toEqual(before);
    expect(await tenant.find(`DeletedVault/${tenant.namespace}.gone`)).toBeDefined();
  } finally {
    await operator.stop();
  }
}, 60_000);
