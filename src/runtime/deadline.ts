import type { Clock } from './clock.ts';

/** Why a signal of `withTimeout` was aborted. */
export class TimedOut extends Error {
  override readonly name = 'TimedOut';

  constructor(ms: number) {
    super(`Not done within ${ms} ms`);
  }
}

/**
 * Runs something with a signal that is aborted after `ms` (reason: TimedOut) or with `parent` (its reason). Waits for
 * `run` in any case: whatever ignores its signal keeps its caller waiting, so that it never runs on unseen.
 */
export async function withTimeout<T>(clock: Clock, ms: number, parent: AbortSignal | undefined, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const timer = clock.after(ms, () => controller.abort(new TimedOut(ms)));
  const onAbort = (): void => controller.abort(parent?.reason);
  // Not AbortSignal.any: parents live as long as the process, and listeners must not pile up on them.
  parent?.addEventListener('abort', onAbort, { once: true });
  if (parent?.aborted === true) {
    onAbort();
  }
  try {
    return await run(controller.signal);
  } finally {
    timer.cancel();
    parent?.removeEventListener('abort', onAbort);
  }
}
