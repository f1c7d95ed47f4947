import { durationMs } from '../../api/duration.ts';
import type { VaultCertificateSpec } from '../../api/vault-certificate.ts';
import type { CertificateState } from '../../vault/object-record.ts';
import { shortestInterval } from './renewal.ts';

/**
 * The hard limit on issues (lesson of 25,000 requests that brought down etcd: two controllers that rewrite each other's
 * Secret, or a spec that flaps). Counted in the record, so that neither a restart nor another leader forgets; asked last
 * before every issue, so that nothing gets past it: no annotation, no change of spec, no expiry.
 */

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Beyond the renewals that are planned: the first one, and some room for changes of the spec (decisions 36). */
const UNPLANNED_AN_HOUR = 3;

/** Issues of the last hour, oldest first. Those of one minute are one entry, so that a record stays small. */
export type RecentIssues = CertificateState['recentIssues'];

/** How many certificates may be issued for one resource within any hour, whatever happens. */
export function issuesAnHour(spec: Pick<VaultCertificateSpec, 'duration' | 'renewBefore' | 'renewBeforePercentage'>): number {
  return UNPLANNED_AN_HOUR + Math.floor(HOUR_MS / shortestInterval(durationMs(spec.duration), spec));
}

/** When the next certificate may be issued: undefined means now. */
export function nextAllowedIssue(recent: RecentIssues, limit: number, now: Date): Date | undefined {
  const counted = withinTheHour(recent, now);
  let over = counted.reduce((sum, entry) => sum + entry.count, 0) - limit + 1;
  for (const entry of counted) {
    if (over <= 0) return undefined;
    over -= entry.count;
    if (over <= 0) return new Date(Date.parse(entry.last) + HOUR_MS);
  }
  return undefined;
}

/** The list with one more issue, and without what is older than an hour. */
export function withIssue(recent: RecentIssues, now: Date): RecentIssues {
  const kept = withinTheHour(recent, now);
  const last = kept.at(-1);
  const at = now.toISOString();
  // An entry counts until its newest issue is an hour old: merging can only make the limit stricter.
  if (last !== undefined && Math.abs(now.getTime() - Date.parse(last.first)) < MINUTE_MS) {
    const newest = Date.parse(last.last) > now.getTime() ? last.last : at;
    return [...kept.slice(0, -1), { first: last.first, last: newest, count: last.count + 1 }];
  }
  return [...kept, { first: at, last: at, count: 1 }];
}

/**
 * Entries that still count. One that lies in the future was made before the clock was set back, and counts too; more
 * than an hour ahead it says nothing any more, or a clock that was once a year fast would stop renewals for a year.
 */
function withinTheHour(recent: RecentIssues, now: Date): RecentIssues {
  return recent.filter((entry) => Math.abs(now.getTime() - Date.parse(entry.last)) < HOUR_MS);
}
