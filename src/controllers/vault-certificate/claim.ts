import type { CertificateState } from '../../vault/object-record.ts';
import type { Gathered } from './facts.ts';

/**
 * How an object comes to be this resource's.
 * - `create`: there is none.
 * - `own`: it is already.
 * - `adopt`: it was somebody else's or nobody's, and its versions count as this resource's from now on (decisions 43).
 * - `recover`: it was deleted, and its versions stay those of whoever made them (decisions 1).
 */
export type Claim = 'create' | 'own' | 'adopt' | 'recover';

export interface ClaimRefused {
  readonly reason: 'Conflict' | 'ObjectDeleted';
  readonly message: string;
}

/**
 * Whose the object is (decisions 6, 37, 43). That somebody may adopt or recover at all was checked at admission: it needs
 * the verb `grant`. Here it is only decided what that does, and that it is done once.
 */
export function claimOf({ head, resource, spec, otherAdopts }: Gathered): Claim | ClaimRefused {
  if (head === undefined) return 'create';
  if (head.secret !== undefined) {
    return conflict(`Object ${head.name} is a secret, and a certificate has a secret of its own under its name. Choose another objectName.`);
  }
  const state = head.certificate;
  if (state === undefined) return 'create';
  if (state.declaredBy?.uid === resource.uid) return state.deleted === undefined ? 'own' : claimDeleted(state, resource.generation, spec);
  // Two that both adopt would take it from each other for ever.
  if (spec.adopt && !otherAdopts) return 'adopt';
  if (state.deleted !== undefined && spec.createMode === 'Recover') return 'recover';
  return conflict(takenMessage(head.name, state, spec.adopt));
}

/** Recover acts once per uid and generation: a deletion through the data plane after that stays. */
function claimDeleted(state: CertificateState, generation: number, spec: Gathered['spec']): Claim | ClaimRefused {
  if (spec.createMode === 'Recover' && state.declaredBy?.recoveredAt !== generation) return 'recover';
  return {
    reason: 'ObjectDeleted',
    message:
      `Object ${spec.objectName} was deleted at ${state.deleted?.at ?? ''} and can be recovered until ${state.deleted?.scheduledPurge ?? ''}: ` +
      'recover it through the data plane, or set spec.createMode: Recover (needs the verb grant on the vault).',
  };
}

function takenMessage(name: string, state: CertificateState, adopts: boolean): string {
  const by = state.declaredBy === undefined ? 'nobody declares it' : `${state.declaredBy.kind} ${state.declaredBy.namespace}/${state.declaredBy.name} declared it`;
  const deleted = state.deleted === undefined ? '' : ', soft-deleted';
  const next = adopts
    ? 'That resource has spec.adopt: true, too: remove it there.'
    : 'To take it over set spec.adopt: true (needs the verb grant on the vault), or choose another objectName.';
  return `Object ${name} is in the vault already${deleted} (${by}), and was not touched. ${next}`;
}

const conflict = (message: string): ClaimRefused => ({ reason: 'Conflict', message });
