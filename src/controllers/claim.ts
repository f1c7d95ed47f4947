import { stateOf, type ObjectHead, type ObjectKind, type SecretState, type CertificateState } from '../vault/object-record.ts';
import type { World } from './world.ts';

/**
 * How an object comes to be a resource's.
 * - `create`: there is none.
 * - `own`: it is already.
 * - `adopt`: it was somebody else's or nobody's, and its versions count as this resource's from now on (decisions 43).
 * - `recover`: it was deleted, and its versions stay those of whoever made them (decisions 1).
 */
export type Claim = 'create' | 'own' | 'adopt' | 'recover';

/** The resource may not have it, and nothing changes that but a change of a spec. */
export interface ClaimRefused {
  readonly reason: 'Conflict' | 'ObjectDeleted';
  readonly message: string;
}

/** What decides about a claim. */
export interface ClaimFacts {
  readonly kind: ObjectKind;
  readonly head: ObjectHead | undefined;
  readonly resource: { readonly uid: string; readonly generation: number };
  readonly spec: { readonly objectName: string; readonly adopt: boolean; readonly createMode: 'Default' | 'Recover' };
  /** Whether the resource that declares the object now is there and would take it back. */
  readonly otherAdopts: boolean;
}

/**
 * Whose the object is (decisions 6, 37, 43). That somebody may adopt or recover at all was checked at admission: it needs
 * the verb `grant`. Here it is only decided what that does, and that it is done once.
 */
export function claimOf({ kind, head, resource, spec, otherAdopts }: ClaimFacts): Claim | ClaimRefused {
  if (head === undefined) return 'create';
  const other = kind === 'secret' ? head.certificate : head.secret;
  if (other !== undefined) return conflict(otherKindMessage(head.name, kind));
  const state = stateOf(head, kind);
  if (state === undefined) return 'create';
  if (state.declaredBy?.uid === resource.uid) return state.deleted === undefined ? 'own' : claimDeleted(state, resource.generation, spec);
  // Two that both adopt would take it from each other for ever.
  if (spec.adopt && !otherAdopts) return 'adopt';
  if (state.deleted !== undefined && spec.createMode === 'Recover') return 'recover';
  return conflict(takenMessage(head.name, state, spec.adopt));
}

/** Recover acts once per uid and generation: a deletion through the data plane after that stays. */
function claimDeleted(state: SecretState | CertificateState, generation: number, spec: ClaimFacts['spec']): Claim | ClaimRefused {
  if (spec.createMode === 'Recover' && state.declaredBy?.recoveredAt !== generation) return 'recover';
  return {
    reason: 'ObjectDeleted',
    message:
      `Object ${spec.objectName} was deleted at ${state.deleted?.at ?? ''} and can be recovered until ${state.deleted?.scheduledPurge ?? ''}: ` +
      'set spec.createMode: Recover (needs the verb grant on the vault).',
  };
}

function otherKindMessage(name: string, kind: ObjectKind): string {
  return kind === 'secret'
    ? `Object ${name} is a certificate, which has a secret of its own under its name. Choose another objectName.`
    : `Object ${name} is a secret, and a certificate has a secret of its own under its name. Choose another objectName.`;
}

function takenMessage(name: string, state: SecretState | CertificateState, adopts: boolean): string {
  const by = state.declaredBy === undefined ? 'nobody declares it' : `${state.declaredBy.kind} ${state.declaredBy.namespace}/${state.declaredBy.name} declared it`;
  const deleted = state.deleted === undefined ? '' : ', soft-deleted';
  const next = adopts
    ? 'That resource has spec.adopt: true, too: remove it there.'
    : 'To take it over set spec.adopt: true (needs the verb grant on the vault), or choose another objectName.';
  return `Object ${name} is in the vault already${deleted} (${by}), and was not touched. ${next}`;
}

function conflict(message: string): ClaimRefused {
  return { reason: 'Conflict', message };
}

/** Whether the resource that declares the object now is there, is not `uid`, and would take it back. */
export function wouldTakeBack({ informers }: Pick<World, 'informers'>, state: SecretState | CertificateState | undefined, uid: string): boolean {
  const declaredBy = state?.declaredBy;
  if (declaredBy === undefined || declaredBy.uid === uid) return false;
  const declaring = declaredBy.kind === 'VaultSecret' ? informers.vaultSecrets : informers.vaultCertificates;
  const other = declaring.get(`${declaredBy.namespace}/${declaredBy.name}`);
  return other?.metadata.uid === declaredBy.uid && other.spec.adopt === true;
}
