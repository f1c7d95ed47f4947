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
import { decide, failureProblem } from './decide.ts';
import type { Decision, Problem } from './decision.ts';
import { issuerName, type Gathered } from './facts.ts';
import { importCertificate } from './import-source.ts';
import { Fleet } from './fleet.ts';
import { gather, type Subject } from './gather.ts';
import { makeCertificate } from './issue.ts';
import { makeCsr } from './make-csr.ts';
import { isRenewal, type Need } from './need.ts';
import { signingWarning } from './signing-warning.ts';
import { conditionsOf, statusFields, type StatusFields } from './status.ts';
import { syncCertificate, type Synced } from './sync.ts';
import { dueAt, type FreshIds, type IssueStep } from './record-parts.ts';
import { failureChange, issueChange, settingsChange } from './transition.ts';
import { acceptChange, cancelChange, openChange } from './transition-open.ts';

export const vaultCertificatePermissions: readonly Permission[] = [
  { apiGroup: 'keystead.dev', resource: 'vaultcertificates', verbs: ['get', 'list', 'watch'], scope: 'cluster' },
  { apiGroup: 'keystead.dev', resource: 'vaultcertificates/status', verbs: ['update'], scope: 'cluster' },
  { apiGroup: 'keystead.dev', resource: 'vaultissuers', verbs: ['get', 'list', 'watch'], scope: 'cluster' },
  // Passwords of keystores: labelled ones are watched, by digests; one is read when a keystore is written.
  { apiGroup: '', resource: 'secrets', verbs: ['get', 'list', 'watch'], scope: 'cluster' },
  // Where signed certificates come from. As with Secrets: what is watched is labelled, what may be read is not.
  { apiGroup: '', resource: 'configmaps', verbs: ['get', 'list', 'watch'], scope: 'cluster' },
];

/** Told of every attempt to issue, for the metrics. */
export type IssueListener = (issuer: 'selfSigned' | 'ca' | 'external' | 'import', result: 'success' | 'error') => void;

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
 * for a new certificate and no read (decisions 7), with an operation that goes outside three for its CSR and three for
 * its answer; killed between any two of them, the next pass goes on from the record, and makes no second certificate. All that matters between passes is in the record: renewal, retries, the limit.
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
    // What was opened is looked at in the same pass: its answer may be there, and status is written once.
    if (carried === 'again') return this.#converge(subject);
    const state = carried.head?.certificate;
    const { synced, problem: targetProblem } = await this.#sync(subject, carried.head);
    const now = this.#world.clock.now();
    const target = synced?.result.target;
    const conditions = conditionsOf({ state, need: carried.need, problem: carried.problem, target, targetProblem, now });
    const fields = carried.head === undefined || state === undefined ? {} : statusFields(carried.head, state, target);
    await this.#writeStatus(resource, conditions, fields, signal);
    const moments = [dueAt(subject.spec, subject.vault.vaultId, state), state?.versions[0]?.certificate?.notAfter, carried.problem?.until, synced?.nextEnd];
    return nextLook(moments, now, synced?.result.requeueAfterMs, targetProblem?.retryAfterMs);
  }

  #carryOut(subject: Subject, facts: Gathered, decision: Exclude<Decision, { do: 'refuse' }>): Promise<Carried | 'again'> {
    switch (decision.do) {
      case 'issue':
        return this.#issue(subject, facts, decision);
      case 'import':
        return this.#import(subject, facts, decision);
      case 'open':
        return this.#open(subject, facts, decision);
      case 'accept':
        return this.#accept(subject, facts, decision);
      case 'cancel':
        return this.#cancel(subject, facts, decision);
      default:
        return this.#keep(subject, facts, decision);
    }
  }

  async #keep(subject: Subject, facts: Gathered, { claim, need, problem }: Extract<Decision, { do: 'keep' }>): Promise<Carried> {
    const change = settingsChange(facts, claim);
    const head = change === undefined ? facts.head : await this.#change(subject, facts, change);
    if (claim === 'recover') this.#event(subject, 'Normal', 'Recovered', `Object ${subject.spec.objectName} was recovered with its versions.`);
    return { head, need, problem };
  }

  async #import(subject: Subject, facts: Gathered, { claim, need }: Extract<Decision, { do: 'import' }>): Promise<Carried> {
    const made = await importCertificate(this.#world, subject, facts);
    // Nothing is put off: the Secret is looked at again when it changes, and only then can it be another.
    if (made instanceof KeysteadError) return { head: facts.head, need, problem: waitingFor(made, facts.now) };
    const head = await this.#withRoom(this.#change(subject, facts, issueChange({ facts, claim, need }, made, this.#freshIds())));
    if (head instanceof KeysteadError) return { head: facts.head, need, problem: waitingFor(head, facts.now) };
    this.#issued('import', 'success');
    this.#renewed(subject, need, head);
    return { head, need: undefined, problem: undefined };
  }

  async #open(subject: Subject, facts: Gathered, { claim, need }: Extract<Decision, { do: 'open' }>): Promise<Carried | 'again'> {
    const step = { facts, claim, need };
    const made = await makeCsr(this.#world, subject, facts, callerFor('vault-certificate', subject.signal, subject.resource));
    if (made instanceof KeysteadError) return this.#failed(subject, step, 'external', made);
    const head = await this.#withRoom(this.#change(subject, facts, openChange(step, made, this.#freshIds())));
    if (head instanceof KeysteadError) return { head: facts.head, need, problem: waitingFor(head, facts.now) };
    if (claim === 'recover') this.#event(subject, 'Normal', 'Recovered', `Object ${subject.spec.objectName} was recovered; its target gets a certificate of its own.`);
    return 'again';
  }

  async #accept(subject: Subject, facts: Gathered, { claim, need, signed }: Extract<Decision, { do: 'accept' }>): Promise<Carried> {
    const change = acceptChange({ facts, claim, need }, { signed, replacedCaPem: facts.currentChain?.caPem, issuer: issuerName(facts.spec) });
    const head = await this.#withRoom(this.#change(subject, facts, change));
    if (head instanceof KeysteadError) return { head: facts.head, need, problem: waitingFor(head, facts.now) };
    this.#issued('external', 'success');
    this.#renewed(subject, need, head);
    return { head, need: undefined, problem: undefined };
  }

  async #cancel(subject: Subject, facts: Gathered, { claim, need, problem, by }: Extract<Decision, { do: 'cancel' }>): Promise<Carried> {
    return { head: await this.#change(subject, facts, cancelChange(facts, claim, by)), need, problem };
  }

  async #failed(subject: Subject, step: IssueStep, issuer: Parameters<IssueListener>[0], error: KeysteadError): Promise<Carried> {
    const head = await this.#change(subject, step.facts, failureChange(step, error, this.#world.random.fraction(), this.#freshIds()));
    this.#issued(issuer, 'error');
    return { head, need: step.need, problem: failureProblem(head?.certificate) };
  }

  async #issue(subject: Subject, facts: Gathered, decision: Extract<Decision, { do: 'issue' }>): Promise<Carried> {
    const step = { facts, claim: decision.claim, need: decision.need };
    const issuer = facts.issuer.kind === 'ca' ? 'ca' : 'selfSigned';
    const made = await makeCertificate(this.#world, this.#caKeys, subject, facts, callerFor('vault-certificate', subject.signal, subject.resource));
    if (made instanceof KeysteadError) return this.#failed(subject, step, issuer, made);
    const head = await this.#withRoom(this.#change(subject, facts, issueChange(step, made, this.#freshIds())));
    if (head instanceof KeysteadError) return { head: facts.head, need: decision.need, problem: waitingFor(head, facts.now) };
    this.#issued(issuer, 'success');
    this.#renewed(subject, decision.need, head);
    if (decision.claim === 'recover') this.#event(subject, 'Normal', 'Recovered', `Object ${subject.spec.objectName} was recovered; its target gets a certificate of its own.`);
    return { head, need: undefined, problem: undefined };
  }

  #renewed(subject: Subject, need: Need, head: ObjectHead | undefined): void {
    const version = head?.certificate?.versions[0];
    if (!isRenewal(need) || version?.certificate === undefined) return;
    this.#event(subject, 'Normal', 'Renewed', `The certificate was renewed: version ${version.id}, valid until ${version.certificate.notAfter}.`);
  }

  /** Random ids are drawn before, so that the change itself is pure. */
  #freshIds(): FreshIds {
    const { random } = this.#world;
    return { incarnation: random.bytes(8).toString('hex'), operation: random.bytes(16).toString('hex') };
  }

  /** The error when the vault is full: nothing was published then, and what is there stays good. */
  #withRoom(change: Promise<ObjectHead | undefined>): Promise<ObjectHead | undefined | KeysteadError> {
    return change.catch((error: unknown) => {
      if (error instanceof KeysteadError && error.code === 'LimitExceeded') return error;
      throw error;
    });
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
    const signing = signingWarning(resource.status, conditions, fields.pending);
    if (signing !== undefined) events.record({ regarding: resource, type: 'Warning', reason: signing.reason, action: 'Sign', note: signing.message });
    await writeStatus({ client, events, failAt, now: clock.now(), signal }, informers.vaultCertificates, resource, { conditions, fields });
  }

  #event({ resource }: Subject, type: 'Normal', reason: Extract<Reason, 'Renewed' | 'Recovered'>, note: string): void {
    this.#world.events.record({ regarding: resource, type, reason, action: reason, note });
  }
}

/** What an error that is no failed attempt is told as. */
function waitingFor({ code, message, retryAfterMs }: KeysteadError, now: Date): Problem {
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
