import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { objectRecordName, vaultRecordName } from '../../../src/vault/names.ts';
import { closeClients } from '../../support/admin.ts';
import { ownControlPlane } from '../../support/control-plane.ts';
import { installKeystead, startOperator, type RunningOperator } from '../../support/operator.ts';
import { StoredRecord } from '../../support/stored-record.ts';
import { conditionOf, Tenant } from '../../support/tenant.ts';

/** Whoever has stolen the operator's ServiceAccount, but not the root key, writes records under a running operator. */

const inApp = { vaultRef: { name: 'app' } };
const generated = (length: number, more: object = {}): object => ({ ...inApp, generate: { password: { length } }, target: {}, ...more });

let on: ControlPlane;
let operator: RunningOperator;
let tenant: Tenant;
let made = 0;

beforeAll(async () => {
  on = await ownControlPlane();
  await installKeystead(on);
  operator = await startOperator(on);
  tenant = await Tenant.create(on);
  await tenant.declare('Vault/app', {});
  await tenant.ready('Vault/app');
}, 120_000);

afterAll(async () => {
  await operator.stop();
  await closeClients(on);
});

/** A new VaultSecret that is Ready, with the record behind it. */
async function victim(spec: object = {}): Promise<{ readonly name: string; readonly record: StoredRecord }> {
  made += 1;
  const name = `victim-${made}`;
  await tenant.declare(`VaultSecret/${name}`, generated(32, spec));
  await tenant.ready(`VaultSecret/${name}`);
  return { name, record: await recordOf(name) };
}

async function recordOf(object: string): Promise<StoredRecord> {
  return new StoredRecord(on, objectRecordName((await tenant.vaultHead())?.vaultId ?? '', object));
}

async function expectOthersWork(): Promise<void> {
  const { name } = await victim();
  expect((await tenant.data(name))?.['value']).toHaveLength(32);
}

/** Says what is wrong, leaves the target as it is even if there is something to do, and nobody else suffers. */
async function expectUnused(name: string, reason: string): Promise<void> {
  await tenant.reason(`VaultSecret/${name}`, reason);
  const before = await tenant.when(`Secret/${name}`);
  await tenant.declare(`VaultSecret/${name}`, generated(40));
  await tenant.reason(`VaultSecret/${name}`, reason);
  await expectOthersWork();
  expect((await tenant.find(`Secret/${name}`))?.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
}

/** Back in order: what had to wait is done. */
async function expectHealed(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await tenant.ready(`VaultSecret/${name}`);
    await tenant.when(`Secret/${name}`, ({ data }) => Buffer.from(data?.['value'] ?? '', 'base64').length === 40);
    expect(await tenant.versions(name)).toBe(2);
  }
}

const edits: readonly (readonly [string, (body: Buffer) => Buffer | object])[] = [
  ['is no JSON any more', (body) => body.subarray(1)],
  ['is empty', () => Buffer.alloc(0)],
  ['is of another format', (body) => ({ ...JSON.parse(body.toString()), format: 2 })],
  ['says in its head that it is deleted', (body) => withHead(body, (head) => ({
    ...head, secret: { ...Object(head['secret']), deleted: { at: '2020-01-01T00:00:00Z', scheduledPurge: '2020-01-02T00:00:00Z' } },
  }))],
  ['counts further than it was written', (body) => withHead(body, (head) => ({ ...head, counter: 1_000_000 }))],
  ['is of another incarnation', (body) => withHead(body, (head) => ({ ...head, incarnation: 'ffffffffffffffff' }))],
  ['carries another authentication code', (body) => ({ ...JSON.parse(body.toString()), mac: { ...JSON.parse(body.toString()).mac, value: 'AAAA' } })],
  ['has lost its blobs', (body) => ({ ...JSON.parse(body.toString()), blobs: {} })],
];

function withHead(body: Buffer, change: (head: Record<string, unknown>) => object): object {
  const document = JSON.parse(body.toString());
  return { ...document, head: JSON.stringify(change(JSON.parse(document.head))) };
}

describe('a record that', () => {
  it.each(edits)('%s is not used, and all is well when the right one is back', async (_what, edit) => {
    const { name, record } = await victim();
    const right = await record.read();
    await record.write(edit(right));
    await expectUnused(name, 'RecordTampered');
    await record.write(right);
    await expectHealed(name);
  });

  it('is that of another object is not used, nor is that one, until each is in its place', async () => {
    const [a, b] = [await victim(), await victim()];
    const [bodyA, bodyB] = [await a.record.read(), await b.record.read()];
    await a.record.write(bodyB);
    await b.record.write(bodyA);
    await expectUnused(a.name, 'RecordTampered');
    await expectUnused(b.name, 'RecordTampered');
    await a.record.write(bodyA);
    await b.record.write(bodyB);
    await expectHealed(a.name, b.name);
  });

  it('holds the value of another object is not used', async () => {
    const [a, b] = [await victim(), await victim()];
    const right = await a.record.read();
    const [document, other] = [await a.record.document(), await b.record.document()];
    await a.record.write({ ...document, blobs: Object.fromEntries(Object.keys(document.blobs ?? {}).map((id) => [id, Object.values(other.blobs ?? {})[0]])) });
    await expectUnused(a.name, 'RecordTampered');
    await a.record.write(right);
    await expectHealed(a.name);
  });

  it('holds an older value of the same object in place of the current one is not used', async () => {
    const { name, record } = await victim();
    await tenant.declare(`VaultSecret/${name}`, generated(33));
    await tenant.when(`Secret/${name}`, ({ data }) => Buffer.from(data?.['value'] ?? '', 'base64').length === 33);
    const right = await record.read();
    const document = await record.document();
    const entries = Object.entries(document.blobs ?? {});
    await record.write({ ...document, blobs: Object.fromEntries(entries.map(([id], n) => [id, entries[entries.length - 1 - n]?.[1]])) });
    await expectUnused(name, 'RecordTampered');
    await record.write(right);
    await tenant.ready(`VaultSecret/${name}`);
    expect(await tenant.versions(name)).toBe(3);
  });

  it('was removed is missed, and its value is not made anew', async () => {
    const { name, record } = await victim();
    const right = await record.secret();
    await record.remove();
    await expectUnused(name, 'RecordTampered');
    await record.restore(right);
    await expectHealed(name);
  });

  it('was swapped and put back still leads to the object when its resource goes', async () => {
    const orphan = { target: { creationPolicy: 'Orphan', deletionPolicy: 'Delete' } };
    const [a, b] = [await victim(orphan), await victim(orphan)];
    const right = await a.record.read();
    await a.record.write(await b.record.read());
    await tenant.reason(`VaultSecret/${a.name}`, 'RecordTampered');
    await a.record.write(right);
    await tenant.ready(`VaultSecret/${a.name}`, `VaultSecret/${b.name}`);
    for (const { name } of [a, b]) {
      await tenant.remove(`VaultSecret/${name}`);
      await tenant.gone(`Secret/${name}`);
    }
  });
});

describe('a record that was put back to an older state', () => {
  async function rolledBack(): Promise<{ readonly name: string; readonly record: StoredRecord; readonly old: Buffer; readonly recent: Buffer }> {
    const { name, record } = await victim();
    const old = await record.read();
    await tenant.declare(`VaultSecret/${name}`, generated(36));
    await tenant.when(`Secret/${name}`, ({ data }) => Buffer.from(data?.['value'] ?? '', 'base64').length === 36);
    await tenant.ready(`VaultSecret/${name}`);
    return { name, record, old, recent: await record.read() };
  }

  it('is not used, and all is well when the newer one is back', async () => {
    const { name, record, old, recent } = await rolledBack();
    await record.write(old);
    await expectUnused(name, 'RecordRolledBack');
    await record.write(recent);
    await tenant.ready(`VaultSecret/${name}`);
    expect(await tenant.versions(name)).toBe(3);
  });

  it('is found by way of a forged one in between, too', async () => {
    const { name, record, old } = await rolledBack();
    await record.write(withHead(old, (head) => ({ ...head, incarnation: 'ffffffffffffffff' })));
    await tenant.reason(`VaultSecret/${name}`, 'RecordTampered');
    await record.write(old);
    await expectUnused(name, 'RecordRolledBack');
  });

  it('is found by way of no record in between, too', async () => {
    const { name, record, old } = await rolledBack();
    await record.write(Buffer.alloc(0));
    await tenant.reason(`VaultSecret/${name}`, 'RecordTampered');
    await record.write(old);
    await expectUnused(name, 'RecordRolledBack');
  });

  it('is used after a restart, which is how a restore that was meant is accepted', async () => {
    const { name, record, old } = await rolledBack();
    await record.write(old);
    await tenant.reason(`VaultSecret/${name}`, 'RecordRolledBack');
    await operator.stop();
    operator = await startOperator(on);
    await tenant.ready(`VaultSecret/${name}`);
    await tenant.when(`Secret/${name}`, ({ data }) => Buffer.from(data?.['value'] ?? '', 'base64').length === 36);
  });
});

describe('a vault whose record was changed', () => {
  it('closes, with all that is in it, and opens again when the right one is back; other vaults go on', async () => {
    const other = await Tenant.create(on);
    for (const one of [tenant, other]) {
      await one.declare('Vault/second', {});
      await one.declare('VaultSecret/inside', { vaultRef: { name: 'second' }, generate: { uuid: {} }, target: {} });
      await one.ready('VaultSecret/inside');
    }
    const record = new StoredRecord(on, vaultRecordName(tenant.namespace, 'second'));
    const right = await record.read();
    const before = await tenant.find('Secret/inside');
    for (const wrong of [withHead(right, (head) => ({ ...head, purgeProtection: true })), await new StoredRecord(on, vaultRecordName(other.namespace, 'second')).read()]) {
      await record.write(wrong);
      await tenant.reason('Vault/second', 'RecordTampered');
      await tenant.reason('VaultSecret/inside', 'RecordTampered');
      await tenant.annotate('VaultSecret/inside', { 'example.com/look': 'again' });
      await other.declare('VaultSecret/more', { vaultRef: { name: 'second' }, generate: { uuid: {} } });
      await other.ready('VaultSecret/more', 'Vault/second');
      await record.write(right);
      await tenant.ready('Vault/second', 'VaultSecret/inside');
    }
    const after = await tenant.find('Secret/inside');
    expect(after?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
    expect(conditionOf(await other.find('VaultSecret/inside'), 'Ready')?.status).toBe('True');
  });
});
