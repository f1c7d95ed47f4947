import { cel, matching, rules } from './schema.ts';

/**
 * Durations are written as in Go (`2160h`, `1h30m`, `1.5h`), hours before minutes before seconds, so that manifests of
 * cert-manager and External Secrets can be moved over. At most six digits a unit: what the pattern lets through always
 * fits Go's int64 of nanoseconds, so that `duration()` in CEL never fails.
 */
const pattern = /^([0-9]{1,6}(\.[0-9]{1,3})?h)?([0-9]{1,6}(\.[0-9]{1,3})?m)?([0-9]{1,6}(\.[0-9]{1,3})?s)?$/;

const milliseconds = new Map([['h', 3_600_000], ['m', 60_000], ['s', 1000]]);

/** A duration field of at least `minimum` (itself a duration, such as `24h`). */
export function duration(minimum: string, description: string) {
  return rules(
    matching(pattern, 32, null).describe(description),
    // One rule for form and size, so that a wrong form gives one answer and `duration()` is never asked about nonsense.
    cel(`self.matches(r'${pattern.source}') && duration(self) >= duration('${minimum}')`,
      `must be a duration of at least ${minimum}, written like 36h, 90m or 1h30m`),
  );
}

/**
 * Milliseconds of a duration that a schema let through.
 * @throws RangeError if the text is no duration; that is a fault of the program, for fields were parsed before.
 */
export function durationMs(written: string): number {
  if (written === '' || !pattern.test(written)) {
    throw new RangeError('not a duration: write it like 36h, 90m or 1h30m');
  }
  let total = 0;
  for (const [, value, unit = ''] of written.matchAll(/([0-9.]+)([hms])/g)) {
    total += Number(value) * (milliseconds.get(unit) ?? Number.NaN);
  }
  return Math.round(total);
}
