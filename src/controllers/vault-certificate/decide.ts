import type { CertificateState } from '../../vault/object-record.ts';
import { claimOf, type Claim } from '../claim.ts';
import { cancelledProblem, decideOpen } from './decide-open.ts';
import type { Decision, Problem } from './decision.ts';
import { attemptOf, endOf, issuerName, stateOfCertificate, type Gathered } from './facts.ts';
import { issuesAnHour, nextAllowedIssue } from './issue-limit.ts';
import { isRenewRequested, needOf, type Need } from './need.ts';
import { bringsOldKey } from './reach.ts';
import { isStillWanted, needOfOperation, openOperation, wasCancelled, type OpenOperation } from './open-operation.ts';

/**
 * What becomes of a certificate: an ordered chain of pure functions over what was gathered; the first that objects is what
 * people are told. Nothing here reads a clock, a cache or a key, so that the same facts always give the same answer.
 */

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
    ? { reason: 'IssuerNotFound', message: `There is no VaultIssuer ${issuerName(spec)}. Create it, or correct spec.issuerRef.`, consequence: 'waits' }
    : undefined;

const issuerNotAllowed: Gate = ({ issuer, spec, resource }) =>
  issuer.kind === 'notAllowed'
    ? {
        reason: 'IssuerNotAllowed',
        message: `VaultIssuer ${issuerName(spec)} does not let namespace ${resource.namespace} use it. Its owner can allow it in allowedNamespaces (needs the verb grant), or name another issuer.`,
        consequence: 'waits',
      }
    : undefined;

const issuerNotReady: Gate = ({ issuer, spec }) =>
  issuer.kind === 'notReady'
    ? { reason: issuer.reason, message: `VaultIssuer ${issuerName(spec)} can not sign: ${issuer.message}`, consequence: 'waits' }
    : undefined;

const subordinateNotAllowed: Gate = ({ issuer, spec }) =>
  issuer.kind === 'ca' && spec.isCA && !issuer.allowSubordinates
    ? {
        reason: 'SubordinateNotAllowed',
        message: `VaultIssuer ${issuerName(spec)} signs no CA certificates. Its owner can set ca.allowSubordinates: true (needs the verb grant), or remove isCA.`,
        consequence: 'waits',
      }
    : undefined;

/** Near the end of a CA each renewal would be shorter than the one before, and none would gain anything. */
const issuerEndsTooSoon: Gate = (facts, need) => {
  const end = endOf(stateOfCertificate(facts));
  if (need !== 'RenewalDue' || facts.issuer.kind !== 'ca' || end === undefined || facts.issuer.notAfter > end) return undefined;
  return {
    reason: 'IssuerEndsTooSoon',
    message: `The CA of VaultIssuer ${issuerName(facts.spec)} ends at ${facts.issuer.notAfter.toISOString()}, no later than this certificate, so a renewal would gain nothing. Renew the CA.`,
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

/** Asked for again at once, it would be no cancelling. */
const cancelled: Gate = (facts) =>
  facts.issuer.kind === 'external' && !isRenewRequested(facts) && wasCancelled(facts) ? cancelledProblem(stateOfCertificate(facts)?.operation?.closedAt ?? '') : undefined;

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

/** What was imported ends like everything else; that is all that is known of it. */
const nobodyRenews: Gate = (facts, need) =>
  facts.issuer.kind === 'none' && need === 'RenewalDue'
    ? {
        reason: 'NobodyRenews',
        message: `The certificate ends at ${endOf(stateOfCertificate(facts))?.toISOString() ?? ''}, and nobody renews it. Name an issuer in spec.issuerRef, or put its successor into Secret ${facts.spec.import?.secretRef.name ?? ''}.`,
        consequence: 'waits',
      }
    : undefined;

const sourceMissing: Gate = ({ importing }) => (typeof importing === 'object' ? { ...importing, consequence: 'waits' } : undefined);

/** Whether the issuer may be asked at all; held against operations in progress, too. */
const issuerGates: readonly Gate[] = [issuerMissing, issuerNotAllowed, issuerNotReady];

/** In order: what a person must mend first comes first; the hard limit comes last, so that nothing gets past it. */
const issuingGates: readonly Gate[] = [
  clocksDisagree, nobodyRenews, clockUntrusted, ...issuerGates, subordinateNotAllowed, issuerEndsTooSoon, cancelled, retryWaiting, issueLimit,
];

/** For a certificate that is there already no issuer is asked. */
const importGates: readonly Gate[] = [sourceMissing, clocksDisagree, issueLimit];

/** What to do now: whether the object may be touched, whether a certificate is needed, whether it may be issued. Pure. */
export function decide(facts: Gathered): Decision {
  const claim = claimOf({ ...facts, kind: 'certificate' });
  if (typeof claim !== 'string') return { do: 'refuse', problem: { ...claim, consequence: 'stalled' } };
  const objectProblem = disabled(facts);
  if (objectProblem !== undefined) return { do: 'refuse', problem: objectProblem };
  const open = openOperation(facts);
  if (open !== undefined) {
    const decision = decideInProgress(facts, claim, open);
    if (decision !== undefined) return decision;
  }
  const need = needOf(facts, claim);
  const imports = facts.importing !== undefined && need !== 'RenewalDue';
  const problem = need === undefined ? undefined : firstProblem(imports ? importGates : issuingGates, facts, need);
  if (need === undefined || problem !== undefined) {
    // Nothing takes the place of a void operation now, and nobody shall have its CSR signed meanwhile.
    return open === undefined ? { do: 'keep', claim, need, problem } : { do: 'cancel', claim, need, problem, by: 'change' };
  }
  if (imports) return { do: 'import', claim, need };
  return facts.issuer.kind === 'external' ? { do: 'open', claim, need } : { do: 'issue', claim, need };
}

/** Undefined when the operation is void: something else is wanted by now, for a target of others, or from somebody who signs here. */
function decideInProgress(facts: Gathered, claim: Claim, open: OpenOperation): Decision | undefined {
  const need = needOfOperation(open);
  if (facts.resource.cancelRequest === open.id) return { do: 'cancel', claim, need, problem: cancelledProblem(facts.now.toISOString()), by: 'person' };
  if (!isStillWanted(open, facts) || bringsOldKey(facts, open) || facts.issuer.kind === 'ca' || facts.issuer.kind === 'selfSigned') return undefined;
  // By a wrong clock a good answer would be refused, and one that has expired taken.
  const problem = firstProblem([...issuerGates, clocksDisagree], facts, need);
  return problem === undefined ? decideOpen(facts, claim, open) : { do: 'keep', claim, need, problem };
}

function firstProblem(gates: readonly Gate[], facts: Gathered, need: Need): Problem | undefined {
  for (const gate of gates) {
    const problem = gate(facts, need);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
