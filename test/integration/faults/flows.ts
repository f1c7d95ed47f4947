import { X509Certificate } from 'node:crypto';
import { expect } from '@jest/globals';
import type { FailPoint, Write } from '../../../src/runtime/fail-point.ts';
import { decoded, isReady, type Tenant } from '../../support/tenant.ts';

/** One way through the operator, with every write that it makes on the way. */
export interface Flow {
  readonly what: string;
  /** The writes in their order; a process is killed before and after each of them. */
  readonly writes: readonly Write[];
  /** What is there before; an operator runs. */
  readonly before: (tenant: Tenant) => Promise<void>;
  /** What sets the flow going; no operator runs. */
  readonly cause: (tenant: Tenant) => Promise<void>;
  /** By how much time has moved on since `before`, on all clocks. */
  readonly laterMs?: number;
  /** Waits until the flow has come to its end, and looks at it. */
  readonly after: (tenant: Tenant) => Promise<void>;
}

export const pointsOf = (writes: readonly Write[]): FailPoint[] => writes.flatMap((write): FailPoint[] => [`${write}:before`, `${write}:after`]);

const HOUR_MS = 3_600_000;
const inApp = { vaultRef: { name: 'app' } };
const nothing = async (): Promise<void> => {};
const certificate = { ...inApp, issuerRef: { name: 'self' }, dnsNames: ['web.example'], target: {} };
/** Values that a record has no room for twice. */
const large = (fill: string): string => fill.repeat(20_000);

async function vault(tenant: Tenant): Promise<void> {
  await tenant.declare('Vault/app', {});
  await tenant.ready('Vault/app');
}

async function generated(tenant: Tenant, spec: object = {}): Promise<void> {
  await vault(tenant);
  await tenant.declare('VaultSecret/db', { ...inApp, generate: { password: {} }, target: {}, ...spec });
  await tenant.ready('VaultSecret/db');
  kept.set(tenant, (await tenant.data('db'))?.['value'] ?? '');
}

/** The value that each tenant had before its flow. */
const kept = new WeakMap<Tenant, string>();

async function value(tenant: Tenant, secret = 'db'): Promise<string> {
  return (await tenant.data(secret))?.['value'] ?? '';
}

const source = (tenant: Tenant, content: string): Promise<unknown> =>
  tenant.apply('Secret/source', { stringData: { big: content } }, { labels: { 'keystead.dev/source': 'app' } });

export const flows: readonly Flow[] = [
  {
    what: 'a vault is made',
    writes: ['record', 'status'],
    before: nothing,
    cause: async (tenant) => void (await tenant.declare('Vault/app', {})),
    async after(tenant) {
      await tenant.ready('Vault/app');
      expect((await tenant.vaultHead())?.keys).toHaveLength(1);
    },
  },
  {
    what: 'a secret is generated and synced',
    writes: ['record', 'target', 'status'],
    before: vault,
    cause: async (tenant) => void (await tenant.declare('VaultSecret/db', { ...inApp, generate: { password: {} }, target: {} })),
    async after(tenant) {
      await tenant.ready('VaultSecret/db');
      expect(await tenant.versions('db')).toBe(1);
      expect(await value(tenant)).toHaveLength(32);
    },
  },
  {
    what: 'a secret changes, and older versions go to an archive',
    writes: ['archive', 'record', 'target', 'status'],
    async before(tenant) {
      await vault(tenant);
      await source(tenant, large('a'));
      await tenant.declare('VaultSecret/db', { ...inApp, secretRef: { name: 'source' }, target: {} });
      await tenant.ready('VaultSecret/db');
    },
    cause: async (tenant) => void (await source(tenant, large('b'))),
    async after(tenant) {
      await tenant.when('Secret/db', (live) => decoded(live)['big'] === large('b'));
      const head = await tenant.objectHead('db');
      expect(head?.secret?.versions).toHaveLength(2);
      expect(head?.archives).toHaveLength(1);
    },
  },
  {
    what: 'a certificate is issued and synced',
    writes: ['record', 'target', 'status'],
    async before(tenant) {
      await vault(tenant);
      await tenant.declare('VaultIssuer/self', { selfSigned: {} });
      await tenant.ready('VaultIssuer/self');
    },
    cause: async (tenant) => void (await tenant.declare('VaultCertificate/web', certificate)),
    async after(tenant) {
      await tenant.ready('VaultCertificate/web');
      expect(await tenant.versions('web')).toBe(1);
    },
  },
  {
    what: 'a secret is rotated when its time has come',
    writes: ['record', 'target', 'status'],
    before: (tenant) => generated(tenant, { generate: { password: {}, rotation: { interval: '24h' } } }),
    cause: nothing,
    laterMs: 25 * HOUR_MS,
    async after(tenant) {
      await tenant.when('Secret/db', (live) => decoded(live)['value'] !== kept.get(tenant));
      await tenant.when('VaultSecret/db', (live) => isReady(live) && Date.parse(String(live.status?.['nextRotation'])) > Date.now() + 48 * HOUR_MS);
      expect(await tenant.versions('db')).toBe(2);
    },
  },
  {
    what: 'a certificate is renewed when its time has come',
    writes: ['record', 'target', 'status'],
    async before(tenant) {
      await vault(tenant);
      await tenant.declare('VaultIssuer/self', { selfSigned: {} });
      await tenant.declare('VaultCertificate/web', certificate);
      await tenant.ready('VaultCertificate/web');
    },
    cause: nothing,
    laterMs: 80 * 24 * HOUR_MS,
    async after(tenant) {
      await tenant.when('VaultCertificate/web', (live) => isReady(live) && live.status?.['revision'] === 2);
      const { versions = [] } = (await tenant.objectHead('web'))?.certificate ?? {};
      expect(new Set(versions.map((version) => version.certificate?.serialNumber)).size).toBe(2);
      const live = await tenant.data('web');
      expect(new X509Certificate(live?.['tls.crt'] ?? '').serialNumber.toLowerCase()).toBe(versions[0]?.certificate?.serialNumber);
    },
  },
  {
    what: 'a resource goes, its target is deleted and its object tombstoned',
    writes: ['target-delete', 'record'],
    // Without an ownerReference, so that nobody but the operator deletes the target.
    before: (tenant) => generated(tenant, { target: { creationPolicy: 'Orphan', deletionPolicy: 'Delete' } }),
    cause: (tenant) => tenant.remove('VaultSecret/db'),
    async after(tenant) {
      await tenant.gone('Secret/db');
      const state = (await tenant.objectHead('db'))?.secret;
      expect(state?.deleted).toBeDefined();
      expect(state?.versions).toHaveLength(1);
    },
  },
  {
    what: 'a deleted object is taken back with its value',
    writes: ['record', 'target', 'status'],
    async before(tenant) {
      await generated(tenant);
      await tenant.remove('VaultSecret/db');
      await tenant.gone('Secret/db');
      await tenant.objectHead('db');
    },
    cause: async (tenant) => void (await tenant.declare('VaultSecret/db', { ...inApp, generate: { password: {} }, target: {}, adopt: true })),
    async after(tenant) {
      await tenant.ready('VaultSecret/db');
      expect(await tenant.versions('db')).toBe(1);
      expect(await value(tenant)).toBe(kept.get(tenant));
    },
  },
  {
    what: 'a vault is deleted',
    writes: ['record', 'deleted-vault', 'status'],
    before: generated,
    cause: (tenant) => tenant.remove('Vault/app'),
    async after(tenant) {
      await tenant.when(`DeletedVault/${tenant.namespace}.app`, (live) => live.status?.['vaultId'] !== undefined);
      expect((await tenant.vaultHead())?.deleted).toBeDefined();
      expect(await tenant.versions('db')).toBe(1);
      expect(await value(tenant)).toBe(kept.get(tenant));
    },
  },
  {
    what: 'a deleted vault is recovered',
    writes: ['record', 'deleted-vault'],
    async before(tenant) {
      await generated(tenant);
      await tenant.remove('Vault/app');
      await tenant.when(`DeletedVault/${tenant.namespace}.app`, (live) => live.status?.['vaultId'] !== undefined);
    },
    cause: async (tenant) => void (await tenant.declare('Vault/app', { createMode: 'Recover' })),
    async after(tenant) {
      await tenant.ready('Vault/app', 'VaultSecret/db');
      await tenant.gone(`DeletedVault/${tenant.namespace}.app`);
      expect(await tenant.versions('db')).toBe(1);
      expect(await value(tenant)).toBe(kept.get(tenant));
    },
  },
  {
    what: 'the key of a vault is rotated, and everything in it is put under the new one',
    writes: ['record', 'record', 'record', 'record', 'status'],
    async before(tenant) {
      await generated(tenant);
      for (const name of ['two', 'three']) await tenant.declare(`VaultSecret/${name}`, { ...inApp, generate: { uuid: {} } });
      await tenant.ready('VaultSecret/two', 'VaultSecret/three');
    },
    cause: (tenant) => tenant.annotate('Vault/app', { 'keystead.dev/rotate-vault-key': 'now' }),
    async after(tenant) {
      await tenant.when('Vault/app', ({ status }) => status?.['vaultKeyVersion'] === 2 && status['versionsNotUnderCurrentKey'] === 0);
      const keys = (await tenant.vaultHead())?.keys ?? [];
      expect(keys.map(({ version }) => version)).toEqual([1, 2]);
      const heads = await Promise.all(['db', 'two', 'three'].map((name) => tenant.objectHead(name)));
      expect(heads.map((head) => head?.secret?.versions.map(({ vaultKey }) => vaultKey))).toEqual([[keys[1]?.id], [keys[1]?.id], [keys[1]?.id]]);
      // The value still opens, under the new key.
      await tenant.remove('Secret/db');
      expect(decoded(await tenant.when('Secret/db'))['value']).toBe(kept.get(tenant));
    },
  },
  {
    what: 'a deleted vault is purged',
    writes: ['record', 'record-remove', 'record-remove', 'deleted-vault'],
    async before(tenant) {
      await vault(tenant);
      await tenant.declare('VaultSecret/db', { ...inApp, generate: { uuid: {} } });
      await tenant.ready('VaultSecret/db');
      await tenant.remove('Vault/app');
      await tenant.when(`DeletedVault/${tenant.namespace}.app`, (live) => live.status?.['vaultId'] !== undefined);
    },
    async cause(tenant) {
      const purge = (await tenant.vaultHead())?.vaultId;
      await tenant.declare(`DeletedVault/${tenant.namespace}.app`, { purge });
    },
    async after(tenant) {
      await tenant.gone(`DeletedVault/${tenant.namespace}.app`);
      expect(await tenant.vaultHead()).toBeUndefined();
    },
  },
  {
    what: 'a workload is restarted with the new value',
    writes: ['record', 'target', 'workload', 'status'],
    async before(tenant) {
      const labels = { app: 'shop' };
      const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'example.test/shop:1' }] } };
      await tenant.apply('Deployment/shop', { spec: { replicas: 0, selector: { matchLabels: labels }, template } }, { annotations: { 'keystead.dev/restart-on': 'db' } });
      await generated(tenant, { target: { restart: [{ kind: 'Deployment', name: 'shop' }] } });
    },
    cause: async (tenant) => void (await tenant.declare('VaultSecret/db', {
      ...inApp, generate: { password: { length: 40 } }, target: { restart: [{ kind: 'Deployment', name: 'shop' }] },
    })),
    async after(tenant) {
      await tenant.when('VaultSecret/db', isReady);
      expect(await tenant.versions('db')).toBe(2);
      expect(await value(tenant)).toHaveLength(40);
      const rolled = await tenant.when('Deployment/shop', ({ spec }) => JSON.stringify(spec).includes('keystead.dev/restart-'));
      expect(rolled.metadata.generation).toBe(2);
    },
  },
];
