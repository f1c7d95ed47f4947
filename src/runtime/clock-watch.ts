import { sleep, type Clock } from './clock.ts';
import type { ClockGuard } from './clock-guard.ts';

const LOOK_EVERY_MS = 10_000;
/** Clocks are always adjusted a little; nobody's timers mind. */
const JUMP_MS = 60_000;

/**
 * Calls `changed` when the wall clock was moved, or when it stops or begins to agree with the server's. Timers run on
 * monotonic time and learn of neither: not even of the weeks that a suspended machine has slept through. Looks until
 * `signal` is aborted; never rejects.
 */
export async function watchClock(clock: Clock, guard: ClockGuard, changed: () => void, signal: AbortSignal): Promise<void> {
  /** What the wall clock shows when the monotonic one shows zero. */
  const origin = (): number => clock.now().getTime() - clock.monotonic();
  let before = { origin: origin(), trusted: guard.trusted() };
  while (!signal.aborted) {
    await sleep(clock, LOOK_EVERY_MS, signal).catch(() => {});
    const now = { origin: origin(), trusted: guard.trusted() };
    // A slow drift never adds up to a jump: it is compared with the last look.
    const moved = Math.abs(now.origin - before.origin) > JUMP_MS || now.trusted !== before.trusted;
    before = now;
    if (moved && !signal.aborted) changed();
  }
}
