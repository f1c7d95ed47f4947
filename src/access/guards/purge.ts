import { equalExcept, isServiceAccount, mayDo, unchanged, valueAt } from './cel.ts';
import type { Guard, GuardParameters } from './guard.ts';
import { guard } from './guard.ts';

/**
 * A DeletedVault belongs to the operator. Everybody else may do one thing with it: set `spec.purge`, with the verb
 * `purge` on it (decisions 1, 41). That it is gone never means a purge: the operator makes it again from the record.
 */
export function purgeGuard(parameters: GuardParameters): Guard {
  const metadata = [['labels', '{}'], ['annotations', '{}'], ['finalizers', '[]'], ['ownerReferences', '[]']] as const;
  const onlyPurgeChanges = [
    equalExcept(valueAt('object', ['spec'], '{}'), valueAt('oldObject', ['spec'], '{}'), "k == 'purge'"),
    ...metadata.map(([field, empty]) => unchanged(['metadata', field], empty)),
  ].join(' && ');
  return guard({
    name: 'keystead-purge',
    scope: { apiGroup: 'keystead.dev', resources: ['deletedvaults'], operations: ['CREATE', 'UPDATE', 'DELETE'] },
    variables: [
      { name: 'operator', expression: isServiceAccount(parameters.namespace, parameters.operatorServiceAccount) },
      { name: 'purgeChanges', expression: `request.operation == 'UPDATE' && ${purge('object')} != ${purge('oldObject')}` },
    ],
    validations: [
      {
        expression: `variables.operator || (request.operation == 'UPDATE' && ${onlyPurgeChanges})`,
        message:
          'Only the Keystead operator creates, deletes or changes a DeletedVault. To purge, set spec.purge to the vault id that status.vaultId shows; ' +
          'to recover, create the Vault again with createMode: Recover.',
      },
      {
        // The operator too: a purge is a person's act, and a process that was taken over shall not be able to order one.
        expression: `request.operation != 'CREATE' || ${purge('object')} == ''`,
        message: 'A DeletedVault is created without spec.purge: a purge is asked for by an update.',
      },
      {
        expression: `!variables.purgeChanges || (!variables.operator && ${mayDo('purge', { resource: 'deletedvaults', name: 'object.metadata.name' })})`,
        messageExpression:
          `'Setting spec.purge destroys a vault for ever and needs the verb "purge" on deletedvaults.keystead.dev "' + object.metadata.name + '". ` +
          `Ask a cluster administrator for a ClusterRole with that resourceName.'`,
      },
    ],
  });
}

function purge(root: string): string {
  return valueAt(root, ['spec', 'purge'], "''");
}
