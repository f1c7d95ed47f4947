import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import type { Secret } from '../../../src/kube/kinds.ts';
import { resources } from '../../../src/kube/resource.ts';
import { ROOT_KEY_FIELD, ROOT_KEY_SECRET, ROOT_KEY_TYPE } from '../../../src/operator/root-key.ts';
import { adminClient, clientOf, closeClients } from '../../support/admin.ts';
import { auditEvents, auditMark, type AuditMark } from '../../support/audit-log.ts';
import { ownControlPlane } from '../../support/control-plane.ts';
import { MovedClock } from '../../support/moved-clock.ts';
import { installKeystead, OPERATOR_NAMESPACE, OPERATOR_USER, startOperator, until, type RunningOperator } from '../../support/operator.ts';
import { conditionOf, Tenant, type Ref } from '../../support/tenant.ts';
import { removeGuard, restoreGuard, withoutGuard } from '../../support/without-guard.ts';

const at = { namespace: OPERATOR_NAMESPACE, name: ROOT_KEY_SECRET };
const inApp = { vaultRef: { name: 'app' } };
/** The operator looks again every 10 s of its time. */
const SPEED = 5;

let on: ControlPlane;
let tenant: Tenant;

beforeAll(async () => {
  on = await ownControlPlane();
  await installKeystead(on);
}, 120_000);

afterAll(() => closeClients(on));

describe('a root key that is missing or wrong', () => {
  let right: Secret;
  let before: string | undefined;
  let operator: RunningOperator;

  beforeAll(async () => {
    tenant = await Tenant.create(on);
    const first = await startOperator(on);
    await tenant.declare('Vault/app', {});
    await tenant.declare('VaultSecret/db', { ...inApp, generate: { password: {} }, target: {} });
    await tenant.ready('VaultSecret/db').finally(() => first.stop());
    before = (await tenant.find('Secret/db'))?.metadata.resourceVersion;
    right = await (await adminClient(on)).get(resources.secrets, at);
  }, 60_000);

  beforeEach(removeRootKey);

  afterEach(() => operator.stop());

  it('is said when it is missing; nothing is written until it is back, and no new one is made', async () => {
    await expectStandstill('RootKeyMissing');
    await expect((await adminClient(on)).get(resources.secrets, at)).rejects.toMatchObject({ status: 404 });
    await putRootKey(right);
    await expectRecovered('after-missing');
  });

  it('is said when it is another one; nothing is written until the right one is there', async () => {
    await putRootKey({ ...right, data: { [ROOT_KEY_FIELD]: randomBytes(32).toString('base64') } });
    await expectStandstill('RootKeyMismatch');
    await removeRootKey();
    await putRootKey(right);
    await expectRecovered('after-wrong');
  });

  it('is said when it is no key at all', async () => {
    await putRootKey({ ...right, data: { [ROOT_KEY_FIELD]: 'c2hvcnQ=' } });
    await expectStandstill('RootKeyMismatch');
    await removeRootKey();
    await putRootKey(right);
    await expectRecovered('after-short');
  });

  async function expectStandstill(reason: string): Promise<void> {
    const mark = auditMark(on);
    operator = await startOperator(on, { clock: new MovedClock(0, SPEED), started: ({ problem }) => problem !== undefined });
    await tenant.declare('VaultSecret/waiting', { ...inApp, generate: { uuid: {} } });
    await untilLookedTwice(mark);
    expect(operator.operator.problem).toMatch(new RegExp(`^${reason}: .*root.key`, 'i'));
    expect(operator.operator.leading).toBe(false);
    expect(await writesSince(mark)).toEqual([]);
    await tenant.remove('VaultSecret/waiting');
  }

  async function expectRecovered(name: string): Promise<void> {
    await until(() => operator.operator.leading);
    expect(operator.operator.problem).toBeUndefined();
    await tenant.declare(`VaultSecret/${name}`, { ...inApp, generate: { uuid: {} }, target: {} });
    await tenant.ready(`VaultSecret/${name}`, 'VaultSecret/db', 'Vault/app');
    expect((await tenant.find('Secret/db'))?.metadata.resourceVersion).toBe(before);
  }
});

async function removeRootKey(): Promise<void> {
  await withoutGuard(on, 'keystead-root-key', (admin) => admin.delete(resources.secrets, at));
}

/** As the guard says how a backup is restored. */
async function putRootKey({ data = {} }: Secret): Promise<void> {
  const client = await clientOf({ serviceAccount: 'keystead-operator', namespace: OPERATOR_NAMESPACE }, on);
  await client.create(resources.secrets, { metadata: at, type: ROOT_KEY_TYPE, data });
}

async function untilLookedTwice(mark: AuditMark): Promise<void> {
  await until(async () => {
    const events = await auditEvents(on, { since: mark, user: OPERATOR_USER });
    return events.filter(({ verb, objectRef }) => verb === 'get' && objectRef?.name === ROOT_KEY_SECRET).length >= 2;
  });
}

async function writesSince(mark: AuditMark): Promise<readonly string[]> {
  const events = await auditEvents(on, { since: mark, user: OPERATOR_USER });
  return events
    .filter(({ verb, objectRef, userAgent }) => !['get', 'list', 'watch'].includes(verb) && objectRef?.resource !== 'leases' && userAgent !== 'keystead-test-admin')
    .map(({ verb, requestURI }) => `${verb} ${requestURI}`);
}

describe('a guard that is missing or altered', () => {
  let operator: RunningOperator;

  beforeAll(async () => {
    operator = await startOperator(on);
    tenant = await Tenant.create(on);
    await tenant.declare('Vault/app', {});
    await tenant.ready('Vault/app');
  }, 60_000);

  afterAll(() => operator.stop());

  async function neighbour(): Promise<Tenant> {
    return Tenant.create(on, 'neighbour', { [`sync.keystead.dev/${tenant.namespace}`]: 'allow' });
  }

  async function syncTo({ namespace }: Tenant): Promise<Ref> {
    await tenant.declare(`VaultSecret/${namespace}`, { ...inApp, generate: { uuid: {} }, target: { namespace } });
    return `VaultSecret/${namespace}`;
  }

  it('is said on every Vault, and a policy that widens access waits until it is back; one that narrows does not', async () => {
    const [known, fresh] = [await neighbour(), await neighbour()];
    await tenant.declare('AccessPolicy/known', { ...inApp, syncTo: [known.namespace] });
    const [toKnown, toFresh] = [await syncTo(known), await syncTo(fresh)] as const;
    await tenant.ready(`VaultSecret/${known.namespace}`);

    await removeGuard(on, 'keystead-grant-accesspolicies');
    const vault = await tenant.when('Vault/app', (live) => conditionOf(live, 'GuardMissing')?.status === 'True');
    expect(conditionOf(vault, 'GuardMissing')?.message).toContain('ValidatingAdmissionPolicyBinding keystead-grant-accesspolicies is missing');
    expect(conditionOf(vault, 'Ready')?.status).toBe('True');
    await tenant.declare('AccessPolicy/fresh', { ...inApp, syncTo: [fresh.namespace] });
    await tenant.reason('AccessPolicy/fresh', 'GuardMissing');
    await tenant.remove('AccessPolicy/known');
    await tenant.reason(toKnown, 'ConsentWithdrawn');
    await tenant.reason(toFresh, 'SyncNotAllowed');
    expect(await fresh.find(`Secret/${fresh.namespace}`)).toBeUndefined();

    await restoreGuard(on, 'keystead-grant-accesspolicies');
    await tenant.ready('AccessPolicy/fresh', toFresh);
    await tenant.when('Vault/app', (live) => conditionOf(live, 'GuardMissing') === undefined);
    expect(await fresh.find(`Secret/${fresh.namespace}`)).toBeDefined();
  });

  it('keeps a policy waiting over a restart', async () => {
    const fresh = await neighbour();
    const target = await syncTo(fresh);
    await removeGuard(on, 'keystead-status');
    await tenant.when('Vault/app', (live) => conditionOf(live, 'GuardMissing')?.status === 'True');
    await tenant.declare('AccessPolicy/later', { ...inApp, syncTo: [fresh.namespace] });
    await tenant.reason('AccessPolicy/later', 'GuardMissing');
    await operator.stop();
    operator = await startOperator(on);
    await tenant.declare('VaultSecret/after-restart', { ...inApp, generate: { uuid: {} } });
    await tenant.ready('VaultSecret/after-restart');
    await tenant.reason(target, 'SyncNotAllowed');
    await restoreGuard(on, 'keystead-status');
    await tenant.ready('AccessPolicy/later', target);
  });

  it('is said when it was only switched to let everything pass', async () => {
    const admin = await adminClient(on);
    await admin.mergePatch(resources.validatingAdmissionPolicies, { name: 'keystead-recover' }, { spec: { failurePolicy: 'Ignore' } });
    const vault = await tenant.when('Vault/app', (live) => conditionOf(live, 'GuardMissing')?.status === 'True');
    expect(conditionOf(vault, 'GuardMissing')?.message).toContain('keystead-recover is altered');
    await admin.mergePatch(resources.validatingAdmissionPolicies, { name: 'keystead-recover' }, { spec: { failurePolicy: 'Fail' } });
    await tenant.when('Vault/app', (live) => conditionOf(live, 'GuardMissing') === undefined);
  });
});
