import { KeysteadError } from '../../api/error.ts';
import { publicKeyOfOwnCsr } from '../../crypto/x509/make-csr.ts';
import { readAnswer, type Answer } from '../../issuers/external/answer.ts';
import type { Claim } from '../claim.ts';
import type { Decision, Problem } from './decision.ts';
import type { Gathered } from './facts.ts';
import { needOfOperation, type OpenOperation } from './open-operation.ts';
import { requestOf } from './request.ts';

/*
 * What becomes of an operation that waits for somebody outside: its answer is taken, or refused with a reason, or it goes
 * on waiting. Pure as all of deciding; an answer is public, so reading it needs no key.
 */

/** For an operation that is still wanted, by an issuer that still signs outside. */
export function decideOpen(facts: Gathered, claim: Claim, open: OpenOperation): Decision {
  const need = needOfOperation(open);
  const verdict = verdictOf(facts, open);
  if (verdict instanceof KeysteadError) return { do: 'keep', claim, need, problem: refusal(facts, open, verdict) };
  if (verdict?.kind === 'signed') return { do: 'accept', claim, need, signed: verdict.signed };
  return { do: 'keep', claim, need, problem: waiting(facts, open) };
}

/** Undefined: nobody has answered. */
function verdictOf(facts: Gathered, { pending }: OpenOperation): Answer | KeysteadError | undefined {
  const { answer, head, issuer, currentChain, now, spec } = facts;
  if (answer === undefined || issuer.kind !== 'external') return undefined;
  if ('missing' in answer) return new KeysteadError('AnswerMissing', answer.missing, 'wait');
  const known = new Set((head?.certificate?.versions ?? []).flatMap(({ certificate }) => certificate?.thumbprint ?? []));
  const earlierPem = currentChain === undefined ? '' : currentChain.chainPem + currentChain.caPem;
  try {
    return readAnswer({ pem: answer.pem, publicKey: publicKeyOfOwnCsr(pending.csr), request: requestOf(spec), known, caBundle: issuer.caBundle, earlierPem, now });
  } catch (error) {
    if (error instanceof KeysteadError) return error;
    throw error;
  }
}

function refusal({ answer, now }: Gathered, open: OpenOperation, { code, message, retryAfterMs }: KeysteadError): Problem {
  return {
    reason: code,
    message: `${message} (${answer?.where ?? ''}; the CSR of ${open.openedAt} still waits)`,
    consequence: 'waits',
    ...(retryAfterMs === undefined ? {} : { until: new Date(now.getTime() + retryAfterMs) }),
  };
}

function waiting({ resource }: Gathered, open: OpenOperation): Problem {
  return {
    reason: 'SigningNeeded',
    message:
      `The CSR of ${open.openedAt} waits to be signed. Get it with "kubectl keystead csr ${resource.name} -n ${resource.namespace}", have it signed, ` +
      `and give the certificate back with "kubectl keystead merge ${resource.name} -n ${resource.namespace} -f FILE".`,
    consequence: 'waits',
  };
}

/** How a cancelled operation is told until something else is wanted. */
export function cancelledProblem(closedAt: string): Problem {
  return {
    reason: 'SigningCancelled',
    message: `The CSR was cancelled at ${closedAt}. For a new one give the annotation keystead.dev/renew a new value, or change the spec.`,
    consequence: 'waits',
  };
}
