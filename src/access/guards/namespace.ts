import { text } from './cel.ts';
import type { Guard, GuardParameters } from './guard.ts';
import { guard } from './guard.ts';

/**
 * The operator's namespace holds every record and the root key; deleting it destroys every vault. A mistake is refused:
 * the deletion must be announced by an annotation with the namespace's own uid, which no script has by chance
 * (decisions 15). It is no defence against somebody who means it.
 */
export function namespaceGuard(parameters: GuardParameters): Guard {
  const { namespace } = parameters;
  const command = `kubectl annotate namespace ${namespace} keystead.dev/destroy=`;
  return guard({
    name: 'keystead-namespace',
    scope: { apiGroup: '', resources: ['namespaces'], operations: ['DELETE'] },
    matchConditions: [{ name: 'own-namespace', expression: `oldObject.metadata.name == ${text(namespace)}` }],
    validations: [
      {
        expression: "oldObject.metadata.?annotations[?'keystead.dev/destroy'].orValue('') == oldObject.metadata.uid",
        messageExpression:
          `'This namespace holds the records and the root key of every vault; deleting it destroys them all. ` +
          `If that is what you want, first run: ' + ${text(command)} + oldObject.metadata.uid`,
      },
    ],
  });
}
