import { defaultGuardParameters, type GuardParameters } from '../access/guards/guard.ts';
import { guards } from '../access/guards/guards.ts';
import { startAudit, type Audit } from '../audit/audit.ts';
import type { AuditMetrics } from '../audit/group-commit.ts';
import type { AuditSink } from '../audit/sink.ts';
import { AccessPolicyController } from '../controllers/access-policy/controller.ts';
import { PoliciesInForce } from '../controllers/access-policy/policies-in-force.ts';
import { Declarations } from '../controllers/declarations.ts';
import { DeletedVaultController } from '../controllers/deleted-vault/controller.ts';
import { GuardWatch } from '../controllers/guards.ts';
import { Targets } from '../controllers/target/targets.ts';
import { VaultController } from '../controllers/vault/controller.ts';
import { VaultCertificateController, type IssueListener } from '../controllers/vault-certificate/controller.ts';
import { VaultIssuerController } from '../controllers/vault-issuer/controller.ts';
import { VaultSecretController } from '../controllers/vault-secret/controller.ts';
import { createInformers, type Deployment, type Informers, type World } from '../controllers/world.ts';
import { KeyGenerator } from '../crypto/keys.ts';
import { KubeClient } from '../kube/client.ts';
import { ApiError } from '../kube/errors.ts';
import { EventRecorder } from '../kube/events.ts';
import { LeaderElector } from '../kube/leader.ts';
import { GuardedTransport, type Leadership } from '../kube/leadership.ts';
import type { Transport } from '../kube/transport.ts';
import { requireSupportedVersion } from '../kube/version.ts';
import { sleep, type Clock } from '../runtime/clock.ts';
import { ClockGuard } from '../runtime/clock-guard.ts';
import { watchClock } from '../runtime/clock-watch.ts';
import { Controller, type ControllerMetrics, type Reconcile } from '../runtime/controller.ts';
import { isTransient } from '../runtime/failure.ts';
import type { FailAt } from '../runtime/fail-point.ts';
import type { Log } from '../runtime/log.ts';
import type { QueueMetrics } from '../runtime/queue.ts';
import type { Random } from '../runtime/random.ts';
import { KubernetesStore } from '../store/kubernetes.ts';
import { KeysteadError } from '../api/error.ts';
import { joinInstallation } from '../vault/installation.ts';
import { Keyring } from '../vault/keyring.ts';
import { errorFields } from '../observe/error-fields.ts';
import { Objects } from '../vault/objects.ts';
import { Vaults } from '../vault/vaults.ts';
import { attempt } from './attempt.ts';
import { CurrentLeadership } from './current-leadership.ts';
import { publishIdentity } from './identity.ts';
import { controllerNames, createQueues, Router, type ControllerName, type Queues } from './queues.ts';
import { loadRootKey } from './root-key.ts';
import { objectRecordChanged, vaultRecordChanged, wakeEverything, watchInformers } from './triggers.ts';

/** What the operator tells the metrics. */
export interface OperatorMetrics {
  readonly queue: (name: ControllerName) => QueueMetrics;
  readonly controller: (name: ControllerName, workers: number) => ControllerMetrics;
  readonly audit: AuditMetrics;
  readonly leading: (leading: boolean) => void;
  readonly issued: IssueListener;
  /** The records can be read from now on. */
  readonly opened: (world: World) => void;
  /** A term begins, with queues of its own. */
  readonly working: (queues: Queues) => void;
}

export interface OperatorOptions {
  readonly transport: Transport;
  readonly deployment: Deployment;
  /** Never used by two processes, not even one after the other: the pod's name and something random. */
  readonly identity: string;
  readonly auditSink: AuditSink;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly failAt: FailAt;
  readonly metrics?: OperatorMetrics;
}

/** How many objects of a kind are worked on at once. Latency of the API server, not CPU, is what more of them hide. */
const workers: Readonly<Record<ControllerName, number>> = {
  vault: 2,
  'deleted-vault': 1,
  'vault-secret': 16,
  'vault-certificate': 16,
  'vault-issuer': 2,
  'access-policy': 2,
};

/** How soon a root key that is missing or wrong is looked at again. */
const ROOT_KEY_RETRY_MS = 10_000;
/** How soon an API server that does not answer is asked again, before anything works. */
const UNAVAILABLE_RETRY_MS = 2_000;
/** What is left of events at the end is worth this much waiting. */
const EVENT_FLUSH_MS = 2_000;

/** The part of the world that exists before the root key is known; it outlives every term. */
interface Ground {
  readonly client: KubeClient;
  readonly guarded: KubeClient;
  readonly informers: Informers;
  readonly policies: PoliciesInForce;
  readonly guards: GuardWatch;
  readonly router: Router;
}

/**
 * The operator: informers that run from the start, controllers that run while this process leads. Whatever it knows it
 * keeps when it loses the lease, and goes on with when it gets it back (decisions 47).
 */
export class Operator {
  readonly #options: OperatorOptions;
  readonly #leadership = new CurrentLeadership();
  readonly #ground: Ground;
  #world: World | undefined;
  #audit: Audit | undefined;
  #events: EventRecorder | undefined;
  #leading = false;
  #problem: string | undefined;

  constructor(options: OperatorOptions) {
    this.#options = options;
    const { transport, clock, random, log } = options;
    const client = new KubeClient(transport, { clock, random });
    const guarded = new KubeClient(new GuardedTransport(transport, this.#leadership), { clock, random });
    const informers = createInformers({ client, clock, random, log, namespaces: options.deployment.namespaces });
    const guardWatch = new GuardWatch(guards(guardParameters(options.deployment)), informers.guards, informers.guardBindings);
    const policies = new PoliciesInForce(() => guardWatch.missing !== undefined);
    this.#ground = { client, guarded, informers, policies, guards: guardWatch, router: new Router() };
  }

  /** Why the operator cannot work, for readiness; undefined when it can, or waits for its turn to lead. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get leading(): boolean {
    return this.#leading;
  }

  /** Whether everything that is watched has been seen. */
  get synced(): boolean {
    return Object.values(this.#ground.informers).every((informer) => informer.hasSynced);
  }

  /** Works until `stop`. @throws KeysteadError ClusterTooOld, WorkersStillRunning */
  async run(stop: AbortSignal): Promise<void> {
    const { clock, random, log, identity, deployment, metrics } = this.#options;
    const { client, informers, router } = this.#ground;
    if (!(await this.#askVersion(stop))) return;
    watchInformers(this.#ground, router);
    const watching = new AbortController();
    const watches = Object.values(informers).map((informer) => informer.run(watching.signal));
    const elector = new LeaderElector({
      client,
      clock,
      random,
      log,
      namespace: deployment.namespace,
      name: 'keystead-operator',
      identity,
      ...(metrics === undefined ? {} : { onChange: metrics.leading }),
    });
    try {
      await elector.run((leadership, ending) => this.#lead(leadership, ending, watching.signal), stop);
    } finally {
      watching.abort();
      await Promise.all([...watches, this.#events?.flush(EVENT_FLUSH_MS)]);
      await this.#audit?.close();
      await client.close();
    }
  }

  async #lead(leadership: Leadership, ending: AbortSignal, watching: AbortSignal): Promise<void> {
    this.#leadership.begin(leadership);
    try {
      const world = await this.#open(leadership, ending, watching);
      if (world !== undefined) await this.#control(world, leadership, ending);
    } catch (error) {
      if (!leadership.signal.aborted && !ending.aborted) throw error;
    } finally {
      this.#leadership.end();
      this.#leading = false;
    }
  }

  /** Waits as long as nobody answers; false when told to stop meanwhile. @throws KeysteadError ClusterTooOld */
  async #askVersion(stop: AbortSignal): Promise<boolean> {
    const { clock, log } = this.#options;
    while (!stop.aborted) {
      try {
        await requireSupportedVersion(this.#ground.client, { signal: stop });
        return true;
      } catch (error) {
        if (stop.aborted) break;
        if (!isPassing(error)) throw error;
        log.warn('The API server does not answer as it should; it is asked again', errorFields(error));
        await sleep(clock, UNAVAILABLE_RETRY_MS, stop).catch(() => {});
      }
    }
    return false;
  }

  /**
   * Opens the installation with the root key, once; waits as long as the key is missing or wrong, or the API server does
   * not answer.
   */
  async #open(leadership: Leadership, ending: AbortSignal, watching: AbortSignal): Promise<World | undefined> {
    const either = AbortSignal.any([leadership.signal, ending]);
    while (this.#world === undefined && !either.aborted) {
      try {
        await Promise.all(Object.values(this.#ground.informers).map((informer) => informer.synced(either)));
        this.#ground.guards.look();
        this.#ground.policies.retryPending();
        this.#world = await this.#createWorld(either, watching);
        this.#options.metrics?.opened(this.#world);
        this.#problem = undefined;
      } catch (error) {
        if (either.aborted || !(error instanceof KeysteadError || isPassing(error))) throw error;
        const isProblem = error instanceof KeysteadError && error.consequence !== 'retry';
        if (isProblem) this.#problem = `${error.code}: ${error.message}`;
        this.#options.log.error('The records cannot be opened; it is tried again', errorFields(error));
        await sleep(this.#options.clock, isProblem ? ROOT_KEY_RETRY_MS : UNAVAILABLE_RETRY_MS, either).catch(() => {});
      }
    }
    return this.#world;
  }

  async #createWorld(signal: AbortSignal, watching: AbortSignal): Promise<World> {
    const { deployment, clock, random, log, failAt, identity } = this.#options;
    const { client, guarded, informers, policies, guards: guardWatch, router } = this.#ground;
    const { namespace } = deployment;
    const store = new KubernetesStore({ client: guarded, namespace, clock, random, log });
    const rootKey = await loadRootKey({ client: guarded, namespace, store, random, failAt, signal });
    const { auditKey, identity: identityKey } = await joinInstallation({ store, rootKey, random, failAt, now: clock.now(), signal });
    await publishIdentity({ client: guarded, namespace, identity: identityKey, failAt, signal });
    // Checkpoints need no leadership: a process says how far its own log goes.
    const ownStore = new KubernetesStore({ client, namespace, clock, random, log });
    const metrics = this.#options.metrics === undefined ? {} : { metrics: this.#options.metrics.audit };
    // Its sink is opened once: an attempt that fails later leaves it to the next one.
    this.#audit ??= await startAudit({ sink: this.#options.auditSink, key: auditKey, writer: `operator-${identity}`, store: ownStore, clock, log, failAt, signal, ...metrics });
    const parts = { store, keyring: new Keyring(rootKey, clock), auditor: this.#audit.auditor, clock, random, log, failAt };
    const declarations = new Declarations();
    const vaults: Vaults = new Vaults({ parts, rootKey, changed: (before, after, own) => vaultRecordChanged(informers, router, before, after, own) });
    const objects = new Objects({
      parts,
      isOpen: (id) => vaults.isOpen(id),
      changed: (before, after, own) => objectRecordChanged({ informers, declarations, router, vaultOf: (id) => vaults.placeOf(id) }, before, after, own),
    });
    await attempt(watching, signal, async (lifetime) => {
      await vaults.start(lifetime);
      await objects.start(lifetime);
    });
    // Not guarded: what is left is written after the lease was given back.
    this.#events = new EventRecorder({ client, clock, random, log, controller: 'keystead.dev/operator', instance: identity });
    const targets = new Targets({ client: guarded, informers, deployment, clock, failAt, log });
    const clockGuard = new ClockGuard(clock, () => client.serverTime());
    const keys = new KeyGenerator();
    return { deployment, client: guarded, informers, vaults, objects, declarations, policies, guards: guardWatch, targets, keys, identity: identityKey, events: this.#events, clock, clockGuard, random, log, failAt };
  }

  async #control(world: World, leadership: Leadership, ending: AbortSignal): Promise<void> {
    const { clock, random, log, metrics } = this.#options;
    const queues = createQueues({ clock, random, ...(metrics === undefined ? {} : { metrics: metrics.queue }) });
    const { router } = this.#ground;
    const reconciles = this.#reconciles(world);
    metrics?.working(queues);
    router.begin(queues);
    wakeEverything(world, router);
    this.#leading = true;
    try {
      const controllers = controllerNames.map((name) => {
        const options = { name, reconcile: reconciles[name], queue: queues[name], workers: workers[name], clock, log, errorFields };
        return new Controller(metrics === undefined ? options : { ...options, metrics: metrics.controller(name, workers[name]) });
      });
      const jumped = (): void => {
        log.warn('The clock was moved, or stopped or began to agree with the API server\'s; everything is looked at again', { trusted: world.clockGuard.trusted() });
        wakeEverything(world, router);
      };
      const clockWatch = watchClock(clock, world.clockGuard, jumped, AbortSignal.any([ending, leadership.signal]));
      await Promise.all([...controllers.map((controller) => controller.run({ stop: ending, abort: leadership.signal })), clockWatch]);
    } finally {
      router.end();
    }
  }

  #reconciles(world: World): Readonly<Record<ControllerName, Reconcile>> {
    const { router } = this.#ground;
    const vault = new VaultController(world, (name) => router.changed('deleted-vault', name));
    const deletedVault = new DeletedVaultController(world);
    const secret = new VaultSecretController(world);
    const certificate = new VaultCertificateController(world, this.#options.metrics?.issued);
    const issuer = new VaultIssuerController(world);
    const policy = new AccessPolicyController(world);
    return {
      vault: (key, context) => vault.reconcile(key, context),
      'deleted-vault': (key, context) => deletedVault.reconcile(key, context),
      'vault-secret': (key, context) => secret.reconcile(key, context),
      'vault-certificate': (key, context) => certificate.reconcile(key, context),
      'vault-issuer': (key, context) => issuer.reconcile(key, context),
      'access-policy': (key, context) => policy.reconcile(key, context),
    };
  }
}

/** Whatever an API server answers, or fails to: one that has just started refuses everything until it has read its RBAC. */
function isPassing(error: unknown): boolean {
  return error instanceof ApiError || isTransient(error);
}

/** The guards as this deployment expects them. */
export function guardParameters(deployment: Deployment): GuardParameters {
  return { ...defaultGuardParameters, namespace: deployment.namespace, deniedDomains: deployment.deniedDomains };
}
