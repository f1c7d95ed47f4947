import { randomBytes } from 'node:crypto';
import { defaultGuardParameters } from '../../../src/access/guards/guard.ts';
import { fenceGuards } from '../../../src/access/guards/fence.ts';
import { deniedDomains, resolveTarget, target as targetSchema, type TargetInput } from '../../../src/api/target.ts';
import type { Owner } from '../../../src/controllers/target/identity.ts';
import { managedSecret, managedSecretResource } from '../../../src/controllers/target/managed-secret.ts';
import { permissions } from '../../../src/controllers/target/permissions.ts';
import { plannedState } from '../../../src/controllers/target/state.ts';
import { Targets, type SyncRequest, type SyncResult } from '../../../src/controllers/target/targets.ts';
import { KubeClient } from '../../../src/kube/client.ts';
import { kubeconfigFile } from '../../../src/kube/config.ts';
import { isForbidden } from '../../../src/kube/errors.ts';
import { HttpTransport } from '../../../src/kube/http.ts';
import { Informer } from '../../../src/kube/informer.ts';
import type { Secret } from '../../../src/kube/kinds.ts';
import { clusterRole, ruleGroups } from '../../../src/kube/rbac.ts';
import { resources } from '../../../src/kube/resource.ts';
import { sleep, systemClock, type Clock } from '../../../src/runtime/clock.ts';
import type { FailAt } from '../../../src/runtime/fail-point.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { systemRandom } from '../../../src/runtime/random.ts';
import type { TargetState } from '../../../src/vault/object-record.ts';
import { adminKubeconfig, apply, createNamespace, isolate, kubeconfigFile as kubeconfigOf } from '../../support/control-plane.ts';
import { fieldsOf, hash } from '../../unit/controllers/target/builders.ts';

const common = { clock: systemClock, random: systemRandom, log: silentLog };
const RBAC = 'rbac.authorization.k8s.io';

export interface SyncChoices {
  readonly values?: Readonly<Record<string, string>>;
  readonly version?: string;
  readonly owner?: Owner;
  readonly recorded?: TargetState | undefined;
  readonly own?: boolean;
  readonly syncAllowed?: boolean;
  readonly signal?: AbortSignal;
}

export interface Process {
  readonly targets: Targets;
  /** What the caches say. */
  readonly informers: { readonly managedSecrets: Informer<ReturnType<typeof managedSecret>>; readonly mergeSecrets: Informer<ReturnType<typeof managedSecret>> };
  /** How often values were decrypted. */
  readonly opened: () => number;
  sync(input: NonNullable<TargetInput>, choices?: SyncChoices): Promise<SyncResult>;
  /** Ends the watches: from now on the caches know only what this process wrote itself. */
  blind(): Promise<void>;
}

/** Targets as the operator runs them, on a real API server: its own ServiceAccount, exactly the declared RBAC, the fence. */
export interface Rig {
  readonly admin: KubeClient;
  readonly operatorNamespace: string;
  readonly operatorUser: string;
  /** A namespace with an owner in it; the owner is a ConfigMap, so that the garbage collector finds its uid. */
  team(labels?: Readonly<Record<string, string>>): Promise<{ readonly namespace: string; readonly owner: Owner }>;
  /** One operator process with caches of its own. */
  start(owner: Owner, choices?: { readonly failAt?: FailAt; readonly clock?: Clock }): Promise<Process>;
  secret(namespace: string, name: string): Promise<Secret>;
  secretOrNone(namespace: string, name: string): Promise<Secret | undefined>;
  close(): Promise<void>;
}

export async function openRig(): Promise<Rig> {
  // Our kinds are not installed here, so the garbage collector leaves owners that tests made up alone.
  await isolate();
  const operatorNamespace = await createNamespace('keystead-op');
  const account = { namespace: operatorNamespace, serviceAccount: defaultGuardParameters.operatorServiceAccount };
  await installOperator(operatorNamespace, account.serviceAccount);
  const admin = await connect(adminKubeconfig());
  const operator = await connect(await kubeconfigOf(account));
  await untilFenced(operator, operatorNamespace);
  const running: Process[] = [];
  return {
    admin,
    operatorNamespace,
    operatorUser: `system:serviceaccount:${operatorNamespace}:${account.serviceAccount}`,
    async team(labels = {}) {
      const namespace = await createNamespace('team', labels);
      const { metadata } = await admin.create(resources.configMaps, { metadata: { namespace, name: 'app' } });
      return { namespace, owner: { kind: 'VaultSecret', namespace, name: 'app', uid: metadata.uid } };
    },
    async start(owner, choices = {}) {
      const process = await startProcess(operator, operatorNamespace, owner, choices);
      running.push(process);
      return process;
    },
    secret: (namespace, name) => admin.get(resources.secrets, { namespace, name }),
    secretOrNone: (namespace, name) => admin.get(resources.secrets, { namespace, name }).catch(() => undefined),
    async close() {
      await Promise.all(running.map((one) => one.blind()));
      await Promise.all([admin.close(), operator.close()]);
    },
  };
}

/** The operator's account with its declared rights, and the fence round it. Goes with the control plane. */
async function installOperator(namespace: string, name: string): Promise<void> {
  const unique = `target-${randomBytes(4).toString('hex')}`;
  const subjects = [{ kind: 'ServiceAccount', namespace, name }];
  const roles = ruleGroups(permissions).flatMap(({ feature, rules }) => {
    const role = `${unique}-${feature ?? 'base'}`;
    return [clusterRole(role, rules), { apiVersion: `${RBAC}/v1`, kind: 'ClusterRoleBinding', metadata: { name: role }, roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role }, subjects }];
  });
  const guards = fenceGuards({ ...defaultGuardParameters, namespace }).flatMap(({ policy, binding }) => {
    const renamed = `${unique}-${policy.metadata.name}`;
    return [
      { ...policy, metadata: { ...policy.metadata, name: renamed } },
      { ...binding, metadata: { ...binding.metadata, name: renamed }, spec: { ...binding.spec, policyName: renamed } },
    ];
  });
  await apply([{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } }, ...roles, ...guards]);
}

/** Policies come into force some time after they are written. */
async function untilFenced(operator: KubeClient, namespace: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    try {
      await operator.create(resources.secrets, { metadata: { namespace, name: `probe-${attempt}` } });
    } catch (error) {
      if (isForbidden(error)) return;
      throw error;
    }
    await sleep(systemClock, 100);
  }
  throw new Error('The fence did not come into force');
}

async function connect(path: string): Promise<KubeClient> {
  const config = await kubeconfigFile(path, systemClock);
  return new KubeClient(new HttpTransport(config, { clock: systemClock, userAgent: 'keystead/target-test' }), common);
}

async function startProcess(client: KubeClient, operatorNamespace: string, owner: Owner, choices: { readonly failAt?: FailAt; readonly clock?: Clock }): Promise<Process> {
  const secrets = { client, ...common, resource: managedSecretResource, transform: managedSecret };
  const informers = {
    managedSecrets: new Informer({ ...secrets, labelSelector: 'keystead.dev/managed' }),
    mergeSecrets: new Informer({ ...secrets, labelSelector: 'keystead.dev/merge' }),
    namespaces: new Informer({ client, ...common, resource: resources.namespaces, representation: 'metadata' as const }),
  };
  const stop = new AbortController();
  const runs = Object.values(informers).map((informer) => informer.run(stop.signal));
  await Promise.all(Object.values(informers).map((informer) => informer.synced()));
  const targets = new Targets({
    client,
    informers,
    deployment: { namespace: operatorNamespace, deniedDomains, restart: true },
    clock: choices.clock ?? systemClock,
    failAt: choices.failAt ?? (() => {}),
    log: silentLog,
  });
  let opened = 0;
  return {
    targets,
    informers,
    opened: () => opened,
    sync(input, { values = { password: 'correct horse' }, version = 'v1', owner: of = owner, recorded, own = true, syncAllowed = false, signal } = {}) {
      const target = resolveTarget(targetSchema('Opaque').parse(input), of);
      const request: SyncRequest = {
        owner: of,
        vault: 'vault',
        target,
        recorded: recorded ?? plannedState(target),
        version: { id: version, own },
        syncAllowed,
        hash,
        open: () => {
          opened += 1;
          return Promise.resolve(fieldsOf(values));
        },
        signal: signal ?? new AbortController().signal,
      };
      return targets.sync(request);
    },
    async blind() {
      stop.abort();
      await Promise.all(runs);
    },
  };
}

/** Waits until a condition of the world holds, looking again and again; for what no watch of the test tells. */
export async function eventually(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (await isSo()) return;
    await sleep(systemClock, 50);
  }
  throw new Error(`It did not happen within 15 s: ${what}`);
}

export function text(secret: Secret | undefined, key: string): string | undefined {
  const value = secret?.data?.[key];
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString();
}
