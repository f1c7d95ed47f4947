import { isServiceAccount, namespaceTerminating, subject, text, unchanged, valueAt } from './cel.ts';
import type { Guard, GuardParameters, MatchCondition } from './guard.ts';
import { guard } from './guard.ts';

/**
 * What Keystead keeps in its own namespace: records, checkpoints and the root key (one prefix of Secret types), and the
 * ConfigMap with the public identity key. The guards match by namespace, so that nobody else's writes pay (decisions 16).
 *
 * They stop mistakes and restricted editors. Whoever may impersonate the ServiceAccounts, as `edit` and `admin` in this
 * namespace do, passes: that is root, and the security model says so (decisions 15).
 */
export function recordGuards(parameters: GuardParameters): Guard[] {
  return [records(parameters), rootKey(parameters), identity(parameters)];
}

/** The namespace controller empties a namespace that may go; which one may is namespace.ts's affair. */
const emptied = `(request.operation == 'DELETE' && ${namespaceTerminating})`;

/**
 * An update that changes nothing of meaning: `kubectl get secrets -o json | kubectl replace -f -` is how everything is
 * encrypted anew after a change of the KMS key. Finalizers and `immutable` count: they would stop the operator.
 */
const touched = `(request.operation == 'UPDATE' && ${[
  unchanged(['data'], '{}'),
  unchanged(['binaryData'], '{}'),
  unchanged(['type'], "''"),
  unchanged(['immutable'], 'false'),
  unchanged(['metadata', 'labels'], '{}'),
  unchanged(['metadata', 'ownerReferences'], '[]'),
  unchanged(['metadata', 'finalizers'], '[]'),
].join(' && ')})`;

const secrets = (parameters: GuardParameters) =>
  ({ apiGroup: '', resources: ['secrets'], operations: ['CREATE', 'UPDATE', 'DELETE'], namespace: parameters.namespace }) as const;

const secretType = valueAt(subject, ['type'], "''");
const rootKeyType: MatchCondition = { name: 'root-key', expression: `${secretType} == 'keystead.dev/root-key'` };
const recordType: MatchCondition = { name: 'record', expression: `${secretType}.startsWith('keystead.dev/') && ${secretType} != 'keystead.dev/root-key'` };

function records(parameters: GuardParameters): Guard {
  const { namespace, operatorServiceAccount, serverServiceAccount } = parameters;
  return guard({
    name: 'keystead-records',
    scope: secrets(parameters),
    matchConditions: [recordType],
    validations: [
      {
        expression: [isServiceAccount(namespace, operatorServiceAccount), isServiceAccount(namespace, serverServiceAccount), touched, emptied].join(' || '),
        message:
          'This Secret is a record of Keystead; only its own processes change it. Use the custom resources or kubectl keystead. ' +
          `To restore a dump, act as the operator: kubectl create --as=system:serviceaccount:${namespace}:${operatorServiceAccount} -f FILE.`,
      },
    ],
  });
}

/** The root key is made once, by the leader; nobody changes or deletes it, the operator neither (decisions 15). */
function rootKey(parameters: GuardParameters): Guard {
  const { namespace, operatorServiceAccount } = parameters;
  return guard({
    name: 'keystead-root-key',
    scope: secrets(parameters),
    matchConditions: [rootKeyType],
    validations: [
      {
        expression: `(request.operation == 'CREATE' && ${isServiceAccount(namespace, operatorServiceAccount)}) || ${touched} || ${emptied}`,
        message:
          "This Secret is Keystead's root key: without it every vault is lost. It is made once by the operator, and never changed or deleted. " +
          `To restore it from a backup, act as the operator: kubectl create --as=system:serviceaccount:${namespace}:${operatorServiceAccount} -f FILE.`,
      },
    ],
  });
}

/** People verify sealing keys and CSRs with it, so a stranger's key here would make his forgeries look genuine. */
function identity(parameters: GuardParameters): Guard {
  const { namespace, operatorServiceAccount, identityConfigMap } = parameters;
  return guard({
    name: 'keystead-identity',
    scope: { apiGroup: '', resources: ['configmaps'], operations: ['CREATE', 'UPDATE', 'DELETE'], namespace },
    matchConditions: [{ name: 'identity', expression: `${subject}.metadata.name == ${text(identityConfigMap)}` }],
    validations: [
      {
        expression: `${isServiceAccount(namespace, operatorServiceAccount)} || ${touched} || ${emptied}`,
        message: "This ConfigMap holds the public part of Keystead's identity key. Only the operator writes it; it follows from the installation record.",
      },
    ],
  });
}
