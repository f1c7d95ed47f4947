import type { PendingKey } from '../../vault/blobs.ts';
import type { Change } from '../../vault/object-change.ts';
import type { CertificateState, PendingOperation } from '../../vault/object-record.ts';
import type { Claim } from '../claim.ts';
import type { Gathered } from './facts.ts';
import { withIssue } from './issue-limit.ts';
import { openOperation } from './open-operation.ts';
import { claimed, emptyState, newHead, renewHandled, withReplacement, type FreshIds, type IssueStep, type Replacement } from './record-parts.ts';

/**
 * The steps of an operation that goes outside, each one compare-and-swap: opened, and then answered or cancelled. Nothing
 * is told or shown of a step before it is in the record, so a process that is killed leaves one step or the other, and
 * whoever comes after it goes on from there.
 */

/** A key is sealed and its CSR waits. It counts as an issue for the limit already now: a CSR costs somebody's work. */
export function openChange({ facts, claim, need }: IssueStep, pend: PendingKey, ids: FreshIds): Change {
  const at = facts.now.toISOString();
  const head = facts.head ?? newHead(facts, ids);
  const { failures: _over, ...before } = claimed(head.certificate ?? emptyState(at), facts, claim);
  const operation: PendingOperation = {
    id: ids.operation,
    state: 'inProgress',
    openedAt: at,
    reason: need,
    request: { requester: facts.resource.uid, inputs: facts.inputs },
  };
  const certificate: CertificateState = { ...before, updated: at, operation, recentIssues: withIssue(before.recentIssues, facts.now), ...renewHandled(facts) };
  return { operation: 'CertificateCreate', kind: 'certificate', head: { ...head, certificate }, pend };
}

/** The answer becomes the current version, with the key that was sealed at the beginning. */
export function acceptChange({ facts, claim }: IssueStep, replacement: Omit<Replacement, 'versionId'>): Change {
  const { head } = facts;
  const open = openOperation(facts);
  if (head?.certificate === undefined || open === undefined) throw new TypeError('only an operation in progress is answered');
  const at = facts.now.toISOString();
  const { state, certificate } = withReplacement(claimed(head.certificate, facts, claim), facts, { ...replacement, versionId: open.pending.version.id });
  const operation: PendingOperation = { id: open.id, state: 'completed', openedAt: open.openedAt, closedAt: at, reason: open.reason };
  return {
    operation: 'CertificatePendingMerge',
    kind: 'certificate',
    head: { ...head, certificate: { ...state, operation } },
    publish: { created: at, origin: open.request.requester, certificate, public: { certificate: replacement.signed.chainPem, ca: replacement.signed.caPem } },
  };
}

/** The operation ends, and its key is destroyed. What a person cancelled is remembered, so that it is not opened again at once. */
export function cancelChange(facts: Gathered, claim: Claim, by: 'person' | 'change'): Change {
  const { head } = facts;
  const open = openOperation(facts);
  if (head?.certificate === undefined || open === undefined) throw new TypeError('only an operation in progress is cancelled');
  const at = facts.now.toISOString();
  const operation: PendingOperation = {
    id: open.id,
    state: 'cancelled',
    openedAt: open.openedAt,
    closedAt: at,
    reason: open.reason,
    ...(by === 'person' ? { request: open.request } : {}),
  };
  return { operation: 'CertificatePendingUpdate', kind: 'certificate', head: { ...head, certificate: { ...claimed(head.certificate, facts, claim), updated: at, operation } } };
}
