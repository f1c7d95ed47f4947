import { describe, expect, it } from '@jest/globals';
import { MemoryStore } from '../../../src/store/memory.ts';
import { objectRecordName } from '../../../src/vault/names.ts';
import { caller, createVault, setSecret, startEngine, valueOf } from '../../support/engine.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

describe('objects', () => {
  it('keep every version, the newest being current, in whatever case they are asked for', async () => {
    const engine = await startEngine();
    const vault = await createVault(engine);
    const first = await setSecret(engine, vault, 'Db-Password', 'one');
    await setSecret(engine, vault, 'db-password', 'two');
    expect(await valueOf(engine, vault, 'DB-PASSWORD')).toBe('two');
    expect(await valueOf(engine, vault, 'db-password', first.secret?.versions[0]?.id)).toBe('one');
    expect((await engine.objects.get(vault, 'db-password'))?.name).toBe('Db-Password');
  });

  it('read at once what they wrote, and follow what another process wrote', async () => {
    const store = new MemoryStore();
    const [a, b] = [await startEngine({ store }), await startEngine({ store })];
    const vault = await createVault(a);
    await setSecret(a, vault, 'db', 'from a');
    expect(await valueOf(a, vault, 'db')).toBe('from a');
    expect(await valueOf(b, vault, 'db')).toBe('from a');
    await setSecret(b, vault, 'db', 'from b');
    expect(await valueOf(a, vault, 'db')).toBe('from b');
  });

  it('say RecordChanged to the slower of two writers, who then decides from what the faster wrote', async () => {
    const store = new MemoryStore();
    const a = await startEngine({ store });
    const vault = await createVault(a);
    await setSecret(a, vault, 'db', 'one');
    const watch = store.watch.bind(store);
    store.watch = (filter, tell, signal) => watch(filter, (event) => (event.type === 'put' && event.record.revision === '2' ? tell(event) : undefined), signal);
    const blind = await startEngine({ store });
    const same = await a.vaults.byId(vault.vaultId);
    expect(same?.vaultId).toBe(vault.vaultId);
    await setSecret(a, vault, 'db', 'two');
    await expect(setSecret(blind, vault, 'db', 'three')).rejects.toMatchObject({ code: 'RecordChanged', transient: 'conflict' });
    const head = await setSecret(blind, vault, 'db', 'three');
    expect(head.counter).toBe(3);
    expect(head.secret?.versions).toHaveLength(3);
  });

  it('move older versions to archives beyond 32 KiB, and still open each of them', async () => {
    const store = new MemoryStore();
    const engine = await startEngine({ store });
    const vault = await createVault(engine);
    const values = Array.from({ length: 8 }, (_, n) => String(n).repeat(10_000));
    for (const value of values) await setSecret(engine, vault, 'big', value);
    const head = await engine.objects.get(vault, 'big');
    expect(head?.archives.length).toBeGreaterThan(0);
    expect((await store.get(objectRecordName(vault.vaultId, 'big')))?.body.length).toBeLessThan(40 * 1024);
    const versions = (head?.secret?.versions ?? []).map((version) => version.id).toReversed();
    for (const [n, id] of versions.entries()) expect(await valueOf(engine, vault, 'big', id)).toBe(values[n]);
  });

  it('find an archive that was changed, and one that is gone', async () => {
    const store = new MemoryStore();
    const engine = await startEngine({ store });
    const vault = await createVault(engine);
    for (let n = 0; n < 6; n += 1) await setSecret(engine, vault, 'big', String(n).repeat(10_000));
    const head = await engine.objects.get(vault, 'big');
    const oldest = head?.secret?.versions.at(-1)?.id;
    const [archive] = await store.list({ kind: 'archive' });
    if (archive === undefined) throw new Error('no archive');
    const body = Buffer.from(archive.body);
    body[100] = (body[100] ?? 0) ^ 1;
    const changed = await store.compareAndSwap({ ...archive, body }, archive.revision);
    await expect(valueOf(engine, vault, 'big', oldest)).rejects.toMatchObject({ code: 'RecordTampered' });
    await store.remove(changed.name, changed.revision);
    await expect(valueOf(engine, vault, 'big', oldest)).rejects.toMatchObject({ code: 'RecordTampered' });
  });

  it('lose nothing when killed between archive and head, and the archive nobody lists goes after an hour', async () => {
    const store = new MemoryStore();
    const clock = new FakeClock();
    const steady = await startEngine({ store, clock });
    const vault = await createVault(steady);
    for (let n = 0; n < 2; n += 1) await setSecret(steady, vault, 'big', String(n).repeat(10_000));
    const dying = await startEngine({
      store,
      clock,
      failAt: (point) => {
        if (point === 'archive:after') throw new Error('killed');
      },
    });
    await expect(setSecret(dying, vault, 'big', '3'.repeat(10_000))).rejects.toThrow('killed');
    expect(await store.list({ kind: 'archive' })).toHaveLength(1);
    const after = await startEngine({ store, clock });
    const kept = await after.objects.get(vault, 'big');
    expect(kept?.secret?.versions).toHaveLength(2);
    expect(await after.objects.removeUnlistedArchives(vault, caller)).toBe(0);
    await clock.advance(61 * 60_000);
    expect(await after.objects.removeUnlistedArchives(vault, caller)).toBe(1);
    await setSecret(after, vault, 'big', '3'.repeat(10_000));
    for (const version of (await after.objects.get(vault, 'big'))?.secret?.versions ?? []) {
      expect(await valueOf(after, vault, 'big', version.id)).toHaveLength(10_000);
    }
  });

  it('refuse what would go over a limit, and name the limit', async () => {
    const engine = await startEngine();
    const vault = await createVault(engine, 'small', { objects: 2, versionsPerObject: 2, bytes: 65_536 });
    await setSecret(engine, vault, 'a', 'x');
    await setSecret(engine, vault, 'b', 'x');
    await expect(setSecret(engine, vault, 'c', 'x')).rejects.toMatchObject({ code: 'LimitExceeded', message: expect.stringContaining('spec.limits.objects') });
    await setSecret(engine, vault, 'a', 'y');
    await expect(setSecret(engine, vault, 'a', 'z')).rejects.toMatchObject({ message: expect.stringContaining('versionsPerObject') });
    await setSecret(engine, vault, 'b', 'x'.repeat(20_000));
    await engine.objects.purge(vault, 'a', caller);
    await setSecret(engine, vault, 'c', 'x'.repeat(20_000));
    await expect(setSecret(engine, vault, 'c', 'x'.repeat(20_000))).rejects.toMatchObject({ message: expect.stringContaining('spec.limits.bytes') });
    await expect(setSecret(engine, vault, 'b', 'x'.repeat(25_601))).rejects.toMatchObject({ code: 'LimitExceeded' });
  });

  it('count what a vault holds from the records, through every change', async () => {
    const store = new MemoryStore();
    const engine = await startEngine({ store });
    const vault = await createVault(engine);
    await setSecret(engine, vault, 'a', 'x');
    await setSecret(engine, vault, 'a', 'y');
    await setSecret(engine, vault, 'b', 'x');
    const fresh = await startEngine({ store });
    expect(fresh.objects.stats(vault.vaultId)).toEqual(engine.objects.stats(vault.vaultId));
    expect(engine.objects.stats(vault.vaultId)).toMatchObject({ objects: 2, secrets: 2, deleted: 0, versionsUnder: new Map([[vault.keys[0].id, 3]]) });
    await engine.objects.purge(vault, 'a', caller);
    await engine.objects.purge(vault, 'b', caller);
    expect(engine.objects.stats(vault.vaultId).objects).toBe(0);
  });
});

describe('rotation of the vault key', () => {
  it('rewraps every version, archives too, and needs the old key for nothing afterwards', async () => {
    const store = new MemoryStore();
    const engine = await startEngine({ store });
    const vault = await createVault(engine);
    for (let n = 0; n < 6; n += 1) await setSecret(engine, vault, 'big', String(n).repeat(10_000));
    await setSecret(engine, vault, 'small', 'x');
    const rotated = await engine.vaults.rotateKey(vault, 'please', caller);
    expect(rotated.keys.map((key) => [key.version, key.retired === undefined])).toEqual([[1, false], [2, true]]);
    for (const name of ['big', 'small']) expect(await engine.objects.rewrap(rotated, name, caller)).toBe(true);
    expect(await engine.objects.rewrap(rotated, 'big', caller)).toBe(false);
    const under = engine.objects.stats(vault.vaultId).versionsUnder;
    expect(under).toEqual(new Map([[rotated.keys[1]?.id, 7]]));
    const fresh = await startEngine({ store });
    const onlyNewKey = { ...rotated, keys: [rotated.keys[1]] as unknown as typeof rotated.keys };
    const head = await fresh.objects.get(onlyNewKey, 'big');
    for (const version of head?.secret?.versions ?? []) expect(await valueOf(fresh, onlyNewKey, 'big', version.id)).toHaveLength(10_000);
  });

  it('leaves every secret readable when killed at any write', async () => {
    for (let kill = 1; kill <= 6; kill += 1) {
      const store = new MemoryStore();
      const vault = await createVault(await startEngine({ store }));
      const writer = await startEngine({ store });
      for (const name of ['a', 'b', 'c']) await setSecret(writer, vault, name, name);
      let points = 0;
      const dying = await startEngine({ store, failAt: () => { points += 1; if (points === kill) throw new Error('killed'); } });
      await (async () => {
        const rotated = await dying.vaults.rotateKey(vault, undefined, caller);
        for (const name of ['a', 'b', 'c']) await dying.objects.rewrap(rotated, name, caller);
      })().catch(() => {});
      await settle();
      const after = await startEngine({ store });
      const head = await after.vaults.byId(vault.vaultId);
      if (head === undefined) throw new Error('the vault is gone');
      for (const name of ['a', 'b', 'c']) {
        await after.objects.rewrap(head, name, caller);
        expect(await valueOf(after, head, name)).toBe(name);
      }
    }
  });
});
