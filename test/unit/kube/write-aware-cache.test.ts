import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Cache } from '../../../src/kube/cache.ts';
import type { ConfigMap } from '../../../src/kube/kinds.ts';
import { WriteAwareCache } from '../../../src/kube/write-aware-cache.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function object(resourceVersion: string, uid = 'uid'): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'n', uid, resourceVersion, creationTimestamp: '' } };
}

const same = (written: ConfigMap): ConfigMap => written;
const KEY = 'n/a';
const ALL = { prefix: '', initial: false };

let clock: FakeClock;
let told: string[];
let store: WriteAwareCache<ConfigMap>;
beforeEach(() => {
  clock = new FakeClock();
  told = [];
  store = new WriteAwareCache(new Cache<ConfigMap>({}), clock, (change) => told.push(`${change.type} ${change.object?.metadata.resourceVersion ?? ''}`.trim()));
});

const shown = (): string | undefined => store.cache.get(KEY)?.metadata.resourceVersion;
const write = (resourceVersion: string, meanwhile: () => void = () => undefined): Promise<ConfigMap> =>
  store.write(
    KEY,
    async () => {
      meanwhile();
      return object(resourceVersion);
    },
    same,
  );
const event = (resourceVersion: string): void => store.apply(KEY, object(resourceVersion), resourceVersion, false);

describe('own writes', () => {
  it('are seen at once, and told once', async () => {
    event('1');
    await write('3');
    expect(shown()).toBe('3');
    event('3');
    expect(told).toEqual(['added 1', 'updated 3']);
  });

  it('do not vanish when the watch is behind', async () => {
    event('1');
    await write('3');
    event('2');
    expect(shown()).toBe('3');
    event('3');
    event('4');
    expect(shown()).toBe('4');
    expect(clock.timers).toBe(0);
  });

  it('do not bring an older state back when the watch was faster than the answer', async () => {
    event('1');
    await write('2', () => {
      event('2');
      event('3');
    });
    expect(shown()).toBe('3');
    event('4');
    expect(shown()).toBe('4');
  });

  it('survive the events of the object that was there before a delete and create', async () => {
    event('1');
    await store.write(KEY, async () => object('5', 'new'), same);
    store.apply(KEY, undefined, '3', false);
    expect(store.cache.get(KEY)?.metadata.uid).toBe('new');
    store.apply(KEY, object('5', 'new'), '5', false);
    store.apply(KEY, undefined, '6', false);
    expect(shown()).toBeUndefined();
  });

  it('one after the other are older than the last one until that shows up', async () => {
    await write('2');
    await write('3');
    event('2');
    expect(shown()).toBe('3');
    event('3');
    event('5');
    expect(shown()).toBe('5');
  });

  it('are told as own, and somebody else\'s write that they cover up is told when the watch shows it', async () => {
    const changes: string[] = [];
    store = new WriteAwareCache(new Cache<ConfigMap>({}), clock, ({ type, previous, object: now, own }) => {
      changes.push(`${type} ${previous?.metadata.resourceVersion ?? '-'}>${now?.metadata.resourceVersion ?? '-'} ${own ? 'own' : 'foreign'}`);
    });
    event('1');
    await write('3');
    event('2');
    expect(changes).toEqual(['added ->1 foreign', 'updated 1>3 own']);
    event('3');
    expect(changes.slice(2)).toEqual(['updated 1>3 foreign']);
    await write('4');
    await write('5');
    event('4');
    event('5');
    expect(changes.slice(3)).toEqual(['updated 3>4 own', 'updated 4>5 own']);
  });

  it('leave nothing behind when they fail or write nothing', async () => {
    event('1');
    await expect(store.write(KEY, () => Promise.reject(new Error('409')), same)).rejects.toThrow('409');
    await store.write(KEY, async () => undefined, same);
    event('2');
    expect(shown()).toBe('2');
  });
});

describe('a new list', () => {
  it('that was begun after the answer is right, and removes what is gone', async () => {
    await write('3');
    const begun = store.begin();
    store.replace([object('7')], begun, ALL);
    expect(shown()).toBe('7');
    store.replace([], store.begin(), ALL);
    expect(shown()).toBeUndefined();
  });

  it('tells of everything again that happened while nobody watched', async () => {
    event('1');
    await write('3');
    told.length = 0;
    store.replace([object('3')], store.begin(), ALL);
    expect(told).toEqual(['updated 3']);
  });

  it('that was begun before the answer may be older: it waits, but not for ever', async () => {
    event('1');
    const begun = store.begin();
    await write('3');
    store.replace([object('1')], begun, ALL);
    expect(shown()).toBe('3');
    event('3');
    await clock.advance(20_000);
    expect(shown()).toBe('3');
  });

  it('that was begun before the answer may be newer: it comes into force after ten seconds', async () => {
    event('1');
    const begun = store.begin();
    await write('3');
    store.replace([object('9')], begun, ALL);
    expect(shown()).toBe('3');
    await clock.advance(10_000);
    expect(shown()).toBe('9');
  });

  it('that came while the write was under way may skip it', async () => {
    event('1');
    await write('3', () => store.replace([object('9')], store.begin(), ALL));
    expect(shown()).toBe('3');
    await clock.advance(10_000);
    expect(shown()).toBe('9');
  });

  it('without an object that was just created does not remove it', async () => {
    const begun = store.begin();
    await write('3');
    store.replace([], begun, ALL);
    expect(shown()).toBe('3');
    event('3');
    await clock.advance(20_000);
    expect(shown()).toBe('3');
  });
});

/** A server with one object: every write by anybody is a new version, and the watch shows all of them in order, later. */
const step = fc.constantFrom('own write', 'late answer', 'foreign write', 'delete', 'event', 'event', 'list begins', 'list ends');

it('never goes back behind an own write, and ends equal to the server', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const now = new FakeClock();
      /** The newest foreign version of which handlers know: a change that was told as not own and contains it. */
      let known = 0;
      const cached = new WriteAwareCache(new Cache<ConfigMap>({}), now, (change) => {
        known = change.own ? known : Math.max(known, Number(change.object?.metadata.resourceVersion ?? 0));
      });
      let foreign = 0;
      const log: Array<ConfigMap | undefined> = [undefined];
      let delivered = 0;
      let answer: (() => Promise<void>) | undefined;
      let list: { at: number; begun: ReturnType<typeof cached.begin> } | undefined;
      /** The version that a reader must see at least, as long as the watch is not cut by a list. */
      let least = 0;
      const deliver = (): void => {
        delivered += 1;
        cached.apply(KEY, log[delivered], String(delivered), false);
      };
      const seen = (): number => Number(cached.cache.get(KEY)?.metadata.resourceVersion ?? Infinity);
      const ownWrite = async (late: boolean): Promise<void> => {
        let resolve: (value: ConfigMap) => void = () => undefined;
        const response = new Promise<ConfigMap>((done) => {
          resolve = done;
        });
        const finished = cached.write(KEY, () => response, same);
        log.push(object(String(log.length)));
        const version = log.length - 1;
        const end = async (): Promise<void> => {
          resolve(object(String(version)));
          await finished;
          least = Math.max(least, version);
        };
        if (late) {
          answer = end;
        } else {
          await end();
        }
      };
      for (const next of steps) {
        if (next === 'own write' && answer === undefined) {
          await ownWrite(false);
        } else if (next === 'late answer') {
          await (answer === undefined ? ownWrite(true) : answer().then(() => (answer = undefined)));
        } else if (next === 'foreign write') {
          log.push(object(String(log.length)));
          foreign = log.length - 1;
        } else if (next === 'delete') {
          log.push(undefined);
        } else if (next === 'event' && delivered < log.length - 1 && list === undefined) {
          deliver();
        } else if (next === 'list begins') {
          list = { at: log.length - 1, begun: cached.begin() };
        } else if (next === 'list ends' && list !== undefined) {
          const current = log[list.at];
          cached.replace(current === undefined ? [] : [current], list.begun, ALL);
          delivered = list.at;
          list = undefined;
        }
        expect(seen()).toBeGreaterThanOrEqual(least);
      }
      await answer?.();
      if (list !== undefined) {
        cached.replace(log[list.at] === undefined ? [] : [object(String(list.at))], list.begun, ALL);
        delivered = list.at;
      }
      while (delivered < log.length - 1) {
        deliver();
      }
      await now.advance(10_000);
      expect(cached.cache.get(KEY)?.metadata.resourceVersion).toBe(log.at(-1)?.metadata.resourceVersion);
      expect(now.timers).toBe(0);
      // A foreign write that was deleted right afterwards needs not be told; one that lasts must be.
      expect(log.slice(foreign).includes(undefined) || known >= foreign).toBe(true);
    }),
    { numRuns: 1000 },
  );
});
