import { expect, it } from '@jest/globals';
import { ClockGuard } from '../../../src/runtime/clock-guard.ts';
import { watchClock } from '../../../src/runtime/clock-watch.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const MINUTE = 60_000;

async function watched() {
  const clock = new FakeClock();
  const server = { offsetMs: 0 };
  const guard = new ClockGuard(clock, () => ({ date: new Date(clock.now().getTime() + server.offsetMs), atMonotonic: clock.monotonic() }));
  const told: boolean[] = [];
  const stop = new AbortController();
  const watch = watchClock(clock, guard, () => void told.push(guard.trusted()), stop.signal);
  return { clock, server, guard, told, end: async (): Promise<void> => { stop.abort(); await watch; } };
}

it('tells of nothing while time only passes, and of small corrections neither', async () => {
  const { clock, told, end } = await watched();
  for (let n = 0; n < 100; n += 1) {
    clock.jump(2_000);
    await clock.advance(MINUTE);
  }
  expect(told).toEqual([]);
  await end();
});

it.each([365 * 24 * 60 * MINUTE, -365 * 24 * 60 * MINUTE, 2 * MINUTE])('tells once of a jump by %d ms, and once when it is taken back', async (jump) => {
  const { clock, told, end } = await watched();
  clock.jump(jump);
  await clock.advance(10 * MINUTE);
  expect(told).toEqual([true]);
  clock.jump(-jump);
  await clock.advance(10 * MINUTE);
  expect(told).toEqual([true, true]);
  await end();
});

it('tells when the clocks stop and when they begin to agree, whoever moved', async () => {
  const { clock, server, told, end } = await watched();
  server.offsetMs = 10 * MINUTE;
  await clock.advance(10 * MINUTE);
  server.offsetMs = 0;
  await clock.advance(10 * MINUTE);
  expect(told).toEqual([false, true]);
  await end();
});

it('counts what is kept from the later of both clocks', async () => {
  const { clock, server, guard, end } = await watched();
  server.offsetMs = -MINUTE;
  expect(guard.latest()).toEqual(clock.now());
  server.offsetMs = MINUTE;
  expect(guard.latest().getTime()).toBe(clock.now().getTime() + MINUTE);
  await end();
});
