import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { marks } from '../../../src/controllers/target/identity.ts';
import { plannedState } from '../../../src/controllers/target/state.ts';
import { resources } from '../../../src/kube/resource.ts';
import { auditEvents, auditMark } from '../../support/audit-log.ts';
import { controlPlane, createNamespace, kubectl } from '../../support/control-plane.ts';
import { aTarget } from '../../unit/controllers/target/builders.ts';
import { eventually, openRig, text, type Process, type Rig } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await openRig();
});
afterAll(() => rig.close());

/** What the operator sent about Secrets of a namespace since a mark, watches and lists left out. */
async function sent(since: number, namespace: string): Promise<string[]> {
  const events = await auditEvents(controlPlane(), { since, user: rig.operatorUser });
  return events.filter(({ objectRef, verb }) => objectRef?.namespace === namespace && verb !== 'watch' && verb !== 'list').map(({ verb, responseStatus }) => `${verb} ${responseStatus?.code}`);
}

describe('a target of our own', () => {
  it('is one POST, and nothing when it is right, not even after a restart', async () => {
    const { namespace, owner } = await rig.team();
    const process = await rig.start(owner);
    const since = auditMark(controlPlane());
    const created = await process.sync({});
    expect(created).toMatchObject({ action: 'created', target: `${namespace}/app`, recordIsBehind: false, previous: 'none' });
    await expect(process.sync({})).resolves.toMatchObject({ action: 'none' });
    const restarted = await rig.start(owner);
    await expect(restarted.sync({})).resolves.toMatchObject({ action: 'none' });
    expect(restarted.opened()).toBe(0);
    await expect(sent(since, namespace)).resolves.toEqual(['create 201']);
    const secret = await rig.secret(namespace, 'app');
    expect(text(secret, 'password')).toBe('correct horse');
    expect(secret.metadata.labels).toEqual({ 'keystead.dev/managed': 'vault' });
    expect(secret.metadata.ownerReferences).toEqual([{ apiVersion: 'keystead.dev/v1alpha1', kind: 'VaultSecret', name: 'app', uid: owner.uid, blockOwnerDeletion: false }]);
  });

  it('is updated by one PUT that keeps what other people put on it and takes away what the template no longer says', async () => {
    const { namespace, owner } = await rig.team();
    const process = await rig.start(owner);
    await process.sync({ template: { labels: { 'app.example.com/tier': 'gold' }, annotations: { note: '{{ password }}' } } });
    await kubectl(['label', 'secret', 'app', '-n', namespace, 'theirs=kept', 'argocd.argoproj.io/instance=kept']);
    await kubectl(['annotate', 'secret', 'app', '-n', namespace, 'theirs.example.com/x=kept']);
    await eventually(() => process.informers.managedSecrets.get(`${namespace}/app`)?.metadata.annotations?.['theirs.example.com/x'] === 'kept', 'the cache sees the annotation');
    const since = auditMark(controlPlane());
    await expect(process.sync({}, { version: 'v2', values: { token: 'new' } })).resolves.toMatchObject({ action: 'updated' });
    await expect(sent(since, namespace)).resolves.toEqual(['update 200']);
    const { data, metadata } = await rig.secret(namespace, 'app');
    expect(Object.keys(data ?? {})).toEqual(['token']);
    expect(metadata.labels).toEqual({ 'keystead.dev/managed': 'vault', theirs: 'kept', 'argocd.argoproj.io/instance': 'kept' });
    expect(metadata.annotations).toMatchObject({ 'theirs.example.com/x': 'kept', [marks.version]: 'v2' });
    expect(Object.keys(metadata.annotations ?? {})).not.toContain('note');
  });

  it('is replaced when it is immutable, or of another type', async () => {
    const { namespace, owner } = await rig.team();
    const process = await rig.start(owner);
    await process.sync({ immutable: true });
    const before = await rig.secret(namespace, 'app');
    expect(before.immutable).toBe(true);
    await expect(process.sync({ immutable: true }, { version: 'v2', values: { password: 'second' } })).resolves.toMatchObject({ action: 'replaced' });
    const after = await rig.secret(namespace, 'app');
    expect(after.metadata.uid).not.toBe(before.metadata.uid);
    expect(text(after, 'password')).toBe('second');
    await expect(process.sync({ immutable: true }, { version: 'v3', values: { password: 'second' } })).resolves.toMatchObject({ action: 'updated' });
    await expect(process.sync({ type: 'kubernetes.io/basic-auth' }, { version: 'v3' })).resolves.toMatchObject({ action: 'replaced' });
    expect((await rig.secret(namespace, 'app')).type).toBe('kubernetes.io/basic-auth');
  });

  it('is put right when somebody changes it, and the fight is bounded when he does it in a loop', async () => {
    const { namespace, owner } = await rig.team();
    const process = await rig.start(owner);
    await process.sync({});
    const spoil = async (times: number): Promise<void> => {
      await kubectl(['patch', 'secret', 'app', '-n', namespace, '-p', JSON.stringify({ data: { password: Buffer.from(`spoiled ${times}`).toString('base64') } })]);
      const { metadata } = await rig.secret(namespace, 'app');
      await eventually(() => process.informers.managedSecrets.get(`${namespace}/app`)?.metadata.resourceVersion === metadata.resourceVersion, 'the cache sees the change');
    };
    for (let times = 0; times < 5; times += 1) {
      await spoil(times);
      await expect(process.sync({})).resolves.toMatchObject({ action: 'updated' });
    }
    await spoil(5);
    await expect(process.sync({})).rejects.toMatchObject({ code: 'TargetContested', consequence: 'wait', retryAfterMs: expect.any(Number) });
    await expect(process.sync({}, { version: 'v2' })).resolves.toMatchObject({ action: 'updated' });
    expect(text(await rig.secret(namespace, 'app'), 'password')).toBe('correct horse');
  });

  it('moves with its resource: the new one first, then the old one goes', async () => {
    const { namespace, owner } = await rig.team();
    const process = await rig.start(owner);
    const first = await process.sync({ name: 'old' });
    const moved = await process.sync({ name: 'new' }, { recorded: first.state });
    expect(moved).toMatchObject({ action: 'created', previous: 'deleted', recordIsBehind: true, state: { name: 'new' } });
    await expect(rig.secretOrNone(namespace, 'old')).resolves.toBeUndefined();
    const kept = await process.sync({ name: 'third' }, { recorded: { ...moved.state, deletionPolicy: 'Retain' } });
    expect(kept.previous).toBe('kept');
    expect(text(await rig.secretOrNone(namespace, 'new'), 'password')).toBe('correct horse');
  });

  it('is collected with its resource in its own namespace, and removed by us elsewhere', async () => {
    const { namespace, owner } = await rig.team();
    const elsewhere = await createNamespace('elsewhere', { [`sync.keystead.dev/${namespace}`]: 'allow' });
    const process = await rig.start(owner);
    await process.sync({});
    await rig.admin.delete(resources.configMaps, { namespace, name: 'app' });
    // The garbage collector knows no kind VaultSecret here, so it is asked for the reference only.
    expect((await rig.secret(namespace, 'app')).metadata.ownerReferences).toHaveLength(1);
    const { state } = await process.sync({ namespace: elsewhere }, { syncAllowed: true, version: 'v2' });
    expect((await rig.secret(elsewhere, 'app')).metadata.ownerReferences).toBeUndefined();
    const request = { recorded: state, signal: new AbortController().signal };
    await expect(process.targets.remove({ ...request, owner: { ...owner, uid: 'another' } })).resolves.toBe('kept');
    await expect(process.targets.remove({ ...request, owner })).resolves.toBe('deleted');
    await expect(rig.secretOrNone(elsewhere, 'app')).resolves.toBeUndefined();
  });
});

describe('Secrets that are not ours', () => {
  let process: Process;
  let namespace: string;
  beforeAll(async () => {
    const team = await rig.team();
    ({ namespace } = team);
    process = await rig.start(team.owner);
  });

  it('are never touched, and the message says what to do', async () => {
    const foreign = await rig.admin.create(resources.secrets, { metadata: { namespace, name: 'argocd-secret' }, data: { 'admin.password': 'eA==' } });
    for (const input of [{ name: 'argocd-secret' }, { name: 'argocd-secret', creationPolicy: 'Orphan' as const }, { name: 'argocd-secret', immutable: true }]) {
      await expect(process.sync(input)).rejects.toMatchObject({ code: 'Conflict', consequence: 'wait', message: expect.stringContaining('not managed by Keystead') });
    }
    await expect(process.sync({ name: 'argocd-secret', creationPolicy: 'Merge' })).rejects.toMatchObject({ code: 'MergeNotAllowed' });
    await expect(process.targets.remove({ owner: { kind: 'VaultSecret', namespace, name: 'app', uid: 'x' }, recorded: plannedState({ ...aTarget({ name: 'argocd-secret' }), namespace }), signal: new AbortController().signal })).resolves.toBe('none');
    await expect(rig.secret(namespace, 'argocd-secret')).resolves.toEqual(foreign);
  });

  it('stay so with our label on them, or ours without it', async () => {
    const labelled = await rig.admin.create(resources.secrets, { metadata: { namespace, name: 'labelled', labels: { 'keystead.dev/managed': 'vault' } }, data: { a: 'eA==' } });
    await eventually(() => process.informers.managedSecrets.get(`${namespace}/labelled`) !== undefined, 'the cache sees it');
    await expect(process.sync({ name: 'labelled' })).rejects.toMatchObject({ code: 'Conflict' });
    await expect(rig.secret(namespace, 'labelled')).resolves.toEqual(labelled);
    await process.sync({ name: 'unlabelled' });
    await kubectl(['label', 'secret', 'unlabelled', '-n', namespace, 'keystead.dev/managed-', '--overwrite']);
    await eventually(() => process.informers.managedSecrets.get(`${namespace}/unlabelled`) === undefined, 'the cache loses it');
    await expect(process.sync({ name: 'unlabelled' })).rejects.toMatchObject({ code: 'Conflict', message: expect.stringContaining('has lost the label') });
  });

  it('belong to the first of two resources', async () => {
    const other = { kind: 'VaultCertificate' as const, namespace, name: 'other', uid: 'uid-other' };
    await process.sync({ name: 'shared' });
    await expect(process.sync({ name: 'shared' }, { owner: other, values: { password: 'theirs' } })).rejects.toMatchObject({ code: 'Conflict', message: expect.stringContaining(`VaultSecret/${namespace}/app`) });
    expect(text(await rig.secret(namespace, 'shared'), 'password')).toBe('correct horse');
    // The other process has not seen it yet: the name is taken, and looked at once.
    const blind = await rig.start(other);
    await blind.blind();
    await process.sync({ name: 'shared-2' });
    await expect(blind.sync({ name: 'shared-2' })).rejects.toMatchObject({ code: 'Conflict' });
  });

  it('are known from ours when a write had no answer: the name is taken, and the MAC says by whom', async () => {
    const { owner, namespace: own } = await rig.team();
    const [first, second] = [await rig.start(owner), await rig.start(owner)];
    await second.blind();
    await first.sync({});
    const since = auditMark(controlPlane());
    await expect(second.sync({})).resolves.toMatchObject({ action: 'none' });
    await expect(second.sync({})).resolves.toMatchObject({ action: 'none' });
    await expect(second.sync({}, { version: 'v2' })).resolves.toMatchObject({ action: 'updated' });
    await expect(sent(since, own)).resolves.toEqual(['create 409', 'get 200', 'update 200']);
  });
});

describe('namespaces', () => {
  it('that are missing, going or closed get nothing', async () => {
    const { namespace, owner } = await rig.team();
    const process = await rig.start(owner);
    await expect(process.sync({ namespace: 'nowhere-at-all' }, { syncAllowed: true })).rejects.toMatchObject({ code: 'NamespaceMissing' });
    await expect(process.sync({ namespace: rig.operatorNamespace }, { syncAllowed: true })).rejects.toMatchObject({ code: 'TargetNotAllowed' });
    const closed = await createNamespace('closed');
    await eventually(async () => process.sync({ namespace: closed }, { syncAllowed: true }).then(() => false, (error) => error.code === 'SyncNotAllowed'), 'the cache sees the namespace');
    await kubectl(['label', 'namespace', closed, `sync.keystead.dev/${namespace}=allow`]);
    await eventually(() => process.sync({ namespace: closed }, { syncAllowed: true }).then(() => true, () => false), 'the consent is seen');
    await kubectl(['label', 'namespace', closed, `sync.keystead.dev/${namespace}-`]);
    await eventually(async () => process.sync({ namespace: closed }, { syncAllowed: true, version: 'v2' }).then(() => false, (error) => error.code === 'ConsentWithdrawn'), 'the withdrawal is seen');
    expect((await rig.secret(closed, 'app')).metadata.annotations?.[marks.version]).toBe('v1');
    await kubectl(['delete', 'namespace', closed, '--wait=false']);
    await eventually(async () => process.sync({ namespace: closed }, { syncAllowed: true, version: 'v2' }).then(() => false, (error) => ['NamespaceTerminating', 'NamespaceMissing'].includes(error.code)), 'the end is seen');
  });
});
