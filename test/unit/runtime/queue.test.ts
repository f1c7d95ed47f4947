import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { priority, WorkQueue, type QueueMetrics, type WorkItem } from '../../../src/runtime/queue.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

const noChance = { bytes: (length: number) => Buffer.alloc(length), fraction: () => 0 };

function build(metrics?: QueueMetrics): { clock: FakeClock; queue: WorkQueue } {
  const clock = new FakeClock();
  const options = { clock, random: noChance, backoff: { baseMs: 1_000, maxMs: 60_000 }, bucket: { perSecond: 10, burst: 100 } };
  return { clock, queue: new WorkQueue(metrics === undefined ? options : { ...options, metrics }) };
}

/** What the next `get` gives right now, or undefined if it would have to wait. */
async function take(queue: WorkQueue): Promise<string | undefined> {
  return queue.depth === 0 ? undefined : (await queue.get())?.key;
}

describe('the work queue', () => {
  it('has a key once, however often it is added', async () => {
    const { queue } = build();
    queue.add('a');
    queue.add('a');
    expect(queue.depth).toBe(1);
    expect(await take(queue)).toBe('a');
    expect(await take(queue)).toBeUndefined();
  });

  it('never gives a key to two workers, and gives it again when it was added meanwhile', async () => {
    const { queue } = build();
    queue.add('a');
    await queue.get();
    queue.add('a');
    queue.add('a');
    expect(queue.depth).toBe(0);
    queue.done('a');
    expect(await take(queue)).toBe('a');
    queue.done('a');
    expect(queue.depth).toBe(0);
  });

  it('is first in, first out among equals, and puts changes before routine work', async () => {
    const { queue } = build();
    for (const key of ['r1', 'r2']) {
      queue.add(key, priority.routine);
    }
    for (const key of ['c1', 'c2']) {
      queue.add(key);
    }
    expect([await take(queue), await take(queue), await take(queue), await take(queue)]).toEqual(['c1', 'c2', 'r1', 'r2']);
  });

  it('raises a waiting key to the higher priority, never lowers it', async () => {
    const { queue } = build();
    queue.add('a', priority.routine);
    queue.add('b', priority.routine);
    queue.add('b', priority.change);
    queue.add('b', priority.routine);
    expect(await queue.get()).toEqual({ key: 'b', priority: priority.change });
    expect(await queue.get()).toEqual({ key: 'a', priority: priority.routine });
  });

  it('lets a new object overtake ten thousand queued refreshes', async () => {
    const { queue } = build();
    for (let index = 0; index < 10_000; index += 1) {
      queue.add(`refresh-${index}`, priority.routine);
    }
    queue.add('new');
    expect(await take(queue)).toBe('new');
  });

  it('keeps the earliest of several delays, and drops the delay when the key is added now', async () => {
    const { clock, queue } = build();
    queue.addAfter('a', 5_000);
    queue.addAfter('a', 1_000);
    queue.addAfter('a', 9_000);
    await clock.advance(999);
    expect(queue.depth).toBe(0);
    await clock.advance(1);
    expect(await take(queue)).toBe('a');
    queue.done('a');
    queue.addAfter('a', 3_000);
    queue.add('a');
    expect(await take(queue)).toBe('a');
    queue.done('a');
    await clock.advance(10_000);
    expect(queue.depth).toBe(0);
  });

  it('holds a delayed key back while it runs', async () => {
    const { clock, queue } = build();
    queue.add('a');
    await queue.get();
    queue.addAfter('a', 1_000);
    await clock.advance(2_000);
    expect(queue.depth).toBe(0);
    queue.done('a');
    expect(await take(queue)).toBe('a');
  });

  it('doubles the delay with each failure up to the longest, and starts anew after forget', async () => {
    const { queue } = build();
    const delays: number[] = [];
    const clock = new FakeClock();
    const slow = new WorkQueue({ clock, random: noChance, backoff: { baseMs: 1_000, maxMs: 5_000 } });
    for (let round = 0; round < 5; round += 1) {
      const before = clock.monotonic();
      slow.addRateLimited('a');
      const next = slow.get();
      while (slow.delayed > 0) {
        await clock.advance(100);
      }
      await next;
      slow.done('a');
      delays.push(clock.monotonic() - before);
    }
    expect(delays).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
    expect(slow.failures('a')).toBe(5);
    slow.forget('a');
    expect(slow.failures('a')).toBe(0);
    expect(queue.failures('a')).toBe(0);
  });

  it('spreads failures of many keys by the common bucket', async () => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock, random: noChance, backoff: { baseMs: 1, maxMs: 1 }, bucket: { perSecond: 10, burst: 5 } });
    for (let index = 0; index < 15; index += 1) {
      queue.addRateLimited(String(index));
    }
    await clock.advance(1);
    expect(queue.depth).toBe(5);
    await clock.advance(1_000);
    expect(queue.depth).toBe(15);
  });

  it('sends waiting workers home at shutdown, refuses adds, and drains what runs', async () => {
    const { clock, queue } = build();
    queue.add('a');
    await queue.get();
    const idle = queue.get();
    queue.add('b-after', priority.change);
    expect((await idle)?.key).toBe('b-after');
    queue.addAfter('later', 1_000);
    let drained = false;
    const drain = queue.shutDownWithDrain().then(() => (drained = true));
    queue.add('c');
    expect(await queue.get()).toBeUndefined();
    queue.done('a');
    await settle();
    expect(drained).toBe(false);
    queue.done('b-after');
    await drain;
    await clock.advance(10_000);
    expect(queue.depth + queue.delayed + clock.timers).toBe(0);
  });

  it('tells how long keys waited and ran', async () => {
    const told: Array<[string, number]> = [];
    const { clock, queue } = build({
      added: () => told.push(['added', 0]),
      retried: () => told.push(['retried', 0]),
      started: (ms) => told.push(['started', ms]),
      finished: (ms) => told.push(['finished', ms]),
    });
    queue.add('a');
    await clock.advance(30);
    await queue.get();
    await clock.advance(70);
    expect(queue.unfinished()).toEqual({ totalMs: 70, longestMs: 70 });
    queue.done('a');
    queue.addRateLimited('a');
    expect(told).toEqual([['added', 0], ['started', 30], ['finished', 70], ['retried', 0]]);
  });
});

/** The queue's contract, written as simply as possible: a map of keys, scanned whole for each question. */
class Model {
  now = 0;
  #order = 0;
  readonly waiting = new Map<string, { priority: number; due: number; ready: number | undefined }>();
  readonly running = new Set<string>();

  add(key: string, delay: number, level: number): void {
    const known = this.waiting.get(key) ?? { priority: level, due: Infinity, ready: undefined };
    this.waiting.set(key, { priority: Math.max(known.priority, level), due: Math.min(known.due, this.now + delay), ready: known.ready });
    this.tick(0);
  }

  tick(ms: number): void {
    const end = this.now + ms;
    const due = [...this.waiting].filter(([, entry]) => entry.ready === undefined && entry.due <= end).toSorted(([, a], [, b]) => a.due - b.due);
    for (const [key, entry] of due) {
      if (!this.running.has(key)) {
        entry.ready = this.#order += 1;
      }
    }
    this.now = end;
  }

  done(key: string): void {
    this.running.delete(key);
    this.tick(0);
  }

  /** All keys that could rightly be next: among equal due times of delayed keys any order is right. */
  take(key: string): boolean {
    const ready = [...this.waiting].filter(([, entry]) => entry.ready !== undefined);
    const highest = Math.max(...ready.map(([, entry]) => entry.priority));
    const first = ready.filter(([, entry]) => entry.priority === highest);
    const right = first.some(([candidate]) => candidate === key) && !this.running.has(key);
    this.waiting.delete(key);
    this.running.add(key);
    return right;
  }

  get depth(): number {
    return [...this.waiting.values()].filter((entry) => entry.ready !== undefined).length;
  }
}

const step = fc.oneof(
  fc.record({ do: fc.constant('add' as const), key: fc.constantFrom('a', 'b', 'c', 'd'), delay: fc.constantFrom(0, 0, 5, 20), level: fc.constantFrom(0, 100) }),
  fc.record({ do: fc.constant('take' as const) }),
  fc.record({ do: fc.constant('done' as const), pick: fc.nat(3) }),
  fc.record({ do: fc.constant('tick' as const), ms: fc.constantFrom(1, 5, 20) }),
);

it('does what the model does, whatever comes in whatever order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { clock, queue } = build();
      const model = new Model();
      const taken: WorkItem[] = [];
      let right = true;
      for (const next of steps) {
        if (next.do === 'add') {
          queue.addAfter(next.key, next.delay, next.level);
          model.add(next.key, next.delay, next.level);
        } else if (next.do === 'tick') {
          await clock.advance(next.ms);
          model.tick(next.ms);
        } else if (next.do === 'take' && queue.depth > 0) {
          const item = await queue.get();
          taken.push(item ?? { key: 'nothing', priority: 0 });
          right &&= model.take(item?.key ?? 'nothing');
        } else if (next.do === 'done' && taken.length > 0) {
          const [item] = taken.splice(next.pick % taken.length, 1);
          queue.done(item?.key ?? '');
          model.done(item?.key ?? '');
        }
        expect({ right, depth: queue.depth }).toEqual({ right: true, depth: model.depth });
      }
    }),
    { numRuns: 200 },
  );
});
