import type { Reason } from '../../api/reasons.ts';
import type { SignedCertificate } from '../../issuers/issuer.ts';
import type { Claim } from '../claim.ts';
import type { Need } from './need.ts';

/** What stands in the way, and what to do about it. */
export interface Problem {
  readonly reason: Reason;
  readonly message: string;
  /** `stalled`: nothing helps but a change of the spec. */
  readonly consequence: 'stalled' | 'waits';
  /** When to look again, if a time is what is waited for. Everything else is told by a watch. */
  readonly until?: Date;
}

/**
 * What becomes of a certificate.
 * - `refuse`: the object is not ours to touch; neither record nor target is.
 * - `keep`: nothing is issued. With a `problem`, `need` says what should have been.
 * - `issue`: a new version is made, here and now.
 * - `import`: a certificate that is there already is taken over with its key.
 * - `open`: a key is made and its CSR goes outside; the operation stays open until it is answered.
 * - `accept`: the answer is good, and becomes the new version.
 * - `cancel`: the open operation ends without one: a `person` asked for that, or a `change` made it void.
 */
export type Decision =
  | { readonly do: 'refuse'; readonly problem: Problem }
  | { readonly do: 'keep'; readonly claim: Claim; readonly need: Need | undefined; readonly problem: Problem | undefined }
  | { readonly do: 'issue'; readonly claim: Claim; readonly need: Need }
  | { readonly do: 'import'; readonly claim: Claim; readonly need: Need }
  | { readonly do: 'open'; readonly claim: Claim; readonly need: Need }
  | { readonly do: 'accept'; readonly claim: Claim; readonly need: Need; readonly signed: SignedCertificate }
  | { readonly do: 'cancel'; readonly claim: Claim; readonly need: Need | undefined; readonly problem: Problem | undefined; readonly by: 'person' | 'change' };
