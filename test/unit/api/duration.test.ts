import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { duration, durationMs } from '../../../src/api/duration.ts';

describe('durationMs', () => {
  it.each([
    ['2160h', 7_776_000_000], ['1h30m', 5_400_000], ['1.5h', 5_400_000], ['10s', 10_000], ['0.001s', 1], ['720h0m0s', 2_592_000_000], ['0s', 0],
  ])('reads %s', (written, expected) => {
    expect(durationMs(written)).toBe(expected);
  });

  it.each(['', '90d', '1m1h', '1h 30m', '-1h', '1', 'h', '1e3s', '1000000h', '.5h', '1h\n'])('does not read %j', (written) => {
    expect(() => durationMs(written)).toThrow(RangeError);
    expect(duration('1s', '').safeParse(written).success).toBe(false);
  });

  it('reads what hours, minutes and seconds add up to', () => {
    const unit = fc.integer({ min: 0, max: 999_999 });
    fc.assert(fc.property(unit, unit, unit, (h, m, s) => {
      expect(durationMs(`${h}h${m}m${s}s`)).toBe(((h * 60 + m) * 60 + s) * 1000);
    }));
  });

  it("always fits Go's int64 of nanoseconds, which is what CEL counts in", () => {
    expect(BigInt(durationMs('999999.999h999999.999m999999.999s')) * 1_000_000n).toBeLessThan(2n ** 63n);
  });
});
