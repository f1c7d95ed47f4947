import { KeysteadError } from '../../api/error.ts';
import type { Reason } from '../../api/reasons.ts';
import { parseVaultCertificate } from '../../api/vault-certificate.ts';
import { CaKeys } from '../../issuers/ca-keys.ts';
import { nameOf } from '../../kube/object.ts';
import type { Permission } from '../../kube/permissions.ts';
import type { ReconcileContext, Result } from '../../runtime/controller.ts';
import type { Change } from '../../vault/object-change.ts';
import type { ObjectHead } from '../../vault/object-record.ts';
import { RecordChanged } from '../../vault/record-changed.ts';
import { callerFor } from '../caller.ts';
import { notReady, type WantedCondition } from '../conditions.ts';
import { cleanUpGone } from '../gone.ts';
import { kinds, type VaultCertificateResource } from '../resources.ts';
import { writeStatus } from '../status.ts';
import { isStarting, usableVault } from '../usable-vault.ts';
import type { World } from '../world.ts';
import { decide, failureProblem, type Decision, type Problem } from './decide.ts';
import type { Gathered } from './facts.ts';
import { Fleet } from './fleet.ts';
import { gather, type Subject } from './gather.ts';
import { makeCertificate } from './issue.ts';
import { isRenewal, type Need } from './need.ts';
import { conditionsOf, statusFields, type StatusFields } from './status.ts';
import { syncCertificate, type Synced } from './sync.ts';
import { failureChange, issueChange, settingsChange, type FreshIds } from './transition.ts';

export const vaultCertificatePermissions: readonly Permission[] = [
  { apiGroup: 'keystead.dev', resource: 'vaultcertificates', verbs: ['get', 'list', 'watch'], scope: 'cluster' },
  { apiGroup: 'keystead.dev', resource: 'vaultcertificates/status', verbs: ['update'], scope: 'cluster' },
  { apiGroup: 'keystead.dev', resource: 'vaultissuers', verbs: ['get', 'list', 'watch'], scope: 'cluster' },
  // Passwords of keystores: labelled ones are watched, by digests; one is read when a keystore is written.
  { apiGroup: '', resource: 'secrets', verbs: ['get', 'list', 'watch'], scope: 'cluster' },
];

/** Told of every attempt to issue, for the metrics. */
export type IssueListener = (issuer: 'selfSigned' | 'ca', result: 'success' | 'error') => void;

/** What became of the record in a pass. */
interface Carried {
  readonly head: ObjectHead | undefined;
  readonly need: Need | undefined;
  readonly problem: Problem | undefined;
}

/**
 * VaultCertificates: issued, renewed, and synced into Kubernetes Secrets.
 *
 * One pass: gather (caches only), decide (pure), one compare-and-swap of the record, the target, one status. Three writes
 * for a new certificate and no read (decisions 7); killed between any two of them, the next pass goes on from the record,
 * and makes no second certificate. All that matters between passes is in the record: renewal, retries, the limit.
 * What is kept in memory here, parsed CAs and a count of what is due, may be lost at any moment.
 */
export class VaultCertificateController {
  readonly #world: World;
  readonly #caKeys: CaKeys;
  readonly #fleet: Fleet;
  readonly #issued: IssueListener;

  constructor(world: World, issued: IssueListener = () => {}) {
    this.#world = world;
    this.#issued = issued;
    this.#caKeys = new CaKeys(world.clock);
    this.#fleet = new Fleet(world);
  }

  async reconcile(key: string, { signal }: ReconcileContext): Promise<Result> {
    const resource = this.#world.informers.vaultCertificates.get(key);
    if (resource === undefined) {
      const { namespace = '', name } = nameOf(key);
      await cleanUpGone(this.#world, { resource: kinds.vaultCertificates, kind: 'VaultCertificate', objectKind: 'certificate', namespace, name }, signal);
      return {};
    }
    if (resource.metadata.deletionTimestamp !== undefined) return {};
    try {
      const spec = parseVaultCertificate(resource);
      if (spec instanceof KeysteadError) throw spec;
      const vault = await usableVault(this.#world, resource.metadata.namespace ?? '', spec.vaultRef.name);
      return await this.#converge({ resource, spec, vault, signal });
    } catch (error) {
      if (error instanceof KeysteadError && error.consequence !== 'retry' && !isStarting(error)) {
        await this.#writeStatus(resource, notReady(error.code, error.message, error.consequence === 'stalled' ? 'stalled' : 'waits'), keptFields(resource), signal);
      }
      throw error;
    }
  }

  async #converge(subject: Subject): Promise<Result> {
    const { resource, signal } = subject;
    const facts = await gather(this.#world, this.#fleet, subject);
    const decision = decide(facts);
    if (decision.do === 'refuse') {
      const { reason, message, consequence } = decision.problem;
      await this.#writeStatus(resource, notReady(reason, message, consequence), keptFields(resource), signal);
      return {};
    }
    const carried = await this.#carryOut(subject, facts, decision);
    const state = carried.head?.certificate;
    const { synced, problem: targetProblem } = await this.#sync(subject, carried.head);
    const now = this.#world.clock.now();
    const target = synced?.result.target;
    const conditions = conditionsOf({ state, need: carried.need, problem: carried.problem, target, targetProblem, now });
    const fields = carried.head === undefined || state === undefined ? {} : statusFields(carried.head, state, target);
    await this.#writeStatus(resource, conditions, fields, signal);
    const moments = [state?.renewalDue, state?.versions[0]?.certificate?.notAfter, carried.problem?.until, synced?.nextEnd];
    return nextLook(moments, now, synced?.result.requeueAfterMs, targetProblem?.retryAfterMs);
  }

  async #carryOut(subject: Subject, facts: Gathered, decision: Exclude<Decision, { do: 'refuse' }>): Promise<Carried> {
    if (decision.do === 'issue') return this.#issue(subject, facts, decision);
    const { need, problem, claim } = decision;
    const change = settingsChange(facts, claim);
    const head = change === undefined ? facts.head : await this.#change(subject, facts, change);
    if (claim === 'recover') this.#event(subject, 'Normal', 'Recovered', `Object ${subject.spec.objectName} was recovered with its versions.`);
    return { head, need, problem };
  }

  async #issue(subject: Subject, facts: Gathered, decision: Extract<Decision, { do: 'issue' }>): Promise<Carried> {
    const { random } = this.#world;
    const ids: FreshIds = { incarnation: random.bytes(8).toString('hex'), operation: random.bytes(16).toString('hex') };
    const step = { facts, claim: decision.claim, need: decision.need };
    const issuer = facts.issuer.kind === 'ca' ? 'ca' : 'selfSigned';
    const made = await makeCertificate(this.#world, this.#caKeys, subject, facts, callerFor('vault-certificate', subject.signal, subject.resource));
    if (made instanceof KeysteadError) {
      const head = await this.#change(subject, facts, failureChange(step, made, random.fraction(), ids));
      this.#issued(issuer, 'error');
      return { head, need: decision.need, problem: failureProblem(head?.certificate) };
    }
    const head = await this.#change(subject, facts, issueChange(step, made, ids)).catch((error: unknown) => {
      if (error instanceof KeysteadError && error.code === 'LimitExceeded') return error;
      throw error;
    });
    // The vault is full: nothing was published, and what is there stays good.
    if (head instanceof KeysteadError) return { head: facts.head, need: decision.need, problem: fullVault(head, facts.now) };
    this.#issued(issuer, 'success');
    if (isRenewal(decision.need)) this.#event(subject, 'Normal', 'Renewed', `The certificate was renewed: version ${made.versionId}, valid until ${made.signed.facts.notAfter.toISOString()}.`);
    if (decision.claim === 'recover') this.#event(subject, 'Normal', 'Recovered', `Object ${subject.spec.objectName} was recovered; its target gets a certificate of its own.`);
    return { head, need: undefined, problem: undefined };
  }

  /** The one write of the record. What was decided rests on the head that was gathered; on any other one it is void. */
  #change({ resource, spec, vault, signal }: Subject, facts: Gathered, change: Change): Promise<ObjectHead | undefined> {
    return this.#world.objects.change(vault, spec.objectName, callerFor('vault-certificate', signal, resource), (head) => {
      if (head?.counter !== facts.head?.counter || head?.incarnation !== facts.head?.incarnation) throw new RecordChanged(`Object ${spec.objectName}`);
      return change;
    });
  }

  /** A target that can't be written does not hide what is known of the certificate. */
  async #sync(subject: Subject, head: ObjectHead | undefined): Promise<{ synced?: Synced | undefined; problem?: KeysteadError }> {
    if (head?.certificate === undefined) return {};
    try {
      return { synced: await syncCertificate(this.#world, subject, head, head.certificate, callerFor('vault-certificate', subject.signal, subject.resource)) };
    } catch (error) {
      if (error instanceof KeysteadError && error.consequence !== 'retry') return { problem: error };
      throw error;
    }
  }

  async #writeStatus(resource: VaultCertificateResource, conditions: readonly WantedCondition[], fields: StatusFields, signal: AbortSignal): Promise<void> {
    const { client, events, failAt, clock, informers } = this.#world;
    await writeStatus({ client, events, failAt, now: clock.now(), signal }, informers.vaultCertificates, resource, { conditions, fields });
  }

  #event({ resource }: Subject, type: 'Normal', reason: Extract<Reason, 'Renewed' | 'Recovered'>, note: string): void {
    this.#world.events.record({ regarding: resource, type, reason, action: reason, note });
  }
}

function fullVault({ code, message, retryAfterMs }: KeysteadError, now: Date): Problem {
  return { reason: code, message, consequence: 'waits', ...(retryAfterMs === undefined ? {} : { until: new Date(now.getTime() + retryAfterMs) }) };
}

/** When to look again, if nothing happens before: at the first moment that is still to come. */
function nextLook(moments: readonly (Date | string | undefined)[], now: Date, ...delays: readonly (number | undefined)[]): Result {
  const waits = moments.flatMap((moment) => (moment === undefined ? [] : [new Date(moment).getTime() - now.getTime()])).filter((wait) => wait > 0);
  const all = [...waits, ...delays.filter((delay) => delay !== undefined)];
  return all.length === 0 ? {} : { requeueAfterMs: Math.min(...all) };
}

/** What was true before and still is while something is in the way: people look at the last good state then. */
function keptFields(resource: VaultCertificateResource): StatusFields {
  const { conditions: _c, observedGeneration: _g, ...fields } = resource.status ?? {};
  return fields;
}
