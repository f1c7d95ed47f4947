import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { takeBuildLock } from '../../../src/cli/dev/build-lock.ts';
import { FakeClock } from '../../support/fake-clock.ts';

describe('takeBuildLock', () => {
  const nobodyWaits = (): void => {
    throw new Error('there was nobody to wait for');
  };
  let folder = '';
  let path = '';
  let clock = new FakeClock();

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'keystead-lock-'));
    path = join(folder, 'sub', 'etcd.lock');
    clock = new FakeClock();
  });

  it('lets one in, and the next when the first has gone', async () => {
    const first = await takeBuildLock(path, clock, 'first', nobodyWaits);
    const told: string[] = [];
    let second: string | undefined;
    const waiting = takeBuildLock(path, clock, 'second', () => told.push('waiting')).then((lock) => {
      second = 'in';
      return lock;
    });
    await clock.advance(60_000);
    expect({ told, second }).toEqual({ told: ['waiting'], second: undefined });
    first.release();
    await clock.advance(1_000);
    expect(second).toBe('in');
    (await waiting).release();
    expect(readdirSync(join(folder, 'sub'))).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  it('takes over from a holder that was killed, and not from one that lives', async () => {
    const living = await takeBuildLock(path, clock, 'living', nobodyWaits);
    const killed = join(folder, 'killed.lock');
    writeFileSync(killed, 'no beat will come');
    const taken: string[] = [];
    const fromLiving = takeBuildLock(path, clock, 'a', () => undefined).then((lock) => [taken.push('from living'), lock.release()]);
    const fromKilled = takeBuildLock(killed, clock, 'b', () => undefined).then((lock) => [taken.push('from killed'), lock.release()]);
    await clock.advance(11_000);
    await fromKilled;
    await clock.advance(120_000);
    expect(taken).toEqual(['from killed']);
    living.release();
    await clock.advance(1_000);
    await fromLiving;
  });

  it('is not fooled by a wall clock that jumps', async () => {
    const living = await takeBuildLock(path, clock, 'living', nobodyWaits);
    let taken = false;
    const waiting = takeBuildLock(path, clock, 'other', () => undefined).then((lock) => {
      taken = true;
      lock.release();
    });
    clock.jump(365 * 86_400_000);
    await clock.advance(30_000);
    clock.jump(-2 * 365 * 86_400_000);
    await clock.advance(30_000);
    expect(taken).toBe(false);
    living.release();
    await clock.advance(1_000);
    await waiting;
  });

  it('leaves the lock of whoever took over, when a holder that was stopped wakes up', async () => {
    const slow = await takeBuildLock(path, clock, 'slow', nobodyWaits);
    writeFileSync(path, 'new holder');
    await clock.advance(10_000);
    slow.release();
    expect(readdirSync(join(folder, 'sub'))).toEqual(['etcd.lock']);
  });
});
