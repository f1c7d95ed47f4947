import { isServiceAccount } from './cel.ts';
import type { Guard, GuardParameters } from './guard.ts';
import { guard } from './guard.ts';

/**
 * Only the operator writes status. People act on what stands there (they seal to a key, sign a CSR), and everybody with
 * `update` on a kind could otherwise forge it (decisions 3).
 */
export function statusGuard(parameters: GuardParameters): Guard {
  return guard({
    name: 'keystead-status',
    scope: { apiGroup: 'keystead.dev', resources: ['*/status'], operations: ['UPDATE'] },
    validations: [
      {
        expression: isServiceAccount(parameters.namespace, parameters.operatorServiceAccount),
        message: 'Only the Keystead operator writes status. Change spec instead; status follows.',
      },
    ],
  });
}
