import { durationMs } from '../../api/duration.ts';
import type { Reason } from '../../api/reasons.ts';
import type { VaultSecretSpec } from '../../api/vault-secret.ts';
import type { ObjectHead, VersionHead } from '../../vault/object-record.ts';
import { claimOf, type Claim } from '../claim.ts';

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
  /** Whether the resource that declares the object now would take it back. */
  readonly otherAdopts: boolean;
  readonly now: Date;
  readonly clockTrusted: boolean;
}

export interface Refusal {
  readonly reason: Reason;
  readonly message: string;
  /** `stalled`: nothing helps but a change of the spec. */
  readonly consequence: 'stalled' | 'waits';
}

export type SecretDecision =
  | { readonly do: 'refuse'; readonly refusal: Refusal }
  | {
      readonly do: 'keep';
      readonly claim: Claim;
      /** Why a new version is made; undefined: the current one stays. */
      readonly newVersion: 'created' | 'inputs' | 'rotation' | 'recovered' | undefined;
    };

/** What happens to the object: refused, or kept in step with the spec. First hit wins, in the order of the functions. */
export function decideSecret(facts: SecretFacts): SecretDecision {
  const claim = claimOf({ ...facts, kind: 'secret' });
  if (typeof claim !== 'string') return { do: 'refuse', refusal: { ...claim, consequence: 'stalled' } };
  if (facts.sourceProblem !== undefined) return { do: 'refuse', refusal: facts.sourceProblem };
  const newVersion = facts.inputs === undefined ? undefined : decideVersion(facts, claim);
  if (facts.head === undefined && newVersion === undefined) return { do: 'refuse', refusal: waitingForValue(facts.spec.objectName) };
  return { do: 'keep', claim, newVersion };
}

function waitingForValue(name: string): Refusal {
  return {
    reason: 'WaitingForValue',
    message: `Object ${name} has no value yet, and spec names no source for one. Set generate or secretRef.`,
    consequence: 'waits',
  };
}

function decideVersion(facts: SecretFacts, claim: Claim): Extract<SecretDecision, { do: 'keep' }>['newVersion'] {
  const current = facts.head?.secret?.versions[0];
  if (current === undefined) return 'created';
  // Adopting binds the existing versions to this resource; recovering does not, so its target gets a value of its own.
  if (claim === 'recover' && facts.spec.target !== undefined && !facts.mayUseForeignVersions) return 'recovered';
  if (facts.head?.secret?.inputs !== facts.inputs && claim !== 'adopt' && claim !== 'recover') return 'inputs';
  const due = rotationDue(facts.spec, current);
  return due !== undefined && due.getTime() <= facts.now.getTime() && facts.clockTrusted ? 'rotation' : undefined;
}

/** When the value is to be replaced: a function of the version and the spec alone, so that a restart never moves it. */
export function rotationDue(spec: VaultSecretSpec, current: Pick<VersionHead, 'created'> | undefined): Date | undefined {
  const interval = spec.generate?.rotation?.interval;
  if (interval === undefined || current === undefined) return undefined;
  return new Date(new Date(current.created).getTime() + durationMs(interval));
}
