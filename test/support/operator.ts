import { createHash } from 'node:crypto';
import { guardObjects } from '../../src/access/guards/guards.ts';
import { deniedDomains } from '../../src/api/target.ts';
import { crds, customResources } from '../../src/api/crds.ts';
import type { AuditSink } from '../../src/audit/sink.ts';
import type { ControlPlane } from '../../src/cli/dev/control-plane.ts';
import { kubeconfigFile } from '../../src/kube/config.ts';
import { HttpTransport } from '../../src/kube/http.ts';
import { clusterRole, role, ruleGroups } from '../../src/kube/rbac.ts';
import type { Transport } from '../../src/kube/transport.ts';
import { createLog } from '../../src/observe/log.ts';
import { Operator, guardParameters, type OperatorOptions } from '../../src/operator/operator.ts';
import { identityReaders } from '../../src/operator/manifests.ts';
import { operatorPermissions } from '../../src/operator/permissions.ts';
import { sleep, systemClock, type Clock } from '../../src/runtime/clock.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { systemRandom } from '../../src/runtime/random.ts';
import { kubeconfigFile as kubeconfigOf, kubectl } from './control-plane.ts';

export const OPERATOR_NAMESPACE = 'keystead-system';
const OPERATOR = { namespace: OPERATOR_NAMESPACE, serviceAccount: 'keystead-operator' } as const;
export const OPERATOR_USER = `system:serviceaccount:${OPERATOR.namespace}:${OPERATOR.serviceAccount}`;

export const deployment = { namespace: OPERATOR_NAMESPACE, deniedDomains: [...deniedDomains], restart: true };

/** Installs what the chart installs, but for the Deployment: CRDs, guards, ServiceAccounts and exactly the declared RBAC. */
export async function installKeystead(on: ControlPlane): Promise<void> {
  const label = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: OPERATOR_NAMESPACE } };
  const accounts = ['keystead-operator', 'keystead-server'].map((name) => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: OPERATOR_NAMESPACE } }));
  await applyAll(on, [...crds(), label]);
  await kubectl(['wait', '--for=condition=Established', '--timeout=30s', ...customResources.map(({ plural }) => `crd/${plural}.keystead.dev`)], { on });
  await applyAll(on, [...accounts, ...rbac(), ...guardObjects(guardParameters(deployment)), ...identityReaders(OPERATOR_NAMESPACE)]);
}

function rbac(): object[] {
  const subjects = [{ kind: 'ServiceAccount', name: OPERATOR.serviceAccount, namespace: OPERATOR_NAMESPACE }];
  return ruleGroups(operatorPermissions).flatMap(({ scope, feature, rules }) => {
    const name = `keystead-operator${feature === undefined ? '' : `-${feature}`}`;
    const roleRef = (kind: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name });
    const apiVersion = 'rbac.authorization.k8s.io/v1';
    return scope === 'cluster'
      ? [clusterRole(name, rules), { apiVersion, kind: 'ClusterRoleBinding', metadata: { name }, roleRef: roleRef('ClusterRole'), subjects }]
      : [role(name, OPERATOR_NAMESPACE, rules), { apiVersion, kind: 'RoleBinding', metadata: { name, namespace: OPERATOR_NAMESPACE }, roleRef: roleRef('Role'), subjects }];
  });
}

async function applyAll(on: ControlPlane, items: readonly object[]): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], { on, input });
}

/** Audit lines as they were accepted; what a test looks at instead of a file. */
export class MemorySink implements AuditSink {
  readonly name = 'memory';
  readonly lines: string[] = [];

  async append(lines: Buffer): Promise<void> {
    this.lines.push(...lines.toString('utf8').split('\n').filter((line) => line !== ''));
  }

  async close(): Promise<void> {}
}

export interface RunningOperator {
  readonly operator: Operator;
  readonly audit: MemorySink;
  /** Ends it in good order. */
  stop(): Promise<void>;
}

export interface OperatorChoices extends Partial<Pick<OperatorOptions, 'clock' | 'failAt' | 'log' | 'metrics'>> {
  readonly transport?: (real: Transport) => Transport;
  /** Another way to the API server: the address of a FaultProxy. */
  readonly server?: string;
  /** When it counts as started; default: when it leads. */
  readonly started?: (operator: Operator) => boolean;
}

let started = 0;

/** An operator in this process, with the ServiceAccount's own token and RBAC; resolves when it leads. */
export async function startOperator(on: ControlPlane, choices: OperatorChoices = {}): Promise<RunningOperator> {
  const clock: Clock = choices.clock ?? systemClock;
  const config = { ...(await kubeconfigFile(await kubeconfigOf(OPERATOR, on), clock)), ...(choices.server === undefined ? {} : { server: choices.server }) };
  const real = new HttpTransport(config, { clock, userAgent: 'keystead/test' });
  const audit = new MemorySink();
  started += 1;
  const operator = new Operator({
    transport: choices.transport === undefined ? real : choices.transport(real),
    deployment,
    identity: `test-${started}-${createHash('sha256').update(systemRandom.bytes(8)).digest('hex').slice(0, 8)}`,
    auditSink: audit,
    clock,
    random: systemRandom,
    log: choices.log ?? (process.env['KEYSTEAD_TEST_LOG'] === undefined ? silentLog : createLog({ level: 'debug', destination: process.stderr, clock })),
    failAt: choices.failAt ?? (() => {}),
    ...(choices.metrics === undefined ? {} : { metrics: choices.metrics }),
  });
  const stop = new AbortController();
  const running = operator.run(stop.signal);
  // Told to whoever stops it.
  running.catch(() => undefined);
  await Promise.race([running, until(() => choices.started?.(operator) ?? operator.leading)]);
  return {
    operator,
    audit,
    async stop() {
      stop.abort();
      await running;
    },
  };
}

/** Looks again and again until it is so; for what only the API server can tell. */
export async function until(isSo: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  const deadline = systemClock.monotonic() + withinMs;
  while (!(await isSo())) {
    if (systemClock.monotonic() > deadline) throw new Error(`not within ${withinMs} ms`);
    await sleep(systemClock, 20);
  }
}
