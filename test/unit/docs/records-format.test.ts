import { execFileSync } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { auditKeys } from '../../../src/audit/chain.ts';
import { decodeCheckpoints } from '../../../src/audit/checkpoint-record.ts';
import { deriveKey } from '../../../src/crypto/aead.ts';
import { canonical } from '../../../src/crypto/canonical.ts';
import { openField, type VaultKey } from '../../../src/crypto/envelope.ts';
import { localRootKey } from '../../../src/crypto/root-key.ts';
import { systemRandom } from '../../../src/runtime/random.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import type { RecordKind } from '../../../src/store/store.ts';
import { headMac, subKey } from '../../../src/vault/codec.ts';
import { joinInstallation } from '../../../src/vault/installation.ts';
import { vaultKeyContext } from '../../../src/vault/keyring.ts';
import { objectRecordName, vaultRecordName } from '../../../src/vault/names.ts';
import { stateOf, type ObjectKind } from '../../../src/vault/object-record.ts';
import { caller, startEngine, type TestEngine } from '../../support/engine.ts';

interface SampleSecret {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
}

interface SampleObject {
  readonly vault: string;
  readonly kind: ObjectKind;
  readonly name: string;
  readonly deleted: boolean;
  readonly versions: readonly { readonly id: string; readonly fields: Readonly<Record<string, string>> }[];
}

interface Recovered {
  readonly objects: readonly SampleObject[];
  readonly problems: readonly { readonly record: string; readonly problem: string }[];
}

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const sample = JSON.parse(read('../../fixtures/records-format-1.json')) as { expected: SampleObject[]; dump: { items: SampleSecret[] } };
const { items } = sample.dump;
const rootSecret = Buffer.from(items.find(({ type }) => type === 'keystead.dev/root-key')?.data['root-key'] ?? '', 'base64');
const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Runs the tool as somebody would who has nothing of Keystead but the page. */
function recover(secrets: readonly SampleSecret[]): Recovered {
  const tool = fileURLToPath(new URL('./recover.mjs', import.meta.url));
  return JSON.parse(execFileSync(process.execPath, [tool], { input: JSON.stringify({ items: secrets }), encoding: 'utf8' })) as Recovered;
}

async function engineOnSample(): Promise<TestEngine> {
  const store = new MemoryStore();
  for (const { metadata, type, data } of items) {
    if (type !== 'keystead.dev/record') continue;
    const { labels = {} } = metadata;
    const kind = labels['keystead.dev/record'] as RecordKind;
    await store.compareAndSwap({ name: metadata.name, kind, vaultId: labels['keystead.dev/vault-id'], body: Buffer.from(data['record'] ?? '', 'base64') }, undefined);
  }
  return startEngine({ store, rootSecret });
}

describe('records of format 1', () => {
  it('are read by the engine: every version of every object, archived ones and those under a retired key too', async () => {
    const engine = await engineOnSample();
    for (const { vault: place, kind, name, deleted, versions } of sample.expected) {
      const [namespace = '', vaultName = ''] = place.split('/');
      const vault = await engine.vaults.find(namespace, vaultName);
      if (vault === undefined) throw new Error(`no vault ${place}`);
      const head = await engine.objects.get(vault, name);
      const state = head === undefined ? undefined : stateOf(head, kind);
      expect(state?.versions.map(({ id }) => id)).toEqual(versions.map(({ id }) => id));
      expect(state?.deleted !== undefined || vault.deleted !== undefined).toBe(deleted);
      for (const { id, fields } of versions) {
        const opened = await engine.objects.open(vault, name, kind, id, 'SecretGet', caller);
        expect(Object.fromEntries([...opened].map(([field, value]) => [field, digest(value)]))).toEqual(fields);
      }
    }
    expect(new Set(sample.expected.map(({ vault, name }) => `${vault}/${name}`)).size).toBe(6);
    engine.stop();
  });

  it('can still be changed: a rotation that was interrupted ends', async () => {
    const engine = await engineOnSample();
    const vault = await engine.vaults.find('orchard', 'app');
    if (vault === undefined) throw new Error('no vault');
    expect(vault.keys).toHaveLength(2);
    expect(await engine.objects.rewrap(vault, 'db-password', caller)).toBe(true);
    expect([...engine.objects.stats(vault.vaultId).versionsUnder.keys()]).toEqual([vault.keys[1]?.id]);
    engine.stop();
  });

  it('belong to the root key that lies beside them, and their checkpoints verify', async () => {
    const engine = await engineOnSample();
    const { store } = engine;
    const parts = { store, failAt: () => {}, rootKey: localRootKey(rootSecret, systemRandom), random: systemRandom, now: new Date(0), signal: new AbortController().signal };
    const { auditKey } = await joinInstallation(parts);
    const body = (await store.get('audit-checkpoints'))?.body ?? Buffer.alloc(0);
    const writers = decodeCheckpoints(auditKeys(auditKey), body);
    expect(writers).toHaveLength(1);
    // As docs/records.md says it, by hand.
    const key = deriveKey(auditKey, Buffer.alloc(0), canonical(['keystead/audit-checkpoint']));
    const bound = (writers ?? []).flatMap(({ writer, seq, mac, time }) => [writer, String(seq), mac, time]);
    expect((JSON.parse(body.toString()) as { mac: string }).mac).toBe(createHmac('sha256', key).update(canonical(['1', ...bound])).digest('base64url'));
    engine.stop();
  });
});

describe('docs/records.md is enough to write a recovery tool', () => {
  it('that prints every value', () => {
    const { objects, problems } = recover(items);
    const hashed = objects.map(({ vault, kind, name, deleted, versions }) => ({
      vault, kind, name, deleted,
      versions: versions.map(({ id, fields }) => ({ id, fields: Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, digest(Buffer.from(value, 'base64'))])) })),
    }));
    const order = ({ vault, name }: SampleObject): string => `${vault}/${name}`;
    expect(problems).toEqual([]);
    expect(hashed.toSorted((a, b) => (order(a) < order(b) ? -1 : 1))).toEqual(sample.expected.toSorted((a, b) => (order(a) < order(b) ? -1 : 1)));
    expect(Buffer.from(objects.find(({ name }) => name === 'DB-Password')?.versions[0]?.fields['value'] ?? '', 'base64').toString()).toBe('o5z/78r,Qva-S_k-0qS5');
  });

  it('that believes nothing which was moved or changed', () => {
    const records = items.filter(({ metadata }) => metadata.name.startsWith('o-'));
    const [one, two] = [records[0], records[1]];
    if (one === undefined || two === undefined) throw new Error('too small a sample');
    const swapped = recover(items.map((item) => (item === one ? { ...one, data: two.data } : item === two ? { ...two, data: one.data } : item)));
    expect(swapped.problems.map(({ record }) => record).toSorted()).toEqual([one.metadata.name, two.metadata.name].toSorted());
    const changed = recover(items.map((item) => {
      const text = Buffer.from(item.data['record'] ?? '', 'base64').toString().replace('\\"enabled\\":true', '\\"enabled\\":null');
      return item === one ? { ...item, data: { record: Buffer.from(text).toString('base64') } } : item;
    }));
    expect(changed.problems).toEqual([{ record: one.metadata.name, problem: 'the head is not authentic' }]);
  });

  it('with numbers to check with that are right', async () => {
    const block = /## Numbers to check with[^]*?```json\n([^]*?)```/.exec(read('../../../docs/records.md'))?.[1] ?? '{}';
    const of = JSON.parse(block) as Record<string, string>;
    const get = (name: string): string => of[name] ?? '';
    const rootKey = localRootKey(Buffer.from(get('rootKey'), 'hex'), systemRandom);
    const vaultKey: VaultKey = { id: get('vaultKeyId'), secret: Buffer.from(get('vaultKey'), 'hex') };
    const place = { vaultId: get('vaultId'), kind: get('kind'), name: get('objectName').toLowerCase(), version: get('version') };
    const sealed = { dataKey: { vaultKey: vaultKey.id, salt: get('salt'), wrapped: get('wrappedDataKey') }, fields: { [get('field')]: get('sealedField') } };
    expect(await rootKey.checkValue()).toBe(get('rootKeyCheck'));
    expect(rootKey.id).toBe(get('rootKeyId'));
    expect(vaultRecordName(get('namespace'), get('vault'))).toBe(get('vaultRecordName'));
    expect(objectRecordName(get('vaultId'), get('objectName'))).toBe(get('objectRecordName'));
    expect(await rootKey.unwrap(Buffer.from(get('wrappedVaultKey'), 'base64'), vaultKeyContext(get('vaultId'), vaultKey.id))).toEqual(vaultKey.secret);
    expect(subKey(vaultKey, 'head').toString('hex')).toBe(get('headKey'));
    expect(headMac(subKey(vaultKey, 'head'), { vaultId: get('vaultId'), recordName: get('objectRecordName') }, get('head'))).toBe(get('headMac'));
    expect(openField(vaultKey, place, sealed, get('field'))?.toString()).toBe(get('value'));
  });
});
