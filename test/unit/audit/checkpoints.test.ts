import { describe, expect, it } from '@jest/globals';
import { auditKeys } from '../../../src/audit/chain.ts';
import { CHECKPOINT_RECORD, decodeCheckpoints, encodeCheckpoints, type WriterCheckpoint } from '../../../src/audit/checkpoint-record.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import type { Store } from '../../../src/store/store.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { entry, errno, KEY, RUN, testAudit, type TestAudit } from './support.ts';

const keys = auditKeys(KEY);

async function stored(store: Store): Promise<readonly WriterCheckpoint[] | undefined> {
  const record = await store.get(CHECKPOINT_RECORD);
  return record === undefined ? [] : decodeCheckpoints(keys, record.body);
}

async function overwrite(store: Store, body: Buffer): Promise<void> {
  const record = await store.get(CHECKPOINT_RECORD);
  await store.compareAndSwap({ name: CHECKPOINT_RECORD, kind: 'checkpoint', vaultId: undefined, body }, record?.revision);
}

function chainLines(audit: TestAudit): unknown[] {
  return audit.sink.records.filter((record) => record['phase'] === 'chain').map((record) => [record['operation'], record['checkpoint']]);
}

describe('checkpoints', () => {
  it('are not written while nothing is audited', async () => {
    const test = await testAudit();
    await test.clock.advance(3_600_000);
    await test.audit.close();
    await expect(stored(test.store)).resolves.toEqual([]);
    expect(test.sink.lines).toEqual([]);
    expect(test.clock.timers).toBe(0);
  });

  it('follow the first line soon, later lines every 30 seconds, and nothing after that', async () => {
    const test = await testAudit();
    await test.audit.auditor.read(entry());
    await test.clock.advance(1_000);
    await expect(stored(test.store)).resolves.toMatchObject([{ writer: `writer-1${RUN}`, seq: 2, mac: test.sink.records.at(-1)?.['mac'] }]);
    await test.audit.auditor.read(entry());
    await test.clock.advance(29_999);
    await expect(stored(test.store)).resolves.toMatchObject([{ seq: 2 }]);
    await test.clock.advance(1);
    await expect(stored(test.store)).resolves.toMatchObject([{ seq: 3 }]);
    expect(test.clock.timers).toBe(0);
  });

  it('know of no line that the sink does not have', async () => {
    const test = await testAudit();
    await test.audit.auditor.read(entry());
    test.sink.failure = errno('EIO');
    await test.audit.auditor.read(entry()).catch(() => undefined);
    await test.clock.advance(1_000);
    await expect(stored(test.store)).resolves.toMatchObject([{ seq: 2 }]);
  });

  it('end with the last line when the process ends, and name its predecessor when the next begins', async () => {
    const store = new MemoryStore();
    const first = await testAudit({ store });
    await first.audit.auditor.read(entry());
    await first.audit.close();
    const last = { writer: `writer-1${RUN}`, seq: 2, mac: first.sink.records.at(-1)?.['mac'] };
    await expect(stored(store)).resolves.toMatchObject([last]);

    const second = await testAudit({ store, writer: 'writer-2' });
    await second.audit.auditor.read(entry());
    expect(chainLines(first)).toEqual([['AuditWriterStart', undefined]]);
    expect(chainLines(second)).toEqual([['AuditWriterStart', last]]);
    await second.audit.close();
    await expect(stored(store)).resolves.toMatchObject([last, { writer: `writer-2${RUN}`, seq: 2 }]);
  });

  it('of several processes do not overwrite each other', async () => {
    const store = new MemoryStore();
    const clock = new FakeClock();
    const tests = await Promise.all(['a', 'b', 'c'].map((writer) => testAudit({ store, writer, clock })));
    await Promise.all(tests.map((test) => test.audit.auditor.read(entry())));
    await clock.advance(1_000);
    expect((await stored(store))?.map((one) => one.writer).toSorted()).toEqual([`a${RUN}`, `b${RUN}`, `c${RUN}`]);
  });

  it('that cannot be written hinder nobody, and are written later', async () => {
    const memory = new MemoryStore();
    let down = true;
    const store: Store = Object.assign(Object.create(memory) as MemoryStore, {
      compareAndSwap: async (...args: Parameters<Store['compareAndSwap']>) => {
        if (down) {
          throw new Error('the API server is down');
        }
        return memory.compareAndSwap(...args);
      },
      get: (name: string) => memory.get(name),
    });
    const test = await testAudit({ store });
    await test.audit.auditor.read(entry());
    await test.clock.advance(5_000);
    await test.audit.auditor.read(entry());
    down = false;
    await test.clock.advance(30_000);
    await expect(stored(memory)).resolves.toMatchObject([{ seq: 3 }]);
  });

  it('of a process that starts again under its old name are another writer\'s', async () => {
    const store = new MemoryStore();
    const clock = new FakeClock();
    for (const _run of [1, 2]) {
      const test = await testAudit({ store, clock });
      await test.audit.auditor.read(entry());
      await test.audit.close();
      await clock.advance(1_000);
    }
    expect((await stored(store))?.map((one) => one.seq)).toEqual([2, 2]);
  });

  it('of writers long silent move into the log when there are too many', async () => {
    const store = new MemoryStore();
    const old = Array.from({ length: 64 }, (_, index): WriterCheckpoint => ({
      writer: `old-${index}`,
      seq: index + 1,
      mac: 'm'.repeat(43),
      time: new Date(Date.UTC(2025, 0, 1, 0, index === 10 ? 0 : index + 1)).toISOString(),
    }));
    await overwrite(store, encodeCheckpoints(keys, old));
    const test = await testAudit({ store });
    await test.audit.auditor.read(entry());
    await test.clock.advance(60_000);
    const writers = await stored(store);
    expect(writers).toHaveLength(64);
    expect(writers?.map((one) => one.writer)).not.toContain('old-10');
    expect(chainLines(test)).toContainEqual(['AuditWriterRetire', { writer: 'old-10', seq: 11, mac: 'm'.repeat(43) }]);
  });
});

describe('checkpoints that somebody else changed', () => {
  it('are said in the log by a process that starts', async () => {
    const store = new MemoryStore();
    await overwrite(store, encodeCheckpoints(auditKeys(Buffer.alloc(32, 9)), []));
    const test = await testAudit({ store });
    await test.audit.auditor.read(entry());
    expect(chainLines(test)).toEqual([['AuditWriterStart', undefined], ['AuditCheckpointInvalid', undefined]]);
    await test.clock.advance(1_000);
    await expect(stored(store)).resolves.toMatchObject([{ writer: `writer-1${RUN}` }]);
  });

  it.each([
    ['garbage', async (store: Store) => overwrite(store, Buffer.from('{}'))],
    ['an older state put back', async (store: Store, older: Buffer) => overwrite(store, older)],
    ['removed', async (store: Store) => store.remove(CHECKPOINT_RECORD, (await store.get(CHECKPOINT_RECORD))?.revision ?? '')],
  ])('are said in the log by a running process: %s', async (_what, attack) => {
    const test = await testAudit();
    await test.audit.auditor.read(entry());
    await test.clock.advance(1_000);
    const older = (await test.store.get(CHECKPOINT_RECORD))?.body ?? Buffer.alloc(0);
    await test.audit.auditor.read(entry());
    await test.clock.advance(30_000);
    await attack(test.store, older);
    await test.audit.auditor.read(entry());
    await test.clock.advance(30_000);
    await settle();
    expect(chainLines(test)).toEqual([['AuditWriterStart', undefined], ['AuditCheckpointInvalid', undefined]]);
    await test.audit.close();
    await expect(stored(test.store)).resolves.toMatchObject([{ writer: `writer-1${RUN}`, seq: test.sink.lines.length }]);
  });

  it('do not decode, whatever was changed', () => {
    const body = encodeCheckpoints(keys, [{ writer: 'w', seq: 3, mac: 'x', time: 't' }]);
    expect(decodeCheckpoints(keys, body)).toHaveLength(1);
    const text = body.toString();
    for (const changed of [text.replace('"seq":3', '"seq":2'), text.replace('"w"', '"v"'), text.replace('"format":1', '"format":2'), '[]', 'null', '', '{"format":1,"writers":[null],"mac":""}']) {
      expect(decodeCheckpoints(keys, Buffer.from(changed))).toBeUndefined();
    }
  });
});
