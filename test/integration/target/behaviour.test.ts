import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KeysteadError } from '../../../src/api/error.ts';
import type { TargetInput } from '../../../src/api/target.ts';
import type { Owner } from '../../../src/controllers/target/identity.ts';
import { resources } from '../../../src/kube/resource.ts';
import type { TargetState } from '../../../src/vault/object-record.ts';
import { kubectl } from '../../support/control-plane.ts';
import { behaviour, policies, type EventName, type Policies } from './behaviour.ts';
import { eventually, openRig, text, type Process, type Rig, type SyncChoices } from './rig.ts';

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

/** One cell: a Secret name of its own, under one pair of policies. */
interface Cell {
  readonly name: string;
  readonly merged: boolean;
  readonly input: NonNullable<TargetInput> & { readonly name: string };
}

const first: SyncChoices = { values: { a: 'first' } };
const second: SyncChoices = { values: { a: 'second' }, version: 'v2' };

/** Syncs, and says what came of it. If it was refused, the Secret must be exactly what it was. */
async function outcomeOf(cell: Cell, choices: SyncChoices = first, input = cell.input): Promise<string> {
  const before = await rig.secretOrNone(namespace, cell.name);
  const outcome = await process.sync(input, choices).then(
    ({ action }) => (action === 'none' ? 'unchanged' : action),
    (error: unknown) => error,
  );
  if (typeof outcome === 'string') return outcome;
  if (!(outcome instanceof KeysteadError)) throw outcome;
  const untouched = isDeepStrictEqual(await rig.secretOrNone(namespace, cell.name), before);
  return untouched ? outcome.code : `${outcome.code}, but the Secret was changed`;
}

async function foreign(cell: Cell, labels: Readonly<Record<string, string>> = {}): Promise<void> {
  await rig.admin.create(resources.secrets, { metadata: { namespace, name: cell.name, labels }, data: { theirs: 'eA==' } });
  await settled(cell);
}

/** The caches show what the API server has. */
async function settled({ name, merged }: Cell): Promise<void> {
  const live = await rig.secretOrNone(namespace, name);
  const labelled = live?.metadata.labels?.[merged ? 'keystead.dev/merge' : 'keystead.dev/managed'] !== undefined;
  const informer = merged ? process.informers.mergeSecrets : process.informers.managedSecrets;
  await eventually(() => informer.get(`${namespace}/${name}`)?.metadata.resourceVersion === (labelled ? live?.metadata.resourceVersion : undefined), `the cache shows ${name} as it is`);
}

/** The target as it stands when nothing is wrong. */
async function written(cell: Cell, input: NonNullable<TargetInput> = cell.input): Promise<TargetState> {
  if (cell.merged) await foreign(cell, { 'keystead.dev/merge': 'true' });
  const { state } = await process.sync(input, first);
  await settled(cell);
  return state;
}

async function edited(cell: Cell, ...args: string[]): Promise<void> {
  const [verb = '', ...rest] = args;
  await kubectl([verb, 'secret', cell.name, '-n', namespace, ...rest]);
  await settled(cell);
}

/** What is left of a Secret that its resource gave up. */
async function leftOf({ name, merged }: Cell): Promise<string> {
  const left = await rig.secretOrNone(namespace, name);
  if (left === undefined) return 'deleted';
  const ours = text(left, 'a') === 'first';
  return merged ? `keys ${ours ? 'kept' : 'removed'}` : ours ? 'kept' : 'changed';
}

const events: Readonly<Record<EventName, (cell: Cell) => Promise<string>>> = {
  absent: (cell) => outcomeOf(cell),
  async foreign(cell) {
    await foreign(cell);
    return outcomeOf(cell);
  },
  async foreignConsenting(cell) {
    await foreign(cell, { 'keystead.dev/merge': 'true' });
    return outcomeOf(cell);
  },
  async secondResource(cell) {
    await written(cell);
    return outcomeOf(cell, { owner: { ...owner, name: 'second', uid: 'uid-second' }, values: { b: 'theirs' } });
  },
  async unchanged(cell) {
    await written(cell);
    const opened = process.opened();
    const outcome = await outcomeOf(cell, first);
    return process.opened() === opened ? outcome : 'decrypted';
  },
  async newValue(cell) {
    await written(cell);
    return outcomeOf(cell, second);
  },
  async newValueImmutable(cell) {
    if (cell.merged) return refusedBySchema({ ...cell.input, immutable: true });
    await written(cell, { ...cell.input, immutable: true });
    return outcomeOf(cell, second, { ...cell.input, immutable: true });
  },
  async foreignEdit(cell) {
    await written(cell);
    await edited(cell, 'patch', '-p', '{"data":{"a":"eA=="}}');
    return outcomeOf(cell, first);
  },
  async foreignLabel(cell) {
    await written(cell);
    await edited(cell, 'label', 'theirs=x');
    if (cell.merged) await edited(cell, 'patch', '-p', '{"data":{"more":"eA=="}}');
    return outcomeOf(cell, first);
  },
  async foreignDelete(cell) {
    await written(cell);
    await edited(cell, 'delete');
    return outcomeOf(cell, first);
  },
  async labelRemoved(cell) {
    await written(cell);
    await edited(cell, 'label', cell.merged ? 'keystead.dev/merge-' : 'keystead.dev/managed-');
    return outcomeOf(cell, second);
  },
  async recreated(cell) {
    await written(cell);
    return outcomeOf(cell, { ...first, owner: { ...owner, uid: 'uid-later' }, version: 'v2', values: { a: 'again' } });
  },
  async consentWithdrawn(cell) {
    const recorded = await written(cell);
    return outcomeOf(cell, { ...second, recorded, own: false });
  },
  async renamed(cell) {
    const recorded = await written(cell);
    const next = { ...cell, name: `${cell.name}-next` };
    if (cell.merged) await foreign(next, { 'keystead.dev/merge': 'true' });
    await process.sync({ ...cell.input, name: next.name }, { ...first, recorded });
    return leftOf(cell);
  },
  async targetRemoved(cell) {
    const recorded = await written(cell);
    await process.targets.remove({ owner, recorded, signal: new AbortController().signal });
    return leftOf(cell);
  },
};

/** The rule of the CRD, which the tests of src/api hold against the API server. */
async function refusedBySchema({ immutable, creationPolicy }: NonNullable<TargetInput>): Promise<string> {
  return immutable === true && creationPolicy === 'Merge' ? 'refused by the schema' : 'accepted';
}

describe.each(behaviour)('$title', ({ event, outcomes }) => {
  it.each(policies.map((policy, index): [Policies, string] => [policy, outcomes[index] ?? '']))('%s: %s', async (policy, expected) => {
    const [creationPolicy, deletionPolicy] = policy.split('/') as ['Owner' | 'Orphan' | 'Merge', 'Delete' | 'Retain'];
    const name = `${event}-${policy}`.toLowerCase().replace('/', '-');
    await expect(events[event]({ name, merged: creationPolicy === 'Merge', input: { name, creationPolicy, deletionPolicy } })).resolves.toBe(expected);
  });
});
