import type { Claim } from '../claim.ts';
import { stateOfCertificate, type Gathered } from './facts.ts';
import { dueAt } from './record-parts.ts';

/** Why a certificate has to be issued. */
export type Need = 'NotIssued' | 'Recovered' | 'SourceChanged' | 'SpecChanged' | 'RenewRequested' | 'RenewalDue';

type NeedCheck = (facts: Gathered, claim: Claim) => boolean;

/** In this order: the first that holds is the reason, and what is shown. */
const checks: readonly (readonly [Need, NeedCheck])[] = [
  ['NotIssued', (facts) => stateOfCertificate(facts)?.versions[0] === undefined],
  // The old certificate, and with it the old key, is for those whom a policy names; the target gets one of its own.
  ['Recovered', ({ head, spec, resource, mayUseForeignVersions }, claim) =>
    claim === 'recover' && spec.target !== undefined && !mayUseForeignVersions && head?.certificate?.versions[0]?.origin !== resource.uid],
  // Only what nobody else renews is followed.
  ['SourceChanged', (facts) => facts.issuer.kind === 'none' && stateOfCertificate(facts)?.inputs !== facts.inputs],
  ['SpecChanged', (facts) => stateOfCertificate(facts)?.inputs !== facts.inputs],
  ['RenewRequested', (facts) => isRenewRequested(facts)],
  ['RenewalDue', (facts) => isDue(facts)],
];

export const needOrder: readonly Need[] = checks.map(([need]) => need);

/** Why a certificate has to be issued now; undefined if it has not. */
export function needOf(facts: Gathered, claim: Claim): Need | undefined {
  return checks.find(([, holds]) => holds(facts, claim))?.[0];
}

/** Whether the annotation `keystead.dev/renew` has a value that was not carried out yet. */
export function isRenewRequested(facts: Gathered): boolean {
  return facts.issuer.kind !== 'none' && facts.resource.renewRequest !== undefined && facts.resource.renewRequest !== stateOfCertificate(facts)?.renewHandled;
}

function isDue(facts: Gathered): boolean {
  const due = dueAt(facts.spec, facts.vaultId, stateOfCertificate(facts));
  return due !== undefined && due <= facts.now;
}

/** Whether the certificate that is there still does what the spec says, so that waiting harms nobody yet. */
export function isRenewal(need: Need): boolean {
  return need === 'RenewRequested' || need === 'RenewalDue' || need === 'SourceChanged';
}
