import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decideRestart, REST_MS, restartAnnotation, type RestartFacts } from '../../../../src/controllers/target/restart.ts';
import type { Workload } from '../../../../src/kube/kinds.ts';

const annotation = restartAnnotation({ namespace: 'team', name: 'app' });
const now = new Date('2026-06-01T12:00:00.500Z');
const created = '2026-05-01T00:00:00Z';

function workload(onPods: Readonly<Record<string, string>> = {}, onItself: Readonly<Record<string, string>> = { 'keystead.dev/restart-on': 'app' }, creationTimestamp = created): Workload {
  return {
    apiVersion: 'apps/v1', kind: 'Deployment',
    metadata: { namespace: 'team', name: 'web', uid: 'u', resourceVersion: '1', creationTimestamp, annotations: onItself },
    spec: { template: { metadata: { annotations: onPods }, spec: {} } },
  };
}

function decide(of: Workload, more: Partial<RestartFacts> = {}): string {
  return decideRestart(of, { secret: 'app', annotation, hash: 'new', changedAt: '2026-06-01T11:00:00.000Z', now, ...more }).do;
}

describe('whether a workload is rolled', () => {
  it.each<[string, Workload, Partial<RestartFacts>, string]>([
    ['it runs with other values', workload({ [annotation]: 'old' }), {}, 'roll'],
    ['it runs with these values', workload({ [annotation]: 'new' }), {}, 'none'],
    ['it was never rolled, and the values changed since it was made', workload(), {}, 'roll'],
    ['it was never rolled, and the values never changed', workload(), { changedAt: undefined }, 'none'],
    ['it was made after the last change', workload({}, undefined, '2026-06-01T11:30:00Z'), {}, 'none'],
    ['it was rolled a minute ago, for whichever Secret', workload({ [annotation]: 'old', 'keystead.dev/restarted-at': '2026-06-01T11:59:00.000Z' }), {}, 'wait'],
    ['it was rolled five minutes ago', workload({ [annotation]: 'old', 'keystead.dev/restarted-at': '2026-06-01T11:55:00.000Z' }), {}, 'roll'],
    ['it was rolled by a clock that ran ahead', workload({ [annotation]: 'old', 'keystead.dev/restarted-at': '2027-06-01T00:00:00.000Z' }), {}, 'roll'],
    ['its time makes no sense', workload({ [annotation]: 'old', 'keystead.dev/restarted-at': 'yesterday' }), {}, 'roll'],
    ['it did not ask for it', workload({ [annotation]: 'old' }, {}), {}, 'refuse'],
    ['it asked for another Secret', workload({ [annotation]: 'old' }, { 'keystead.dev/restart-on': 'app-2,apps' }), {}, 'refuse'],
    ['it asked for several', workload({ [annotation]: 'old' }, { 'keystead.dev/restart-on': 'db, app' }), {}, 'roll'],
  ])('%s', (_what, of, more, expected) => {
    expect(decide(of, more)).toBe(expected);
  });

  it('uses an annotation for each target that fits whatever its name is', () => {
    expect(restartAnnotation({ namespace: 'a', name: 'b' })).not.toBe(restartAnnotation({ namespace: 'b', name: 'a' }));
    expect(restartAnnotation({ namespace: 'n'.repeat(63), name: 's'.repeat(253) })).toMatch(/^keystead\.dev\/restart-[0-9a-f]{16}$/);
  });

  it('never rolls more often than every five minutes, always ends at the last values, and never without a change (1,000 schedules)', () => {
    const step = fc.record({ afterMs: fc.integer({ min: 0, max: 10 * 60_000 }), event: fc.constantFrom('change' as const, 'look' as const, 'operatorStarts' as const, 'changeBack' as const) });
    fc.assert(fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      let time = now.getTime();
      let pods: Record<string, string> = {};
      let value = 0;
      let changedAt: string | undefined;
      const rolls: { at: number; value: number }[] = [];
      const look = (): void => {
        const decision = decideRestart(workload(pods), { secret: 'app', annotation, hash: `hash-${value}`, changedAt, now: new Date(time) });
        if (decision.do !== 'roll') return;
        pods = { [annotation]: `hash-${value}`, 'keystead.dev/restarted-at': new Date(time).toISOString() };
        rolls.push({ at: time, value });
      };
      for (const { afterMs, event } of steps) {
        time += afterMs;
        if (event === 'change') value += 1;
        if (event === 'changeBack') value = Math.max(0, value - 1);
        if (event === 'change' || event === 'changeBack') changedAt = new Date(time).toISOString();
        look();
      }
      time += REST_MS;
      look();
      const count = rolls.length;
      time += REST_MS;
      look();
      expect(rolls).toHaveLength(count);
      expect(rolls.every(({ at }, index) => index === 0 || at - (rolls[index - 1]?.at ?? 0) >= REST_MS)).toBe(true);
      expect(changedAt === undefined ? count : rolls.at(-1)?.value).toBe(changedAt === undefined ? 0 : value);
    }), { numRuns: 1_000 });
  });
});
