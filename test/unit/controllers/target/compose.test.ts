import { describe, expect, it } from '@jest/globals';
import { deniedDomains } from '../../../../src/api/target.ts';
import { compose, composeMerge, type Composition } from '../../../../src/controllers/target/compose.ts';
import { marks, ownersOf, ownerReference, targetKeyOf, type Owner } from '../../../../src/controllers/target/identity.ts';
import { managedSecret } from '../../../../src/controllers/target/managed-secret.ts';
import { render } from '../../../../src/controllers/target/render.ts';
import { aSecret, aTarget, fieldsOf, owner, written } from './builders.ts';

const other: Owner = { kind: 'VaultCertificate', namespace: 'team', name: 'app', uid: 'uid-other' };

function aComposition(more: Partial<Composition> = {}): Composition {
  const target = more.target ?? aTarget();
  return { owner, vault: 'vault', target, version: 'v1', rendered: render(target, fieldsOf({ password: 'x' }), []), live: undefined, deniedDomains, restartMarks: {}, ...more };
}

describe('what is written', () => {
  it('has an owner reference only where Kubernetes may delete it with its resource', () => {
    const references = (input: Parameters<typeof aTarget>[0]): number => compose(aComposition({ target: aTarget(input) }), 'create').metadata.ownerReferences?.length ?? 0;
    expect(references({})).toBe(1);
    expect([references({ namespace: 'other' }), references({ creationPolicy: 'Orphan' }), references({ deletionPolicy: 'Retain' }), references({ creationPolicy: 'Orphan', deletionPolicy: 'Delete' })]).toEqual([0, 0, 0, 0]);
  });

  it('keeps the owners and finalizers of others, and drops references to what the resource was before', () => {
    const theirs = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'uid-web', controller: true };
    const live = aSecret({ metadata: { ownerReferences: [theirs, ownerReference({ ...owner, uid: 'uid-before' }), ownerReference(other)], finalizers: ['example.com/hold'] } });
    const { metadata } = compose(aComposition({ live }), 'update');
    expect(metadata.ownerReferences).toEqual([theirs, ownerReference(other), ownerReference(owner)]);
    expect(metadata.finalizers).toEqual(['example.com/hold']);
    expect(metadata).toMatchObject({ uid: 'uid-secret', resourceVersion: '1' });
  });

  it('takes away what the template set before, and nothing that others set, whoever claims otherwise', () => {
    const live = aSecret({ metadata: {
      labels: { former: 'x', theirs: 'kept', 'app.kubernetes.io/instance': 'kept' },
      annotations: { note: 'x', theirs: 'kept', [marks.templateMetadata]: '{"labels":["former","app.kubernetes.io/instance"],"annotations":["note"]}', [marks.restartHash]: 'x' },
    } });
    const { metadata } = compose(aComposition({ live }), 'update');
    expect(metadata.labels).toEqual({ theirs: 'kept', 'app.kubernetes.io/instance': 'kept', 'keystead.dev/managed': 'vault' });
    expect(Object.keys(metadata.annotations ?? {}).toSorted()).toEqual(['theirs', marks.resource, marks.uid, marks.target, marks.version].toSorted());
  });

  it.each(['', '{', 'null', '[]', '{"labels":{}}', '{"labels":[1]}'])('takes nothing away when that note is %j', (note) => {
    const live = aSecret({ metadata: { labels: { theirs: 'kept' }, annotations: { [marks.templateMetadata]: note } } });
    expect(compose(aComposition({ live }), 'update').metadata.labels).toMatchObject({ theirs: 'kept' });
  });

  it('creates nothing of a reserved or denied domain when it replaces a Secret', () => {
    const live = aSecret({ metadata: { labels: { theirs: 'kept', 'app.kubernetes.io/instance': 'x', 'argocd.argoproj.io/secret-type': 'cluster', 'keystead.dev/source': 'vault' } } });
    expect(compose(aComposition({ live }), 'create').metadata.labels).toEqual({ theirs: 'kept', 'keystead.dev/managed': 'vault' });
  });

  it('never touches the consents that an owner gives', () => {
    const live = aSecret({ metadata: { labels: { 'keystead.dev/merge': 'true' } } });
    expect(compose(aComposition({ live }), 'update').metadata.labels).toMatchObject({ 'keystead.dev/merge': 'true' });
  });

  it('is, merged, our keys and one mark, pinned to the Secret that was seen', () => {
    const merged = composeMerge(aComposition({ live: aSecret({ data: { theirs: 'eA==' }, metadata: { labels: { theirs: 'x' } } }) }), { owner, version: 'v1', keys: ['password'], content: 'mac' });
    expect(merged).toEqual({
      metadata: {
        namespace: 'team', name: 'app', uid: 'uid-secret', resourceVersion: '1', labels: {},
        annotations: { 'keystead.dev/merged.uid-app': '{"resource":"VaultSecret/team/app","version":"v1","keys":["password"],"content":"mac"}' },
      },
      data: { password: 'eA==' },
    });
  });
});

describe('what the cache keeps of a Secret', () => {
  it('is no value, not even in the copy that kubectl leaves', () => {
    const secret = aSecret({ data: { password: Buffer.from('hunter2').toString('base64') }, metadata: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":{"password":"aHVudGVyMg=="}}', theirs: 'kept' } } });
    expect(JSON.stringify(secret)).not.toMatch(/hunter2|aHVudGVyMg/);
    expect(secret.metadata.annotations).toEqual({ theirs: 'kept' });
    expect(Object.keys(secret.digests)).toEqual(['password']);
    expect(managedSecret(secret)).toBe(secret);
  });

  it('tells any two contents apart, a key named __proto__ among them', () => {
    const digests = (data: Record<string, string>): string => JSON.stringify(aSecret({ data }).digests);
    const proto = JSON.parse('{"__proto__":"eA=="}') as Record<string, string>;
    expect(new Set([digests({}), digests({ a: 'eA==' }), digests({ a: 'eQ==' }), digests({ b: 'eA==' }), digests(proto)]).size).toBe(5);
  });
});

describe('whom an event of a Secret concerns', () => {
  it('is told by the marks of whole and of merged Secrets', async () => {
    expect(ownersOf(await written())).toEqual([owner]);
    const merged = aSecret({ metadata: { annotations: { 'keystead.dev/merged.uid-a': '{"resource":"VaultSecret/team/a","version":"v","keys":[],"content":"m"}', 'keystead.dev/merged.uid-b': 'rubbish' } } });
    expect(ownersOf(merged)).toEqual([{ kind: 'VaultSecret', namespace: 'team', name: 'a', uid: 'uid-a' }]);
    expect(ownersOf(undefined)).toEqual([]);
  });

  it('is told by the spec where the marks are gone', () => {
    const resource = { apiVersion: 'x', kind: 'VaultSecret', metadata: { namespace: 'team', name: 'app', uid: 'u', resourceVersion: '1', creationTimestamp: '' } };
    expect(targetKeyOf({ ...resource, spec: {} })).toBeUndefined();
    expect(targetKeyOf({ ...resource, spec: { target: {} } })).toBe('team/app');
    expect(targetKeyOf({ ...resource, spec: { target: { namespace: 'other', name: 'x' } } })).toBe('other/x');
  });
});
