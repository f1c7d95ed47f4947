import type { PolicyRule, Role } from './kinds.ts';
import type { ToWrite } from './object.ts';
import type { Feature, Permission } from './permissions.ts';

/** The rules of one role: everything with the same reach and the same switch. */
export interface RuleGroup {
  readonly scope: Permission['scope'];
  /** Undefined: always granted. */
  readonly feature: Feature | undefined;
  readonly rules: readonly PolicyRule[];
}

/** RBAC ignores resourceNames for these: the name is not known when they are asked for. */
const WITHOUT_NAME = new Set(['create', 'list', 'watch']);

/**
 * Merges the permissions of any number of controllers into as few rules as possible, in an order that depends on
 * nothing but their contents (the chart's files are compared in CI).
 * @throws TypeError for a wildcard, or for resourceNames on a verb for which RBAC ignores them.
 */
export function ruleGroups(permissions: readonly Permission[]): readonly RuleGroup[] {
  const groups = new Map<string, { scope: Permission['scope']; feature: Feature | undefined; permissions: Permission[] }>();
  for (const permission of permissions) {
    check(permission);
    const { scope, feature } = permission;
    const key = `${scope} ${feature ?? ''}`;
    const group = groups.get(key) ?? { scope, feature, permissions: [] };
    group.permissions.push(permission);
    groups.set(key, group);
  }
  return sortedBy([...groups.entries()], ([key]) => key).map(([, { scope, feature, permissions: all }]) => ({ scope, feature, rules: rulesOf(all) }));
}

/** A ClusterRole. */
export function clusterRole(name: string, rules: readonly PolicyRule[], labels: Readonly<Record<string, string>> = {}): ToWrite<Role> & { apiVersion: string; kind: string } {
  return { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name, labels }, rules };
}

/** A Role. */
export function role(
  name: string,
  namespace: string,
  rules: readonly PolicyRule[],
  labels: Readonly<Record<string, string>> = {},
): ToWrite<Role> & { apiVersion: string; kind: string } {
  return { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name, namespace, labels }, rules };
}

interface Merged {
  readonly apiGroup: string;
  readonly resources: Set<string>;
  readonly verbs: Set<string>;
  readonly names: readonly string[];
}

/** First all verbs on one resource, then all resources with the same verbs: few rules, and none that allows more. */
function rulesOf(permissions: readonly Permission[]): readonly PolicyRule[] {
  const byResource = merge(
    permissions.map(({ apiGroup, resource, verbs, resourceNames }) => ({
      apiGroup,
      resources: new Set([resource]),
      verbs: new Set<string>(verbs),
      names: [...new Set(resourceNames)].toSorted(compare),
    })),
    (rule) => [rule.apiGroup, [...rule.resources].join(','), rule.names.join(',')].join('\0'),
  );
  const byVerbs = merge(byResource, (rule) => [rule.apiGroup, sorted(rule.verbs).join(','), rule.names.join(',')].join('\0'));
  const rules = byVerbs.map(({ apiGroup, resources, verbs, names }) => ({
    apiGroups: [apiGroup],
    resources: sorted(resources),
    ...(names.length === 0 ? {} : { resourceNames: names }),
    verbs: sorted(verbs),
  }));
  return sortedBy(rules, (rule) => [rule.apiGroups.join(), rule.resources.join(), rule.resourceNames?.join() ?? '', rule.verbs.join()].join('\0'));
}

/** Unites the rules that have the same key. */
function merge(rules: readonly Merged[], key: (rule: Merged) => string): Merged[] {
  const merged = new Map<string, Merged>();
  for (const rule of rules) {
    const known = merged.get(key(rule));
    if (known === undefined) {
      merged.set(key(rule), { ...rule, resources: new Set(rule.resources), verbs: new Set(rule.verbs) });
    } else {
      rule.resources.forEach((resource) => known.resources.add(resource));
      rule.verbs.forEach((verb) => known.verbs.add(verb));
    }
  }
  return [...merged.values()];
}

/** What must not be declared. */
function check(permission: Permission): void {
  const what = `${permission.apiGroup}/${permission.resource}`;
  if ([permission.apiGroup, permission.resource, ...permission.verbs].some((part) => part.includes('*'))) {
    throw new TypeError(`${what}: no wildcards, say what is needed`);
  }
  const ignored = permission.resourceNames === undefined ? undefined : permission.verbs.find((verb) => WITHOUT_NAME.has(verb));
  if (ignored !== undefined) {
    throw new TypeError(`${what}: RBAC ignores resourceNames for ${ignored}; declare it apart`);
  }
}

function sorted(items: Iterable<string>): string[] {
  return [...items].toSorted(compare);
}

function sortedBy<T>(items: readonly T[], key: (item: T) => string): T[] {
  return items.toSorted((a, b) => compare(key(a), key(b)));
}

/** By code unit, not by locale: the result must be the same on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
