import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CHECKPOINT_RECORD } from '../../../src/audit/checkpoint-record.ts';
import type { AuditOperation } from '../../../src/audit/record.ts';
import { verify, type VerifyReport } from '../../../src/audit/verify.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import type { Store } from '../../../src/store/store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { entry, KEY, stream, testAudit } from './support.ts';

/** Lines of a writer, one minute apart, as a process that ended in good order leaves them: the start line and `count` more. */
async function history(store: Store, clock: FakeClock, writer: string, count: number, operation: AuditOperation = 'SecretGet'): Promise<string[]> {
  const { audit, sink } = await testAudit({ store, clock, writer });
  for (let line = 0; line < count; line += 1) {
    await clock.advance(60_000);
    await audit.auditor.read(entry({ operation }));
  }
  await audit.close();
  return sink.lines;
}

let first: string[];
let second: string[];
let all: string[];
let firstName: unknown;
let secondName: unknown;
let checkpoints: Buffer;

beforeAll(async () => {
  const store = new MemoryStore();
  const clock = new FakeClock();
  first = await history(store, clock, 'first', 5);
  second = await history(store, clock, 'second', 5);
  all = [...first, ...second];
  [firstName, secondName] = [first, second].map((lines) => (JSON.parse(lines[0] ?? '') as { writer: string }).writer);
  checkpoints = (await store.get(CHECKPOINT_RECORD))?.body ?? Buffer.alloc(0);
});

function check(lines: readonly string[], record: Buffer | 'no record' = checkpoints): Promise<VerifyReport> {
  return verify(stream(lines), record === 'no record' ? undefined : record, KEY);
}

function without(lines: readonly string[], ...indexes: number[]): string[] {
  return lines.filter((_, index) => !indexes.includes(index));
}

describe('verifying', () => {
  it('proves a whole log complete, since ever', async () => {
    const report = await check(all);
    expect(report.problems).toEqual([]);
    expect(report.completeSince).toBe('');
    expect(report.writers).toEqual([
      { writer: firstName, lines: 6, first: 1, last: 6, checkpoint: 6, proven: { from: 1, to: 6 } },
      { writer: secondName, lines: 6, first: 1, last: 6, checkpoint: 6, proven: { from: 1, to: 6 } },
    ]);
  });

  it('takes writers mixed, files in any order, and log lines among them', async () => {
    const mixed = second.flatMap((line, index) => ['{"level":"info"}', line, first[index] ?? '', '']);
    const report = await check(mixed);
    expect(report.problems).toEqual([]);
    expect(report.foreign).toBe(12);
  });

  it('finds a changed line, and proves what comes after it', async () => {
    const changed = all.map((line, index) => (index === 2 ? line.replace('SecretGet', 'SecretSet') : line));
    const report = await check(changed);
    expect(report.problems).toEqual([
      { kind: 'altered', line: 3 },
      { kind: 'gap', writer: firstName, line: 4, from: 3, to: 3 },
    ]);
    expect(report.writers[0]?.proven).toEqual({ from: 4, to: 6 });
    expect(report.completeSince).toBe('2026-01-01T00:03:00.000Z');
  });

  it('finds a gap', async () => {
    const report = await check(without(all, 2, 3));
    expect(report.problems).toEqual([{ kind: 'gap', writer: firstName, line: 3, from: 3, to: 4 }]);
  });

  it('tells a beginning that was rotated away, and still proves the rest', async () => {
    const report = await check(without(all, 0, 1));
    expect(report.problems).toEqual([{ kind: 'beginning-missing', writer: firstName, line: 1, from: 1, to: 2 }]);
    expect(report.completeSince).toBe('2026-01-01T00:02:00.000Z');
  });

  it('finds an end that was cut off', async () => {
    const report = await check(without(all, 10, 11));
    expect(report.problems).toEqual([{ kind: 'tail-missing', writer: secondName, from: 5, to: 6 }]);
    expect(report.writers.find((one) => one.writer === secondName)?.proven).toEqual({ from: 1, to: 4 });
  });

  it('finds a writer that was removed whole, by the record of checkpoints', async () => {
    const report = await check(first);
    expect(report.problems).toEqual([{ kind: 'writer-missing', writer: secondName, from: 1, to: 6 }]);
  });

  it('finds a writer that was removed whole by its successor, when there is no record', async () => {
    const report = await check(second, 'no record');
    expect(report.problems).toContainEqual({ kind: 'writer-missing', writer: firstName, from: 1, to: 6 });
  });

  it('finds lines that come again, or in another order', async () => {
    const swapped = [...all.slice(0, 2), all[3] ?? '', all[2] ?? '', ...all.slice(4), all[7] ?? ''];
    const report = await check(swapped);
    expect(report.problems.map((problem) => problem.kind)).toEqual(['gap', 'out-of-order', 'out-of-order']);
  });

  it('finds a second history under the same name', async () => {
    const other = await history(new MemoryStore(), new FakeClock(), 'first', 5, 'SecretSync');
    const report = await check([...first.slice(0, 3), ...other.slice(3), ...second]);
    expect(report.problems).toEqual([
      { kind: 'forked', writer: firstName, line: 4, from: 4 },
      { kind: 'forked', writer: firstName, line: 6, from: 6 },
    ]);
  });

  it('believes nothing that was written under another key', async () => {
    const report = await verify(stream(all), checkpoints, Buffer.alloc(32, 6));
    expect(report.problems.map((problem) => problem.kind)).toEqual(['checkpoints-invalid', ...all.map(() => 'altered')]);
    expect(report.completeSince).toBeUndefined();
  });

  it('proves nothing without a checkpoint', async () => {
    // The first writer's lines name none.
    const report = await check(first, 'no record');
    expect(report.problems).toEqual([]);
    expect(report.completeSince).toBeUndefined();
  });

  it('counts all problems, and lists only so many', async () => {
    const report = await check(Array.from({ length: 3_000 }, () => '{"audit":1,"forged":true}'));
    expect(report.problemCount).toBe(3_002);
    expect(report.problems).toHaveLength(1_000);
  });

  it('never throws and never calls a log complete from which anything was taken, changed or moved', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 11 }), fc.nat({ max: 11 }), fc.constantFrom('remove', 'copy', 'swap', 'garble'), async (one, two, how) => {
        const lines = [...all];
        const [a, b] = [lines[one] ?? '', lines[two] ?? ''];
        if (how === 'remove') {
          lines.splice(one, 1);
        } else if (how === 'copy') {
          lines.splice(two, 0, a);
        } else if (how === 'swap') {
          [lines[one], lines[two]] = [b, a];
        } else {
          lines[one] = a.slice(0, two * 20) + b.slice(two * 20);
        }
        const inOrder = (writer: string[]): boolean => {
          const kept = lines.filter((line) => writer.includes(line));
          return kept.length === writer.length && kept.every((line, index) => line === writer[index]);
        };
        const intact = inOrder(first) && inOrder(second) && lines.length === all.length;
        expect((await check(lines)).problemCount === 0).toBe(intact);
      }),
    );
  });
});
