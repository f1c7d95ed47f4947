/** A root certificate that somebody may need in order to verify what is in use. */
export interface TrustedRoot {
  readonly pem: string;
  /** RFC 3339; no certificate below this root is valid after it. Not given: the root in use now. */
  readonly until?: string;
}

/**
 * The content of `ca.crt`: every root that a certificate in use may chain to, the one in use first, each once. Old roots
 * stay until the last certificate below them has ended, and new ones come before the first certificate below them is
 * used, so that no handshake fails at any step of a CA's rotation.
 */
export function trustedRoots(roots: readonly TrustedRoot[], now: Date): { readonly pem: string; readonly nextEnd: Date | undefined } {
  const inUse = roots.filter((root) => root.pem !== '' && (root.until === undefined || Date.parse(root.until) > now.getTime()));
  const pems = [...new Set([...inUse.filter(isCurrent), ...inUse].map((root) => root.pem))];
  const current = new Set(inUse.filter(isCurrent).map((root) => root.pem));
  const ends = inUse.flatMap((root) => (root.until === undefined || current.has(root.pem) ? [] : [Date.parse(root.until)]));
  return { pem: pems.join(''), nextEnd: ends.length === 0 ? undefined : new Date(Math.min(...ends)) };
}

const isCurrent = (root: TrustedRoot): boolean => root.until === undefined;

/**
 * The old roots to keep once another certificate takes the place of one: what was kept before and has not ended, and the
 * root of the old certificate if the new one has another. `end` is when the old certificate, or all below it, will be
 * invalid.
 */
export function rootsToKeep(
  kept: readonly { readonly pem: string; readonly until: string }[],
  old: { readonly caPem: string; readonly end: string } | undefined,
  newCaPem: string,
  now: Date,
): readonly { readonly pem: string; readonly until: string }[] {
  const all = [...kept, ...(old === undefined ? [] : [{ pem: old.caPem, until: old.end }])];
  const latest = new Map<string, string>();
  for (const { pem, until } of all) {
    if (pem === newCaPem || pem === '' || Date.parse(until) <= now.getTime()) continue;
    const before = latest.get(pem);
    if (before === undefined || Date.parse(until) > Date.parse(before)) latest.set(pem, until);
  }
  return [...latest].slice(-MOST_OLD_ROOTS).map(([pem, until]) => ({ pem, until }));
}

/** A record is small (decisions 11); who rotates roots faster than they end keeps the newest of them. */
const MOST_OLD_ROOTS = 8;
