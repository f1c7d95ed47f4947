import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { resources } from '../../../src/kube/resource.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { closeClients } from '../../support/admin.ts';
import { ownControlPlane } from '../../support/control-plane.ts';
import { laterChoices } from '../../support/moved-clock.ts';
import { installKeystead, OPERATOR_NAMESPACE, startOperator, until, type OperatorChoices, type RunningOperator } from '../../support/operator.ts';
import { expectOrderlyCalls } from '../../support/orderly-calls.ts';
import { expired, FaultProxy, type Matcher, type ProxiedRequest } from '../../support/proxy.ts';
import { isReady, Tenant } from '../../support/tenant.ts';

/** An API server that is away, slow, forgetful or busy: the operator goes on by itself, and makes nothing twice. */

let on: ControlPlane;
let proxy: FaultProxy;
let tenant: Tenant;
const running: RunningOperator[] = [];

beforeAll(async () => {
  on = await ownControlPlane();
  await installKeystead(on);
  proxy = await FaultProxy.start(on);
  tenant = await Tenant.create(on);
  await tenant.declare('Vault/app', {});
}, 120_000);

afterEach(async () => {
  proxy.clear();
  await Promise.all(running.splice(0).map((operator) => operator.stop()));
});

afterAll(async () => {
  await closeClients(on);
  await proxy.close();
});

async function start(choices: OperatorChoices = {}): Promise<RunningOperator> {
  const operator = await startOperator(on, { ...choices, server: proxy.url });
  running.push(operator);
  return operator;
}

/** Declares a generated secret with a target. */
const declare = (name: string, spec: object = {}) => tenant.declare(`VaultSecret/${name}`, { vaultRef: { name: 'app' }, generate: { password: {} }, target: {}, ...spec });

const writes = (path: RegExp, method = /^(POST|PUT|PATCH)$/): Matcher => (request) => method.test(request.method) && path.test(request.path);
const watchOf = (plural: string): Matcher => ({ watch, path }: ProxiedRequest) => watch && path.endsWith(`/${plural}`);
/** New ones only: the checkpoints of the audit log are not what is meant. */
const records = writes(new RegExp(`/namespaces/${OPERATOR_NAMESPACE}/secrets`), /^POST$/);
const targets = (): Matcher => writes(new RegExp(`/namespaces/${tenant.namespace}/secrets`));
const statuses = writes(/\/vaultsecrets\/.*\/status$/);

it('takes in what happened while the API server had forgotten where its watches were (410)', async () => {
  await start();
  await declare('first');
  await tenant.ready('VaultSecret/first');
  proxy.inject(watchOf('vaultsecrets'), { kind: 'answer', status: 410, reason: 'Expired' }, 2);
  proxy.endWatches(watchOf('vaultsecrets'));
  await tenant.remove('VaultSecret/first');
  await declare('second');
  await tenant.ready('VaultSecret/second');
  await until(async () => (await tenant.objectHead('first'))?.secret?.deleted !== undefined);
});

it('goes on after a 410 in the middle of its streams', async () => {
  await start();
  expect(proxy.send(expired)).toBeGreaterThan(5);
  await declare('after-410');
  await tenant.ready('VaultSecret/after-410');
});

it('opens a watch anew when it falls silent', async () => {
  // The watchdog waits 90 s, which are 4.5 s here.
  await start(laterChoices(0, 20));
  await proxy.untilWatches(10);
  proxy.silence();
  proxy.speak();
  await declare('silent');
  await tenant.ready('VaultSecret/silent');
});

it('comes back when it was asked to (429 with Retry-After), and not before', async () => {
  await start();
  const already = proxy.requests.length;
  const statusOfIt = writes(/\/vaultsecrets\/throttled\/status$/);
  for (const matches of [records, targets(), statusOfIt]) {
    proxy.inject(matches, { kind: 'answer', status: 429, reason: 'TooManyRequests', headers: { 'retry-after': '1' } }, 2);
  }
  // Two waits each for target and status at least; those for the record may hit a checkpoint of the audit log.
  const begun = systemClock.monotonic();
  await declare('throttled');
  await tenant.ready('VaultSecret/throttled');
  expect(systemClock.monotonic() - begun).toBeGreaterThan(4_000);
  const sent = proxy.requests.slice(already);
  expect([targets(), statusOfIt].map((matches) => sent.filter(matches).length)).toEqual([3, 3]);
  expect(await tenant.versions('throttled')).toBe(1);
});

it.each([['record', () => records], ['target', targets], ['status', () => statuses]] as const)('makes nothing twice when the answer to a write of a %s is lost', async (name, matches) => {
  await start();
  proxy.inject(matches(), { kind: 'cut-after' });
  await declare(`lost-${name}`);
  await tenant.ready(`VaultSecret/lost-${name}`);
  expect(await tenant.versions(`lost-${name}`)).toBe(1);
});

it('knows its own target again when the answer to its creation is lost and the watch is behind too', async () => {
  await start();
  const managed: Matcher = ({ watch, query }) => watch && query.get('labelSelector') === 'keystead.dev/managed';
  await proxy.untilWatches(1, managed);
  proxy.inject(managed, { kind: 'hang' }, 10);
  proxy.endWatches(managed);
  proxy.inject(targets(), { kind: 'cut-after' });
  await declare('unseen');
  await tenant.ready('VaultSecret/unseen');
  expect(await tenant.versions('unseen')).toBe(1);
});

it('gives up a write that hangs, and makes nothing twice', async () => {
  // 30 s of patience are 1.5 s here.
  await start(laterChoices(0, 20));
  for (const matches of [records, targets(), statuses]) proxy.inject(matches, { kind: 'hang' });
  await declare('hanging');
  await tenant.ready('VaultSecret/hanging');
  expect(await tenant.versions('hanging')).toBe(1);
});

it('comes through storms of conflicts on its resources, records and targets with one version for each change', async () => {
  await start();
  await declare('stormy');
  await tenant.ready('VaultSecret/stormy');
  const storm = new AbortController();
  const record = { namespace: OPERATOR_NAMESPACE, name: await tenant.recordName('stormy') };
  const blow = async (): Promise<void> => {
    for (let n = 0; !storm.signal.aborted; n += 1) {
      await tenant.annotate('VaultSecret/stormy', { 'example.com/storm': String(n) });
      await tenant.annotate('Secret/stormy', { 'example.com/storm': String(n) });
      // Whatever is not data may be changed by others, as tools that label everything do.
      await tenant.client.mergePatch(resources.secrets, record, { metadata: { annotations: { 'example.com/storm': String(n) } } });
    }
  };
  const already = proxy.requests.length;
  const blowing = blow();
  for (const length of [40, 41, 42]) {
    await declare('stormy', { generate: { password: { length } } });
    await until(async () => (await tenant.data('stormy'))?.['value']?.length === length);
  }
  storm.abort();
  await blowing;
  const settled = await tenant.when('VaultSecret/stormy', isReady);
  expect(await tenant.versions('stormy')).toBe(4);
  const { generation = 0 } = settled.metadata;
  // A conflict is looked at again, but nobody spins.
  expect(proxy.requests.slice(already).filter(targets()).length).toBeLessThan(60);
  expect(settled.status?.observedGeneration).toBe(generation);
});

it('opens its records although the API server fails while it does', async () => {
  proxy.inject(({ path }) => path.endsWith('/secrets/keystead-root-key'), { kind: 'answer', status: 500, reason: 'InternalError' });
  proxy.inject(({ path }) => path.endsWith('/secrets/installation'), { kind: 'answer', status: 503, reason: 'ServiceUnavailable' });
  await start();
  await declare('opened-late');
  await tenant.ready('VaultSecret/opened-late');
});

it('was refused nothing in all of this, and asked for nothing that it does not declare', () => expectOrderlyCalls(on));

it('leads again after the API server was away for longer than its lease, with nobody restarting anything', async () => {
  const operator = await start();
  await declare('before');
  await tenant.ready('VaultSecret/before');
  const before = await tenant.find('Secret/before');
  await on.killApiServer();
  await until(() => !operator.operator.leading, 20_000);
  await on.startApiServer();
  await declare('after');
  await tenant.when('VaultSecret/after', isReady, 15_000);
  expect((await tenant.find('Secret/before'))?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
}, 120_000);

it('waits for an API server that is not there yet when it starts', async () => {
  await on.killApiServer();
  const operator = await start({ started: () => true });
  await until(() => proxy.requests.some(({ path }) => path === '/version'));
  await on.startApiServer();
  await until(() => operator.operator.leading);
}, 120_000);
