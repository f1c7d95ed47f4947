import { describe, expect, it } from '@jest/globals';
import { decideSecret, rotationDue, type SecretFacts } from '../../../../src/controllers/vault-secret/decide.ts';
import { transition } from '../../../../src/controllers/vault-secret/transition.ts';
import type { NewVersion } from '../../../../src/vault/blobs.ts';
import { certificateState } from '../../../support/builders/certificate-state.ts';
import { madeAt, secretHead, secretSpec, secretState, secretVersion } from '../../../support/builders/secret-state.ts';

function facts(parts: Partial<SecretFacts> = {}): SecretFacts {
  return {
    resource: { uid: 'uid-db', generation: 1 },
    spec: secretSpec(),
    head: secretHead(),
    inputs: 'inputs-1',
    sourceProblem: undefined,
    mayUseForeignVersions: false,
    otherAdopts: false,
    now: new Date(madeAt.getTime() + 3_600_000),
    clockTrusted: true,
    ...parts,
  };
}

const deletion = { at: madeAt.toISOString(), scheduledPurge: '2026-04-01T00:00:00.000Z' };
const target = { name: 'db' };
const others = { kind: 'VaultSecret', namespace: 'team', name: 'other', uid: 'uid-other', deletionPolicy: 'Delete' } as const;
const rotating = secretSpec({ generate: { uuid: {}, rotation: { interval: '1h' } } });

describe('what becomes of a secret', () => {
  it.each<[string, Partial<SecretFacts>, object]>([
    ['nothing is there: create', { head: undefined }, { claim: 'create', newVersion: 'created' }],
    ['all is as declared: keep', {}, { claim: 'own', newVersion: undefined }],
    ['what it is made from has changed: a new version', { inputs: 'inputs-2' }, { claim: 'own', newVersion: 'inputs' }],
    ['its time has come: rotate', { spec: rotating }, { claim: 'own', newVersion: 'rotation' }],
    ['its time has come by a clock nobody trusts: keep', { spec: rotating, clockTrusted: false }, { newVersion: undefined }],
    ['its time has not come: keep', { spec: rotating, now: new Date(madeAt.getTime() + 3_599_000) }, { newVersion: undefined }],
    ['the clock went back: keep', { spec: rotating, now: new Date(0) }, { newVersion: undefined }],
    ['somebody else declares it: conflict', { head: secretHead(secretState({ declaredBy: others })) }, { refusal: { reason: 'Conflict' } }],
    ['nobody declares it: conflict', { head: secretHead(withoutDeclaration()) }, { refusal: { reason: 'Conflict' } }],
    ['adopt takes it as it is', { spec: secretSpec({ adopt: true }), head: secretHead(secretState({ declaredBy: others })), inputs: 'inputs-2' }, { claim: 'adopt', newVersion: undefined }],
    ['two that adopt do not take turns', { spec: secretSpec({ adopt: true }), head: secretHead(secretState({ declaredBy: others })), otherAdopts: true }, { refusal: { reason: 'Conflict' } }],
    ['it is a certificate: conflict', { head: { ...secretHead(), certificate: certificateState() } }, { refusal: { reason: 'Conflict' } }],
    ['deleted in the vault: stays deleted', { head: secretHead(secretState({ deleted: deletion })) }, { refusal: { reason: 'ObjectDeleted' } }],
    ['deleted, and Recover: back', { spec: secretSpec({ createMode: 'Recover' }), head: secretHead(secretState({ deleted: deletion })) }, { claim: 'recover', newVersion: undefined }],
    ['deleted again after that recovery: stays deleted', { spec: secretSpec({ createMode: 'Recover' }), head: secretHead(recoveredOnce()) }, { refusal: { reason: 'ObjectDeleted' } }],
    ['Recover of another\'s, with a target: a value of its own', { spec: secretSpec({ createMode: 'Recover', target }), head: secretHead(secretState({ declaredBy: others, deleted: deletion })) }, { claim: 'recover', newVersion: 'recovered' }],
    ['Recover of another\'s, allowed by a policy: the old value', { spec: secretSpec({ createMode: 'Recover', target }), head: secretHead(secretState({ declaredBy: others, deleted: deletion })), mayUseForeignVersions: true }, { claim: 'recover', newVersion: undefined }],
    ['Recover is no way to take what is not deleted', { spec: secretSpec({ createMode: 'Recover' }), head: secretHead(secretState({ declaredBy: others })) }, { refusal: { reason: 'Conflict' } }],
    ['no source and no object: waits', { spec: secretSpec({ generate: undefined }), head: undefined, inputs: undefined }, { refusal: { reason: 'WaitingForValue' } }],
    ['a conflict comes before a missing source', { head: secretHead(secretState({ declaredBy: others })), sourceProblem: { reason: 'SourceMissing', message: '', consequence: 'waits' } }, { refusal: { reason: 'Conflict' } }],
  ])('%s', (_, parts, expected) => {
    expect(decideSecret(facts(parts))).toMatchObject(expected);
  });

  it('is rotated by the version and the spec alone, so that no restart moves it', () => {
    expect(rotationDue(rotating, secretVersion())?.toISOString()).toBe('2026-01-01T01:00:00.000Z');
    expect(rotationDue(secretSpec(), secretVersion())).toBeUndefined();
  });
});

describe('the change of a record', () => {
  const resource = { namespace: 'team', name: 'db', uid: 'uid-db', generation: 4 };
  const version: NewVersion = { kind: 'secret', id: '02'.repeat(16), created: madeAt.toISOString(), origin: 'uid-db', public: {}, fields: new Map() };
  const common = { spec: secretSpec(), resource, vaultId: 'vault-1', inputs: 'inputs-2', version: undefined, target: undefined, now: new Date(madeAt.getTime() + 1000), incarnation: 'i' };
  const keep = { do: 'keep', claim: 'own', newVersion: undefined } as const;

  it('is none when everything is as it should be, whatever time it is', () => {
    expect(transition(secretHead(), { ...common, decision: keep, inputs: 'inputs-1' })).toBeUndefined();
  });

  it('takes in attributes, tags and policies without a new version', () => {
    const spec = secretSpec({ attributes: { enabled: false }, tags: { a: 'b' }, contentType: 'text/plain', deletionPolicy: 'Retain' });
    const change = transition(secretHead(), { ...common, spec, decision: keep, inputs: 'inputs-1' });
    expect(change).toMatchObject({ operation: 'SecretUpdate', head: { secret: { attributes: { enabled: false }, tags: { a: 'b' }, contentType: 'text/plain', declaredBy: { deletionPolicy: 'Retain' } } } });
    expect(change?.add).toBeUndefined();
  });

  it('removes what the spec no longer says', () => {
    const before = secretState({ contentType: 'text/plain', attributes: { enabled: true, expires: '2027-01-01T00:00:00Z' } });
    const after = transition(secretHead(before), { ...common, decision: keep, inputs: 'inputs-1' })?.head.secret;
    expect(after).not.toHaveProperty('contentType');
    expect(after?.attributes).toEqual({ enabled: true });
  });

  it('rebinds versions when adopting, and not when recovering', () => {
    const before = secretHead(secretState({ declaredBy: others, deleted: deletion, versions: [secretVersion({ origin: 'uid-other' })] }));
    const adopted = transition(before, { ...common, decision: { ...keep, claim: 'adopt' } });
    expect(adopted).toMatchObject({ operation: 'ObjectAdopt', head: { secret: { inputs: 'inputs-2', versions: [{ origin: 'uid-db' }] } } });
    expect(adopted?.head.secret).not.toHaveProperty('deleted');
    const recovered = transition(before, { ...common, decision: { ...keep, claim: 'recover' } });
    expect(recovered).toMatchObject({ operation: 'ObjectRecover', head: { secret: { declaredBy: { uid: 'uid-db', recoveredAt: 4 }, versions: [{ origin: 'uid-other' }] } } });
  });

  it('keeps as many versions as the spec says, the new one counted', () => {
    const before = secretHead(secretState({ versions: ['a', 'b', 'c'].map((id) => secretVersion({ id })) }));
    const spec = secretSpec({ versionsToKeep: 2 });
    const change = transition(before, { ...common, spec, version, decision: { ...keep, newVersion: 'inputs' } });
    expect(change?.head.secret?.versions.map(({ id }) => id)).toEqual(['a']);
    expect(change?.add?.id).toBe(version.id);
    expect(transition(before, { ...common, spec, inputs: 'inputs-1', decision: keep })?.head.secret?.versions.map(({ id }) => id)).toEqual(['a', 'b']);
  });
});

function withoutDeclaration() {
  const { declaredBy: _none, ...rest } = secretState();
  return rest;
}

function recoveredOnce() {
  return secretState({ deleted: deletion, declaredBy: { kind: 'VaultSecret', namespace: 'team', name: 'db', uid: 'uid-db', deletionPolicy: 'Delete', recoveredAt: 1 } });
}
