import { describe, expect, it } from '@jest/globals';
import { decideConsent, madeByItself, type ConsentFacts } from '../../../../src/controllers/target/consent.ts';
import { aTarget, owner } from './builders.ts';

function aNamespace(labels: Readonly<Record<string, string>> = {}, deletionTimestamp?: string): ConsentFacts['namespace'] {
  return { metadata: { labels, ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }) } };
}

const consenting = { 'sync.keystead.dev/team': 'allow' };

function reasonOf(more: Partial<ConsentFacts>): string {
  const facts: ConsentFacts = { owner, target: aTarget(), operatorNamespace: 'keystead-system', ownVersion: true, syncAllowed: false, namespace: aNamespace(), hasTarget: false, ...more };
  return decideConsent(facts)?.reason ?? 'yes';
}

describe('consent to a target', () => {
  const elsewhere = aTarget({ namespace: 'elsewhere' });
  it.each<[string, Partial<ConsentFacts>, string]>([
    ['the own namespace needs none for what the resource made itself', {}, 'yes'],
    ['the own namespace needs a policy for anything else', { ownVersion: false }, 'SyncNotAllowed'],
    ['a policy is enough in the own namespace', { ownVersion: false, syncAllowed: true }, 'yes'],
    ['a policy taken back stops what was there', { ownVersion: false, hasTarget: true }, 'ConsentWithdrawn'],
    ['another namespace needs the policy even for own versions', { target: elsewhere, namespace: aNamespace(consenting) }, 'SyncNotAllowed'],
    ['another namespace needs its own label too', { target: elsewhere, syncAllowed: true }, 'SyncNotAllowed'],
    ['both are enough', { target: elsewhere, syncAllowed: true, namespace: aNamespace(consenting) }, 'yes'],
    ['the label taken away stops what was there', { target: elsewhere, syncAllowed: true, hasTarget: true }, 'ConsentWithdrawn'],
    ['a label with another value is no consent', { target: elsewhere, syncAllowed: true, namespace: aNamespace({ 'sync.keystead.dev/team': 'true' }) }, 'SyncNotAllowed'],
    ['consent to another source is none to this', { target: elsewhere, syncAllowed: true, namespace: aNamespace({ 'sync.keystead.dev/other': 'allow' }) }, 'SyncNotAllowed'],
    ['a namespace that is not there', { target: elsewhere, syncAllowed: true, namespace: undefined }, 'NamespaceMissing'],
    ['a namespace that is going', { namespace: aNamespace({}, '2026-01-01T00:00:00Z') }, 'NamespaceTerminating'],
    ['the own namespace before the watch has shown it', { namespace: undefined }, 'yes'],
    ['never the operator\'s own namespace, whatever consents', { target: { ...elsewhere, namespace: 'keystead-system' }, syncAllowed: true, namespace: aNamespace(consenting) }, 'TargetNotAllowed'],
    ['never a namespace of Kubernetes', { target: { ...elsewhere, namespace: 'kube-system' }, syncAllowed: true, namespace: aNamespace(consenting) }, 'TargetNotAllowed'],
    // CVE-2026-42876: the API server fills a token into such a Secret. The CRD refuses it; so does this, should the CRD be older.
    ['never a type that is a credential by itself', { target: { ...aTarget(), type: 'kubernetes.io/service-account-token' as 'Opaque' } }, 'TargetNotAllowed'],
  ])('%s', (_what, more, expected) => {
    expect(reasonOf(more)).toBe(expected);
  });

  it('says what to do', () => {
    const facts: ConsentFacts = { owner, target: elsewhere, operatorNamespace: 'keystead-system', ownVersion: true, syncAllowed: true, namespace: aNamespace(), hasTarget: false };
    expect(decideConsent(facts)).toMatchObject({ consequence: 'wait', message: expect.stringContaining('sync.keystead.dev/team=allow') });
  });
});

describe('what a resource made itself', () => {
  const versions = [{ id: 'v3' }, { id: 'v2' }, { id: 'v1' }];
  it.each([
    ['its own version', 'v3', 'uid-app', undefined, true],
    ['a version of another uid, such as one that was recovered', 'v3', 'uid-before', undefined, false],
    ['a version that the data plane set', 'v3', undefined, undefined, false],
    ['a version that was there when the target was added', 'v3', 'uid-app', 'v3', false],
    ['a version that was made after that', 'v3', 'uid-app', 'v2', true],
    ['an older version than that', 'v1', 'uid-app', 'v2', false],
    ['a version made after one that is no longer kept', 'v1', 'uid-app', 'v0', true],
    ['a version that is not there', 'v9', 'uid-app', 'v0', false],
  ])('%s', (_what, id, origin, sinceVersion, expected) => {
    const version = origin === undefined ? { id } : { id, origin };
    expect(madeByItself({ uid: 'uid-app', version, versions, ...(sinceVersion === undefined ? {} : { sinceVersion }) })).toBe(expected);
  });
});
