import { describe, expect, it } from '@jest/globals';
import { KeysteadError } from '../../../src/api/error.ts';
import { ApiError, ConnectionError } from '../../../src/kube/errors.ts';
import { errorFields } from '../../../src/observe/error-fields.ts';
import { Controller, type ControllerMetrics, type ControllerOptions, type Reconcile } from '../../../src/runtime/controller.ts';
import type { Log } from '../../../src/runtime/log.ts';
import { priority, WorkQueue } from '../../../src/runtime/queue.ts';
import { sleep } from '../../../src/runtime/clock.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

class Rig {
  readonly clock = new FakeClock();
  readonly stop = new AbortController();
  readonly abort = new AbortController();
  readonly lines: string[] = [];
  readonly outcomes: string[] = [];
  /** Monotonic times of the calls. */
  readonly calls: number[] = [];
  readonly queue = new WorkQueue({
    clock: this.clock,
    random: { bytes: (length) => Buffer.alloc(length), fraction: () => 0 },
    backoff: { baseMs: 1_000, maxMs: 60_000 },
  });
  readonly running: Promise<void>;

  constructor(reconcile: Reconcile, options: Partial<ControllerOptions> = {}) {
    const log = this.#log();
    const metrics: ControllerMetrics = {
      active: () => undefined,
      reconciled: (outcome) => this.outcomes.push(outcome),
      terminal: () => this.outcomes.push('terminal'),
    };
    const counted: Reconcile = (key, context) => {
      this.calls.push(this.clock.monotonic());
      return reconcile(key, context);
    };
    const controller = new Controller({ name: 'test', reconcile: counted, queue: this.queue, workers: 2, clock: this.clock, log, metrics, errorFields, ...options });
    this.running = controller.run({ stop: this.stop.signal, abort: this.abort.signal, graceMs: 5_000 });
  }

  async end(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  #log(): Log {
    const write = (level: string) => (message: string) => void this.lines.push(`${level} ${message}`);
    const log: Log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error'), with: () => log };
    return log;
  }
}

const conflict = new ApiError(409, { reason: 'Conflict' }, 'PUT /x');

describe('what follows from a result', () => {
  it('looks again when asked to, and forgets failures', async () => {
    let fail = true;
    const rig = new Rig(async () => {
      if (fail) {
        fail = false;
        throw new Error('once');
      }
      return { requeueAfterMs: 7_000 };
    });
    rig.queue.add('a');
    await rig.clock.advance(1_000);
    expect(rig.queue.failures('a')).toBe(0);
    await rig.clock.advance(7_000);
    expect(rig.calls).toEqual([0, 1_000, 8_000]);
    expect(rig.outcomes).toEqual(['error', 'requeue_after', 'requeue_after']);
    await rig.end();
  });

  it('does nothing more when nothing was asked', async () => {
    const rig = new Rig(async () => ({}));
    rig.queue.add('a');
    await rig.clock.advance(1e9);
    expect(rig.outcomes).toEqual(['success']);
    await rig.end();
  });
});

describe('what follows from an error', () => {
  const cases: Array<{ name: string; error: unknown; callsWithinMinute: number[]; outcome: string; level: string }> = [
    { name: 'unknown', error: new Error('x'), callsWithinMinute: [0, 1_000, 3_000, 7_000, 15_000, 31_000], outcome: 'error', level: 'error' },
    { name: 'thrown nonsense', error: 'text', callsWithinMinute: [0, 1_000, 3_000, 7_000, 15_000, 31_000], outcome: 'error', level: 'error' },
    { name: 'retry', error: new KeysteadError('Internal', 'x', 'retry'), callsWithinMinute: [0, 1_000, 3_000, 7_000, 15_000, 31_000], outcome: 'error', level: 'error' },
    { name: 'wait for a watch', error: new KeysteadError('VaultNotFound', 'x', 'wait'), callsWithinMinute: [0], outcome: 'success', level: 'info' },
    {
      name: 'wait for a time',
      error: new KeysteadError('VaultNotReady', 'x', 'wait', { retryAfterMs: 25_000 }),
      callsWithinMinute: [0, 25_000, 50_000],
      outcome: 'requeue_after',
      level: 'info',
    },
    { name: 'stalled', error: new KeysteadError('Conflict', 'x', 'stalled'), callsWithinMinute: [0], outcome: 'terminal', level: 'warn' },
    { name: '429 with Retry-After', error: new ApiError(429, {}, 'PUT /x', 20_000), callsWithinMinute: [0, 20_000, 40_000, 60_000], outcome: 'requeue_after', level: 'info' },
    { name: '500', error: new ApiError(500, {}, 'PUT /x'), callsWithinMinute: [0, 1_000, 3_000, 7_000, 15_000, 31_000], outcome: 'error', level: 'error' },
    { name: 'no answer', error: new ConnectionError('PUT /x', true, new Error('x')), callsWithinMinute: [0, 1_000, 3_000, 7_000, 15_000, 31_000], outcome: 'error', level: 'error' },
  ];
  it.each(cases)('$name', async ({ error, callsWithinMinute, outcome, level }) => {
    const rig = new Rig(() => Promise.reject(error));
    rig.queue.add('a');
    await rig.clock.advance(60_000);
    expect(rig.calls).toEqual(callsWithinMinute);
    expect(rig.outcomes[0]).toBe(outcome);
    expect(rig.lines[0]).toContain(level);
    await rig.end();
  });

  it('looks again quickly after a conflict without calling it an error, but does not spin', async () => {
    const rig = new Rig(() => Promise.reject(conflict));
    rig.queue.add('a');
    await rig.clock.advance(260);
    expect(rig.calls).toEqual([0, 50, 100, 150, 200, 250]);
    expect(new Set(rig.outcomes)).toEqual(new Set(['requeue']));
    expect(rig.lines.every((line) => line.startsWith('debug'))).toBe(true);
    await rig.clock.advance(900);
    expect(rig.calls).toHaveLength(6);
    await rig.end();
  });
});

describe('limits and ends', () => {
  it('aborts a reconcile that takes too long, and tries again', async () => {
    const rig = new Rig((_key, { signal }) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))), {
      timeoutMs: 3_000,
    });
    rig.queue.add('a');
    await rig.clock.advance(4_000);
    expect(rig.calls).toEqual([0, 4_000]);
    rig.abort.abort();
    await rig.running;
  });

  it('lets what runs finish within the grace period, and takes nothing new', async () => {
    const rig = new Rig(async (_key, { signal }) => {
      await sleep(rig.clock, 2_000, signal);
      return {};
    });
    ['a', 'b', 'c'].forEach((key) => rig.queue.add(key));
    await rig.clock.advance(1_000);
    rig.stop.abort();
    await rig.clock.advance(1_000);
    await rig.running;
    expect(rig.calls).toEqual([0, 0]);
    expect(rig.outcomes).toEqual(['success', 'success']);
    expect(rig.clock.timers).toBe(0);
  });

  it('aborts what still runs after the grace period', async () => {
    const rig = new Rig(async (_key, { signal }) => {
      await sleep(rig.clock, 60_000, signal);
      return {};
    });
    rig.queue.add('a');
    await rig.clock.advance(1_000);
    rig.stop.abort();
    await rig.clock.advance(5_000);
    await rig.running;
    expect(rig.clock.monotonic()).toBe(6_000);
  });

  it('aborts everything at once when the leadership is lost', async () => {
    const rig = new Rig(async (_key, { signal }) => {
      await sleep(rig.clock, 60_000, signal);
      return {};
    });
    rig.queue.add('a');
    await settle();
    rig.abort.abort(new Error('lost'));
    await rig.running;
    expect(rig.clock.monotonic()).toBe(0);
    expect(rig.lines).toEqual([]);
  });
});

describe('much work that waits for nothing', () => {
  it('lets the network and timers have their turn, and what is urgent overtake the rest', async () => {
    const order: string[] = [];
    const rig: Rig = new Rig(async (key) => {
      order.push(key);
      rig.clock.freeze(1);
      return {};
    });
    for (let n = 0; n < 1_000; n += 1) {
      rig.queue.add(`routine-${n}`, priority.routine);
    }
    // As an event of a watch comes: when the event loop gets to it.
    setImmediate(() => rig.queue.add('urgent', priority.change));
    while (order.length < 1_001) {
      await settle();
    }
    expect(order.indexOf('urgent')).toBeLessThan(50);
    await rig.end();
  });
});
