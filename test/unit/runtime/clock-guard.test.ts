import { describe, expect, it } from '@jest/globals';
import { ClockGuard, type ServerTime } from '../../../src/runtime/clock-guard.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const MINUTE = 60_000;

function rig(serverAhead = 0) {
  const clock = new FakeClock();
  const server: ServerTime = { date: new Date(clock.now().getTime() + serverAhead), atMonotonic: clock.monotonic() };
  return { clock, guard: new ClockGuard(clock, () => server) };
}

describe('the clock guard', () => {
  it('trusts a clock within five minutes of the server\'s, however long ago the server spoke', async () => {
    const { clock, guard } = rig(4 * MINUTE);
    expect(guard.trusted()).toBe(true);
    await clock.advance(365 * 24 * 60 * MINUTE);
    expect(guard.trusted()).toBe(true);
  });

  it.each([365 * 24 * 60 * MINUTE, -365 * 24 * 60 * MINUTE, 6 * MINUTE])('does not trust a clock that jumped by %d ms', (jump) => {
    const { clock, guard } = rig();
    clock.jump(jump);
    expect(guard.trusted()).toBe(false);
  });

  it('trusts nothing before the server has spoken', () => {
    expect(new ClockGuard(new FakeClock(), () => undefined).trusted()).toBe(false);
  });

  it('lets something irreversible be done only when it was due ten minutes ago as well', async () => {
    const { clock, guard } = rig();
    expect(guard.confirm('purge x')).toBe(10 * MINUTE);
    await clock.advance(4 * MINUTE);
    expect(guard.confirm('purge x')).toBe(6 * MINUTE);
    expect(guard.confirm('purge y')).toBe(10 * MINUTE);
    await clock.advance(6 * MINUTE);
    expect(guard.confirm('purge x')).toBe('now');
    expect(guard.confirm('purge x')).toBe(10 * MINUTE);
  });

  it('begins anew when the clocks disagreed in between, or when it was not due any more', async () => {
    const { clock, guard } = rig();
    guard.confirm('purge x');
    clock.jump(60 * MINUTE);
    expect(guard.confirm('purge x')).toBe(10 * MINUTE);
    clock.jump(-60 * MINUTE);
    await clock.advance(11 * MINUTE);
    expect(guard.confirm('purge x')).toBe(10 * MINUTE);
    guard.forget('purge x');
    await clock.advance(11 * MINUTE);
    expect(guard.confirm('purge x')).toBe(10 * MINUTE);
  });
});
