import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { caProblem } from '../../../../src/controllers/vault-issuer/ca-readiness.ts';
import { signingVersion } from '../../../../src/controllers/vault-issuer/ca-version.ts';
import { rootsToKeep, trustedRoots } from '../../../../src/issuers/trusted-roots.ts';
import { certificateFacts, certificateState, certificateVersion, hoursLater } from '../../../support/builders/certificate-state.ts';

const old = certificateVersion({ id: 'old' });
/** Made 60 days later, when a third of the old one's life is left. */
const fresh = certificateVersion({ id: 'new', created: hoursLater(1440).toISOString(), certificate: certificateFacts({ notAfter: hoursLater(3600).toISOString() }) });
const rotated = certificateState({ versions: [fresh, old], previousRoots: [{ pem: 'R1', until: hoursLater(2160).toISOString() }] });
const at = (minutesAfter: number): Date => new Date(hoursLater(1440).getTime() + minutesAfter * 60_000);

describe('after a CA was rotated', () => {
  it('the old version goes on signing until the new root has had time to spread', () => {
    expect(signingVersion(rotated, at(59))?.version.id).toBe('old');
    expect(signingVersion(rotated, at(60))?.version.id).toBe('new');
    expect(signingVersion(rotated, at(0))?.until).toEqual(at(60));
  });

  it('a CA of minutes waits only a tenth of what its old version has left', () => {
    const short = certificateState({ ...rotated, versions: [fresh, { ...old, certificate: certificateFacts({ notAfter: at(10).toISOString() }) }], previousRoots: [{ pem: 'R1', until: at(10).toISOString() }] });
    expect(signingVersion(short, at(0.9))?.version.id).toBe('old');
    expect(signingVersion(short, at(1))?.version.id).toBe('new');
  });

  it('a rotation that keeps the root, or follows an end, takes effect at once', () => {
    const { previousRoots: _none, ...sameRoot } = rotated;
    expect(signingVersion(sameRoot, at(0))?.version.id).toBe('new');
    const ended = certificateState({ ...rotated, versions: [fresh, { ...old, certificate: certificateFacts({ notAfter: at(-1).toISOString() }) }] });
    expect(signingVersion(ended, at(0))?.version.id).toBe('new');
  });

  it('nobody signs where nothing was issued', () => {
    expect(signingVersion(certificateState({ versions: [] }), at(0))).toBeUndefined();
  });

  it('a client always trusts whoever signs, at any moment of a rotation', () => {
    // Roots as published to every holder of a leaf, from the CA's own record, before the signer changes.
    fc.assert(fc.property(fc.integer({ min: 0, max: 720 * 60 }), (minutes) => {
      const now = at(minutes);
      const signer = signingVersion(rotated, now)?.version.id === 'new' ? 'R2' : 'R1';
      const published = trustedRoots([{ pem: 'R2' }, ...(rotated.previousRoots ?? [])], now).pem;
      expect(published).toContain(signer);
    }));
  });
});

describe('ca.crt', () => {
  it('has the root in use first, each root once, and no root that has ended', () => {
    const roots = [{ pem: 'old', until: '2026-02-01T00:00:00Z' }, { pem: 'now' }, { pem: 'gone', until: '2025-12-31T00:00:00Z' }, { pem: 'now', until: '2026-03-01T00:00:00Z' }];
    expect(trustedRoots(roots, hoursLater(0))).toEqual({ pem: 'nowold', nextEnd: new Date('2026-02-01T00:00:00Z') });
  });

  it('says no end when only the root in use is left', () => {
    expect(trustedRoots([{ pem: 'now' }], hoursLater(0))).toEqual({ pem: 'now', nextEnd: undefined });
  });

  it('keeps an old root until the last that it signed has ended, and drops one that came back', () => {
    const kept = [{ pem: 'R0', until: '2026-01-02T00:00:00Z' }, { pem: 'R1', until: '2026-01-03T00:00:00Z' }];
    expect(rootsToKeep(kept, { caPem: 'R1', end: '2026-01-09T00:00:00Z' }, 'R2', hoursLater(30))).toEqual([{ pem: 'R1', until: '2026-01-09T00:00:00Z' }]);
    expect(rootsToKeep(kept, { caPem: 'R2', end: '2026-01-09T00:00:00Z' }, 'R1', hoursLater(0))).toEqual([kept[0], { pem: 'R2', until: '2026-01-09T00:00:00Z' }]);
  });

  it('keeps few, however often the root changes', () => {
    const many = Array.from({ length: 30 }, (_, index) => ({ pem: `R${index}`, until: '2027-01-01T00:00:00Z' }));
    expect(rootsToKeep(many, undefined, 'R', hoursLater(0)).map((root) => root.pem)).toEqual(['R22', 'R23', 'R24', 'R25', 'R26', 'R27', 'R28', 'R29']);
  });
});

describe('a CA is not ready', () => {
  const facts = { vault: 'main', certificateName: 'root', state: certificateState(), isCA: true, now: hoursLater(1) };

  it.each([
    ['when there is none', { state: undefined }, 'CaNotFound'],
    ['when it lies in another vault', { state: undefined, otherVault: 'other' }, 'CaInOtherVault'],
    ['when it is deleted', { state: certificateState({ deleted: { at: '', scheduledPurge: '' } }) }, 'CaNotReady'],
    ['when it is disabled', { state: certificateState({ attributes: { enabled: false } }) }, 'CaNotReady'],
    ['when it was not issued yet', { state: certificateState({ versions: [] }) }, 'CaNotReady'],
    ['when it is no CA', { isCA: false }, 'IssuerNotCA'],
    ['when it has expired', { now: hoursLater(2160) }, 'IssuerExpired'],
  ])('%s', (_when, change, reason) => {
    expect(caProblem({ ...facts, ...change })?.reason).toBe(reason);
  });

  it('and is ready otherwise', () => {
    expect(caProblem(facts)).toBeUndefined();
  });
});
