import type { Reason } from '../../api/reasons.ts';
import type { CertificateState } from '../../vault/object-record.ts';
import { claimOf, type Claim } from '../claim.ts';
import { attemptOf, endOf, stateOfCertificate, type Gathered } from './facts.ts';
import { issuesAnHour, nextAllowedIssue } from './issue-limit.ts';
import { needOf, type Need } from './need.ts';

/**
 * What becomes of a certificate: an ordered chain of pure functions over what was gathered; the first that objects is what
 * people are told. Nothing here reads a clock, a cache or a key, so that the same facts always give the same answer.
 */

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
 * - `issue`: a new version is made.
 */
export type Decision =
  | { readonly do: 'refuse'; readonly problem: Problem }
  | { readonly do: 'keep'; readonly claim: Claim; readonly need: Need | undefined; readonly problem: Problem | undefined }
  | { readonly do: 'issue'; readonly claim: Claim; readonly need: Need };

/** Whether a certificate that is needed may be issued now. */
type Gate = (facts: Gathered, need: Need) => Problem | undefined;

function disabled(facts: Gathered): Problem | undefined {
  if (stateOfCertificate(facts)?.attributes.enabled !== false) return undefined;
  return { reason: 'ObjectDisabled', message: `Object ${facts.spec.objectName} is disabled: it is neither renewed nor synced. Enable it through the data plane.`, consequence: 'waits' };
}


/** No watch tells that a clock was put right. */
const CLOCK_AGAIN_MS = 60_000;

const clockUntrusted: Gate = ({ clockTrusted, now }, need) =>
  need === 'RenewalDue' && !clockTrusted
    ? {
        reason: 'ClockUntrusted',
        message: 'The local clock differs from the API server\'s, or suddenly a large part of all certificates is due: nothing is renewed by time until that is confirmed. Check the clocks of the nodes.',
        consequence: 'waits',
        until: new Date(now.getTime() + CLOCK_AGAIN_MS),
      }
    : undefined;

/** By a wrong clock it would be valid from next year on, or already over. */
const clocksDisagree: Gate = ({ clocksAgree, now }) =>
  clocksAgree
    ? undefined
    : {
        reason: 'ClockUntrusted',
        message: 'The local clock and the API server\'s differ by more than 5 minutes: nothing is issued until they agree. Check the clocks of the nodes.',
        consequence: 'waits',
        until: new Date(now.getTime() + CLOCK_AGAIN_MS),
      };

const issuerMissing: Gate = ({ issuer, spec }) =>
  issuer.kind === 'missing'
    ? { reason: 'IssuerNotFound', message: `There is no VaultIssuer ${spec.issuerRef.namespace}/${spec.issuerRef.name}. Create it, or correct spec.issuerRef.`, consequence: 'waits' }
    : undefined;

const issuerNotAllowed: Gate = ({ issuer, spec, resource }) =>
  issuer.kind === 'notAllowed'
    ? {
        reason: 'IssuerNotAllowed',
        message: `VaultIssuer ${spec.issuerRef.namespace}/${spec.issuerRef.name} does not let namespace ${resource.namespace} use it. Its owner can allow it in allowedNamespaces (needs the verb grant), or name another issuer.`,
        consequence: 'waits',
      }
    : undefined;

const issuerNotReady: Gate = ({ issuer, spec }) =>
  issuer.kind === 'notReady'
    ? { reason: issuer.reason, message: `VaultIssuer ${spec.issuerRef.namespace}/${spec.issuerRef.name} can not sign: ${issuer.message}`, consequence: 'waits' }
    : undefined;

const subordinateNotAllowed: Gate = ({ issuer, spec }) =>
  issuer.kind === 'ca' && spec.isCA && !issuer.allowSubordinates
    ? {
        reason: 'SubordinateNotAllowed',
        message: `VaultIssuer ${spec.issuerRef.namespace}/${spec.issuerRef.name} signs no CA certificates. Its owner can set ca.allowSubordinates: true (needs the verb grant), or remove isCA.`,
        consequence: 'waits',
      }
    : undefined;

/** Near the end of a CA each renewal would be shorter than the one before, and none would gain anything. */
const issuerEndsTooSoon: Gate = (facts, need) => {
  const end = endOf(stateOfCertificate(facts));
  if (need !== 'RenewalDue' || facts.issuer.kind !== 'ca' || end === undefined || facts.issuer.notAfter > end) return undefined;
  return {
    reason: 'IssuerEndsTooSoon',
    message: `The CA of VaultIssuer ${facts.spec.issuerRef.namespace}/${facts.spec.issuerRef.name} ends at ${facts.issuer.notAfter.toISOString()}, no later than this certificate, so a renewal would gain nothing. Renew the CA.`,
    consequence: 'waits',
    ...(facts.issuer.changesAt === undefined ? {} : { until: facts.issuer.changesAt }),
  };
};

const retryWaiting: Gate = (facts, need) => {
  const state = stateOfCertificate(facts);
  const failures = state?.failures;
  if (failures === undefined || need === 'RenewRequested' || failures.attempt !== attemptOf(facts)) return undefined;
  return Date.parse(failures.nextAttempt) <= facts.now.getTime() ? undefined : failureProblem(state);
};

/** How a failed attempt is told until the next one. */
export function failureProblem(state: Pick<CertificateState, 'failures' | 'operation'> | undefined): Problem {
  const { count = 0, nextAttempt = '' } = state?.failures ?? {};
  const { code = 'Internal', message = '' } = state?.operation?.error ?? {};
  const attempts = count === 1 ? '1 attempt has' : `${count} attempts have`;
  return {
    reason: code,
    message: `${message} ${attempts} failed; the next one is at ${nextAttempt}, or when spec or issuer change.`,
    consequence: 'waits',
    until: new Date(nextAttempt),
  };
}

const issueLimit: Gate = ({ head, spec, now }) => {
  const limit = issuesAnHour(spec);
  const until = nextAllowedIssue(head?.certificate?.recentIssues ?? [], limit, now);
  return until === undefined
    ? undefined
    : {
        reason: 'IssueLimitReached',
        message: `${limit} certificates were issued for this resource within the hour; the next one may be issued at ${until.toISOString()}. Find out what changes it again and again.`,
        consequence: 'waits',
        until,
      };
};

/** In order: what a person must mend first comes first; the hard limit comes last, so that nothing gets past it. */
const issuingGates: readonly Gate[] = [
  clocksDisagree, clockUntrusted, issuerMissing, issuerNotAllowed, issuerNotReady, subordinateNotAllowed, issuerEndsTooSoon, retryWaiting, issueLimit,
];

/** What to do now: whether the object may be touched, whether a certificate is needed, whether it may be issued. Pure. */
export function decide(facts: Gathered): Decision {
  const claim = claimOf({ ...facts, kind: 'certificate' });
  if (typeof claim !== 'string') return { do: 'refuse', problem: { ...claim, consequence: 'stalled' } };
  const objectProblem = disabled(facts);
  if (objectProblem !== undefined) return { do: 'refuse', problem: objectProblem };
  const need = needOf(facts, claim);
  if (need === undefined) return { do: 'keep', claim, need, problem: undefined };
  for (const gate of issuingGates) {
    const problem = gate(facts, need);
    if (problem !== undefined) return { do: 'keep', claim, need, problem };
  }
  return { do: 'issue', claim, need };
}
