import { createHash } from 'node:crypto';
import { durationMs } from '../../api/duration.ts';
import type { VaultCertificateSpec } from '../../api/vault-certificate.ts';
import { canonical } from '../../crypto/canonical.ts';

/**
 * When certificates are renewed. The instant is a function of the certificate, the spec and the version's id, so it can be
 * computed again at any time and always comes out the same; it is kept in the record all the same, for timers and people,
 * and a release that computes it otherwise moves it by one visible write.
 */

/** Below this, half of the lifetime is left at renewal instead of a third (Let's Encrypt's advice to integrators). */
const SHORT_LIFETIME_MS = 10 * 86_400_000;
/**
 * However early somebody wants to renew, a tenth of the lifetime passes first: a `renewBefore` that is longer than what
 * the issuer gave would otherwise mean to renew without end.
 */
const MOST_LEFT = 0.9;
/** Certificates issued in one minute are renewed over so much of their lifetime, at least. */
const SPREAD = 0.125;

export type RenewalFields = Pick<VaultCertificateSpec, 'renewBefore' | 'renewBeforePercentage'>;

/** A certificate's real life, which is what its issuer gave, not what was asked for. */
export interface Lifetime {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/**
 * When a certificate is renewed: at a fixed instant in a window that ends where the spec says (`renewBefore`, percentage,
 * or the default) and begins an eighth of the lifetime sooner. Always after `notBefore` and before `notAfter`.
 *
 * @param fraction in [0, 1): where in the window; the same for the same version, different for others (`spreadOf`)
 */
export function renewalInstant({ notBefore, notAfter }: Lifetime, fields: RenewalFields, fraction: number): Date {
  const lifetime = notAfter.getTime() - notBefore.getTime();
  const latest = lifetime - leftAtRenewal(lifetime, fields);
  return new Date(Math.floor(notBefore.getTime() + latest - fraction * window(lifetime, latest)));
}

/** The shortest time from one issue to the renewal that is planned for it, if the issuer gives what is asked for. */
export function shortestInterval(lifetime: number, fields: RenewalFields): number {
  const latest = lifetime - leftAtRenewal(lifetime, fields);
  return latest - window(lifetime, latest);
}

/** Milliseconds of the lifetime that are left when the window of renewal ends. */
function leftAtRenewal(lifetime: number, { renewBefore, renewBeforePercentage }: RenewalFields): number {
  const left = renewBefore === undefined ? lifetime * defaultShare(lifetime, renewBeforePercentage) : durationMs(renewBefore);
  return Math.min(left, lifetime * MOST_LEFT);
}

function defaultShare(lifetime: number, percentage: number | undefined): number {
  if (percentage !== undefined) return percentage / 100;
  return lifetime < SHORT_LIFETIME_MS ? 1 / 2 : 1 / 3;
}

/** The window never begins in the first half of the time until its end: a fresh certificate is not due at once. */
const window = (lifetime: number, latest: number): number => Math.min(lifetime * SPREAD, latest / 2);

/** Where in its window a version is renewed: a hash, so that it needs no state, and a restart does not move it. */
export function spreadOf(vaultId: string, versionId: string): number {
  return createHash('sha256').update(canonical(['renewal', vaultId, versionId])).digest().readUIntBE(0, 6) / 2 ** 48;
}
