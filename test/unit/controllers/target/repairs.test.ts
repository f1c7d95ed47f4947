import { describe, expect, it } from '@jest/globals';
import { REPAIR_WAIT_MS, Repairs } from '../../../../src/controllers/target/repairs.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

describe('how often a target is put right', () => {
  it('is five times at once, then once a minute, and new content is never held back', async () => {
    const clock = new FakeClock();
    const repairs = new Repairs(clock);
    const tries = (times: number, content = 'v1'): boolean[] => Array.from({ length: times }, () => repairs.allows('team/app', content));
    expect(tries(7)).toEqual([true, true, true, true, true, true, false]);
    await clock.advance(REPAIR_WAIT_MS);
    expect(tries(2)).toEqual([true, false]);
    expect(tries(1, 'v2')).toEqual([true]);
    expect(repairs.allows('team/other', 'v1')).toBe(true);
  });

  it('is remembered of the targets that were written last', () => {
    const repairs = new Repairs(new FakeClock());
    for (let index = 0; index < 5_000; index += 1) repairs.allows(`team/${index}`, 'v1');
    expect(Array.from({ length: 7 }, () => repairs.allows('team/4999', 'v1')).filter(Boolean)).toHaveLength(5);
  });
});
