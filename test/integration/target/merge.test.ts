import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { resources } from '../../../src/kube/resource.ts';
import type { Owner } from '../../../src/controllers/target/identity.ts';
import { auditEvents, auditMark } from '../../support/audit-log.ts';
import { controlPlane, kubectl } from '../../support/control-plane.ts';
import { eventually, openRig, text, type Process, type Rig } from './rig.ts';

let rig: Rig;
let process: Process;
let namespace: string;
let owner: Owner;
beforeAll(async () => {
  rig = await openRig();
  ({ namespace, owner } = await rig.team());
  process = await rig.start(owner);
});
afterAll(() => rig.close());

const merge = { creationPolicy: 'Merge', deletionPolicy: 'Delete' } as const;

async function theirs(name: string, labels: Readonly<Record<string, string>> = { 'keystead.dev/merge': 'true' }): Promise<void> {
  await rig.admin.create(resources.secrets, { metadata: { namespace, name, labels }, data: { theirs: 'eA==' } });
  if (labels['keystead.dev/merge'] === undefined) return;
  await untilSeen(name);
}

/** The cache shows the latest state of a Secret. */
async function untilSeen(name: string): Promise<void> {
  const { metadata } = await rig.secret(namespace, name);
  await eventually(() => process.informers.mergeSecrets.get(`${namespace}/${name}`)?.metadata.resourceVersion === metadata.resourceVersion, `the cache sees ${name}`);
}

describe('merging into a Secret of somebody else', () => {
  it('adds our keys by one apply, drops those that go, and takes them all back in the end', async () => {
    await theirs('shared');
    const input = { ...merge, name: 'shared' };
    const since = auditMark(controlPlane());
    const { state, action } = await process.sync(input, { values: { a: '1', b: '2' } });
    expect(action).toBe('merged');
    await expect(process.sync(input, { values: { a: '1', b: '2' } })).resolves.toMatchObject({ action: 'none' });
    expect(Object.keys((await rig.secret(namespace, 'shared')).data ?? {})).toEqual(['a', 'b', 'theirs']);
    await process.sync(input, { version: 'v2', values: { a: '3' } });
    const secret = await rig.secret(namespace, 'shared');
    expect([Object.keys(secret.data ?? {}), text(secret, 'a')]).toEqual([['a', 'theirs'], '3']);
    expect(secret.metadata.labels).toEqual({ 'keystead.dev/merge': 'true' });
    await expect(process.targets.remove({ owner, recorded: state, signal: new AbortController().signal })).resolves.toBe('unmerged');
    const left = await rig.secret(namespace, 'shared');
    expect([Object.keys(left.data ?? {}), left.metadata.annotations]).toEqual([['theirs'], undefined]);
    const verbs = (await auditEvents(controlPlane(), { since, user: rig.operatorUser })).filter(({ objectRef }) => objectRef?.name === 'shared').map(({ verb }) => verb);
    expect(verbs).toEqual(['patch', 'patch', 'patch']);
  });

  it('needs the label, and stops when it goes', async () => {
    await theirs('closed', {});
    await expect(process.sync({ ...merge, name: 'closed' })).rejects.toMatchObject({ code: 'MergeNotAllowed' });
    await theirs('reclosed');
    const { state } = await process.sync({ ...merge, name: 'reclosed' });
    await kubectl(['label', 'secret', 'reclosed', '-n', namespace, 'keystead.dev/merge-']);
    await eventually(() => process.informers.mergeSecrets.get(`${namespace}/reclosed`) === undefined, 'the cache loses it');
    await expect(process.sync({ ...merge, name: 'reclosed' }, { version: 'v2' })).rejects.toMatchObject({ code: 'MergeNotAllowed' });
    await expect(process.targets.remove({ owner, recorded: state, signal: new AbortController().signal })).resolves.toBe('none');
    expect(text(await rig.secret(namespace, 'reclosed'), 'password')).toBe('correct horse');
  });

  it('overwrites no key of others, not even one that they took over from us', async () => {
    await theirs('contested');
    const input = { ...merge, name: 'contested' };
    await expect(process.sync(input, { values: { theirs: 'ours' } })).rejects.toMatchObject({ code: 'Conflict', message: expect.stringContaining('.data.theirs') });
    await process.sync(input, { version: 'v2', values: { a: '1' } });
    await kubectl(['patch', 'secret', 'contested', '-n', namespace, '-p', '{"data":{"a":"eA=="}}']);
    await untilSeen('contested');
    await expect(process.sync(input, { version: 'v2', values: { a: '1' } })).rejects.toMatchObject({ code: 'Conflict' });
    expect((await rig.secret(namespace, 'contested')).data).toEqual({ theirs: 'eA==', a: 'eA==' });
  });

  it('keeps two resources on one Secret apart', async () => {
    await theirs('both');
    const other: Owner = { kind: 'VaultSecret', namespace, name: 'other', uid: 'uid-other' };
    await process.sync({ ...merge, name: 'both' }, { values: { a: '1' } });
    const { state } = await process.sync({ ...merge, name: 'both' }, { owner: other, values: { b: '2' } });
    await expect(process.sync({ ...merge, name: 'both' }, { values: { a: '1' } })).resolves.toMatchObject({ action: 'none' });
    await process.targets.remove({ owner: other, recorded: state, signal: new AbortController().signal });
    expect(Object.keys((await rig.secret(namespace, 'both')).data ?? {})).toEqual(['a', 'theirs']);
    await expect(process.sync({ ...merge, name: 'both' }, { values: { a: '1' } })).resolves.toMatchObject({ action: 'none' });
  });

  it('never creates a Secret, and never writes to another one of the same name', async () => {
    await theirs('replaced');
    await process.blind();
    await rig.admin.delete(resources.secrets, { namespace, name: 'replaced' });
    await expect(process.sync({ ...merge, name: 'replaced' })).rejects.toMatchObject({ status: 409 });
    await expect(rig.secretOrNone(namespace, 'replaced')).resolves.toBeUndefined();
    const anew = await rig.admin.create(resources.secrets, { metadata: { namespace, name: 'replaced', labels: { 'keystead.dev/merge': 'true' } }, data: { theirs: 'eQ==' } });
    await expect(process.sync({ ...merge, name: 'replaced' })).rejects.toMatchObject({ status: 409 });
    await expect(rig.secret(namespace, 'replaced')).resolves.toEqual(anew);
  });
});
