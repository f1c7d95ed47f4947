import type { RoleBinding } from '../kube/kinds.ts';
import type { ToWrite } from '../kube/object.ts';
import type { Feature, Permission } from '../kube/permissions.ts';
import { clusterRole, role, ruleGroups } from '../kube/rbac.ts';
import { resources } from '../kube/resource.ts';
import { componentLabels, OPERATOR, type Manifest } from './manifest.ts';
import { operatorPermissions } from './permissions.ts';

/**
 * The operator's rights as RBAC objects, from what the code declares (`operatorPermissions`) and from nothing else.
 * Kinds that live in namespaces are apart from cluster-scoped ones in every installation, so that an operator that is
 * limited to some namespaces has the same roles, bound otherwise.
 */

export interface OperatorRbacOptions {
  /** Keystead's own namespace. */
  readonly namespace: string;
  /** The namespaces in which the operator serves; `all`: the whole cluster, those that come later included. */
  readonly namespaces: 'all' | readonly string[];
  /** Switched parts that are on. With listed namespaces none may be (decisions 4). */
  readonly features: readonly Feature[];
}

/**
 * Roles first, then their bindings.
 * @throws RangeError for a feature with listed namespaces, or for an empty list, which would serve nobody.
 */
export function operatorRbac(options: OperatorRbacOptions): readonly Manifest[] {
  const { namespaces, features } = options;
  if (namespaces !== 'all' && (features.length > 0 || namespaces.length === 0)) {
    throw new RangeError(
      features.length > 0
        ? `An operator of listed namespaces can not have ${features.join(', ')}: leave out the one or the other`
        : 'An operator of no namespaces would serve nobody: list some, or say all',
    );
  }
  const parts = partsOf(operatorPermissions).filter(({ feature, reach }) => (feature === undefined || features.includes(feature)) && (reach !== 'default' || namespaces !== 'all'));
  return [...parts.map((part) => roleOf(part, options.namespace)), ...parts.flatMap((part) => bindingsOf(part, options))];
}

/**
 * Where the rules of a role hold. `served`: in each namespace that the operator serves. `default`: in the namespace of
 * that name, where Kubernetes has the events of cluster-scoped objects.
 */
type Reach = 'cluster' | 'served' | 'own' | 'default';

interface Part {
  readonly name: string;
  readonly reach: Reach;
  readonly feature: Feature | undefined;
  readonly permissions: readonly Permission[];
}

/** One role each. A role without rules is left out: it would only make people wonder. */
function partsOf(permissions: readonly Permission[]): readonly Part[] {
  const features = [...new Set(permissions.flatMap(({ feature }) => feature ?? []))].toSorted();
  const everyones = permissions.filter(({ feature }) => feature === undefined);
  const parts: Part[] = [
    { name: `${OPERATOR}-cluster`, reach: 'cluster', feature: undefined, permissions: everyones.filter((one) => one.scope === 'cluster' && !isNamespaced(one)) },
    { name: OPERATOR, reach: 'served', feature: undefined, permissions: everyones.filter((one) => one.scope === 'cluster' && isNamespaced(one)) },
    ...features.map((feature): Part => ({ name: `${OPERATOR}-${feature}`, reach: 'served', feature, permissions: permissions.filter((one) => one.feature === feature) })),
    { name: `${OPERATOR}-events`, reach: 'default', feature: undefined, permissions: everyones.filter(({ apiGroup, resource }) => apiGroup === 'events.k8s.io' && resource === 'events') },
    { name: OPERATOR, reach: 'own', feature: undefined, permissions: everyones.filter((one) => one.scope === 'operatorNamespace') },
  ];
  return parts.filter((part) => part.permissions.length > 0);
}

function isNamespaced({ apiGroup, resource }: Permission): boolean {
  const plural = resource.split('/')[0];
  const known = Object.values(resources).find((one) => one.group === apiGroup && one.plural === plural);
  if (known === undefined) {
    throw new TypeError(`${apiGroup}/${resource} is declared as a permission but is no resource of src/kube/resource.ts`);
  }
  return known.namespaced;
}

function roleOf({ name, reach, permissions }: Part, namespace: string): Manifest {
  const rules = ruleGroups(permissions).flatMap((group) => group.rules);
  if (reach === 'own' || reach === 'default') return role(name, reach === 'own' ? namespace : reach, rules, componentLabels('operator'));
  return clusterRole(name, rules, componentLabels('operator'));
}

function bindingsOf({ name, reach }: Part, { namespace, namespaces }: OperatorRbacOptions): readonly Manifest[] {
  if (reach === 'own' || reach === 'default') return [binding('RoleBinding', 'Role', name, namespace, reach === 'own' ? namespace : reach)];
  if (reach === 'cluster' || namespaces === 'all') return [binding('ClusterRoleBinding', 'ClusterRole', name, namespace, undefined)];
  return namespaces.map((served) => binding('RoleBinding', 'ClusterRole', name, namespace, served));
}

function binding(kind: string, roleKind: string, name: string, operatorNamespace: string, inNamespace: string | undefined): Manifest & ToWrite<RoleBinding> {
  // In the operator's own namespace a RoleBinding to the ClusterRole may stand beside the one to the Role.
  const bindingName = kind === 'RoleBinding' && roleKind === 'ClusterRole' ? `${name}-served` : name;
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind,
    metadata: { name: bindingName, ...(inNamespace === undefined ? {} : { namespace: inNamespace }), labels: componentLabels('operator') },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: roleKind, name },
    subjects: [{ kind: 'ServiceAccount', name: OPERATOR, namespace: operatorNamespace }],
  };
}
