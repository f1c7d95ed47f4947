import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { issuesAnHour, nextAllowedIssue, withIssue, type RecentIssues } from '../../../../src/controllers/vault-certificate/issue-limit.ts';
import { nextAttempt } from '../../../../src/controllers/vault-certificate/retries.ts';

const start = new Date('2026-01-01T00:00:00Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const later = (ms: number): Date => new Date(start.getTime() + ms);

describe('a failed attempt', () => {
  it.each([[1, 1], [2, 10], [3, 100], [4, 1440], [5, 1440], [99, 1440]])('number %i is tried again after %i minutes, and at most a tenth later', (failures, minutes) => {
    expect(nextAttempt(failures, start, 0)).toEqual(later(minutes * MINUTE));
    const latest = nextAttempt(failures, start, 0.999_999).getTime();
    expect(latest).toBeLessThanOrEqual(start.getTime() + minutes * MINUTE * 1.1);
    expect(latest).toBeGreaterThan(start.getTime() + minutes * MINUTE * 1.09);
  });
});

describe('the limit on issues in an hour', () => {
  it.each([
    ['2160h', {}, 3],
    ['24h', {}, 3],
    ['1h', {}, 5],
    ['10s', {}, 963],
    ['1h', { renewBeforePercentage: 1 }, 4],
    // At most 19 of 20 parts of the lifetime are left at renewal, whatever is asked for.
    ['1h', { renewBefore: '59m59s' }, 23],
  ])('of a certificate for %s is 3 and the renewals that are planned', (duration, fields, expected) => {
    expect(issuesAnHour({ duration, renewBefore: undefined, renewBeforePercentage: undefined, ...fields })).toBe(expected);
  });

  it('says when the next one may be issued', () => {
    const recent = [0, 10, 20].reduce<RecentIssues>((issues, minute) => withIssue(issues, later(minute * MINUTE)), []);
    expect(nextAllowedIssue(recent, 3, later(30 * MINUTE))).toEqual(later(HOUR));
    expect(nextAllowedIssue(recent, 3, later(HOUR))).toBeUndefined();
    expect(nextAllowedIssue(recent, 4, later(30 * MINUTE))).toBeUndefined();
    expect(nextAllowedIssue([], 3, start)).toBeUndefined();
  });

  it('is never exceeded within any hour, whatever happens', () => {
    // Somebody makes the controller want to issue at any moment, again and again.
    const anyWaits = fc.array(fc.integer({ min: 0, max: 40 * MINUTE }), { minLength: 20, maxLength: 200 });
    fc.assert(fc.property(anyWaits, fc.integer({ min: 3, max: 20 }), (waits, limit) => {
      let recent: RecentIssues = [];
      let now = start.getTime();
      const issued: number[] = [];
      for (const wait of waits) {
        now += wait;
        if (nextAllowedIssue(recent, limit, new Date(now)) !== undefined) continue;
        recent = withIssue(recent, new Date(now));
        issued.push(now);
      }
      for (const at of issued) {
        expect(issued.filter((other) => other >= at && other < at + HOUR).length).toBeLessThanOrEqual(limit);
      }
    }));
  });

  it('opens again at the instant that was said', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: HOUR - 1 }), { minLength: 1, maxLength: 50 }), fc.integer({ min: 1, max: 10 }), (moments, limit) => {
      const recent = moments.toSorted((a, b) => a - b).reduce<RecentIssues>((issues, ms) => withIssue(issues, later(ms)), []);
      const until = nextAllowedIssue(recent, limit, later(HOUR - 1));
      expect(nextAllowedIssue(recent, limit, until ?? later(HOUR - 1))).toBeUndefined();
    }));
  });

  it('holds when the clock is set back, and not for a year when it was a year ahead', () => {
    const recent = [0, 1, 2].reduce<RecentIssues>((issues, minute) => withIssue(issues, later(minute * 5 * MINUTE)), []);
    expect(nextAllowedIssue(recent, 3, later(-30 * MINUTE))).toEqual(later(HOUR));
    const aYearAhead = withIssue(withIssue(withIssue([], later(8760 * HOUR)), later(8760 * HOUR)), later(8760 * HOUR));
    expect(nextAllowedIssue(aYearAhead, 3, start)).toBeUndefined();
  });

  it('keeps a list that stays short, even for certificates of seconds', () => {
    let recent: RecentIssues = [];
    for (let second = 0; second < 2 * 3600; second += 4) recent = withIssue(recent, later(second * 1000));
    expect(recent.length).toBeLessThanOrEqual(61);
    expect(recent.reduce((sum, entry) => sum + entry.count, 0)).toBeGreaterThanOrEqual(899);
  });
});
