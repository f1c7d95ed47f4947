import { isDeepStrictEqual } from 'node:util';
import type { KeysteadError } from '../../api/error.ts';
import type { NewVersion } from '../../vault/blobs.ts';
import type { Change } from '../../vault/object-change.ts';
import type { CertificateState, PendingOperation } from '../../vault/object-record.ts';
import type { Claim } from '../claim.ts';
import { attemptOf, type Gathered } from './facts.ts';
import { withIssue } from './issue-limit.ts';
import { claimed, emptyState, newHead, plannedRenewal, renewHandled, withReplacement, type FreshIds, type IssueStep, type Replacement } from './record-parts.ts';
import { nextAttempt } from './retries.ts';

/**
 * What a decision makes of the record, each one compare-and-swap: an operation is opened and completed in the same write,
 * so that nothing exists before it, and a process that is killed leaves either the old state or the new one.
 */

/** A certificate that was signed and is not published yet. */
export interface Issued extends Replacement {
  /** PKCS#8 in PEM; the engine overwrites it. */
  readonly privateKey: Buffer;
}

/** The new version becomes current; versions beyond `versionsToKeep` are destroyed in the same write. */
export function issueChange({ facts, claim, need }: IssueStep, issued: Issued, ids: FreshIds): Change {
  const at = facts.now.toISOString();
  const head = facts.head ?? newHead(facts, ids);
  const before = claimed(head.certificate ?? emptyState(at), facts, claim);
  const replaced = before.versions[0];
  const { state, certificate } = withReplacement(before, facts, issued);
  const operation: PendingOperation = { id: ids.operation, state: 'completed', openedAt: at, closedAt: at, reason: need };
  const add: NewVersion = {
    kind: 'certificate',
    id: issued.versionId,
    created: at,
    origin: facts.resource.uid,
    certificate,
    public: { certificate: issued.signed.chainPem, ca: issued.signed.caPem },
    fields: new Map([['privateKey', issued.privateKey]]),
  };
  const recentIssues = withIssue(before.recentIssues, facts.now);
  const byIssuer = replaced === undefined ? 'CertificateIssue' : 'CertificateRenew';
  return { operation: issued.issuer === '' ? 'CertificateImport' : byIssuer, kind: 'certificate', head: { ...head, certificate: { ...state, operation, recentIssues } }, add };
}

/** An attempt that failed: counted, and put off. */
export function failureChange({ facts, claim, need }: IssueStep, error: Pick<KeysteadError, 'code' | 'message'>, fraction: number, ids: FreshIds): Change {
  const at = facts.now.toISOString();
  const head = facts.head ?? newHead(facts, ids);
  const before = claimed(head.certificate ?? emptyState(at), facts, claim);
  const attempt = attemptOf(facts);
  const count = before.failures?.attempt === attempt && need !== 'RenewRequested' ? before.failures.count + 1 : 1;
  const state: CertificateState = {
    ...before,
    updated: at,
    operation: { id: ids.operation, state: 'failed', openedAt: at, closedAt: at, reason: need, error: { code: error.code, message: error.message } },
    failures: { count, nextAttempt: nextAttempt(count, facts.now, fraction).toISOString(), attempt },
    // Asked for once is tried at once, once; what follows are the usual retries.
    ...(need === 'RenewRequested' ? renewHandled(facts) : {}),
  };
  return { operation: 'CertificateUpdate', kind: 'certificate', head: { ...head, certificate: state } };
}

/** What the spec says beside the certificate itself: tags, policies, when to renew, whose it is. Undefined: it says so already. */
export function settingsChange(facts: Gathered, claim: Claim): Change | undefined {
  const { head } = facts;
  if (head?.certificate === undefined) return undefined;
  const state = claimed(head.certificate, facts, claim);
  const current = state.versions[0];
  const { renewalDue: _before, ...others } = state;
  const next = current?.certificate === undefined ? state : { ...others, ...plannedRenewal(current.certificate, facts, current.id) };
  if (isDeepStrictEqual(next, head.certificate)) return undefined;
  const operation = claim === 'adopt' ? 'ObjectAdopt' : claim === 'recover' ? 'ObjectRecover' : 'CertificateUpdate';
  return { operation, kind: 'certificate', head: { ...head, certificate: { ...next, updated: facts.now.toISOString() } } };
}
