import { describe, expect, it } from '@jest/globals';
import { Semaphore } from '../../../src/runtime/semaphore.ts';

/** Lets all promise reactions run that are due. */
const settle = () => new Promise((resolve) => void setImmediate(resolve));

describe('a semaphore for two', () => {
  it('never runs a third task, and runs the waiting ones in the order they came', async () => {
    const semaphore = new Semaphore(2);
    const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
    const started: number[] = [];
    const tasks = gates.map((gate, index) => semaphore.run(async () => {
      started.push(index);
      await gate.promise;
      return index;
    }));
    await settle();
    expect(started).toEqual([0, 1]);
    gates[1]?.resolve();
    await settle();
    expect(started).toEqual([0, 1, 2]);
    for (const gate of gates) gate.resolve();
    expect(await Promise.all(tasks)).toEqual([0, 1, 2, 3, 4]);
    expect(started).toEqual([0, 1, 2, 3, 4]);
  });

  it('frees the place of a task that fails', async () => {
    const semaphore = new Semaphore(1);
    await expect(semaphore.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await semaphore.run(() => Promise.resolve('next'))).toBe('next');
  });

  it('forgets a waiting task that is aborted, and loses no place by it', async () => {
    const semaphore = new Semaphore(1);
    const gate = Promise.withResolvers<void>();
    const abort = new AbortController();
    const first = semaphore.run(() => gate.promise);
    let ran = false;
    const second = semaphore.run(async () => { ran = true; }, abort.signal);
    const third = semaphore.run(() => Promise.resolve('third'));
    abort.abort(new Error('stopped'));
    await expect(second).rejects.toThrow('stopped');
    gate.resolve();
    await first;
    expect(await third).toBe('third');
    expect(ran).toBe(false);
    // An abort after the turn has come changes nothing.
    abort.abort();
    expect(await semaphore.run(() => Promise.resolve('fourth'))).toBe('fourth');
  });

  it('does not begin at all when the signal is aborted already', async () => {
    await expect(new Semaphore(1).run(() => Promise.resolve('ran'), AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
  });

  it('makes no sense for none', () => {
    expect(() => new Semaphore(0)).toThrow(RangeError);
  });
});
