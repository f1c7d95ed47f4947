import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { exponentialDelay, TokenBucket } from '../../../src/runtime/backoff.ts';
import { sleep } from '../../../src/runtime/clock.ts';
import { TimedOut, withTimeout } from '../../../src/runtime/deadline.ts';
import { Semaphore } from '../../../src/runtime/semaphore.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

describe('exponential delays', () => {
  it('never exceed the longest, never come to nothing, and are spread', () => {
    fc.assert(
      fc.property(fc.nat(2_000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (failures, chance) => {
        const delay = exponentialDelay({ baseMs: 100, maxMs: 5_000 }, failures, { bytes: () => Buffer.alloc(0), fraction: () => chance });
        const full = Math.min(5_000, 100 * 2 ** failures);
        expect(delay).toBeLessThanOrEqual(full);
        expect(delay).toBeGreaterThanOrEqual(full * 0.8);
      }),
    );
  });
});

describe('a token bucket', () => {
  it('never gives more than its burst and its rate, whenever it is asked', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(300), { maxLength: 50 }), async (pauses) => {
        const clock = new FakeClock();
        const bucket = new TokenBucket({ perSecond: 10, burst: 3 }, clock);
        let taken = 0;
        for (const pause of pauses) {
          await clock.advance(pause);
          taken += bucket.tryTake() ? 1 : 0;
          expect(taken).toBeLessThanOrEqual(3 + clock.monotonic() / 100 + 1e-6);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('hands out tokens in advance, one after the other', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 1 }, new FakeClock());
    expect([bucket.reserve(), bucket.reserve(), bucket.reserve()]).toEqual([0, 100, 200]);
  });
});

describe('a time limit', () => {
  it('aborts with its own reason, or with that of the parent, and leaves nothing behind', async () => {
    const clock = new FakeClock();
    const parent = new AbortController();
    const long = (signal: AbortSignal): Promise<void> => sleep(clock, 60_000, signal);
    const late = withTimeout(clock, 1_000, parent.signal, long).catch((error: unknown) => error);
    await clock.advance(1_000);
    expect(await late).toBeInstanceOf(TimedOut);
    const given = withTimeout(clock, 1_000, parent.signal, long).catch((error: unknown) => error);
    parent.abort(new Error('parent'));
    expect(await given).toEqual(new Error('parent'));
    expect(await withTimeout(clock, 1_000, undefined, async () => 7)).toBe(7);
    expect(clock.timers).toBe(0);
  });
});

describe('a semaphore', () => {
  it('runs so many at once and no more, in order, over failures and withdrawals', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(2);
    const log: string[] = [];
    let running = 0;
    const work = (name: string) => async (): Promise<void> => {
      running += 1;
      log.push(`${name} ${running}`);
      await sleep(clock, 1_000);
      running -= 1;
      if (name === 'b') {
        throw new Error('b');
      }
    };
    const withdrawn = new AbortController();
    const all = [
      semaphore.run(work('a')),
      semaphore.run(work('b')),
      semaphore.run(work('c'), withdrawn.signal),
      semaphore.run(work('d')),
      semaphore.run(work('e')),
    ];
    const ended = Promise.allSettled(all);
    await settle();
    withdrawn.abort(new Error('withdrawn'));
    await clock.advance(3_000);
    expect((await ended).map((one) => one.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled', 'fulfilled']);
    expect(log).toEqual(['a 1', 'b 2', 'd 2', 'e 2']);
  });
});
