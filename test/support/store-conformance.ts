import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RevisionConflict, type RecordToWrite, type Store, type StoreEvent } from '../../src/store/store.ts';

/** What every store must do; run against each of them. `open` gives an empty store. */
export function describeStore(title: string, open: () => Promise<Store>): void {
  const record = (name: string, body: string, more: Partial<RecordToWrite> = {}): RecordToWrite => ({
    name,
    kind: 'object',
    vaultId: 'a'.repeat(32),
    body: Buffer.from(body),
    ...more,
  });

  /** Watches and lets a test wait until it was told something. */
  async function watching(store: Store, filter: Parameters<Store['watch']>[0]) {
    const events: StoreEvent[] = [];
    const waiting = new Set<() => void>();
    const stop = new AbortController();
    await store.watch(filter, (event) => { events.push(event); waiting.forEach((look) => look()); }, stop.signal);
    const until = (met: () => boolean): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => { if (met()) { waiting.delete(look); resolve(); } };
        waiting.add(look);
        look();
      });
    return { events, until, stop: () => stop.abort() };
  }

  describe(`${title}: store conformance`, () => {
    it('keeps what was written, byte for byte', async () => {
      const store = await open();
      const body = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      const written = await store.compareAndSwap({ ...record('o-bytes', ''), body }, undefined);
      const read = await store.get('o-bytes');
      expect(read?.body.equals(body)).toBe(true);
      expect(read).toMatchObject({ name: 'o-bytes', kind: 'object', vaultId: 'a'.repeat(32), revision: written.revision });
    });

    it('answers undefined for what is not there', async () => {
      expect(await (await open()).get('o-none')).toBeUndefined();
    });

    it('creates only where nothing is, and replaces only what was seen', async () => {
      const store = await open();
      const first = await store.compareAndSwap(record('o-cas', 'one'), undefined);
      await expect(store.compareAndSwap(record('o-cas', 'again'), undefined)).rejects.toBeInstanceOf(RevisionConflict);
      const second = await store.compareAndSwap(record('o-cas', 'two'), first.revision);
      expect(second.revision).not.toBe(first.revision);
      await expect(store.compareAndSwap(record('o-cas', 'late'), first.revision)).rejects.toBeInstanceOf(RevisionConflict);
      expect((await store.get('o-cas'))?.body.toString()).toBe('two');
    });

    it('does not bring back what was removed under the writer', async () => {
      const store = await open();
      const first = await store.compareAndSwap(record('o-gone', 'one'), undefined);
      await store.remove('o-gone', first.revision);
      await expect(store.compareAndSwap(record('o-gone', 'two'), first.revision)).rejects.toBeInstanceOf(RevisionConflict);
      expect(await store.get('o-gone')).toBeUndefined();
    });

    it('removes only what was seen, and finds nothing wrong with what is gone', async () => {
      const store = await open();
      const first = await store.compareAndSwap(record('o-rm', 'one'), undefined);
      const second = await store.compareAndSwap(record('o-rm', 'two'), first.revision);
      await expect(store.remove('o-rm', first.revision)).rejects.toBeInstanceOf(RevisionConflict);
      await store.remove('o-rm', second.revision);
      await store.remove('o-rm', second.revision);
      expect(await store.get('o-rm')).toBeUndefined();
    });

    it('lets exactly one of many writers win', async () => {
      const store = await open();
      const first = await store.compareAndSwap(record('o-race', 'start'), undefined);
      const tries = await Promise.allSettled(
        Array.from({ length: 8 }, (_, n) => store.compareAndSwap(record('o-race', `writer ${n}`), first.revision)),
      );
      const won = tries.filter((one) => one.status === 'fulfilled');
      expect(won).toHaveLength(1);
      expect((await store.get('o-race'))?.revision).toBe(won[0]?.value.revision);
    });

    it('lists by kind and vault', async () => {
      const store = await open();
      await store.compareAndSwap(record('o-1', 'x'), undefined);
      await store.compareAndSwap(record('o-2', 'x', { vaultId: 'b'.repeat(32) }), undefined);
      await store.compareAndSwap(record('v-1', 'x', { kind: 'vault' }), undefined);
      await store.compareAndSwap(record('installation', 'x', { kind: 'installation', vaultId: undefined }), undefined);
      const names = async (filter: Parameters<Store['list']>[0]): Promise<string[]> => (await store.list(filter)).map((one) => one.name).toSorted();
      expect(await names({ kind: 'object' })).toEqual(['o-1', 'o-2']);
      expect(await names({ kind: 'object', vaultId: 'b'.repeat(32) })).toEqual(['o-2']);
      expect(await names({ kind: 'installation' })).toEqual(['installation']);
    });

    it('tells a watcher what is there, then every change, and nothing of other kinds', async () => {
      const store = await open();
      const old = await store.compareAndSwap(record('o-old', 'old'), undefined);
      const { events, until, stop } = await watching(store, { kind: 'object' });
      expect(events).toMatchObject([{ type: 'put', record: { name: 'o-old', revision: old.revision } }]);
      await store.compareAndSwap(record('v-other', 'x', { kind: 'vault' }), undefined);
      const fresh = await store.compareAndSwap(record('o-new', 'new'), undefined);
      await store.remove('o-old', old.revision);
      await until(() => events.length >= 3);
      stop();
      expect(events.slice(1)).toMatchObject([
        { type: 'put', record: { name: 'o-new', revision: fresh.revision } },
        { type: 'removed', name: 'o-old', kind: 'object' },
      ]);
    });

    it('ends up telling the same state as a list, whatever was written', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom('o-a', 'o-b', 'o-c'), fc.boolean()), { maxLength: 12 }), async (steps) => {
          const store = await open();
          const { events, until, stop } = await watching(store, { kind: 'object' });
          let last: string | undefined;
          for (const [name, remove] of steps) {
            const revision = (await store.get(name))?.revision;
            if (remove && revision !== undefined) await store.remove(name, revision);
            else last = (await store.compareAndSwap(record(name, `after ${String(revision)}`), revision)).revision;
          }
          const marker = await store.compareAndSwap(record('o-end', String(last)), undefined);
          await until(() => events.some((event) => event.type === 'put' && event.record.revision === marker.revision));
          stop();
          const told = new Map<string, string>();
          for (const event of events) {
            if (event.type === 'put') told.set(event.record.name, event.record.revision);
            else told.delete(event.name);
          }
          const listed = new Map((await store.list({ kind: 'object' })).map((one) => [one.name, one.revision]));
          expect(new Map([...told].toSorted())).toEqual(new Map([...listed].toSorted()));
        }),
        { numRuns: 10 },
      );
    });

    it('writes nothing once the caller gave up', async () => {
      const store = await open();
      await expect(store.compareAndSwap(record('o-late', 'x'), undefined, AbortSignal.abort())).rejects.toThrow();
      expect(await store.get('o-late')).toBeUndefined();
    });
  });
}
