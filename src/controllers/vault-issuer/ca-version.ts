import type { CertificateState, VersionHead } from '../../vault/object-record.ts';

/** A new root is given this long to reach everybody's `ca.crt`, at most… */
const LONGEST_SPREADING_MS = 60 * 60_000;
/** …and never more than this share of what is left of the old CA, so that CAs of minutes work too. */
const SPREADING_SHARE = 0.1;

/** The version of a CA certificate that signs now, and from when on the answer may be another one. */
export interface SigningVersion {
  readonly version: VersionHead;
  readonly until: Date | undefined;
}

/**
 * Which version of a CA signs. After a rotation that changed the root, the old version goes on signing for a while, since
 * clients that have not got the new root yet would refuse its leaves; meanwhile both roots are published everywhere
 * (`trustedRoots`). A rotation that kept the root, or whose old version has ended, takes effect at once.
 */
export function signingVersion(state: CertificateState, now: Date): SigningVersion | undefined {
  const [current, previous] = state.versions;
  if (current === undefined) return undefined;
  const until = previous === undefined ? undefined : spreadingEnd(state, current, previous);
  return previous !== undefined && until !== undefined && now < until ? { version: previous, until } : { version: current, until: undefined };
}

function spreadingEnd(state: CertificateState, current: VersionHead, previous: VersionHead): Date | undefined {
  const created = Date.parse(current.created);
  const left = Date.parse(previous.certificate?.notAfter ?? current.created) - created;
  const rootChanged = state.previousRoots?.some((root) => Date.parse(root.until) > created) === true;
  return left > 0 && rootChanged ? new Date(created + Math.min(LONGEST_SPREADING_MS, left * SPREADING_SHARE)) : undefined;
}
