/** Requests that the API server has answered since it started, by what they were. */
export type Requests = ReadonlyMap<string, number>;

/** Reads `apiserver_request_total`. Keys are `VERB group/resource/subresource`, with the group and subresource left out where there is none. */
export function parseRequests(metrics: string): Requests {
  const counts = new Map<string, number>();
  for (const [, labels = '', value = ''] of metrics.matchAll(/^apiserver_request_total\{(.*)\} (\S+)$/gm)) {
    const label = (name: string): string => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    const what = [label('group'), label('resource'), label('subresource')].filter((part) => part !== '').join('/');
    const key = `${label('verb')} ${what}`;
    counts.set(key, (counts.get(key) ?? 0) + Number(value));
  }
  return counts;
}

/**
 * What was asked for objects of ours and for Secrets between two readings. Leases and checkpoints of the audit log come
 * by the clock, not by the object, and don't count (decisions 52).
 */
export function between(before: Requests, after: Requests): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const [key, count] of after) {
    const more = count - (before.get(key) ?? 0);
    const [verb = '', what = ''] = key.split(' ');
    if (more > 0 && verb !== 'WATCH' && (what === 'secrets' || what === 'events' || what.startsWith('events.k8s.io') || what.startsWith('keystead.dev/'))) counts[key] = more;
  }
  return counts;
}
