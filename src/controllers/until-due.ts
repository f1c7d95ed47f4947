import type { World } from './world.ts';

const SOONEST_MS = 1000;
/** By a clock that nobody trusts it is not done, so asking again and again is of no use; its end is noticed anyhow. */
const UNTRUSTED_AGAIN_MS = 60_000;

/** Milliseconds after which something is to be looked at again that is done by time. */
export function untilDue({ clock, clockGuard }: Pick<World, 'clock' | 'clockGuard'>, due: Date): number {
  return Math.max(clockGuard.trusted() ? SOONEST_MS : UNTRUSTED_AGAIN_MS, due.getTime() - clock.now().getTime());
}
