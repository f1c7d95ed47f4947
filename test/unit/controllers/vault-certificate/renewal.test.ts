import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { renewalInstant, shortestInterval, spreadOf, type RenewalFields } from '../../../../src/controllers/vault-certificate/renewal.ts';

const notBefore = new Date('2026-01-01T00:00:00Z');
const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;
const lifetime = (ms: number) => ({ notBefore, notAfter: new Date(notBefore.getTime() + ms) });
/** Milliseconds of lifetime that are left when the certificate is renewed at the latest, and at the soonest. */
const left = (ms: number, fields: RenewalFields) =>
  [0, 1].map((fraction) => notBefore.getTime() + ms - renewalInstant(lifetime(ms), fields, fraction).getTime());

const anyFields = fc.oneof(
  fc.constant({}),
  fc.integer({ min: 1, max: 99 }).map((renewBeforePercentage) => ({ renewBeforePercentage })),
  fc.integer({ min: 1, max: 999_999 }).map((seconds) => ({ renewBefore: `${seconds}s` })),
);
const anyLifetime = fc.integer({ min: 1, max: 10 * 365 * 86_400 }).map((seconds) => seconds * SECOND);
const anyFraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('a certificate is renewed', () => {
  it.each([
    ['when a third of its lifetime is left', 90 * DAY, {}, 30 * DAY],
    ['when half is left, if it lives shorter than 10 days', 6 * DAY, {}, 3 * DAY],
    ['when a third is left at exactly 10 days', 9 * DAY + 24 * HOUR, {}, (10 * DAY) / 3],
    ['by renewBefore', 90 * DAY, { renewBefore: '360h' }, 15 * DAY],
    ['by a percentage of the real lifetime', 100 * DAY, { renewBeforePercentage: 20 }, 20 * DAY],
    ['by a short renewBefore of seconds', 10 * SECOND, { renewBefore: '1s' }, SECOND],
  ])('%s, or up to an eighth of the lifetime sooner', (_when, ms, fields, expected) => {
    const [latest, soonest] = left(ms, fields);
    expect(latest).toBeCloseTo(expected, -1);
    expect(soonest).toBeCloseTo(expected + ms / 8, -1);
  });

  it.each([
    ['a renewBefore as long as what the issuer gave', HOUR, { renewBefore: '1h' }],
    ['a renewBefore longer than what the issuer gave', HOUR, { renewBefore: '2160h' }],
    ['99 per cent', HOUR, { renewBeforePercentage: 99 }],
  ])('not at once with %s, but when a tenth of its life has passed, or half of that', (_what, ms, fields) => {
    const [latest, soonest] = left(ms, fields);
    expect(latest).toBeCloseTo(ms * 0.9, -1);
    expect(soonest).toBeCloseTo(ms * 0.95, -1);
  });

  it('inside its lifetime, and never at its beginning, whatever is asked for', () => {
    fc.assert(fc.property(anyLifetime, anyFields, anyFraction, (ms, fields, fraction) => {
      const at = renewalInstant(lifetime(ms), fields, fraction).getTime();
      expect(at).toBeGreaterThan(notBefore.getTime());
      expect(at).toBeLessThan(notBefore.getTime() + ms);
    }));
  });

  it('never sooner than the interval that the limit on issues reckons with', () => {
    fc.assert(fc.property(anyLifetime, anyFields, anyFraction, (ms, fields, fraction) => {
      const at = renewalInstant(lifetime(ms), fields, fraction).getTime();
      expect(at - notBefore.getTime()).toBeGreaterThanOrEqual(Math.floor(shortestInterval(ms, fields)));
    }));
  });
});

describe('renewals of 1,000 certificates issued in one minute', () => {
  const instants = Array.from({ length: 1000 }, (_, index) => renewalInstant(lifetime(90 * DAY), {}, spreadOf('vault', `version-${index}`)).getTime());

  it('are spread over a tenth of the lifetime and more', () => {
    expect(Math.max(...instants) - Math.min(...instants)).toBeGreaterThanOrEqual(9 * DAY);
  });

  it('come evenly: no tenth of the window has more than twice its share', () => {
    const start = Math.min(...instants);
    const width = (Math.max(...instants) - start + 1) / 10;
    const counts = Array.from({ length: 10 }, (_, bin) => instants.filter((at) => Math.floor((at - start) / width) === bin).length);
    expect(Math.max(...counts)).toBeLessThan(200);
    expect(Math.min(...counts)).toBeGreaterThan(50);
  });

  it('stay where they are after a restart', () => {
    expect(instants[7]).toBe(renewalInstant(lifetime(90 * DAY), {}, spreadOf('vault', 'version-7')).getTime());
    // A vector: a later release must not move the renewals of certificates that are there.
    expect(spreadOf('vault', 'version-7')).toBeCloseTo(0.030_223, 6);
  });
});
