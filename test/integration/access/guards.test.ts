import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defaultGuardParameters } from '../../../src/access/guards/guard.ts';
import { guards } from '../../../src/access/guards/guards.ts';
import { guardProblems, type LiveGuardObject } from '../../../src/access/guards/verify.ts';
import { pathOf, resources } from '../../../src/kube/resource.ts';
import { create, patch, remove, type Attempt } from './attempts.ts';
import { guardedCluster, until, type Answer, type GuardedCluster } from './cluster.ts';
import { fenceAttempts } from './fence.attempts.ts';
import { layOut } from './fixture.ts';
import { accessPolicyAttempts, issuerAttempts, objectAttempts, vaultAttempts } from './grants.attempts.ts';
import { storedAttempts } from './records.attempts.ts';
import { deletedVaultAttempts, statusAttempts } from './status.attempts.ts';

/** Every attack on the real API server. The table is made of dry runs; what needs a real change comes after it, in order. */

let cluster: GuardedCluster;
beforeAll(async () => {
  cluster = await guardedCluster();
  await layOut(cluster);
});
afterAll(() => cluster.close());

const { accessPolicies, namespaces, secrets, vaults } = resources;
const system = { name: 'keystead-system' };

function outcome({ expected }: Attempt): string {
  if (expected === 'allowed') return 'allowed';
  return 'guard' in expected ? `refused by ${expected.guard}` : 'refused by the schema';
}

/** Status and message that must come. */
function wanted({ call, expected }: Attempt): [number, string] {
  if (expected === 'allowed') return [200, ''];
  if ('rule' in expected) return [422, expected.rule];
  const { guard, says } = expected;
  return [403, `${call.subject} is forbidden: ValidatingAdmissionPolicy '${guard}' with binding '${guard}' denied request: ${says}`];
}

/** Status and message that came; a schema's message stands among the API server's own words, which are left out. */
function seen({ expected }: Attempt, { status, message }: Answer): [number, string] {
  const rule = expected !== 'allowed' && 'rule' in expected && message.includes(expected.rule) ? expected.rule : message;
  return [status === 201 ? 200 : status, rule];
}

const table: ReadonlyArray<readonly [string, readonly Attempt[]]> = [
  ['AccessPolicy', accessPolicyAttempts],
  ['Vault', vaultAttempts],
  ['VaultIssuer', issuerAttempts],
  ['objects in a vault', objectAttempts],
  ['status', statusAttempts],
  ['DeletedVault', deletedVaultAttempts],
  ["the operator's fence", fenceAttempts],
  ['what is stored', storedAttempts],
];

describe.each(table)('attacks on %s', (_name, attempts) => {
  it.each(attempts.map((attempt) => [`${attempt.who} ${attempt.does}: ${outcome(attempt)}`, attempt] as const))('%s', async (_title, attempt) => {
    expect(seen(attempt, await cluster.try(attempt.who, attempt.call))).toEqual(wanted(attempt));
  });
});

describe('beyond single requests', () => {
  it('every rule of every guard refuses somebody in the table', () => {
    const refusals = table.flatMap(([, attempts]) => attempts.flatMap(({ expected }) => (expected !== 'allowed' && 'guard' in expected ? [expected] : [])));
    const untried = guards(defaultGuardParameters).flatMap(({ policy: { metadata: { name }, spec: { validations } } }) =>
      validations.filter(({ message }) => !refusals.some(({ guard, says }) => guard === name && (message === undefined || message === says))).map(({ message }) => [name, message]));
    expect(untried).toEqual([
      // The schema refuses it first: at creation there is no status.vaultId that it could equal.
      ['keystead-purge', 'A DeletedVault is created without spec.purge: a purge is asked for by an update.'],
      // Below, with the uid in its words.
      ['keystead-namespace', undefined],
    ]);
  });

  it('a status sent along with a new resource is dropped', async () => {
    const forged = { spec: {}, status: { vaultId: 'mine', observedGeneration: 1 } };
    const { body } = await cluster.try('mallory', create(vaults, { namespace: 'team-a', name: 'fresh' }, forged));
    expect(body['status']).toEqual({ observedGeneration: -1 });
  });

  it('a vault replaced by one without purge protection keeps it, whoever asks', async () => {
    const path = pathOf(vaults, { namespace: 'team-a', name: 'app' });
    const { body } = await cluster.get(vaults, { namespace: 'team-a', name: 'app' });
    const { status, message } = await cluster.send('admin', { method: 'PUT', path, contentType: 'application/json', body: JSON.stringify({ ...body, spec: {} }) });
    expect([status, message]).toEqual([422, expect.stringContaining('purge protection, once on, stays on for ever')]);
  });

  it('a Deny does not hold up a namespace that goes', async () => {
    await cluster.create('admin', namespaces, { metadata: { name: 'team-c' } });
    const held = { name: 'ban', namespace: 'team-c', finalizers: ['example.com/hold'] };
    await cluster.create('admin', accessPolicies, { metadata: held, spec: { vaultRef: { name: 'app' }, effect: 'Deny', syncTo: ['team-b'] } });
    const byController = () => cluster.try('namespaceController', remove(accessPolicies, { namespace: 'team-c', name: 'ban' }));
    expect((await byController()).status).toBe(403);
    await cluster.send('admin', { method: 'DELETE', path: pathOf(namespaces, { name: 'team-c' }) });
    await until('the namespace controller may delete the Deny', async () => (await byController()).status === 200);
    await cluster.patch('admin', accessPolicies, { namespace: 'team-c', name: 'ban' }, { metadata: { finalizers: null } });
    await until('the namespace is gone', async () => (await cluster.get(namespaces, { name: 'team-c' })).status === 404);
  });

  it("no guard is evaluated for other people's writes of Secrets and workloads", async () => {
    const before = await evaluations();
    const at = { namespace: 'team-b', name: 'theirs' };
    await cluster.create('eve', secrets, { metadata: at, stringData: { a: 'b' } });
    await cluster.patch('eve', secrets, at, { stringData: { a: 'c' } });
    expect((await cluster.send('eve', { method: 'DELETE', path: pathOf(secrets, at) })).status).toBe(200);
    await cluster.patch('eve', resources.deployments, { namespace: 'team-a', name: 'quiet' }, { spec: { replicas: 2 } });
    expect(await evaluations()).toEqual(before);
    // The counter does count.
    await cluster.try('mallory', patch(vaults, { namespace: 'team-a', name: 'app', subresource: 'status' }, { status: {} }));
    expect(await evaluations()).not.toEqual(before);
  });

  /** How often the API server evaluated each of our guards, by its own metrics. */
  async function evaluations(): Promise<string[]> {
    const { body } = await cluster.send('admin', { method: 'GET', path: '/metrics' });
    return String(body['message']).split('\n').filter((line) => line.startsWith('apiserver_validating_admission_policy_check_total{') && line.includes('policy="keystead-'));
  }
});

describe('the check of the guards themselves', () => {
  const { validatingAdmissionPolicies: policies, validatingAdmissionPolicyBindings: bindings } = resources;

  async function problems() {
    const list = async (resource: typeof policies) => (await cluster.get(resource, {})).body['items'] as LiveGuardObject[];
    return guardProblems(guards(defaultGuardParameters), { policies: await list(policies), bindings: await list(bindings) });
  }

  it('finds nothing wrong with what the API server gives back', async () => {
    expect(await problems()).toEqual([]);
  });

  it('finds a guard that was switched off, narrowed or taken away', async () => {
    await cluster.patch('admin', policies, { name: 'keystead-status' }, { spec: { failurePolicy: 'Ignore' } });
    await cluster.patch('admin', policies, { name: 'keystead-recover' }, { spec: { matchConstraints: { namespaceSelector: { matchLabels: { guarded: 'yes' } } } } });
    await cluster.patch('admin', bindings, { name: 'keystead-grant-vaults' }, { spec: { validationActions: ['Audit'] } });
    await cluster.patch('admin', bindings, { name: 'keystead-identity' }, { spec: { matchResources: { namespaceSelector: { matchLabels: { guarded: 'yes' } } } } });
    await cluster.send('admin', { method: 'DELETE', path: pathOf(bindings, { name: 'keystead-purge' }) });
    expect(await problems()).toEqual([
      { kind: 'ValidatingAdmissionPolicyBinding', name: 'keystead-grant-vaults', problem: 'altered' },
      { kind: 'ValidatingAdmissionPolicy', name: 'keystead-recover', problem: 'altered' },
      { kind: 'ValidatingAdmissionPolicyBinding', name: 'keystead-purge', problem: 'missing' },
      { kind: 'ValidatingAdmissionPolicy', name: 'keystead-status', problem: 'altered' },
      { kind: 'ValidatingAdmissionPolicyBinding', name: 'keystead-identity', problem: 'altered' },
    ]);
  });
});

/** Last, because it ends what all others need. */
describe("the operator's namespace", () => {
  const annotate = (value: string | null) => cluster.patch('admin', namespaces, system, { metadata: { annotations: { 'keystead.dev/destroy': value } } });

  it('is not deleted by mistake, and says how it is deleted on purpose', async () => {
    const { body } = await cluster.get(namespaces, system);
    const { uid } = body['metadata'] as { uid: string };
    const says = `namespaces "keystead-system" is forbidden: ValidatingAdmissionPolicy 'keystead-namespace' with binding 'keystead-namespace' denied request: This namespace holds the records and the root key of every vault; deleting it destroys them all. If that is what you want, first run: kubectl annotate namespace keystead-system keystead.dev/destroy=${uid}`;
    expect((await cluster.try('admin', remove(namespaces, system))).message).toBe(says);
    for (const wrong of ['true', 'keystead-system', `${uid} `, '']) {
      await annotate(wrong);
      expect((await cluster.try('admin', remove(namespaces, system))).message).toBe(says);
    }
    await annotate(uid);
  });

  it('then goes with everything in it, root key and records too', async () => {
    expect((await cluster.send('admin', { method: 'DELETE', path: pathOf(namespaces, system) })).status).toBe(200);
    await until('the namespace is gone', async () => (await cluster.get(namespaces, system)).status === 404);
  });
});
