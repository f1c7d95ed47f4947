import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { resources } from '../../../src/kube/resource.ts';
import type { FailPoint } from '../../../src/runtime/fail-point.ts';
import { closeClients } from '../../support/admin.ts';
import { auditEvents, auditMark, type AuditEvent, type AuditMark } from '../../support/audit-log.ts';
import { CHILD_AGENT, ChildOperator } from '../../support/child-operator.ts';
import { ownControlPlane } from '../../support/control-plane.ts';
import { laterChoices } from '../../support/moved-clock.ts';
import { installKeystead, OPERATOR_NAMESPACE, OPERATOR_USER, startOperator, until, type RunningOperator } from '../../support/operator.ts';
import { expectOrderlyCalls } from '../../support/orderly-calls.ts';
import { Tenant } from '../../support/tenant.ts';

/**
 * Real processes and real signals. Time runs five times as fast in both operators, so that a lease of 15 s runs out in 3;
 * what counts is the same.
 */
const SPEED = 5;

let on: ControlPlane;
let tenant: Tenant;
let child: ChildOperator | undefined;
let second: RunningOperator | undefined;

beforeAll(async () => {
  on = await ownControlPlane();
  await installKeystead(on);
  tenant = await Tenant.create(on);
  const operator = await startOperator(on);
  await tenant.declare('Vault/app', {});
  await tenant.declare('VaultIssuer/self', { selfSigned: {} });
  await tenant.ready('Vault/app', 'VaultIssuer/self');
  await operator.stop();
}, 120_000);

afterEach(async () => {
  await child?.end('SIGKILL');
  await second?.stop();
  [child, second] = [undefined, undefined];
});

afterAll(() => closeClients(on));

const declare = (name: string) => tenant.declare(`VaultCertificate/${name}`, { vaultRef: { name: 'app' }, issuerRef: { name: 'self' }, dnsNames: ['web.example'], target: {} });
const nameFor = (what: string, point: FailPoint): string => `${what}-${point.replace(':', '-')}`;

/** Leases and checkpoints of the audit log are each process's own, leader or not. */
async function childWrites(since: AuditMark): Promise<readonly AuditEvent[]> {
  const events = await auditEvents(on, { since, user: OPERATOR_USER });
  return events.filter(({ verb, userAgent, objectRef }) =>
    userAgent === CHILD_AGENT && !['get', 'list', 'watch'].includes(verb) && objectRef?.resource !== 'leases' && objectRef?.name !== 'audit-checkpoints');
}

describe('a leader that is stopped (SIGSTOP) for longer than its lease, in the middle of an issue', () => {
  it.each<FailPoint>(['record:before', 'record:after', 'target:before', 'status:before'])('at %s: the other one takes over, and it writes nothing when it goes on', async (point) => {
    const name = nameFor('stopped', point);
    child = await ChildOperator.start(on, { speed: SPEED, stopAt: point });
    await child.says('Became the leader');
    await declare(name);
    await child.says(`stopped at ${point}`);
    second = await startOperator(on, laterChoices(0, SPEED));
    await tenant.ready(`VaultCertificate/${name}`);
    const mark = auditMark(on);
    child.listenAnew();
    child.goOn();
    await child.says('Lost the leadership');
    expect((await childWrites(mark)).map(({ verb, requestURI }) => `${verb} ${requestURI}`)).toEqual([]);
    expect(await tenant.versions(name)).toBe(1);
    // It is a candidate again, with its caches: what the other one made it finds, and makes nothing of its own.
    await second.stop();
    second = undefined;
    await child.says('Became the leader');
    await declare(`${name}-next`);
    await tenant.ready(`VaultCertificate/${name}-next`);
    expect([await tenant.versions(name), await tenant.versions(`${name}-next`)]).toEqual([1, 1]);
    expect(child.running).toBe(true);
  }, 60_000);
});

describe('a process that is really killed (SIGKILL)', () => {
  it.each<FailPoint>(['record:after', 'target:after'])('at %s: the next one finishes its work when the lease has run out', async (point) => {
    const name = nameFor('killed', point);
    child = await ChildOperator.start(on, { speed: SPEED, stopAt: point });
    await declare(name);
    await child.says(`stopped at ${point}`);
    await child.end('SIGKILL');
    second = await startOperator(on, laterChoices(0, SPEED));
    await tenant.ready(`VaultCertificate/${name}`);
    expect(await tenant.versions(name)).toBe(1);
  }, 60_000);
});

describe('a lease that somebody else takes in the middle of the work', () => {
  it('ends it at once; the leader becomes a candidate and works again when it gets the lease back', async () => {
    const operator = (second = await startOperator(on, laterChoices(0, SPEED)));
    const at = { namespace: OPERATOR_NAMESPACE, name: 'keystead-operator' };
    await tenant.client.mergePatch(resources.leases, at, { spec: { holderIdentity: 'somebody-else', leaseDurationSeconds: 15 } });
    await until(() => !operator.operator.leading);
    await declare('robbed');
    await tenant.ready('VaultCertificate/robbed');
    expect(operator.operator.leading).toBe(true);
    expect(await tenant.versions('robbed')).toBe(1);
  }, 60_000);
});

describe('a process that is told to end (SIGTERM)', () => {
  it('as the leader, in the middle of its work, ends by itself: no timer and no socket holds it', async () => {
    child = await ChildOperator.start(on, { speed: SPEED });
    await child.says('Became the leader');
    await Promise.all([1, 2, 3].map((n) => declare(`ending-${n}`)));
    expect(await child.end('SIGTERM')).toBe(0);
    // It gave its lease back, so nobody has to wait.
    second = await startOperator(on);
    await tenant.ready('VaultCertificate/ending-1', 'VaultCertificate/ending-2', 'VaultCertificate/ending-3');
  }, 30_000);

  it('as a candidate ends by itself', async () => {
    second = await startOperator(on);
    const mark = auditMark(on);
    child = await ChildOperator.start(on, { speed: SPEED });
    await until(async () => (await auditEvents(on, { since: mark })).some(({ userAgent, objectRef }) => userAgent === CHILD_AGENT && objectRef?.resource === 'leases'));
    expect(await child.end('SIGTERM')).toBe(0);
  }, 30_000);
});

it('was refused nothing in all of this, and asked for nothing that it does not declare', () => expectOrderlyCalls(on));
