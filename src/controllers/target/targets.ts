import type { KeysteadError } from '../../api/error.ts';
import type { Reason } from '../../api/reasons.ts';
import type { Target } from '../../api/target.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isAlreadyExists } from '../../kube/errors.ts';
import type { Informer } from '../../kube/informer.ts';
import { keyOf, type KubeObject } from '../../kube/object.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { FailAt } from '../../runtime/fail-point.ts';
import type { Log } from '../../runtime/log.ts';
import type { TargetState } from '../../vault/object-record.ts';
import { decideConsent } from './consent.ts';
import { contentOf, restartParts, sourceKey, type ContentSource, type PublishedHash } from './content.ts';
import { isCurrent } from './current.ts';
import { claimOf, decideDeparture, decideTarget, type Action } from './decide.ts';
import { marks, valueOf, type Owner } from './identity.ts';
import type { ManagedSecret } from './managed-secret.ts';
import { refusal, refused } from './refusal.ts';
import { Repairs } from './repairs.ts';
import { Restarter, restartWarning, type RestartOutcome } from './restart.ts';
import { isBehind, isSameTarget, writtenState } from './state.ts';
import { SecretWriter } from './write.ts';
import { writeContent } from './write-content.ts';

export interface TargetsParts {
  readonly client: KubeClient;
  readonly informers: {
    /** Secrets with the label keystead.dev/managed. */
    readonly managedSecrets: Informer<ManagedSecret>;
    /** Secrets with the label keystead.dev/merge. */
    readonly mergeSecrets: Informer<ManagedSecret>;
    readonly namespaces: Pick<Informer<KubeObject>, 'get'>;
  };
  readonly deployment: {
    /** Keystead's own namespace. */
    readonly namespace: string;
    readonly deniedDomains: readonly string[];
    readonly restart: boolean;
  };
  readonly clock: Clock;
  readonly failAt: FailAt;
  readonly log: Log;
}

export type MakeOutputs = (fields: ReadonlyMap<string, Buffer>) => Promise<ReadonlyMap<string, Buffer>>;

export interface SyncRequest {
  readonly owner: Owner;
  /** Name of the vault. */
  readonly vault: string;
  readonly target: Target;
  /** What the record says of the target, as it is before this pass. */
  readonly recorded: TargetState | undefined;
  /** `own`: see `madeByItself`. */
  readonly version: { readonly id: string; readonly own: boolean };
  /** An AccessPolicy of the vault lists the target's namespace in `syncTo`. */
  readonly syncAllowed: boolean;
  /** Whatever else is public and shapes the content. */
  readonly publicInputs?: readonly string[];
  readonly hash: PublishedHash;
  /** Decrypts the fields; called only if something must be written. The buffers are overwritten afterwards. */
  readonly open: () => Promise<Map<string, Buffer>>;
  /**
   * Makes further keys of the Secret from the fields; called after `open`. All that shapes them is in the version, the
   * fields and `publicInputs`, and the same gives the same bytes. The buffers are overwritten afterwards.
   */
  readonly outputs?: MakeOutputs | undefined;
  readonly signal: AbortSignal;
}

export interface SyncResult {
  readonly action: 'none' | 'created' | 'updated' | 'replaced' | 'merged';
  /** namespace/name. */
  readonly target: string;
  readonly state: TargetState;
  /** The record must be written once more to say `state`: after a rename, a change of policy, or when it said nothing. */
  readonly recordIsBehind: boolean;
  /** What became of the Secret that the record named before, if it was another one. */
  readonly previous: 'none' | 'kept' | 'deleted' | 'unmerged';
  readonly restarts: readonly RestartOutcome[];
  /** For warning events: workloads that could not be looked after. The target itself is well. */
  readonly warnings: readonly { readonly reason: Reason; readonly message: string }[];
  /** When a roll that had to wait is due. */
  readonly requeueAfterMs?: number;
}

export interface RemoveRequest {
  readonly owner: Owner;
  readonly recorded: TargetState;
  readonly signal: AbortSignal;
}

const results = { none: 'none', create: 'created', update: 'updated', replace: 'replaced', merge: 'merged' } as const;

/**
 * Keeps the Secrets of resources as they are declared: gathers from the caches, decides (decide.ts), writes. One write
 * for a new target, none for one that is right, no read but where a name turns out to be taken. One caller per resource
 * at a time.
 */
export class Targets {
  readonly #parts: TargetsParts;
  readonly #writer: SecretWriter;
  readonly #restarter: Restarter;
  readonly #repairs: Repairs;

  constructor(parts: TargetsParts) {
    this.#parts = parts;
    this.#writer = new SecretWriter(parts);
    this.#restarter = new Restarter({ client: parts.client, clock: parts.clock, failAt: parts.failAt, enabled: parts.deployment.restart });
    this.#repairs = new Repairs(parts.clock);
  }

  /**
   * Brings the target in step, then removes what the resource wrote elsewhere before, then restarts workloads.
   * @throws KeysteadError with the reasons of consent.ts, decide.ts, render.ts and write.ts; ApiError, ConnectionError
   */
  async sync(request: SyncRequest): Promise<SyncResult> {
    const { target, recorded, owner, signal } = request;
    const informer = this.#informer(target);
    const action = await this.#decide(request, informer.get(keyOf(target)));
    const [done, secret] = await this.#carryOut(request, informer, action);
    const state = writtenState(target, secret, recorded);
    // Only now, so that whoever reads the Secret finds one at every moment.
    const previous = recorded === undefined || isSameTarget(recorded, target) ? 'none' : await this.#depart({ owner, recorded, signal });
    const restarts = await this.#restart(request, secret);
    const waits = restarts.flatMap(({ waitMs }) => waitMs ?? []);
    return {
      action: results[done],
      target: keyOf(target),
      state,
      recordIsBehind: isBehind(recorded, state),
      previous,
      restarts,
      warnings: restarts.flatMap((outcome) => restartWarning(outcome, keyOf(target)) ?? []),
      ...(waits.length === 0 ? {} : { requeueAfterMs: Math.min(...waits) }),
    };
  }

  /**
   * For a resource that is gone, or that has no target any more: what its target's deletionPolicy says, done only to what
   * this very resource (by uid) wrote.
   */
  async remove(request: RemoveRequest): Promise<SyncResult['previous']> {
    const { moving } = request.recorded;
    // Stopped in the middle of a rename, there may be two.
    if (moving !== undefined) await this.#depart({ ...request, recorded: { ...request.recorded, ...moving } });
    return this.#depart(request);
  }

  async #depart({ owner, recorded, signal }: RemoveRequest): Promise<SyncResult['previous']> {
    const informer = this.#informer(recorded);
    const departure = decideDeparture(owner, recorded, informer.get(keyOf(recorded)));
    if (departure.do === 'delete') {
      await this.#writer.remove(departure.live, signal);
      return 'deleted';
    }
    if (departure.do === 'unmerge') {
      const { namespace, name, uid, resourceVersion } = departure.live.metadata;
      // Applying nothing takes away all that this manager had set.
      await this.#writer.merge(informer, { metadata: { ...(namespace === undefined ? {} : { namespace }), name, uid, resourceVersion } }, owner, signal);
      return 'unmerged';
    }
    return departure.do === 'keep' ? 'kept' : 'none';
  }

  async #decide(request: SyncRequest, live: ManagedSecret | undefined): Promise<Action> {
    const { owner, vault, target, recorded } = request;
    const current = live !== undefined && (await isCurrent(sourceOf(request), vault, live, request.hash));
    const consent = decideConsent({
      owner,
      target,
      operatorNamespace: this.#parts.deployment.namespace,
      ownVersion: request.version.own,
      syncAllowed: request.syncAllowed,
      namespace: this.#parts.informers.namespaces.get(target.namespace),
      hasTarget: live !== undefined && isSameTarget(recorded, target) && claimOf(live, owner, recorded).of !== 'other',
    });
    return decideTarget({ owner, vault, target, live, current, recorded, consent });
  }

  async #carryOut(request: SyncRequest, informer: Informer<ManagedSecret>, action: Action): Promise<[keyof typeof results, ManagedSecret]> {
    const { target } = request;
    if (action.do === 'refuse') throw refused(action);
    if (action.do === 'none') return ['none', action.live];
    const repair = [`${target.creationPolicy}/${keyOf(target)}/${request.owner.uid}`, sourceKey(sourceOf(request))] as const;
    const waitMs = this.#repairs.waitMs(...repair);
    if (waitMs > 0) throw this.#contested(target, waitMs);
    const { clock, deployment } = this.#parts;
    try {
      const written = await writeContent({ ...request, source: sourceOf(request), action, informer, writer: this.#writer, deniedDomains: deployment.deniedDomains, now: clock.now() });
      this.#repairs.wrote(...repair);
      return written;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      return this.#taken(request, informer, error);
    }
  }

  /** The name is taken by a Secret that the cache does not know: a foreign one, or our own from a write without an answer. */
  async #taken(request: SyncRequest, informer: Informer<ManagedSecret>, error: Error): Promise<[keyof typeof results, ManagedSecret]> {
    const live = await this.#writer.read(request.target, request.signal);
    // Gone again in between: the next pass will see.
    if (live === undefined) throw error;
    const action = await this.#decide(request, live);
    if (action.do === 'refuse' || action.do === 'create') throw action.do === 'refuse' ? refused(action) : error;
    // Proven ours, so it belongs into the cache.
    await informer.write(keyOf(request.target), () => Promise.resolve(live));
    return this.#carryOut(request, informer, action);
  }

  #contested({ namespace, name }: Target, waitMs: number): KeysteadError {
    this.#parts.log.warn('Somebody else keeps changing a target', { target: `${namespace}/${name}` });
    const message = `Somebody else keeps changing Secret ${namespace}/${name}. It is put right once a minute; find out who does with: kubectl get secret -n ${namespace} ${name} --show-managed-fields -o yaml`;
    return refused(refusal('TargetContested', message, 'wait', waitMs));
  }

  async #restart(request: SyncRequest, secret: ManagedSecret): Promise<readonly RestartOutcome[]> {
    const { target, owner, signal } = request;
    if (target.restart === undefined || target.restart.length === 0) return [];
    const hash = await request.hash(restartParts(target, owner, contentOf(secret)));
    return this.#restarter.restart(target, hash, valueOf(secret.metadata.annotations, marks.contentChanged), signal);
  }

  #informer({ creationPolicy }: Pick<TargetState, 'creationPolicy'>): Informer<ManagedSecret> {
    return creationPolicy === 'Merge' ? this.#parts.informers.mergeSecrets : this.#parts.informers.managedSecrets;
  }
}

function sourceOf({ owner, target, version, publicInputs }: SyncRequest): ContentSource {
  return { owner, target, version: version.id, publicInputs: publicInputs ?? [] };
}
