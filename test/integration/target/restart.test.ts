import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { restartAnnotation } from '../../../src/controllers/target/restart.ts';
import type { Owner } from '../../../src/controllers/target/identity.ts';
import type { Workload } from '../../../src/kube/kinds.ts';
import { resources } from '../../../src/kube/resource.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { openRig, type Rig } from './rig.ts';

let rig: Rig;
let namespace: string;
let owner: Owner;
beforeAll(async () => {
  rig = await openRig();
  ({ namespace, owner } = await rig.team());
});
afterAll(() => rig.close());

const restart = (name: string): { restart: [{ kind: 'Deployment'; name: string }] } => ({ restart: [{ kind: 'Deployment', name }] });

async function deploy(name: string, restartOn: string | undefined): Promise<void> {
  const template = { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'example.com/image:1' }] } };
  const spec = { replicas: 0, template, selector: { matchLabels: { app: name } } };
  await rig.admin.create<Workload>(resources.deployments, {
    metadata: { namespace, name, ...(restartOn === undefined ? {} : { annotations: { 'keystead.dev/restart-on': restartOn } }) },
    spec,
  });
}

async function deployed(name: string): Promise<Workload> {
  return rig.admin.get(resources.deployments, { namespace, name });
}

/** A clock that shows the time of the API server's machine, and then what the test says. */
function clockOfNow(): FakeClock {
  const clock = new FakeClock();
  clock.jump(systemClock.now().getTime() - clock.now().getTime());
  return clock;
}

describe('workloads of a target', () => {
  it('are rolled when the values change: not at the first write, not by other changes, not by a start of the operator', async () => {
    await deploy('web', 'web');
    const clock = clockOfNow();
    const process = await rig.start(owner, { clock });
    const input = { name: 'web', ...restart('web') };
    const before = await deployed('web');
    expect((await process.sync(input)).restarts).toEqual([{ kind: 'Deployment', name: 'web', result: 'upToDate' }]);
    await expect(deployed('web')).resolves.toMatchObject({ metadata: { generation: before.metadata.generation } });
    await clock.advance(5_000);
    expect((await process.sync(input, { version: 'v2', values: { password: 'new' } })).restarts).toMatchObject([{ result: 'restarted' }]);
    const rolled = await deployed('web');
    const hash = rolled.spec.template.metadata?.annotations?.[restartAnnotation({ namespace, name: 'web' })];
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(rolled.spec.template.spec).toEqual(before.spec.template.spec);
    expect((await process.sync({ ...input, deletionPolicy: 'Retain' }, { version: 'v3', values: { password: 'new' } })).restarts).toMatchObject([{ result: 'upToDate' }]);
    const restarted = await rig.start(owner, { clock });
    expect((await restarted.sync({ ...input, deletionPolicy: 'Retain' }, { version: 'v3', values: { password: 'new' } })).restarts).toMatchObject([{ result: 'upToDate' }]);
    await expect(deployed('web')).resolves.toMatchObject({ metadata: { generation: rolled.metadata.generation } });
  });

  it('are rolled at most once in five minutes, to what is current then, even by another process', async () => {
    await deploy('busy', 'other, busy');
    const clock = clockOfNow();
    const process = await rig.start(owner, { clock });
    const input = { name: 'busy', ...restart('busy') };
    await process.sync(input);
    await clock.advance(5_000);
    await process.sync(input, { version: 'v2', values: { password: '2' } });
    await clock.advance(60_000);
    const held = await process.sync(input, { version: 'v3', values: { password: '3' } });
    expect(held).toMatchObject({ action: 'updated', requeueAfterMs: 240_000, restarts: [{ result: 'waiting' }] });
    const restarted = await rig.start(owner, { clock });
    expect((await restarted.sync(input, { version: 'v3', values: { password: '3' } })).restarts).toMatchObject([{ result: 'waiting' }]);
    await clock.advance(240_000);
    expect((await restarted.sync(input, { version: 'v3', values: { password: '3' } })).restarts).toMatchObject([{ result: 'restarted' }]);
  });

  it('are rolled after all when the operator was killed between the two writes', async () => {
    await deploy('killed', 'killed');
    const clock = clockOfNow();
    const input = { name: 'killed', ...restart('killed') };
    const doomed = await rig.start(owner, { clock, failAt: (point) => {
      if (point === 'workload:before') throw new Error('killed');
    } });
    await doomed.sync(input);
    await clock.advance(5_000);
    await expect(doomed.sync(input, { version: 'v2', values: { password: 'new' } })).rejects.toThrow('killed');
    const next = await rig.start(owner, { clock });
    await expect(next.sync(input, { version: 'v2' })).resolves.toMatchObject({ action: 'none', restarts: [{ result: 'restarted' }] });
  });

  it('that did not ask for it are never touched', async () => {
    await deploy('silent', undefined);
    await deploy('of-another', 'another');
    const clock = clockOfNow();
    const process = await rig.start(owner, { clock });
    const input = { name: 'silent', restart: [{ kind: 'Deployment' as const, name: 'silent' }, { kind: 'Deployment' as const, name: 'of-another' }, { kind: 'StatefulSet' as const, name: 'gone' }] };
    await process.sync(input);
    await clock.advance(5_000);
    const { restarts, warnings } = await process.sync(input, { version: 'v2', values: { password: 'new' } });
    expect(restarts.map(({ result }) => result)).toEqual(['notOptedIn', 'notOptedIn', 'missing']);
    expect(warnings.map(({ reason }) => reason)).toEqual(['RestartNotAgreed', 'RestartNotAgreed', 'RestartTargetMissing']);
    expect(warnings[0]?.message).toContain('keystead.dev/restart-on: silent');
    expect((await deployed('silent')).spec.template.metadata?.annotations).toBeUndefined();
  });
});
