import { annotations, group, labels } from '../../api/names.ts';
import { reservedDomains } from '../../api/target.ts';
import { equalExcept, hasLabel, isServiceAccount, list, subject, text, unchanged, valueAt } from './cel.ts';
import type { Guard, GuardParameters, MatchCondition } from './guard.ts';
import { guard, neverTargets } from './guard.ts';

/**
 * The fence round the operator's ServiceAccount: RBAC must let it write Secrets and workloads everywhere, since it can't
 * select by label; these guards hold it to what it needs (decisions 4, 46). They hold even where RBAC is given too wide.
 * For everybody else each costs one comparison of the user name.
 */
export function fenceGuards(parameters: GuardParameters): Guard[] {
  return [secrets(parameters), workloads(parameters), resources(parameters)];
}

const everyWrite = ['CREATE', 'UPDATE', 'DELETE'] as const;

function operatorOnly(parameters: GuardParameters): MatchCondition {
  return { name: 'operator', expression: isServiceAccount(parameters.namespace, parameters.operatorServiceAccount) };
}

/** CEL on a key `k`: it belongs to one of the domains, or to a subdomain of one. */
function reserved(domains: readonly string[]): string {
  return `k.contains('/') && ${list(domains)}.exists(d, ('.' + k.lowerAscii().split('/')[0]).endsWith('.' + d))`;
}

/** CEL: every reserved key of labels and annotations that is new or has another value is one that the operator may set. */
function ownKeysOnly(parameters: GuardParameters): string {
  // What the operator itself marks a target with; never the consents that only a Secret's owner gives.
  const own =
    "k == 'app.kubernetes.io/managed-by' || " +
    `(k.startsWith('keystead.dev/') && !(k in ${list([labels.source, labels.merge])}))`;
  const keys = (field: string): string =>
    `object.metadata.?${field}.orValue({}).all(k, !(${reserved([...reservedDomains, ...parameters.deniedDomains])}) || ${own} || ` +
    `(request.operation == 'UPDATE' && oldObject.metadata.?${field}[?k] == optional.of(object.metadata.${field}[k])))`;
  return `request.operation == 'DELETE' || (${keys('labels')} && ${keys('annotations')})`;
}

function secrets(parameters: GuardParameters): Guard {
  return guard({
    name: 'keystead-fence-secrets',
    scope: { apiGroup: '', resources: ['secrets'], operations: everyWrite },
    matchConditions: [operatorOnly(parameters)],
    variables: [
      { name: 'own', expression: `request.namespace == ${text(parameters.namespace)}` },
      { name: 'type', expression: valueAt(subject, ['type'], "''") },
    ],
    validations: [
      {
        expression: "!request.namespace.startsWith('kube-')",
        message: 'The Keystead operator writes no Secret in a kube-* namespace. Choose another target.namespace.',
      },
      {
        expression: "!variables.own || variables.type.startsWith('keystead.dev/')",
        message: 'In its own namespace the Keystead operator writes only its records, never a target. Choose another target.namespace.',
      },
      {
        expression: `variables.own || request.operation != 'CREATE' || variables.type in ${list(parameters.targetTypes)}`,
        message: `The Keystead operator creates only Secrets of the types ${parameters.targetTypes.join(', ')}. Choose another target.type.`,
      },
      {
        // The type of a Secret that is merged into is its owner's affair, but for these.
        expression: `variables.own || request.operation != 'UPDATE' || !(variables.type in ${list(neverTargets)})`,
        message: `The Keystead operator never writes into Secrets of the types ${neverTargets.join(', ')}. Choose another target.`,
      },
      {
        expression: `variables.own || request.operation != 'CREATE' || ${hasLabel('object', labels.managed)}`,
        message: 'A Secret that the Keystead operator creates must carry the label keystead.dev/managed.',
      },
      {
        expression:
          `variables.own || request.operation != 'UPDATE' || ${hasLabel('oldObject', labels.managed)} || ` +
          `(${hasLabel('oldObject', labels.merge)} && !(${hasLabel('object', labels.managed)}))`,
        message: 'This Secret is not managed by Keystead. Its owner can let Keystead merge keys into it with the label keystead.dev/merge.',
      },
      {
        expression: `variables.own || request.operation != 'DELETE' || ${hasLabel('oldObject', labels.managed)}`,
        message: 'The Keystead operator deletes only Secrets that carry the label keystead.dev/managed.',
      },
      {
        expression: `variables.own || (${ownKeysOnly(parameters)})`,
        message:
          'The Keystead operator sets no label or annotation of a reserved domain on a Secret ' +
          `(${[...reservedDomains, ...parameters.deniedDomains].join(', ')}). Remove it from target.template.`,
      },
    ],
  });
}

/** A restart is one annotation on the pod template of a workload that asked for it (decisions 4, 35). */
function workloads(parameters: GuardParameters): Guard {
  const templateMetadata = ['spec', 'template', 'metadata'];
  return guard({
    name: 'keystead-fence-workloads',
    scope: { apiGroup: 'apps', resources: ['deployments', 'statefulsets', 'daemonsets'], operations: everyWrite },
    matchConditions: [operatorOnly(parameters)],
    validations: [
      {
        expression: "request.operation == 'UPDATE'",
        message: 'The Keystead operator neither creates nor deletes workloads.',
      },
      {
        expression: `request.operation != 'UPDATE' || oldObject.metadata.?annotations[?${text(annotations.restartOn)}].hasValue()`,
        message: 'The Keystead operator restarts only workloads that carry the annotation keystead.dev/restart-on. Add it to the workload.',
      },
      {
        expression: `request.operation != 'UPDATE' || (${[
          equalExcept('object.spec', 'oldObject.spec', "k == 'template'"),
          equalExcept('object.spec.template', 'oldObject.spec.template', "k == 'metadata'"),
          equalExcept(...onBoth(templateMetadata), "k == 'annotations'"),
          equalExcept(...onBoth([...templateMetadata, 'annotations']), "k.startsWith('keystead.dev/')"),
          unchanged(['metadata', 'labels'], '{}'),
          unchanged(['metadata', 'annotations'], '{}'),
          unchanged(['metadata', 'ownerReferences'], '[]'),
          unchanged(['metadata', 'finalizers'], '[]'),
        ].join(' && ')})`,
        message: 'On a workload the Keystead operator changes nothing but annotations keystead.dev/* of the pod template.',
      },
    ],
  });
}

/** The map at a path, now and before. */
function onBoth(path: readonly string[]): [string, string] {
  return [valueAt('object', path, '{}'), valueAt('oldObject', path, '{}')];
}

/** The operator reads what people declare and writes only status; DeletedVaults alone are its own (see purge.ts). */
function resources(parameters: GuardParameters): Guard {
  return guard({
    name: 'keystead-fence-resources',
    scope: { apiGroup: group, resources: ['*'], operations: everyWrite },
    matchConditions: [operatorOnly(parameters), { name: 'not-its-own', expression: "request.resource.resource != 'deletedvaults'" }],
    validations: [
      {
        expression: 'false',
        message: 'The Keystead operator writes no custom resource but its status.',
      },
    ],
  });
}
