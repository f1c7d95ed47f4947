import { describe, expect, it } from '@jest/globals';
import { Repairs } from '../../../../src/controllers/target/repairs.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

/** Writes if it may; answers what it was told to wait. */
function attempt(repairs: Repairs, content = 'v1', target = 'team/app'): number {
  const wait = repairs.waitMs(target, content);
  if (wait === 0) repairs.wrote(target, content);
  return wait;
}

describe('how often a target is put right', () => {
  it('is five times at once, then once a minute, and new content is never held back', async () => {
    const clock = new FakeClock();
    const repairs = new Repairs(clock);
    expect(Array.from({ length: 7 }, () => attempt(repairs))).toEqual([0, 0, 0, 0, 0, 0, 60_000]);
    await clock.advance(20_000);
    expect(attempt(repairs)).toBe(40_000);
    await clock.advance(40_000);
    expect([attempt(repairs), attempt(repairs)]).toEqual([0, 60_000]);
    expect(attempt(repairs, 'v2')).toBe(0);
    expect(attempt(repairs, 'v1', 'team/other')).toBe(0);
    await clock.advance(3_600_000);
    expect(Array.from({ length: 6 }, () => attempt(repairs, 'v2'))).toEqual([0, 0, 0, 0, 0, 60_000]);
  });

  it('does not count what was not written', () => {
    const repairs = new Repairs(new FakeClock());
    expect(Array.from({ length: 20 }, () => repairs.waitMs('team/app', 'v1')).every((wait) => wait === 0)).toBe(true);
  });

  it('is remembered of the targets that were written last, and of no more', () => {
    const repairs = new Repairs(new FakeClock());
    for (let round = 0; round < 7; round += 1) repairs.wrote('team/first', 'v1');
    expect(repairs.waitMs('team/first', 'v1')).toBeGreaterThan(0);
    for (let index = 0; index < 2_000; index += 1) repairs.wrote(`team/${index}`, 'v1');
    expect(repairs.waitMs('team/first', 'v1')).toBe(0);
  });
});
