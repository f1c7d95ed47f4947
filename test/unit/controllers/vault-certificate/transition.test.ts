import { describe, expect, it } from '@jest/globals';
import type { CertificateState } from '../../../../src/vault/object-record.ts';
import type { Gathered } from '../../../../src/controllers/vault-certificate/facts.ts';
import type { Need } from '../../../../src/controllers/vault-certificate/need.ts';
import type { Claim } from '../../../../src/controllers/claim.ts';
import { failureChange, issueChange, settingsChange, type Issued } from '../../../../src/controllers/vault-certificate/transition.ts';
import { certificateFacts, certificateHead, certificateState, certificateVersion, hoursLater } from '../../../support/builders/certificate-state.ts';
import { gathered, gatheredWith } from '../../../support/builders/gathered.ts';
import { certificateSpec } from '../../../support/builders/vault-certificate.ts';

const ids = { incarnation: 'fresh', operation: 'operation-1' };

function issued(parts: Partial<Issued> = {}, ca = 'ROOT-1'): Issued {
  const facts = { serialNumber: '4b02', thumbprint: 'dd'.repeat(32), notBefore: hoursLater(1500), notAfter: hoursLater(3660) };
  return { signed: { chainPem: 'CHAIN', caPem: ca, facts: facts as Issued['signed']['facts'], issuerThumbprint: 'ee'.repeat(32) }, privateKey: Buffer.from('KEY'), versionId: 'version-2', replacedCaPem: 'ROOT-1', issuer: 'team/ca', ...parts };
}

const step = (facts: Gathered, need: Need = 'RenewalDue', claim: Claim = 'own') => ({ facts, need, claim });
const stateOf = (change: { head: { certificate?: CertificateState } } | undefined): CertificateState => {
  if (change?.head.certificate === undefined) throw new Error('no certificate');
  return change.head.certificate;
};

describe('an issued certificate', () => {
  it('opens and completes its operation, becomes a version of its own, and plans its renewal, all in one write', () => {
    const change = issueChange(step(gathered({ now: hoursLater(1500) })), issued(), ids);
    expect(change.operation).toBe('CertificateRenew');
    expect(change.add).toMatchObject({ id: 'version-2', origin: 'uid-web', public: { certificate: 'CHAIN', ca: 'ROOT-1' }, certificate: { issuer: 'team/ca', issuerThumbprint: 'ee'.repeat(32), notAfter: hoursLater(3660).toISOString() } });
    const state = stateOf(change);
    expect(state).toMatchObject({ revision: 2, inputs: 'inputs-1', operation: { id: 'operation-1', state: 'completed', reason: 'RenewalDue' } });
    expect(state.recentIssues).toEqual([{ first: hoursLater(1500).toISOString(), last: hoursLater(1500).toISOString(), count: 1 }]);
    expect(Date.parse(state.renewalDue ?? '')).toBeGreaterThan(hoursLater(1500).getTime());
    expect(Date.parse(state.renewalDue ?? '')).toBeLessThan(hoursLater(2940).getTime());
  });

  it('makes the object if there is none', () => {
    const change = issueChange(step(gathered({ head: undefined }), 'NotIssued', 'create'), issued({ replacedCaPem: undefined }), ids);
    expect(change.operation).toBe('CertificateIssue');
    expect(change.head).toMatchObject({ vaultId: 'vault-1', name: 'web', incarnation: 'fresh' });
    expect(stateOf(change)).toMatchObject({ revision: 1, declaredBy: { uid: 'uid-web', namespace: 'team', name: 'web' } });
    expect(stateOf(change).previousRoots).toBeUndefined();
  });

  it('puts an end to failures, and takes an annotation for handled', () => {
    const facts = gatheredWith({ failures: { count: 3, nextAttempt: '', attempt: '' } }, { resource: { ...gathered().resource, renewRequest: 'asked' } });
    const state = stateOf(issueChange(step(facts, 'RenewRequested'), issued(), ids));
    expect(state.failures).toBeUndefined();
    expect(state.renewHandled).toBe('asked');
  });

  it('leaves as many versions as the spec says, the new one counted', () => {
    const versions = ['c', 'b', 'a'].map((id) => certificateVersion({ id }));
    const keep = (versionsToKeep: number): string[] =>
      stateOf(issueChange(step(gatheredWith({ versions }, { spec: certificateSpec({ versionsToKeep }) })), issued(), ids)).versions.map((version) => version.id);
    expect(keep(10)).toEqual(['c', 'b', 'a']);
    expect(keep(3)).toEqual(['c', 'b']);
    expect(keep(1)).toEqual([]);
  });

  it('keeps the root of the version before until that one has ended, if it is another one', () => {
    expect(stateOf(issueChange(step(gathered()), issued(), ids)).previousRoots).toBeUndefined();
    const rotated = stateOf(issueChange(step(gathered()), issued({}, 'ROOT-2'), ids));
    expect(rotated.previousRoots).toEqual([{ pem: 'ROOT-1', until: hoursLater(2160).toISOString() }]);
  });
});

describe('a failed attempt', () => {
  it('is counted, put off and told, and leaves the certificate as it is', () => {
    const facts = gathered({ now: hoursLater(1500) });
    const first = failureChange(step(facts), { code: 'NameNotPermitted', message: 'The CA forbids it.' }, 0, ids);
    expect(stateOf(first)).toMatchObject({
      versions: facts.head?.certificate?.versions,
      failures: { count: 1, nextAttempt: new Date(hoursLater(1500).getTime() + 60_000).toISOString() },
      operation: { state: 'failed', error: { code: 'NameNotPermitted', message: 'The CA forbids it.' } },
    });
    const second = failureChange(step({ ...facts, head: first.head }), { code: 'NameNotPermitted', message: '' }, 0, ids);
    expect(stateOf(second).failures).toMatchObject({ count: 2, nextAttempt: new Date(hoursLater(1500).getTime() + 600_000).toISOString() });
  });

  it('begins to count anew when something else is tried', () => {
    const facts = gatheredWith({ failures: { count: 3, nextAttempt: '', attempt: 'inputs-0/ca-1' } });
    expect(stateOf(failureChange(step(facts), { code: 'Internal', message: '' }, 0, ids)).failures?.count).toBe(1);
  });

  it('of a first certificate is kept, too, and is no issue for the limit', () => {
    const state = stateOf(failureChange(step(gathered({ head: undefined }), 'NotIssued', 'create'), { code: 'Internal', message: '' }, 0, ids));
    expect(state).toMatchObject({ versions: [], revision: 0, recentIssues: [], failures: { count: 1 } });
  });

  it('by annotation is tried at once only once', () => {
    const facts = gathered({ resource: { ...gathered().resource, renewRequest: 'asked' } });
    expect(stateOf(failureChange(step(facts, 'RenewRequested'), { code: 'Internal', message: '' }, 0, ids)).renewHandled).toBe('asked');
  });
});

describe('settings', () => {
  const settled = (): Gathered => {
    const change = settingsChange(gathered(), 'own');
    return gathered({ head: change?.head ?? certificateHead() });
  };

  it('that are as the spec says cause no write', () => {
    expect(settingsChange(settled(), 'own')).toBeUndefined();
  });

  it.each([
    ['tags', { tags: { team: 'a' } }],
    ['deletionPolicy', { deletionPolicy: 'Retain' }],
    ['renewBefore', { renewBefore: '24h' }],
  ] as const)('are written when %s change, and the certificate stays', (_what, change) => {
    const written = settingsChange({ ...settled(), spec: certificateSpec(change) }, 'own');
    expect(written?.operation).toBe('CertificateUpdate');
    expect(written?.add).toBeUndefined();
    expect(stateOf(written).versions).toEqual(settled().head?.certificate?.versions);
  });

  it('move the renewal when renewBefore changes', () => {
    const written = stateOf(settingsChange({ ...settled(), spec: certificateSpec({ renewBefore: '24h' }) }, 'own'));
    expect(Date.parse(written.renewalDue ?? '')).toBeGreaterThan(hoursLater(1440).getTime());
  });

  it('of an adopted object bind its versions to the new resource; of a recovered one they do not', () => {
    const foreign = { versions: [certificateVersion({ origin: 'uid-other', certificate: certificateFacts() })], deleted: { at: '', scheduledPurge: '' } };
    const adopted = settingsChange(gatheredWith(foreign), 'adopt');
    expect(adopted?.operation).toBe('ObjectAdopt');
    expect(stateOf(adopted).versions[0]?.origin).toBe('uid-web');
    const recovered = settingsChange(gatheredWith(foreign), 'recover');
    expect(recovered?.operation).toBe('ObjectRecover');
    expect(stateOf(recovered).versions[0]?.origin).toBe('uid-other');
    expect(stateOf(recovered).declaredBy?.recoveredAt).toBe(1);
    expect([adopted, recovered].map((change) => stateOf(change).deleted)).toEqual([undefined, undefined]);
  });

  it('of an object that is not there cause no write', () => {
    expect(settingsChange(gathered({ head: undefined }), 'create')).toBeUndefined();
    expect(certificateState().versions).toHaveLength(1);
  });
});
