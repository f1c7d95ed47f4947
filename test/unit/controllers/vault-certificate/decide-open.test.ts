import { beforeAll, describe, expect, it } from '@jest/globals';
import { decide } from '../../../../src/controllers/vault-certificate/decide.ts';
import type { Gathered, IssuerView } from '../../../../src/controllers/vault-certificate/facts.ts';
import { requestOf } from '../../../../src/controllers/vault-certificate/request.ts';
import { acceptChange, cancelChange, openChange } from '../../../../src/controllers/vault-certificate/transition-open.ts';
import { signingWarning } from '../../../../src/controllers/vault-certificate/signing-warning.ts';
import { KeyGenerator } from '../../../../src/crypto/keys.ts';
import { createCsr } from '../../../../src/crypto/x509/make-csr.ts';
import type { CertificateState, PendingOperation } from '../../../../src/vault/object-record.ts';
import { certificateSpec } from '../../../support/builders/vault-certificate.ts';
import { hoursLater } from '../../../support/builders/certificate-state.ts';
import { gathered, gatheredWith, readyCa } from '../../../support/builders/gathered.ts';
import { OutsideCa } from '../../../support/outside-ca.ts';

const external: IssuerView = { kind: 'external', caBundle: undefined };
let csr: string;
let company: OutsideCa;

beforeAll(async () => {
  csr = createCsr(requestOf(certificateSpec()), await new KeyGenerator().generate({ algorithm: 'ECDSA', curve: 'P-256' })).pem;
  company = await OutsideCa.make(() => hoursLater(1));
});

function operation(parts: Partial<PendingOperation> = {}): PendingOperation {
  return {
    id: 'operation-1',
    state: 'inProgress',
    openedAt: hoursLater(0).toISOString(),
    reason: 'RenewalDue',
    request: { requester: 'uid-web', inputs: 'inputs-1' },
    pending: { version: { id: 'version-2', blob: 'ff'.repeat(32), size: 700, vaultKey: 'key-1' }, csr, issuerState: { csrSignature: 'SIG' } },
    ...parts,
  };
}

/** An operation that waits, for a certificate that is there. */
const open = (facts: Partial<Gathered> = {}, parts: Partial<PendingOperation> = {}, state: Partial<CertificateState> = {}): Gathered =>
  gatheredWith({ ...state, operation: operation(parts) }, { issuer: external, currentChain: { chainPem: '', caPem: '' }, ...facts });
const answer = (pem: string) => ({ where: 'spec', pem });
const cancelled = (parts: Partial<PendingOperation> = {}, facts: Partial<Gathered> = {}): Gathered => {
  const { pending: _gone, ...rest } = operation({ state: 'cancelled', closedAt: hoursLater(0.5).toISOString(), ...parts });
  return gatheredWith({ operation: rest }, { issuer: external, now: hoursLater(1500), ...facts });
};
const resource = (parts: Partial<Gathered['resource']>): Pick<Gathered, 'resource'> => ({ resource: { ...gathered().resource, ...parts } });

/** In one line: what is done, and why. */
function summary(facts: Gathered): string {
  const decision = decide(facts);
  const words = 'problem' in decision ? [decision.do, 'need' in decision ? decision.need : undefined, decision.problem?.reason] : [decision.do, decision.need];
  return [...words, decision.do === 'cancel' ? decision.by : undefined].filter((word) => word !== undefined).join(' ');
}

describe('an issuer outside', () => {
  it.each<[string, () => Gathered, string]>([
    ['is asked for a first certificate', () => gathered({ head: undefined, issuer: external }), 'open NotIssued'],
    ['is asked for a renewal', () => gathered({ issuer: external, now: hoursLater(1500) }), 'open RenewalDue'],
    ['is asked no more often than the limit lets', () => gatheredWith({ recentIssues: [{ first: hoursLater(0.9).toISOString(), last: hoursLater(0.9).toISOString(), count: 3 }] }, { issuer: external, inputs: 'inputs-2' }), 'keep SpecChanged IssueLimitReached'],
    ['is not asked by a clock that cannot be trusted', () => gathered({ issuer: external, now: hoursLater(1500), clockTrusted: false }), 'keep RenewalDue ClockUntrusted'],
    ['is waited for', () => open(), 'keep RenewalDue SigningNeeded'],
    ['is waited for, whatever is due meanwhile', () => open({ now: hoursLater(3000) }), 'keep RenewalDue SigningNeeded'],
    ['is waited for when somebody asks for a renewal meanwhile', () => open(resource({ renewRequest: 'asked' })), 'keep RenewalDue SigningNeeded'],
    ['has answered', () => open({ answer: answer(company.sign(csr)) }), 'accept RenewalDue'],
    ['has answered where nothing can be read', () => open({ answer: { where: 'ConfigMap x', missing: 'There is none.' } }), 'keep RenewalDue AnswerMissing'],
    ['has answered something else', () => open({ answer: answer(company.rootPem) }), 'keep RenewalDue KeyMismatch'],
    ['is believed no more once it went', () => open({ answer: answer(company.sign(csr)), issuer: { kind: 'missing' } }), 'keep RenewalDue IssuerNotFound'],
    ['is believed no more once the namespace may not use it', () => open({ answer: answer(company.sign(csr)), issuer: { kind: 'notAllowed' } }), 'keep RenewalDue IssuerNotAllowed'],
  ])('%s', (_what, facts, expected) => {
    expect(summary(facts())).toBe(expected);
  });
});

describe('an operation that waits', () => {
  it.each<[string, () => Gathered, string]>([
    ['is void when the spec asks for something else', () => open({ inputs: 'inputs-2' }), 'open SpecChanged'],
    ['is void when the spec goes back to what is there already', () => open({ answer: answer(company.sign(csr)) }, { request: { requester: 'uid-web', inputs: 'inputs-2' } }), 'cancel change'],
    ['is void when another resource takes the object over', () => open({ ...resource({ uid: 'uid-next' }), spec: certificateSpec({ adopt: true }), inputs: 'inputs-2' }), 'open SpecChanged'],
    ['is void, and withdrawn, when nothing can take its place now', () => open({ inputs: 'inputs-2' }, {}, { recentIssues: [{ first: hoursLater(0.9).toISOString(), last: hoursLater(0.9).toISOString(), count: 3 }] }), 'cancel SpecChanged IssueLimitReached change'],
    ['ends when the issuer signs here by now', () => open({ issuer: readyCa, now: hoursLater(1500) }), 'issue RenewalDue'],
    ['is cancelled by its id', () => open({ ...resource({ cancelRequest: 'operation-1' }), answer: answer(company.sign(csr)) }), 'cancel RenewalDue SigningCancelled person'],
    ['is not cancelled by the id of another one', () => open(resource({ cancelRequest: 'operation-0' })), 'keep RenewalDue SigningNeeded'],
    ['stays cancelled', () => cancelled(), 'keep RenewalDue SigningCancelled'],
    ['does not stay cancelled when it only became void', () => cancelled({ request: undefined as never }), 'open RenewalDue'],
    ['does not stay cancelled when something else is wanted', () => cancelled({}, { inputs: 'inputs-2' }), 'open SpecChanged'],
    ['does not stay cancelled when somebody asks', () => cancelled({}, resource({ renewRequest: 'again' })), 'open RenewRequested'],
    ['says nothing to an issuer that signs here', () => cancelled({}, { issuer: readyCa }), 'issue RenewalDue'],
  ])('%s', (_what, facts, expected) => {
    expect(summary(facts())).toBe(expected);
  });

  it('looks at an answer of tomorrow again when its time has come', () => {
    const decision = decide(open({ answer: answer(company.sign(csr, { notBefore: hoursLater(5), notAfter: hoursLater(500) })) }));
    expect(decision).toMatchObject({ do: 'keep', problem: { reason: 'CertificateNotYetValid', until: hoursLater(5) } });
  });
});

describe('the record', () => {
  const step = (facts: Gathered) => ({ facts, claim: 'own' as const, need: 'RenewalDue' as const });
  const stateOf = (change: { head: { certificate?: CertificateState } }): CertificateState => {
    if (change.head.certificate === undefined) throw new Error('no certificate');
    return change.head.certificate;
  };

  it('of an opened operation says who asked for what, counts it, and leaves the certificate in force', () => {
    const pend = { id: 'version-2', csr: 'CSR', issuerState: {}, privateKey: Buffer.from('KEY') };
    const change = openChange(step(gatheredWith({ failures: { count: 1, nextAttempt: '', attempt: '' } }, { issuer: external, ...resource({ renewRequest: 'asked' }) })), pend, { incarnation: 'x', operation: 'operation-1' });
    const state = stateOf(change);
    expect(change).toMatchObject({ operation: 'CertificateCreate', pend: { id: 'version-2' } });
    expect(state.operation).toMatchObject({ id: 'operation-1', state: 'inProgress', reason: 'RenewalDue', request: { requester: 'uid-web', inputs: 'inputs-1' } });
    expect(state).toMatchObject({ revision: 1, renewHandled: 'asked', recentIssues: [{ count: 1 }] });
    expect(state.failures).toBeUndefined();
    expect(state.versions).toEqual(gathered().head?.certificate?.versions);
  });

  it('of an accepted answer has the version that was pending, by whoever asked for it, and no trace of the operation', () => {
    const facts = open({ answer: answer(company.sign(csr)) });
    const decision = decide(facts);
    if (decision.do !== 'accept') throw new Error('it was not accepted');
    const change = acceptChange(step(facts), { signed: decision.signed, replacedCaPem: 'ROOT', issuer: 'team/company' });
    expect(change).toMatchObject({ operation: 'CertificatePendingMerge', publish: { origin: 'uid-web', public: { certificate: decision.signed.chainPem } } });
    expect(stateOf(change)).toMatchObject({ revision: 2, operation: { id: 'operation-1', state: 'completed', reason: 'RenewalDue' }, previousRoots: [{ pem: 'ROOT' }] });
    expect(Object.keys(stateOf(change).operation ?? {}).toSorted()).toEqual(['closedAt', 'id', 'openedAt', 'reason', 'state']);
    // It was counted when it was opened.
    expect(stateOf(change).recentIssues).toEqual([]);
  });

  it('of a cancelled operation has no key, and remembers only what a person cancelled', () => {
    const [byPerson, byChange] = (['person', 'change'] as const).map((by) => stateOf(cancelChange(open(), 'own', by)).operation);
    expect(byPerson).toMatchObject({ state: 'cancelled', request: { inputs: 'inputs-1' } });
    expect(byChange).toMatchObject({ state: 'cancelled' });
    expect(byChange?.request).toBeUndefined();
    expect([byPerson?.pending, byChange?.pending]).toEqual([undefined, undefined]);
  });
});

describe('people are warned', () => {
  const condition = (type: string, reason: 'SigningNeeded' | 'KeyMismatch' | 'RenewalWaiting', status: 'True' | 'False' = 'True') => ({ type, status, reason, message: reason });
  const before = (id: string, reason: string) => ({ pending: { id, state: 'inProgress' as const }, conditions: [{ ...condition('SigningNeeded', 'SigningNeeded'), reason, lastTransitionTime: '' }, { ...condition('Ready', 'RenewalWaiting'), lastTransitionTime: '' }] });
  const renewing = (reason: 'SigningNeeded' | 'KeyMismatch') => [condition('Ready', 'RenewalWaiting'), condition('SigningNeeded', reason)];
  const pending = { id: 'two', state: 'inProgress' as const };

  it('of each new CSR, and of each answer that is refused, once', () => {
    expect(signingWarning(undefined, renewing('SigningNeeded'), pending)?.reason).toBe('SigningNeeded');
    expect(signingWarning(before('one', 'SigningNeeded'), renewing('SigningNeeded'), pending)?.reason).toBe('SigningNeeded');
    expect(signingWarning(before('two', 'SigningNeeded'), renewing('SigningNeeded'), pending)).toBeUndefined();
    expect(signingWarning(before('two', 'SigningNeeded'), renewing('KeyMismatch'), pending)?.reason).toBe('KeyMismatch');
    expect(signingWarning(before('two', 'KeyMismatch'), renewing('KeyMismatch'), pending)).toBeUndefined();
  });

  it('by one event where Ready says the same', () => {
    expect(signingWarning(undefined, [condition('Ready', 'SigningNeeded', 'False'), condition('SigningNeeded', 'SigningNeeded')], pending)).toBeUndefined();
  });
});
