import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TargetInput } from '../../../src/api/target.ts';
import type { Owner } from '../../../src/controllers/target/identity.ts';
import { resources } from '../../../src/kube/resource.ts';
import type { FailPoint } from '../../../src/runtime/fail-point.ts';
import type { TargetState } from '../../../src/vault/object-record.ts';
import { eventually, openRig, text, type Process, type Rig } from './rig.ts';

/** kill -9 between any two writes of each flow, then a new process: the same end, and no Secret too many. */

let rig: Rig;
let namespace: string;
let owner: Owner;
beforeAll(async () => {
  rig = await openRig();
  ({ namespace, owner } = await rig.team());
});
afterAll(() => rig.close());

interface Flow {
  readonly points: readonly FailPoint[];
  /** What was there before; answers what the record said. */
  before(process: Process, name: string): Promise<TargetState | undefined>;
  run(process: Process, name: string, recorded: TargetState | undefined): Promise<unknown>;
}

const target: readonly FailPoint[] = ['target:before', 'target:after'];
const removal: readonly FailPoint[] = ['target-delete:before', 'target-delete:after'];
const next = { version: 'v2', values: { password: 'next' } };
const first = async (process: Process, input: NonNullable<TargetInput>): Promise<TargetState> => (await process.sync(input)).state;

const flows: Readonly<Record<string, Flow>> = {
  create: { points: target, before: async () => undefined, run: (process, name) => process.sync({ name }, next) },
  update: { points: target, before: (process, name) => first(process, { name }), run: (process, name, recorded) => process.sync({ name }, { ...next, recorded }) },
  replace: {
    points: [...removal, ...target],
    before: (process, name) => first(process, { name, immutable: true }),
    run: (process, name, recorded) => process.sync({ name, immutable: true }, { ...next, recorded }),
  },
  rename: {
    points: [...target, ...removal],
    before: (process, name) => first(process, { name: `${name}-old` }),
    run: (process, name, recorded) => process.sync({ name }, { ...next, recorded }),
  },
  merge: {
    points: target,
    async before(_process, name) {
      await rig.admin.create(resources.secrets, { metadata: { namespace, name, labels: { 'keystead.dev/merge': 'true' } }, data: { theirs: 'eA==' } });
      return undefined;
    },
    run: (process, name) => process.sync({ name, creationPolicy: 'Merge' }, next),
  },
};

class Killed extends Error {}

describe.each(Object.entries(flows))('killed in %s', (flowName, flow) => {
  it.each(flow.points)('at %s', async (point) => {
    const name = `${flowName}-${point.replace(':', '-')}`;
    const recorded = await flow.before(await rig.start(owner), name);
    const doomed = await rig.start(owner, { failAt: (at) => {
      if (at === point) throw new Killed();
    } });
    await expect(flow.run(doomed, name, recorded)).rejects.toBeInstanceOf(Killed);
    const after = await rig.start(owner);
    await flow.run(after, name, recorded);
    expect(text(await rig.secret(namespace, name), 'password')).toBe('next');
    await expect(rig.secretOrNone(namespace, `${name}-old`)).resolves.toBeUndefined();
    const settled = await rig.start(owner);
    await expect(flow.run(settled, name, recorded)).resolves.toMatchObject({ action: 'none' });
    expect(settled.opened()).toBe(0);
  });
});

describe('removing', () => {
  it.each(removal)('is finished after a kill at %s', async (point) => {
    const name = `removed-${point.replace(':', '-')}`;
    const process = await rig.start(owner, { failAt: (at) => {
      if (at === point) throw new Killed();
    } });
    const { state } = await process.sync({ name, creationPolicy: 'Orphan', deletionPolicy: 'Delete' });
    const request = { owner, recorded: state, signal: new AbortController().signal };
    await expect(process.targets.remove(request)).rejects.toBeInstanceOf(Killed);
    const after = await rig.start(owner);
    await after.targets.remove(request);
    await eventually(async () => (await rig.secretOrNone(namespace, name)) === undefined, 'the Secret is gone');
    await expect(after.targets.remove(request)).resolves.toMatch(/none|deleted/);
  });
});

describe('giving up', () => {
  it('writes nothing once the work is aborted, as when leadership is lost', async () => {
    const process = await rig.start(owner);
    const signal = AbortSignal.abort(new Error('no longer the leader'));
    await expect(process.sync({ name: 'aborted' }, { signal })).rejects.toThrow('no longer the leader');
    await expect(rig.secretOrNone(namespace, 'aborted')).resolves.toBeUndefined();
  });
});
