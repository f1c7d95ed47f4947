import { describe, expect, it } from '@jest/globals';
import { MemoryStore } from '../../../src/store/memory.ts';
import type { StoredRecord } from '../../../src/store/store.ts';
import { objectRecordName, vaultRecordName } from '../../../src/vault/names.ts';
import { caller, createVault, setSecret, startEngine, valueOf, type TestEngine } from '../../support/engine.ts';
import { settle } from '../../support/fake-clock.ts';

/** Writes over a record as somebody would who can edit the store but has no key. */
async function overwrite(store: MemoryStore, record: StoredRecord, body: Buffer): Promise<void> {
  const revision = (await store.get(record.name))?.revision;
  await store.compareAndSwap({ ...record, body }, revision);
  await settle();
}

async function recordOf(engine: TestEngine, vaultId: string, name: string): Promise<StoredRecord> {
  const record = await engine.store.get(objectRecordName(vaultId, name));
  if (record === undefined) throw new Error(`no record of ${name}`);
  return record;
}

describe('records that others changed', () => {
  it('are found wherever a part of one is put in the place of another', async () => {
    const store = new MemoryStore();
    const engine = await startEngine({ store });
    const [one, two] = [await createVault(engine, 'one'), await createVault(engine, 'two')];
    for (const [vault, name] of [[one, 'a'], [one, 'b'], [two, 'a']] as const) {
      await setSecret(engine, vault, name, `${vault.name}/${name}/1`);
      await setSecret(engine, vault, name, `${vault.name}/${name}/2`);
    }
    const records = [await recordOf(engine, one.vaultId, 'a'), await recordOf(engine, one.vaultId, 'b'), await recordOf(engine, two.vaultId, 'a')];
    const parsed = records.map((record) => JSON.parse(record.body.toString()) as Record<string, unknown>);
    let tried = 0;
    for (const [into, target] of records.entries()) {
      const vault = into === 2 ? two : one;
      const name = into === 1 ? 'b' : 'a';
      for (const from of [0, 1, 2].filter((other) => other !== into)) {
        for (const part of ['head', 'mac', 'blobs', 'all']) {
          const body = part === 'all' ? parsed[from] : { ...parsed[into], [part]: parsed[from]?.[part] };
          await overwrite(store, target, Buffer.from(JSON.stringify(body)));
          const fresh = await startEngine({ store });
          await expect(valueOf(fresh, vault, name)).rejects.toMatchObject({ code: 'RecordTampered' });
          fresh.stop();
          tried += 1;
        }
      }
      await overwrite(store, target, target.body);
    }
    expect(tried).toBe(24);
  });

  it('are found at every flipped bit, and never crash the reader', async () => {
    const store = new MemoryStore();
    const engine = await startEngine({ store });
    const vault = await createVault(engine);
    await setSecret(engine, vault, 'db', 'a value');
    const record = await recordOf(engine, vault.vaultId, 'db');
    for (let bit = 0; bit < record.body.length * 8; bit += 1) {
      const body = Buffer.from(record.body);
      body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await store.compareAndSwap({ ...record, body }, (await store.get(record.name))?.revision);
      const outcome = await valueOf(engine, vault, 'db').catch((error: unknown) => (error as { code?: string }).code);
      expect([bit, outcome]).not.toEqual([bit, undefined]);
      // A flip may leave the meaning as it was, in base64 padding or JSON spelling; it never gives another value.
      expect(['a value', 'RecordTampered', 'RecordRolledBack']).toContain(outcome);
    }
  }, 60_000);

  it('are found when only two versions of one object change places', async () => {
    const store = new MemoryStore();
    const engine = await startEngine({ store });
    const vault = await createVault(engine);
    await setSecret(engine, vault, 'db', 'old');
    await setSecret(engine, vault, 'db', 'new');
    const record = await recordOf(engine, vault.vaultId, 'db');
    const document = JSON.parse(record.body.toString()) as { blobs: Record<string, string> };
    const [first = '', second = ''] = Object.keys(document.blobs);
    document.blobs = { [first]: document.blobs[second] ?? '', [second]: document.blobs[first] ?? '' };
    await overwrite(store, record, Buffer.from(JSON.stringify(document)));
    await expect(valueOf(engine, vault, 'db')).rejects.toMatchObject({ code: 'RecordTampered' });
  });

  it('are not used when put back to an older state under a running process', async () => {
    const store = new MemoryStore();
    const engine = await startEngine({ store });
    const vault = await createVault(engine);
    await setSecret(engine, vault, 'db', 'old');
    const old = await recordOf(engine, vault.vaultId, 'db');
    await setSecret(engine, vault, 'db', 'new');
    await overwrite(store, old, old.body);
    await expect(valueOf(engine, vault, 'db')).rejects.toMatchObject({ code: 'RecordRolledBack' });
  });

  it('are not called rolled back while the watch merely lags behind our own writes', async () => {
    const store = new MemoryStore();
    const lagging: (() => void)[] = [];
    const watch = store.watch.bind(store);
    store.watch = (filter, tell, signal) => watch(filter, (event) => void lagging.push(() => tell(event)), signal);
    const engine = await startEngine({ store });
    const vault = await createVault(engine);
    for (const value of ['1', '2', '3']) await setSecret(engine, vault, 'db', value);
    lagging.forEach((tell) => tell());
    await settle();
    expect(await valueOf(engine, vault, 'db')).toBe('3');
  });

  it('of a vault are found as well', async () => {
    const store = new MemoryStore();
    const engine = await startEngine({ store });
    const [one, two] = [await createVault(engine, 'one'), await createVault(engine, 'two')];
    const record = await store.get(vaultRecordName('ns', 'one'));
    const other = await store.get(vaultRecordName('ns', 'two'));
    if (record === undefined || other === undefined) throw new Error('no records');
    await overwrite(store, record, other.body);
    await expect(engine.vaults.find('ns', 'one')).rejects.toMatchObject({ code: 'RecordTampered' });
    const protectedOff = JSON.parse(record.body.toString()) as { head: string };
    protectedOff.head = protectedOff.head.replace('"retentionDays":90', '"retentionDays":7');
    await overwrite(store, record, Buffer.from(JSON.stringify(protectedOff)));
    await expect(engine.vaults.find('ns', 'one')).rejects.toMatchObject({ code: 'RecordTampered' });
    expect((await engine.vaults.byId(two.vaultId))?.name).toBe('two');
    expect(one.vaultId).not.toBe(two.vaultId);
  });

  it('do not open under another root key', async () => {
    const store = new MemoryStore();
    const vault = await createVault(await startEngine({ store }));
    const stranger = await startEngine({ store, rootSecret: Buffer.alloc(32, 9) });
    await expect(stranger.vaults.find(vault.namespace, vault.name)).rejects.toMatchObject({ code: 'RecordTampered' });
  });
});

describe('the audit log', () => {
  it('has an intent before and an outcome after each change, and a record of each decryption', async () => {
    const engine = await startEngine();
    const vault = await createVault(engine);
    await setSecret(engine, vault, 'DB', 'x');
    await valueOf(engine, vault, 'db');
    expect(engine.told).toEqual([
      { phase: 'intent', operation: 'VaultCreate' },
      { phase: 'outcome', operation: 'VaultCreate' },
      { phase: 'intent', operation: 'SecretSet', object: 'db' },
      { phase: 'outcome', operation: 'SecretSet', object: 'db' },
      { phase: 'read', operation: 'SecretGet', object: 'db' },
    ]);
  });

  it('gets no outcome for a change that did not happen', async () => {
    const engine = await startEngine();
    const vault = await createVault(engine);
    const aborted = { ...caller, signal: AbortSignal.abort() };
    await expect(engine.vaults.rotateKey(vault, undefined, aborted)).rejects.toThrow();
    expect(engine.told.at(-1)).toEqual({ phase: 'intent', operation: 'VaultKeyRotate' });
  });
});
