import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decide } from '../../../../src/controllers/vault-certificate/decide.ts';
import type { Gathered } from '../../../../src/controllers/vault-certificate/facts.ts';
import { certificateHead, certificateState, certificateVersion, hoursLater } from '../../../support/builders/certificate-state.ts';
import { gathered, gatheredWith, readyCa } from '../../../support/builders/gathered.ts';
import { certificateSpec } from '../../../support/builders/vault-certificate.ts';

const deleted = { at: '2026-01-01T00:30:00Z', scheduledPurge: '2026-04-01T00:00:00Z' };
const somebodyElse = { kind: 'VaultCertificate', namespace: 'team', name: 'other', uid: 'uid-other', deletionPolicy: 'Delete' } as const;
const fullHour = [{ first: hoursLater(0.5).toISOString(), last: hoursLater(0.5).toISOString(), count: 3 }];
const due = { now: hoursLater(1500) };
const operation = { id: '1', state: 'failed', openedAt: '', reason: 'RenewalDue', error: { code: 'NameNotPermitted', message: 'x' } } as const;

/** In one word: what is done, and why. */
function summary(facts: Gathered): string {
  const decision = decide(facts);
  if (decision.do === 'refuse') return `refuse ${decision.problem.reason} ${decision.problem.consequence}`;
  if (decision.do === 'issue' || decision.do === 'open' || decision.do === 'import' || decision.do === 'accept') return `${decision.do} ${decision.need} ${decision.claim}`;
  return [decision.do, decision.need, decision.problem?.reason, decision.claim === 'own' ? undefined : decision.claim].filter((word) => word !== undefined).join(' ');
}

describe('whose the object is', () => {
  it.each<[string, Gathered, string]>([
    ['all is well', gathered(), 'keep'],
    ['there is none', gathered({ head: undefined }), 'issue NotIssued create'],
    ['a secret has the name', gathered({ head: { ...certificateHead(), certificate: undefined as never, secret: { ...certificateState() } } }), 'refuse Conflict stalled'],
    ['another resource declares it', gatheredWith({ declaredBy: somebodyElse }), 'refuse Conflict stalled'],
    ['another one declared it and went', gatheredWith({ declaredBy: somebodyElse, deleted }), 'refuse Conflict stalled'],
    ['nobody declares it', gatheredWith({ declaredBy: undefined as never }), 'refuse Conflict stalled'],
    ['it was deleted in the data plane', gatheredWith({ deleted }), 'refuse ObjectDeleted stalled'],
    ['it is disabled', gatheredWith({ attributes: { enabled: false } }), 'refuse ObjectDisabled waits'],
    ['it is adopted', gatheredWith({ declaredBy: somebodyElse }, { spec: certificateSpec({ adopt: true }) }), 'keep adopt'],
    ['it is adopted with another spec', gatheredWith({ declaredBy: somebodyElse }, { spec: certificateSpec({ adopt: true }), inputs: 'inputs-2' }), 'issue SpecChanged adopt'],
    ['two adopt each other', gatheredWith({ declaredBy: somebodyElse }, { spec: certificateSpec({ adopt: true }), otherAdopts: true }), 'refuse Conflict stalled'],
    ['it is recovered by its own resource', gatheredWith({ deleted }, { spec: certificateSpec({ createMode: 'Recover' }) }), 'keep recover'],
    ['it was recovered for this generation, and deleted again', gatheredWith({ deleted, declaredBy: { ...somebodyElse, uid: 'uid-web', recoveredAt: 1 } }, { spec: certificateSpec({ createMode: 'Recover' }) }), 'refuse ObjectDeleted stalled'],
    ['Recover does not take what is not deleted', gatheredWith({ declaredBy: somebodyElse }, { spec: certificateSpec({ createMode: 'Recover' }) }), 'refuse Conflict stalled'],
  ])('%s', (_what, facts, expected) => {
    expect(summary(facts)).toBe(expected);
  });

  it('a stranger who recovers gets a certificate of his own into his target, unless a policy gives him the old one', () => {
    const facts = gatheredWith({ deleted, declaredBy: somebodyElse, versions: [certificateVersion({ origin: 'uid-other' })] }, { spec: certificateSpec({ createMode: 'Recover', target: {} }) });
    expect(summary(facts)).toBe('issue Recovered recover');
    expect(summary({ ...facts, mayUseForeignVersions: true })).toBe('keep recover');
    expect(summary({ ...facts, spec: certificateSpec({ createMode: 'Recover' }) })).toBe('keep recover');
  });

  it('says how to go on', () => {
    const decision = decide(gatheredWith({ deleted }));
    expect(decision).toMatchObject({ problem: { message: expect.stringContaining('set spec.createMode: Recover') } });
    expect(decide(gatheredWith({ declaredBy: somebodyElse }))).toMatchObject({ problem: { message: expect.stringContaining('VaultCertificate team/other declared it') } });
  });
});

describe('a certificate is issued', () => {
  it.each<[string, Gathered, string]>([
    ['when the spec changes', gathered({ inputs: 'inputs-2' }), 'issue SpecChanged own'],
    ['when its renewal is due', gathered(due), 'issue RenewalDue own'],
    ['when somebody asks for it', gathered({ resource: { ...gathered().resource, renewRequest: 'asked' } }), 'issue RenewRequested own'],
    ['but not twice for one request', gatheredWith({ renewHandled: 'asked' }, { resource: { ...gathered().resource, renewRequest: 'asked' } }), 'keep'],
    ['but not because the CA was rotated', gathered({ issuer: { ...readyCa, kind: 'ca', versionId: 'ca-2', notAfter: hoursLater(9000), changesAt: undefined, allowSubordinates: false } }), 'keep'],
    ['at the very instant', gathered({ now: hoursLater(1440) }), 'issue RenewalDue own'],
    ['and not a moment sooner', gathered({ now: new Date(hoursLater(1440).getTime() - 1) }), 'keep'],
  ])('%s', (_when, facts, expected) => {
    expect(summary(facts)).toBe(expected);
  });
});

describe('issuing waits', () => {
  const failures = { count: 2, nextAttempt: hoursLater(2).toISOString(), attempt: 'inputs-2/ca-1' };
  it.each<[string, Gathered, string]>([
    ['for a clock that can be trusted', gathered({ ...due, clockTrusted: false }), 'keep RenewalDue ClockUntrusted'],
    ['for clocks that agree, whatever asks for it', gathered({ inputs: 'inputs-2', clocksAgree: false }), 'keep SpecChanged ClockUntrusted'],
    ['for its issuer', gathered({ inputs: 'inputs-2', issuer: { kind: 'missing' } }), 'keep SpecChanged IssuerNotFound'],
    ['for leave to use the issuer', gathered({ inputs: 'inputs-2', issuer: { kind: 'notAllowed' } }), 'keep SpecChanged IssuerNotAllowed'],
    ['for the CA', gathered({ inputs: 'inputs-2', issuer: { kind: 'notReady', reason: 'CaNotReady', message: 'x' } }), 'keep SpecChanged CaNotReady'],
    ['for a CA that ends later than the certificate', gathered({ ...due, issuer: { ...readyCa, kind: 'ca', versionId: 'ca-1', notAfter: hoursLater(2160), changesAt: undefined, allowSubordinates: false } }), 'keep RenewalDue IssuerEndsTooSoon'],
    ['after a failure', gatheredWith({ failures, operation }, { inputs: 'inputs-2' }), 'keep SpecChanged NameNotPermitted'],
    ['when it was issued too often', gatheredWith({ recentIssues: fullHour }, { inputs: 'inputs-2' }), 'keep SpecChanged IssueLimitReached'],
    ['for an issuer that signs CAs', gathered({ inputs: 'inputs-2', spec: certificateSpec({ isCA: true, commonName: 'CA' }) }), 'keep SpecChanged SubordinateNotAllowed'],
  ])('%s', (_what, facts, expected) => {
    expect(summary(facts)).toBe(expected);
  });

  it.each<[string, Partial<Gathered>]>([
    ['its time comes', { now: hoursLater(2) }],
    ['the spec changes', { inputs: 'inputs-3' }],
    ['the CA is rotated', { issuer: { kind: 'ca', versionId: 'ca-2', notAfter: hoursLater(9000), changesAt: undefined, allowSubordinates: false } }],
    ['the issuer becomes self-signed', { issuer: { kind: 'selfSigned' } }],
  ])('after a failure, until %s', (_what, change) => {
    expect(summary(gatheredWith({ failures }, { inputs: 'inputs-2', ...change }))).toBe('issue SpecChanged own');
  });

  it('after a failure, until somebody asks for it by annotation', () => {
    const facts = gatheredWith({ failures: { ...failures, attempt: 'inputs-1/ca-1' } }, { resource: { ...gathered().resource, renewRequest: 'asked' } });
    expect(summary(facts)).toBe('issue RenewRequested own');
  });

  it('not for the rest of a fleet when it is not time that asks for it', () => {
    expect(summary(gathered({ inputs: 'inputs-2', clockTrusted: false }))).toBe('issue SpecChanged own');
  });

  it('never beyond the hard limit, whoever asks', () => {
    fc.assert(fc.property(fc.record({ inputs: fc.constantFrom('inputs-1', 'inputs-2'), hours: fc.integer({ min: 0, max: 3000 }), asked: fc.option(fc.string(), { nil: undefined }) }), ({ inputs, hours, asked }) => {
      const now = hoursLater(hours);
      const at = new Date(now.getTime() - 60_000).toISOString();
      const facts = gatheredWith({ recentIssues: [{ first: at, last: at, count: 3 }] }, { inputs, now, resource: { ...gathered().resource, renewRequest: asked } });
      expect(decide(facts).do).toBe('keep');
    }));
  });
});

it('tells what has to be mended first: each mended thing uncovers the next', () => {
  const steps: readonly [string, Partial<Gathered>][] = [
    ['refuse Conflict stalled', { spec: certificateSpec({ adopt: true, isCA: true, commonName: 'CA' }) }],
    ['refuse ObjectDisabled waits', { head: certificateHead(certificateState({ declaredBy: somebodyElse, recentIssues: [{ first: hoursLater(1499.5).toISOString(), last: hoursLater(1499.5).toISOString(), count: 3 }], operation, failures: { count: 1, nextAttempt: hoursLater(1501).toISOString(), attempt: 'inputs-1/ca-1' } })) }],
    ['keep RenewalDue ClockUntrusted adopt', { clockTrusted: true }],
    ['keep RenewalDue IssuerNotFound adopt', { issuer: { kind: 'notAllowed' } }],
    ['keep RenewalDue IssuerNotAllowed adopt', { issuer: { kind: 'notReady', reason: 'IssuerExpired', message: 'x' } }],
    ['keep RenewalDue IssuerExpired adopt', { issuer: { kind: 'ca', versionId: 'ca-1', notAfter: hoursLater(2000), changesAt: undefined, allowSubordinates: false } }],
    ['keep RenewalDue SubordinateNotAllowed adopt', { issuer: { kind: 'ca', versionId: 'ca-1', notAfter: hoursLater(2000), changesAt: undefined, allowSubordinates: true } }],
    ['keep RenewalDue IssuerEndsTooSoon adopt', { issuer: { kind: 'ca', versionId: 'ca-1', notAfter: hoursLater(9000), changesAt: undefined, allowSubordinates: true } }],
    ['keep RenewalDue NameNotPermitted adopt', { now: hoursLater(1500.2), issuer: { kind: 'ca', versionId: 'ca-2', notAfter: hoursLater(9000), changesAt: undefined, allowSubordinates: true } }],
    ['keep RenewalDue IssueLimitReached adopt', { now: hoursLater(1501) }],
  ];
  let facts = gathered({
    ...due,
    head: certificateHead(certificateState({ declaredBy: somebodyElse, attributes: { enabled: false } })),
    spec: certificateSpec({ isCA: true, commonName: 'CA' }),
    issuer: { kind: 'missing' },
    clockTrusted: false,
  });
  for (const [expected, mended] of steps) {
    expect(summary(facts)).toBe(expected);
    facts = { ...facts, ...mended };
  }
  expect(summary(facts)).toBe('issue RenewalDue adopt');
});
