import { describe, expect, it } from '@jest/globals';
import type { TargetInput } from '../../../../src/api/target.ts';
import { isCurrent } from '../../../../src/controllers/target/current.ts';
import { claimOf, decideDeparture, decideTarget, withoutGap } from '../../../../src/controllers/target/decide.ts';
import { fieldManager } from '../../../../src/controllers/target/write.ts';
import { marks, mergeMark, mergeMarkText, ownerReference, type Owner } from '../../../../src/controllers/target/identity.ts';
import type { ManagedSecret } from '../../../../src/controllers/target/managed-secret.ts';
import { refusal } from '../../../../src/controllers/target/refusal.ts';
import { plannedState } from '../../../../src/controllers/target/state.ts';
import { aSecret, aSource, aTarget, changed, hash, owner, written } from './builders.ts';

const other: Owner = { kind: 'VaultSecret', namespace: 'team', name: 'other', uid: 'uid-other' };
const former: Owner = { ...owner, uid: 'uid-before' };

async function decide(input: NonNullable<TargetInput>, live: ManagedSecret | undefined, version = 'v1', of: Owner = owner): Promise<string> {
  const target = aTarget(input, of);
  const current = live !== undefined && (await isCurrent(aSource({ target, version, owner: of }), 'vault', live, hash));
  const action = decideTarget({ owner: of, vault: 'vault', target, live, current, recorded: undefined, consent: undefined });
  return action.do === 'refuse' ? action.reason : action.do;
}

async function writtenFor(input: NonNullable<TargetInput>, of: Owner = owner): Promise<ManagedSecret> {
  return written(aSource({ target: aTarget(input, of), owner: of }));
}

function withoutMarks(secret: ManagedSecret): ManagedSecret {
  return changed(secret, { metadata: { annotations: {} } });
}

describe('a target that Keystead owns', () => {
  it.each<[string, NonNullable<TargetInput>, () => ManagedSecret | undefined | Promise<ManagedSecret>, string]>([
    ['nothing is there', {}, () => undefined, 'create'],
    ['it is as it was written', {}, () => writtenFor({}), 'none'],
    ['it is for an earlier version', {}, async () => changed(await writtenFor({}), { metadata: { annotations: { ...(await writtenFor({})).metadata.annotations, [marks.version]: 'v0' } } }), 'update'],
    ['a value was changed by somebody', {}, async () => changed(await writtenFor({}), { digests: { password: 'x' } }), 'update'],
    ['a key was added by somebody', {}, async () => changed(await writtenFor({}), { digests: { ...(await writtenFor({})).digests, more: 'x' } }), 'update'],
    ['a key is gone', {}, async () => changed(await writtenFor({}), { digests: {} }), 'update'],
    ['somebody put a label of his own on it', {}, async () => changed(await writtenFor({}), { metadata: { labels: { ...(await writtenFor({})).metadata.labels, 'app.example.com/x': 'y' } } }), 'none'],
    ['the label names another vault', {}, async () => changed(await writtenFor({}), { metadata: { labels: { 'keystead.dev/managed': 'else' } } }), 'update'],
    ['its owner reference was removed', {}, async () => changed(await writtenFor({}), { metadata: { ownerReferences: [] } }), 'update'],
    ['its type shall be another', { type: 'kubernetes.io/basic-auth' }, () => writtenFor({}), 'replace'],
    ['it is immutable and shall hold something else', { immutable: true }, async () => changed(await writtenFor({ immutable: true }), { digests: { password: 'x' } }), 'replace'],
    ['it shall be immutable from now on', { immutable: true }, () => writtenFor({}), 'update'],
    ['it shall be immutable no longer', {}, () => writtenFor({ immutable: true }), 'replace'],
    ['the policy is Orphan now, so the reference must go', { creationPolicy: 'Orphan' }, () => writtenFor({}), 'update'],
    ['it is being deleted', {}, async () => changed(await writtenFor({}), { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }), 'TargetDeleting'],
    ['it was written for this resource before that was deleted and made anew', {}, () => writtenFor({}, former), 'update'],
    ['it is somebody else\'s', {}, () => aSecret(), 'Conflict'],
    ['it is another resource\'s', {}, async () => writtenFor({ name: 'app' }, other), 'Conflict'],
    ['it is a copy of a target of ours', {}, async () => changed(await written(aSource({ target: aTarget({ name: 'original' }) })), { metadata: { name: 'app' } }), 'Conflict'],
    ['only the label says that it is ours', {}, () => aSecret({ metadata: { labels: { 'keystead.dev/managed': 'vault' } } }), 'Conflict'],
    ['the annotations make no sense', {}, () => aSecret({ metadata: { labels: { 'keystead.dev/managed': 'vault' }, annotations: { [marks.resource]: 'VaultSecret/team', [marks.uid]: owner.uid, [marks.target]: 'team/app' } } }), 'Conflict'],
    ['the label is gone, the annotations are there', {}, async () => changed(await writtenFor({}), { metadata: { labels: {} } }), 'Conflict'],
    ['the annotations are gone, the owner reference is there', {}, async () => withoutMarks(await writtenFor({})), 'update'],
    ['the annotations are gone, and nothing else says whose it is', { creationPolicy: 'Orphan' }, async () => withoutMarks(await writtenFor({ creationPolicy: 'Orphan' })), 'Conflict'],
  ])('%s', async (_what, input, live, expected) => {
    expect(await decide(input, await live())).toBe(expected);
  });

  it('is known again without its marks by the uid that the record has', async () => {
    const target = aTarget({ creationPolicy: 'Orphan' });
    const live = withoutMarks(await written(aSource({ target })));
    expect(claimOf(live, owner, { ...plannedState(target), uid: 'uid-secret' }).of).toBe('ours');
    expect(claimOf(live, owner, { ...plannedState(target), uid: 'another' }).of).toBe('unclear');
    expect(claimOf(live, owner, { ...plannedState(target), name: 'elsewhere', uid: 'uid-secret' }).of).toBe('unclear');
  });

  it('names the resource that has the Secret', async () => {
    const action = decideTarget({ owner, vault: 'vault', target: aTarget(), live: await writtenFor({ name: 'app' }, other), current: false, recorded: undefined, consent: undefined });
    expect(action).toMatchObject({ do: 'refuse', reason: 'Conflict', consequence: 'wait', message: expect.stringContaining('VaultSecret/team/other') });
  });

  it('is not looked at while a consent is missing, not even when all else is well', async () => {
    const consent = refusal('ConsentWithdrawn', 'no', 'wait');
    expect(decideTarget({ owner, vault: 'vault', target: aTarget(), live: await writtenFor({}), current: true, recorded: undefined, consent })).toBe(consent);
  });

  it('is replaced without a gap where only metadata differ', async () => {
    const live = await writtenFor({ immutable: true });
    expect(withoutGap({ do: 'replace', live }, aTarget({ immutable: true }), true).do).toBe('update');
    expect(withoutGap({ do: 'replace', live }, aTarget({ immutable: true }), false).do).toBe('replace');
    expect(withoutGap({ do: 'replace', live }, aTarget(), true).do).toBe('replace');
    expect(withoutGap({ do: 'replace', live }, aTarget({ immutable: true, type: 'kubernetes.io/basic-auth' }), true).do).toBe('replace');
  });
});

describe('the MAC on a target', () => {
  it('fits nothing but that resource, place, version and spec', async () => {
    const live = await writtenFor({});
    const right = (more: Parameters<typeof aSource>[0]): Promise<boolean> => isCurrent(aSource(more), 'vault', live, hash);
    await expect(right({})).resolves.toBe(true);
    await expect(right({ version: 'v2' })).resolves.toBe(false);
    await expect(right({ owner: former })).resolves.toBe(false);
    await expect(right({ publicInputs: ['another root'] })).resolves.toBe(false);
    await expect(right({ target: aTarget({ template: { data: { a: 'b' } } }) })).resolves.toBe(false);
    await expect(isCurrent(aSource(), 'vault', live, (parts) => hash([...parts, 'another vault key']))).resolves.toBe(false);
  });

  it('finds an older Secret that was put back with all its annotations', async () => {
    const old = await written(aSource({ version: 'v1' }));
    const now = await written(aSource({ version: 'v2' }), { password: 'new' });
    const forged = changed(old, { metadata: { annotations: now.metadata.annotations ?? {} } });
    await expect(isCurrent(aSource({ version: 'v2' }), 'vault', old, hash)).resolves.toBe(false);
    await expect(isCurrent(aSource({ version: 'v2' }), 'vault', forged, hash)).resolves.toBe(false);
    await expect(isCurrent(aSource({ version: 'v2' }), 'vault', now, hash)).resolves.toBe(true);
  });

  it('covers the labels and annotations of the template, and nobody else\'s', async () => {
    const target = aTarget({ template: { labels: { 'app.example.com/tier': 'gold' } } });
    const live = await written(aSource({ target }));
    const labels = live.metadata.labels ?? {};
    await expect(isCurrent(aSource({ target }), 'vault', live, hash)).resolves.toBe(true);
    await expect(isCurrent(aSource({ target }), 'vault', changed(live, { metadata: { labels: { ...labels, mine: 'x' } } }), hash)).resolves.toBe(true);
    await expect(isCurrent(aSource({ target }), 'vault', changed(live, { metadata: { labels: { ...labels, 'app.example.com/tier': 'lead' } } }), hash)).resolves.toBe(false);
    const { 'app.example.com/tier': _gone, ...rest } = labels;
    await expect(isCurrent(aSource({ target }), 'vault', changed(live, { metadata: { labels: rest } }), hash)).resolves.toBe(false);
  });
});

describe('merging into a Secret of somebody else', () => {
  const merge = { creationPolicy: 'Merge' } as const;
  const consented = { labels: { 'keystead.dev/merge': 'true' } };
  it.each<[string, ManagedSecret | undefined, string]>([
    ['it is not there, or carries no consent', undefined, 'MergeNotAllowed'],
    ['the consent is gone', aSecret(), 'MergeNotAllowed'],
    ['its owner consents', aSecret({ metadata: consented }), 'merge'],
    ['it is Keystead\'s own', aSecret({ metadata: { labels: { ...consented.labels, 'keystead.dev/managed': 'vault' } } }), 'Conflict'],
    ['it is a source of values: A to B to A would never end', aSecret({ metadata: { labels: { ...consented.labels, 'keystead.dev/source': 'vault' } } }), 'Conflict'],
    ['it is immutable', aSecret({ metadata: consented, immutable: true }), 'Conflict'],
    ['it is of a type that is a credential by itself', aSecret({ metadata: consented, type: 'bootstrap.kubernetes.io/token' }), 'TargetNotAllowed'],
    ['it is being deleted', aSecret({ metadata: { ...consented, deletionTimestamp: '2026-01-01T00:00:00Z' } }), 'TargetDeleting'],
  ])('%s', async (_what, live, expected) => {
    expect(await decide(merge, live)).toBe(expected);
  });

  it('names its manager after the resource, so that two on one Secret stay apart and one that is made anew goes on', () => {
    expect(fieldManager(owner)).not.toBe(fieldManager(other));
    expect(fieldManager(owner)).toBe(fieldManager(former));
  });
});

describe('a target that its resource no longer has', () => {
  const state = (input: NonNullable<TargetInput>): ReturnType<typeof plannedState> => plannedState(aTarget(input));
  it.each<[string, NonNullable<TargetInput>, () => ManagedSecret | undefined | Promise<ManagedSecret>, string]>([
    ['is deleted by default', {}, () => writtenFor({}), 'delete'],
    ['is kept with Retain', { deletionPolicy: 'Retain' }, () => writtenFor({ deletionPolicy: 'Retain' }), 'keep'],
    ['is kept by default with Orphan', { creationPolicy: 'Orphan' }, () => writtenFor({ creationPolicy: 'Orphan' }), 'keep'],
    ['is deleted with Orphan and Delete', { creationPolicy: 'Orphan', deletionPolicy: 'Delete' }, () => writtenFor({ creationPolicy: 'Orphan', deletionPolicy: 'Delete' }), 'delete'],
    ['is gone already', {}, () => undefined, 'none'],
    ['is on its way out already', {}, async () => changed(await writtenFor({}), { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }), 'none'],
    ['is left to the later resource of the same name', {}, () => writtenFor({}, former), 'keep'],
    ['is not touched when it is another\'s', {}, () => writtenFor({ name: 'app' }, other), 'keep'],
    ['is not touched when it is nobody\'s', {}, () => aSecret(), 'keep'],
    ['is not touched when it is a copy', {}, async () => changed(await written(aSource({ target: aTarget({ name: 'original' }) })), { metadata: { name: 'app' } }), 'keep'],
    ['loses our keys with Merge and Delete', { creationPolicy: 'Merge', deletionPolicy: 'Delete' }, () => mergedSecret(owner), 'unmerge'],
    ['keeps our keys with Merge by default', { creationPolicy: 'Merge' }, () => mergedSecret(owner), 'keep'],
    ['keeps the keys of another resource', { creationPolicy: 'Merge', deletionPolicy: 'Delete' }, () => mergedSecret(other), 'keep'],
    ['is kept when the consent to Merge is gone', { creationPolicy: 'Merge', deletionPolicy: 'Delete' }, () => changed(mergedSecret(owner), { metadata: { labels: {} } }), 'keep'],
  ])('%s', async (_what, input, live, expected) => {
    expect(decideDeparture(owner, state(input), await live()).do).toBe(expected);
  });

  it('is known by an owner reference if its marks were wiped', async () => {
    const live = changed(withoutMarks(await writtenFor({})), { metadata: { ownerReferences: [ownerReference(owner)] } });
    expect(decideDeparture(owner, state({}), live).do).toBe('delete');
    expect(decideDeparture(owner, state({}), changed(live, { metadata: { ownerReferences: [ownerReference(other)] } })).do).toBe('keep');
  });
});

function mergedSecret(of: Owner): ManagedSecret {
  const annotations = { [mergeMark(of.uid)]: mergeMarkText({ owner: of, version: 'v1', keys: ['password'], content: 'x' }) };
  return aSecret({ metadata: { labels: { 'keystead.dev/merge': 'true' }, annotations } });
}
