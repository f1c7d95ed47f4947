import { describe, expect, it } from '@jest/globals';
import { GroupCommit } from '../../../src/audit/group-commit.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { errno, FakeSink, refusal } from './support.ts';

function groupCommit(capacity?: number) {
  const sink = new FakeSink();
  const clock = new FakeClock();
  const told: (number | boolean)[] = [];
  const commit = new GroupCommit({
    sink,
    clock,
    log: silentLog,
    metrics: { accepted: (lines) => void told.push(lines), unavailable: (is) => void told.push(is) },
    ...(capacity === undefined ? {} : { capacity }),
  });
  let seq = 0;
  const append = (line: string): Promise<void> => {
    seq += 1;
    return commit.append(`${line}\n`, { writer: 'w', seq, mac: line });
  };
  return { sink, clock, commit, append, told };
}

describe('group commit', () => {
  it('writes what arrives while a write is under way together with the next, and tells everybody afterwards', async () => {
    const { sink, append, commit } = groupCommit();
    sink.hang();
    const first = append('a');
    await settle();
    const later = ['b', 'c', 'd'].map((line) => append(line));
    expect(sink.attempts).toBe(1);
    expect(commit.accepted).toBeUndefined();
    sink.release();
    await Promise.all([first, ...later]);
    expect(sink.writes).toEqual(['a\n', 'b\nc\nd\n']);
    expect(commit.accepted).toEqual({ writer: 'w', seq: 4, mac: 'd' });
  });

  it('refuses at once while the sink hangs, and takes lines again when it goes on', async () => {
    const { sink, clock, commit, append, told } = groupCommit();
    sink.hang();
    const stuck = append('a');
    await settle();
    const behind = append('b');
    const answers = [refusal(stuck), refusal(behind)];
    await clock.advance(10_000);
    await expect(Promise.all(answers)).resolves.toMatchObject([{ code: 'AuditUnavailable' }, { code: 'AuditUnavailable' }]);
    expect(() => commit.check()).toThrow('did not take a record within 10000 ms');
    await expect(append('late')).rejects.toMatchObject({ code: 'AuditUnavailable' });

    sink.release();
    await settle();
    expect(() => commit.check()).not.toThrow();
    expect(sink.lines).toEqual(['a', 'b', 'late']);
    expect(told).toEqual([true, false, 1, 2]);
    expect(clock.timers).toBe(0);
  });

  it('tells everybody at once when the sink fails, and writes the same lines again, in order, until they are taken', async () => {
    const { sink, clock, append, commit } = groupCommit();
    sink.failure = errno('ENOSPC');
    await expect(append('a')).rejects.toThrow('ENOSPC');
    await clock.advance(3_000);
    expect(sink.attempts).toBe(4);
    expect(() => commit.check()).toThrow('ENOSPC');
    sink.failure = undefined;
    await clock.advance(1_000);
    await append('b');
    expect(sink.lines).toEqual(['a', 'b']);
  });

  it('does not count a slow sink as one that fails', async () => {
    const { sink, clock, append, told } = groupCommit();
    for (let round = 0; round < 5; round += 1) {
      sink.hang();
      const written = append('a');
      await clock.advance(9_000);
      sink.release();
      await written;
    }
    expect(told).toEqual([1, 1, 1, 1, 1]);
  });

  it('holds no more than its capacity', async () => {
    const { sink, append, commit } = groupCommit(10);
    sink.hang();
    void append('a');
    await settle();
    void append('0123456789');
    expect(() => commit.check()).toThrow('too slow');
    sink.release();
    await settle();
    expect(() => commit.check()).not.toThrow();
  });

  it('writes what waits when it is closed, and takes nothing afterwards', async () => {
    const { sink, append, commit, clock } = groupCommit();
    const written = append('a');
    await commit.close();
    await written;
    expect(sink.closed).toBe(true);
    expect(() => commit.check()).toThrow('this process is ending');
    expect(clock.timers).toBe(0);
  });

  it.each(['hangs', 'fails'])('lets the process end when the sink %s', async (how) => {
    const { sink, append, commit, clock } = groupCommit();
    if (how === 'hangs') {
      sink.hang();
    } else {
      sink.failure = errno('EIO');
    }
    const written = append('a').catch(() => 'refused');
    const closed = commit.close();
    await clock.advance(20_000);
    await closed;
    await expect(written).resolves.toBe('refused');
    await clock.advance(2_000);
    expect(clock.timers).toBe(0);
  });
});
