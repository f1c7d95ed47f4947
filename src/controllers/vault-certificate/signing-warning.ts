import type { VaultCertificateStatus } from '../../api/vault-certificate.ts';
import type { WantedCondition } from '../conditions.ts';
import type { StatusFields } from './status.ts';

/**
 * What people are told by a Warning of a CSR: of each new one that waits for them, and of each answer that is refused.
 * Undefined: nothing new, or the Warning about Ready tells it already. From how the status changes, so that a process that
 * is killed in between tells it again rather than never.
 */
export function signingWarning(
  before: Pick<VaultCertificateStatus, 'conditions' | 'pending'> | undefined,
  conditions: readonly WantedCondition[],
  pending: StatusFields['pending'],
): WantedCondition | undefined {
  const now = (type: string): WantedCondition | undefined => conditions.find((condition) => condition.type === type);
  const reasonBefore = (type: string): string | undefined => before?.conditions?.find((condition) => condition.type === type)?.reason;
  const signing = now('SigningNeeded');
  if (signing === undefined) return undefined;
  const isNewCsr = before?.pending?.id !== pending?.id;
  const isRefused = signing.reason !== 'SigningNeeded' && signing.reason !== reasonBefore('SigningNeeded');
  const isTold = now('Ready')?.reason === signing.reason && reasonBefore('Ready') !== signing.reason;
  return (isNewCsr || isRefused) && !isTold ? signing : undefined;
}
