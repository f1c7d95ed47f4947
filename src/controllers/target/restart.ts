import { createHash } from 'node:crypto';
import { annotations } from '../../api/names.ts';
import type { Reason } from '../../api/reasons.ts';
import type { Target } from '../../api/target.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isForbidden, isNotFound } from '../../kube/errors.ts';
import type { Workload } from '../../kube/kinds.ts';
import { resources, type Resource } from '../../kube/resource.ts';
import type { Clock } from '../../runtime/clock.ts';
import { between, type FailAt } from '../../runtime/fail-point.ts';
import { valueOf } from './identity.ts';

type WorkloadReference = NonNullable<Target['restart']>[number];

/** At most one roll of a workload in this time, whatever its Secrets do (decisions 35). */
export const REST_MS = 5 * 60_000;
const MOST_REMEMBERED = 10_000;

const workloads: Readonly<Record<WorkloadReference['kind'], Resource<Workload>>> = {
  Deployment: resources.deployments,
  StatefulSet: resources.statefulSets,
  DaemonSet: resources.daemonSets,
};

/** When the workload was last rolled for any target; in the pod template, so that it outlives the operator. */
const RESTARTED_AT = 'keystead.dev/restarted-at';

/** One annotation of the pod template for each target: which content its pods were started with. */
export function restartAnnotation(target: { readonly namespace: string; readonly name: string }): string {
  return `keystead.dev/restart-${createHash('sha256').update(`${target.namespace}/${target.name}`).digest('hex').slice(0, 16)}`;
}

export interface RestartOutcome {
  readonly kind: WorkloadReference['kind'];
  readonly name: string;
  readonly result: 'restarted' | 'upToDate' | 'waiting' | 'missing' | 'notOptedIn' | 'notPermitted';
  /** With `waiting`: milliseconds until it may be rolled. */
  readonly waitMs?: number;
}

/** What a person should know of a workload that could not be looked after, for a warning event. */
export function restartWarning(outcome: RestartOutcome, secret: string): { readonly reason: Reason; readonly message: string } | undefined {
  const workload = `${outcome.kind} ${outcome.name}`;
  switch (outcome.result) {
    case 'missing':
      return { reason: 'RestartTargetMissing', message: `There is no ${workload} beside Secret ${secret}. Correct spec.target.restart.` };
    case 'notOptedIn':
      return { reason: 'RestartNotAgreed', message: `${workload} does not agree to be restarted. Annotate it with ${annotations.restartOn}: ${secret.split('/')[1] ?? ''}.` };
    case 'notPermitted':
      return { reason: 'RestartNotPermitted', message: `Keystead may not restart ${workload}. Switch restart on in the chart, or remove spec.target.restart.` };
    default:
      return undefined;
  }
}

export interface RestartFacts {
  readonly secret: string;
  readonly annotation: string;
  /** HMAC over the values of the Secret. */
  readonly hash: string;
  /** When the values last took the place of others; undefined if they never did. RFC 3339. */
  readonly changedAt: string | undefined;
  readonly now: Date;
}

export type RestartDecision = { readonly do: 'roll' | 'none' | 'refuse' } | { readonly do: 'wait'; readonly ms: number };

/**
 * Whether a workload's pods run with other values than the Secret holds. One that was never rolled needs it only if it is
 * older than the last change of the values: neither the first write of a Secret nor a start of the operator rolls anything.
 */
export function decideRestart(workload: Workload, facts: RestartFacts): RestartDecision {
  const consent = valueOf(workload.metadata.annotations, annotations.restartOn) ?? '';
  if (!consent.split(',').some((name) => name.trim() === facts.secret)) return { do: 'refuse' };
  const onPods = workload.spec.template.metadata?.annotations;
  const rolledTo = valueOf(onPods, facts.annotation);
  if (rolledTo === facts.hash) return { do: 'none' };
  if (rolledTo === undefined && !(facts.changedAt !== undefined && Date.parse(workload.metadata.creationTimestamp) <= Date.parse(facts.changedAt))) {
    return { do: 'none' };
  }
  const rested = facts.now.getTime() - Date.parse(valueOf(onPods, RESTARTED_AT) ?? '');
  // A time that lies ahead was written by a clock that was wrong, and holds nothing back.
  return rested >= 0 && rested < REST_MS ? { do: 'wait', ms: REST_MS - rested } : { do: 'roll' };
}

export interface RestarterParts {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly failAt: FailAt;
  /** The chart's switch: without it there is no permission either, and nothing is tried. */
  readonly enabled: boolean;
}

/** Rolls the workloads of targets by one annotation on the pod template, and touches nothing else of them (decisions 4). */
export class Restarter {
  readonly #parts: RestarterParts;
  /** What was found up to date, by workload and target, so that an unchanged Secret costs no read. */
  readonly #upToDate = new Map<string, string>();

  constructor(parts: RestarterParts) {
    this.#parts = parts;
  }

  /** Each workload of the target in turn. @throws ApiError 409 if a workload changed meanwhile: look again */
  async restart(target: Target, hash: string, changedAt: string | undefined, signal: AbortSignal): Promise<readonly RestartOutcome[]> {
    const outcomes: RestartOutcome[] = [];
    for (const reference of target.restart ?? []) {
      outcomes.push({ ...reference, ...(await this.#one(target, reference, { hash, changedAt }, signal)) });
    }
    return outcomes;
  }

  async #one(target: Target, reference: WorkloadReference, content: Pick<RestartFacts, 'hash' | 'changedAt'>, signal: AbortSignal): Promise<Pick<RestartOutcome, 'result' | 'waitMs'>> {
    if (!this.#parts.enabled) return { result: 'notPermitted' };
    const key = `${reference.kind}/${target.namespace}/${reference.name}/${target.name}`;
    if (this.#upToDate.get(key) === content.hash) return { result: 'upToDate' };
    const annotation = restartAnnotation(target);
    try {
      const workload = await this.#parts.client.get(workloads[reference.kind], { namespace: target.namespace, name: reference.name }, { signal });
      const decision = decideRestart(workload, { secret: target.name, annotation, ...content, now: this.#parts.clock.now() });
      if (decision.do === 'wait') return { result: 'waiting', waitMs: decision.ms };
      if (decision.do === 'refuse') return { result: 'notOptedIn' };
      if (decision.do === 'roll') await this.#roll(workloads[reference.kind], workload, annotation, content.hash, signal);
      this.#remember(key, content.hash);
      return { result: decision.do === 'roll' ? 'restarted' : 'upToDate' };
    } catch (error) {
      if (isNotFound(error)) return { result: 'missing' };
      if (isForbidden(error)) return { result: 'notPermitted' };
      throw error;
    }
  }

  async #roll(resource: Resource<Workload>, { metadata }: Workload, annotation: string, hash: string, signal: AbortSignal): Promise<void> {
    const rolled = { [annotation]: hash, [RESTARTED_AT]: this.#parts.clock.now().toISOString() };
    // The resourceVersion: the consent that was read must still be there.
    const patch = { metadata: { resourceVersion: metadata.resourceVersion }, spec: { template: { metadata: { annotations: rolled } } } };
    await between(this.#parts.failAt, 'workload', () => this.#parts.client.mergePatch(resource, metadata, patch, { signal }));
  }

  #remember(key: string, hash: string): void {
    this.#upToDate.delete(key);
    const oldest = this.#upToDate.size >= MOST_REMEMBERED ? this.#upToDate.keys().next().value : undefined;
    if (oldest !== undefined) this.#upToDate.delete(oldest);
    this.#upToDate.set(key, hash);
  }
}
