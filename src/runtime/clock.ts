/** Time as an argument: nothing outside this folder asks the machine what time it is. */

/** A timer that has not fired yet. */
export interface Timer {
  /** Stops the timer; calling it after it fired does nothing. */
  cancel(): void;
}

export interface Clock {
  /** Wall-clock time. May jump in either direction (decisions 14). */
  now(): Date;
  /** Milliseconds from an arbitrary start that never jump: the only measure for durations and deadlines. */
  monotonic(): number;
  /** Calls `run` once after `delayMs` of monotonic time; longer delays than a native timer can hold are allowed. */
  after(delayMs: number, run: () => void): Timer;
}

const LONGEST_NATIVE_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    const due = performance.now() + delayMs;
    let handle: NodeJS.Timeout;
    const arm = (): void => {
      const left = Math.max(0, due - performance.now());
      handle = setTimeout(() => (left > LONGEST_NATIVE_TIMER_MS ? arm() : run()), Math.min(left, LONGEST_NATIVE_TIMER_MS));
    };
    arm();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Resolves when the network, timers and everything else that waits for the event loop have had their turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
