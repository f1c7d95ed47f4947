import type { KeysteadError } from '../../api/error.ts';
import type { VaultCertificateStatus } from '../../api/vault-certificate.ts';
import { signatureOfCsr } from '../../issuers/external/csr-state.ts';
import type { CertificateState, ObjectHead } from '../../vault/object-record.ts';
import { isReady, notReady, toSeconds, type WantedCondition } from '../conditions.ts';
import type { Problem } from './decision.ts';
import { endOf } from './facts.ts';
import { isRenewal, type Need } from './need.ts';

/** How a pass ended; everything that status says comes from here and from the record. */
export interface Outcome {
  readonly state: CertificateState | undefined;
  /** Why a certificate should be issued and is not. */
  readonly need: Need | undefined;
  readonly problem: Problem | undefined;
  /** namespace/name of the Secret that is in step. */
  readonly target: string | undefined;
  /** Why the target is not in step. */
  readonly targetProblem: KeysteadError | undefined;
  readonly now: Date;
}

export type StatusFields = Omit<VaultCertificateStatus, 'conditions' | 'observedGeneration'>;

/** Beside Ready, `SigningNeeded` as long as a CSR waits; its reason says what it waits for, or why an answer was refused. */
export function conditionsOf(outcome: Outcome): readonly WantedCondition[] {
  const { state, problem } = outcome;
  const signing = state?.operation?.state === 'inProgress' ? problem : undefined;
  const ready = readyConditions(outcome);
  return signing === undefined ? ready : [...ready, { type: 'SigningNeeded', status: 'True', reason: signing.reason, message: signing.message }];
}

/**
 * Ready as long as what is declared is in place: a renewal that waits is told in the message and by an event, and makes
 * nobody unready before the certificate has ended.
 */
function readyConditions(outcome: Outcome): readonly WantedCondition[] {
  const { state, need, problem, targetProblem, target, now } = outcome;
  const end = endOf(state);
  const holds = end !== undefined && end > now;
  const onlyWaits = problem !== undefined && need !== undefined && isRenewal(need) && holds;
  if (problem !== undefined && !onlyWaits) return notReady(problem.reason, endedMessage(end, holds) + problem.message, problem.consequence);
  if (targetProblem !== undefined) return notReady(targetProblem.code, targetProblem.message, targetProblem.consequence === 'stalled' ? 'stalled' : 'waits');
  if (end === undefined || !holds) return notReady('CertificateExpired', endedMessage(end, holds), 'waits');
  const where = target === undefined ? 'in the vault' : `in the vault and in Secret ${target}`;
  const valid = `The certificate is ${where}, valid until ${toSeconds(end)}`;
  if (problem !== undefined) return [{ type: 'Ready', status: 'True', reason: 'RenewalWaiting', message: `${valid}; its renewal waits: ${problem.message}` }];
  return [isReady(state?.renewalDue === undefined ? `${valid}; it was imported, and nobody renews it.` : `${valid}, and will be renewed at ${toSeconds(new Date(state.renewalDue))}.`)];
}

function endedMessage(end: Date | undefined, holds: boolean): string {
  return end === undefined || holds ? '' : `The certificate expired at ${toSeconds(end)}. `;
}

/** The fields beside the conditions, from the record alone. */
export function statusFields(head: ObjectHead, state: CertificateState, target: string | undefined): StatusFields {
  const current = state.versions[0];
  const facts = current?.certificate;
  return {
    objectName: head.name,
    revision: state.revision,
    ...(current === undefined ? {} : { version: current.id }),
    ...(facts === undefined
      ? {}
      : {
          serialNumber: facts.serialNumber,
          thumbprint: facts.thumbprint,
          notBefore: toSeconds(new Date(facts.notBefore)),
          notAfter: toSeconds(new Date(facts.notAfter)),
        }),
    ...(state.renewalDue === undefined ? {} : { renewalTime: toSeconds(new Date(state.renewalDue)) }),
    ...(state.failures === undefined ? {} : { failedAttempts: state.failures.count, nextAttempt: toSeconds(new Date(state.failures.nextAttempt)) }),
    ...(state.operation === undefined ? {} : { pending: pendingOf(state.operation) }),
    ...(target === undefined ? {} : { target }),
  };
}

function pendingOf({ id, state, openedAt, error, pending }: NonNullable<CertificateState['operation']>): NonNullable<StatusFields['pending']> {
  const csrSignature = pending === undefined ? undefined : signatureOfCsr(pending.issuerState);
  return {
    id,
    state,
    requestedAt: toSeconds(new Date(openedAt)),
    ...(error === undefined ? {} : { error: error.message.slice(0, LONGEST_ERROR) }),
    ...(pending === undefined ? {} : { csr: pending.csr }),
    ...(csrSignature === undefined ? {} : { csrSignature }),
  };
}

/** As the schema says. */
const LONGEST_ERROR = 4096;
