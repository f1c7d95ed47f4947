import { syncAllowed } from '../../access/decide.ts';
import { KeysteadError } from '../../api/error.ts';
import type { Reason } from '../../api/reasons.ts';
import { parseVaultSecret, type VaultSecretSpec, type VaultSecretStatus } from '../../api/vault-secret.ts';
import { nameOf } from '../../kube/object.ts';
import type { Permission } from '../../kube/permissions.ts';
import type { ReconcileContext, Result } from '../../runtime/controller.ts';
import { newVersionId } from '../../vault/blobs.ts';
import type { ObjectHead, SecretState, TargetState } from '../../vault/object-record.ts';
import { RecordChanged } from '../../vault/record-changed.ts';
import type { VaultHead } from '../../vault/vault-record.ts';
import { callerFor } from '../caller.ts';
import { wouldTakeBack } from '../claim.ts';
import { isReady, notReady, toSeconds, type WantedCondition } from '../conditions.ts';
import { cleanUpGone } from '../gone.ts';
import { kinds, type VaultSecretResource } from '../resources.ts';
import { writeStatus } from '../status.ts';
import { madeByItself } from '../target/consent.ts';
import { ownerOf } from '../target/identity.ts';
import type { SyncResult } from '../target/targets.ts';
import { recordedTarget, sinceVersionOf } from '../target/recorded-target.ts';
import { untilDue } from '../until-due.ts';
import { isStarting, usableVault } from '../usable-vault.ts';
import { soonest } from '../vault/housekeeping.ts';
import type { World } from '../world.ts';
import { decideSecret, rotationDue, type SecretDecision } from './decide.ts';
import { transition } from './transition.ts';
import { inputsOf, makeValue } from './value.ts';

export const vaultSecretPermissions: readonly Permission[] = [
  { apiGroup: 'keystead.dev', resource: 'vaultsecrets', verbs: ['get', 'list', 'watch'], scope: 'cluster' },
  { apiGroup: 'keystead.dev', resource: 'vaultsecrets/status', verbs: ['update'], scope: 'cluster' },
  { apiGroup: 'keystead.dev', resource: 'accesspolicies', verbs: ['get', 'list', 'watch'], scope: 'cluster' },
  // RBAC cannot select by label: what is watched is labelled, what may be read is not (said in the security model).
  { apiGroup: '', resource: 'secrets', verbs: ['get', 'list', 'watch'], scope: 'cluster' },
];

/** A VaultSecret with what it means. */
interface Subject {
  readonly resource: VaultSecretResource;
  readonly spec: VaultSecretSpec;
  readonly vault: VaultHead;
  readonly signal: AbortSignal;
}

/** VaultSecrets: values made or taken over, kept as versions, rotated, and synced into Kubernetes Secrets. */
export class VaultSecretController {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async reconcile(key: string, { signal }: ReconcileContext): Promise<Result> {
    const resource = this.#world.informers.vaultSecrets.get(key);
    if (resource === undefined) {
      const { namespace = '', name } = nameOf(key);
      await cleanUpGone(this.#world, { resource: kinds.vaultSecrets, kind: 'VaultSecret', objectKind: 'secret', namespace, name }, signal);
      return {};
    }
    if (resource.metadata.deletionTimestamp !== undefined) return {};
    const spec = parseVaultSecret(resource);
    if (spec instanceof KeysteadError) {
      await this.#writeStatus(resource, notReady(spec.code, spec.message, 'stalled'), {}, signal);
      return {};
    }
    try {
      const vault = await usableVault(this.#world, resource.metadata.namespace ?? '', spec.vaultRef.name);
      return await this.#converge({ resource, spec, vault, signal });
    } catch (error) {
      if (error instanceof KeysteadError && error.consequence !== 'retry' && !isStarting(error)) {
        const conditions = notReady(error.code, error.message, error.consequence === 'stalled' ? 'stalled' : 'waits');
        await this.#writeStatus(resource, conditions, keptFields(resource), signal);
      }
      throw error;
    }
  }

  async #converge(subject: Subject): Promise<Result> {
    const { resource, spec, vault, signal } = subject;
    const head = await this.#world.objects.get(vault, spec.objectName);
    const { decision, inputs } = await this.#decide(subject, head);
    if (decision.do === 'refuse') {
      const { reason, message, consequence } = decision.refusal;
      await this.#writeStatus(resource, notReady(reason, message, consequence), keptFields(resource), signal);
      return {};
    }
    const written = await this.#writeObject(subject, head, decision, inputs);
    const state = written?.secret;
    const current = state?.versions[0];
    if (written === undefined || state === undefined || current === undefined) throw new RecordChanged(`Object ${spec.objectName}`);
    const synced = spec.attributes.enabled ? await this.#sync(subject, written, state) : undefined;
    for (const { reason, message } of synced?.warnings ?? []) this.#event(resource, 'Warning', reason, message);
    const due = rotationDue(spec, current);
    const fields = {
      objectName: written.name,
      version: current.id,
      lastRotation: toSeconds(new Date(current.created)),
      ...(due === undefined ? {} : { nextRotation: toSeconds(due) }),
      ...(synced === undefined ? {} : { target: synced.target }),
    };
    await this.#writeStatus(resource, [readyCondition(spec, synced)], fields, signal);
    const rotationMs = due === undefined ? undefined : untilDue(this.#world, due);
    const requeueAfterMs = soonest(rotationMs, synced?.requeueAfterMs);
    return requeueAfterMs === undefined ? {} : { requeueAfterMs };
  }

  async #decide({ resource, spec, vault }: Subject, head: ObjectHead | undefined): Promise<{ decision: SecretDecision; inputs: string | undefined }> {
    const found = inputsOf(this.#world, resource.metadata.namespace ?? '', spec);
    const parts = found !== undefined && 'parts' in found ? found.parts : undefined;
    const inputs = parts === undefined ? undefined : await this.#world.objects.hash(vault, 'inputs', parts);
    const decision = decideSecret({
      resource: { uid: resource.metadata.uid, generation: resource.metadata.generation ?? 0 },
      spec,
      head,
      inputs,
      sourceProblem: found !== undefined && 'problem' in found ? found.problem : undefined,
      mayUseForeignVersions: this.#syncAllowed(spec, vault),
      otherAdopts: wouldTakeBack(this.#world, head?.secret, resource.metadata.uid),
      now: this.#world.clock.now(),
      clockTrusted: this.#world.clockGuard.trusted(),
    });
    return { decision, inputs };
  }

  async #writeObject(subject: Subject, head: ObjectHead | undefined, decision: Extract<SecretDecision, { do: 'keep' }>, inputs: string | undefined): Promise<ObjectHead | undefined> {
    const { resource, spec, vault, signal } = subject;
    const { namespace = '', name, uid, generation = 0 } = resource.metadata;
    const now = this.#world.clock.now();
    const made = decision.newVersion === undefined ? undefined : await makeValue(this.#world, this.#world.keys, namespace, spec, signal);
    const taken = made?.parts === undefined ? inputs : await this.#world.objects.hash(vault, 'inputs', made.parts);
    const version = made === undefined
      ? undefined
      : { kind: 'secret' as const, id: newVersionId(this.#world.random), created: now.toISOString(), origin: uid, public: {}, fields: made.fields };
    const written = await this.#world.objects.change(vault, spec.objectName, callerFor('vault-secret', signal, resource), (current) => {
      if (current?.counter !== head?.counter) throw new RecordChanged(`Object ${spec.objectName}`);
      return transition(current, {
        decision,
        spec,
        resource: { namespace, name, uid, generation },
        vaultId: vault.vaultId,
        inputs: taken,
        version,
        target: recordedTarget(current?.secret, spec.target, decision.claim),
        now,
        incarnation: this.#world.random.bytes(8).toString('hex'),
      });
    });
    if (decision.newVersion === 'rotation') this.#event(resource, 'Normal', 'Rotated', `A new version was made: ${version?.id ?? ''}.`);
    if (decision.claim === 'recover') this.#event(resource, 'Normal', 'Recovered', `Object ${spec.objectName} was recovered with its versions.`);
    return written;
  }

  /** Brings the target in step with the current version, and the record in step with the target. */
  async #sync(subject: Subject, head: ObjectHead, state: SecretState): Promise<SyncResult | undefined> {
    const { resource, spec, vault, signal } = subject;
    const recorded = state.declaredBy?.target;
    const version = state.versions[0];
    if (version === undefined) return undefined;
    const owner = ownerOf(resource);
    const hash = (parts: readonly string[]): Promise<string> => this.#world.objects.hash(vault, 'published', parts);
    if (spec.target === undefined) {
      if (recorded === undefined) return undefined;
      await this.#world.targets.remove({ owner, recorded, signal });
      await this.#recordTarget(subject, undefined);
      return undefined;
    }
    const sinceVersion = sinceVersionOf(recorded, spec.target);
    const own = madeByItself({ uid: owner.uid, version, versions: state.versions, ...(sinceVersion === undefined ? {} : { sinceVersion }) });
    const caller = callerFor('vault-secret', signal, resource);
    const result = await this.#world.targets.sync({
      owner,
      vault: vault.name,
      target: spec.target,
      recorded,
      version: { id: version.id, own },
      syncAllowed: this.#syncAllowed(spec, vault),
      hash,
      open: () => this.#world.objects.open(vault, head.name, 'secret', version.id, 'SecretSync', caller),
      signal,
    });
    if (result.recordIsBehind) await this.#recordTarget(subject, { ...result.state, ...(sinceVersion === undefined ? {} : { sinceVersion }) });
    return result;
  }

  async #recordTarget({ resource, spec, vault, signal }: Subject, target: TargetState | undefined): Promise<void> {
    await this.#world.objects.change(vault, spec.objectName, callerFor('vault-secret', signal, resource), (head) => {
      const declaration = head?.secret?.declaredBy;
      if (head?.secret === undefined || declaration === undefined) return undefined;
      const { target: _old, ...rest } = declaration;
      const declaredBy = target === undefined ? rest : { ...rest, target };
      return { operation: 'SecretUpdate', kind: 'secret', head: { ...head, secret: { ...head.secret, declaredBy } } };
    });
  }

  #syncAllowed(spec: VaultSecretSpec, vault: VaultHead): boolean {
    if (spec.target === undefined) return false;
    const access = this.#world.policies.of(vault.namespace, vault.name);
    return syncAllowed(access, { name: spec.objectName, namespace: spec.target.namespace }).allowed;
  }

  async #writeStatus(
    resource: VaultSecretResource,
    conditions: readonly WantedCondition[],
    fields: Omit<VaultSecretStatus, 'conditions' | 'observedGeneration'>,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, events, failAt, clock, informers } = this.#world;
    await writeStatus({ client, events, failAt, now: clock.now(), signal }, informers.vaultSecrets, resource, { conditions, fields });
  }

  #event(resource: VaultSecretResource, type: 'Normal' | 'Warning', reason: Reason, note: string): void {
    this.#world.events.record({ regarding: resource, type, reason, action: reason, note });
  }
}

function readyCondition(spec: VaultSecretSpec, synced: SyncResult | undefined): WantedCondition {
  if (!spec.attributes.enabled) {
    return { type: 'Ready', status: 'True', reason: 'Disabled', message: 'The object is disabled: it answers nobody, and its target is left as it is.' };
  }
  return isReady(synced === undefined ? 'The value is in the vault.' : `The value is in the vault and in Secret ${synced.target}.`);
}

/** What was true before and still is while something is in the way: people look at the last good state then. */
function keptFields(resource: VaultSecretResource): Omit<VaultSecretStatus, 'conditions' | 'observedGeneration'> {
  const { conditions: _c, observedGeneration: _g, ...fields } = resource.status ?? {};
  return fields;
}

