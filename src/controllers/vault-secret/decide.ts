import { durationMs } from '../../api/duration.ts';
import type { Reason } from '../../api/reasons.ts';
import type { VaultSecretSpec } from '../../api/vault-secret.ts';
import type { ObjectHead, SecretState, VersionHead } from '../../vault/object-record.ts';

/** Everything that decides what becomes of the object of a VaultSecret. */
export interface SecretFacts {
  readonly resource: { readonly uid: string; readonly generation: number };
  readonly spec: VaultSecretSpec;
  readonly head: ObjectHead | undefined;
  /** HMAC over what the value is made from; undefined when the spec names no source. */
  readonly inputs: string | undefined;
  /** Why there is nothing to make a value from, although the spec names a source. */
  readonly sourceProblem: Refusal | undefined;
  /** Whether versions that this resource did not make may go into its target (decisions 1). */
  readonly mayUseForeignVersions: boolean;
  readonly now: Date;
  readonly clockTrusted: boolean;
}

export interface Refusal {
  readonly reason: Reason;
  readonly message: string;
  /** `stalled`: nothing helps but a change of the spec. */
  readonly consequence: 'stalled' | 'waits';
}

/** How the object comes to be this resource's. */
export type TakeOver = 'create' | 'adopt' | 'recover' | 'own';

export type SecretDecision =
  | { readonly do: 'refuse'; readonly refusal: Refusal }
  | {
      readonly do: 'keep';
      readonly takeOver: TakeOver;
      /** Why a new version is made; undefined: the current one stays. */
      readonly newVersion: 'created' | 'inputs' | 'rotation' | 'recovered' | undefined;
    };

/** What happens to the object: refused, or kept in step with the spec. First hit wins, in the order of the functions. */
export function decideSecret(facts: SecretFacts): SecretDecision {
  const takeOver = decideTakeOver(facts);
  if (typeof takeOver !== 'string') return { do: 'refuse', refusal: takeOver };
  if (facts.sourceProblem !== undefined) return { do: 'refuse', refusal: facts.sourceProblem };
  const newVersion = facts.inputs === undefined ? undefined : decideVersion(facts, takeOver);
  if (facts.head === undefined && newVersion === undefined) return { do: 'refuse', refusal: waitingForValue(facts.spec.objectName) };
  return { do: 'keep', takeOver, newVersion };
}

/** Whose the object is (decisions 6, 37, 43). */
function decideTakeOver({ head, resource, spec }: SecretFacts): TakeOver | Refusal {
  if (head === undefined) return 'create';
  if (head.certificate !== undefined) return conflict(`Object ${head.name} is a certificate, which has a secret of the same name. Choose another objectName.`);
  const state = head.secret;
  if (state === undefined) return 'create';
  if (state.declaredBy?.uid === resource.uid) return state.deleted === undefined ? 'own' : recoverOwn(state, resource.generation, spec);
  if (spec.adopt) return 'adopt';
  if (state.deleted !== undefined && spec.createMode === 'Recover') return 'recover';
  return conflict(takenMessage(head, state));
}

function recoverOwn(state: SecretState, generation: number, spec: VaultSecretSpec): TakeOver | Refusal {
  // Recover acts once per uid and generation: a deletion through the data plane after that stays (decisions 37).
  if (spec.createMode === 'Recover' && state.declaredBy?.recoveredAt !== generation) return 'recover';
  return {
    reason: 'ObjectDeleted',
    message:
      `Object ${spec.objectName} was deleted at ${state.deleted?.at ?? ''} and can be recovered until ${state.deleted?.scheduledPurge ?? ''}: ` +
      'recover it through the data plane, or set spec.createMode: Recover (needs the verb grant on the vault).',
    consequence: 'stalled',
  };
}

function takenMessage(head: ObjectHead, state: SecretState): string {
  const by = state.declaredBy === undefined ? 'nobody declares it' : `${state.declaredBy.kind} ${state.declaredBy.namespace}/${state.declaredBy.name} declared it`;
  const deleted = state.deleted === undefined ? '' : ', soft-deleted';
  return `Object ${head.name} is in the vault already${deleted} (${by}), and was not touched. ` +
    'To take it over set spec.adopt: true (needs the verb grant on the vault), or choose another objectName.';
}

function conflict(message: string): Refusal {
  return { reason: 'Conflict', message, consequence: 'stalled' };
}

function waitingForValue(name: string): Refusal {
  return {
    reason: 'WaitingForValue',
    message: `Object ${name} has no value yet, and spec names no source for one. Set generate or secretRef.`,
    consequence: 'waits',
  };
}

function decideVersion(facts: SecretFacts, takeOver: TakeOver): Extract<SecretDecision, { do: 'keep' }>['newVersion'] {
  const current = facts.head?.secret?.versions[0];
  if (current === undefined) return 'created';
  // Adopting binds the existing versions to this resource; recovering does not, so its target gets a value of its own.
  if (takeOver === 'recover' && facts.spec.target !== undefined && !facts.mayUseForeignVersions) return 'recovered';
  if (facts.head?.secret?.inputs !== facts.inputs && takeOver !== 'adopt' && takeOver !== 'recover') return 'inputs';
  const due = rotationDue(facts.spec, current);
  return due !== undefined && due.getTime() <= facts.now.getTime() && facts.clockTrusted ? 'rotation' : undefined;
}

/** When the value is to be replaced: a function of the version and the spec alone, so that a restart never moves it. */
export function rotationDue(spec: VaultSecretSpec, current: Pick<VersionHead, 'created'> | undefined): Date | undefined {
  const interval = spec.generate?.rotation?.interval;
  if (interval === undefined || current === undefined) return undefined;
  return new Date(new Date(current.created).getTime() + durationMs(interval));
}
