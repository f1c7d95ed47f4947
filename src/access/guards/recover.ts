import { mayDo, valueAt } from './cel.ts';
import type { Guard } from './guard.ts';
import { guard } from './guard.ts';

/**
 * Recovering a vault is having all that was in it, so it needs the verb `recover` on the cluster-scoped DeletedVault:
 * a `*` role within a namespace, of whoever may create a namespace of that name, does not include it (decisions 1, 51).
 */
export function recoverGuard(): Guard {
  return guard({
    name: 'keystead-recover',
    scope: { apiGroup: 'keystead.dev', resources: ['vaults'], operations: ['CREATE', 'UPDATE'] },
    matchConditions: [
      {
        name: 'becomes-recover',
        expression: `${mode('object')} == 'Recover' && (request.operation == 'CREATE' || ${mode('oldObject')} != 'Recover')`,
      },
    ],
    variables: [{ name: 'deletedVault', expression: "request.namespace + '.' + object.metadata.name" }],
    validations: [
      {
        expression: mayDo('recover', { resource: 'deletedvaults', name: 'variables.deletedVault' }),
        messageExpression:
          `'Recovering a vault needs the verb "recover" on deletedvaults.keystead.dev "' + variables.deletedVault + '", which is cluster-scoped: ` +
          `a Role in this namespace does not give it. Ask a cluster administrator for a ClusterRole with that resourceName.'`,
      },
    ],
  });
}

function mode(root: string): string {
  return valueAt(root, ['spec', 'createMode'], "'Default'");
}
