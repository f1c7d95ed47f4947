import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Permission } from '../../../src/kube/permissions.ts';
import { ruleGroups, type RuleGroup } from '../../../src/kube/rbac.ts';

const watched = ['get', 'list', 'watch'] as const;

describe('rules from permissions', () => {
  it('are merged and sorted, one group for each reach and switch', () => {
    const permissions: Permission[] = [
      { apiGroup: 'keystead.dev', resource: 'vaultsecrets', verbs: watched, scope: 'cluster' },
      { apiGroup: 'keystead.dev', resource: 'vaults', verbs: ['watch', 'list', 'get'], scope: 'cluster' },
      { apiGroup: 'keystead.dev', resource: 'vaults', verbs: ['get'], scope: 'cluster' },
      { apiGroup: '', resource: 'secrets', verbs: ['create'], scope: 'operatorNamespace' },
      { apiGroup: '', resource: 'secrets', verbs: ['get'], resourceNames: ['keystead-root-key'], scope: 'operatorNamespace' },
      { apiGroup: 'apps', resource: 'deployments', verbs: ['patch'], scope: 'cluster', feature: 'restart' },
    ];
    expect(ruleGroups(permissions)).toEqual([
      { scope: 'cluster', feature: undefined, rules: [{ apiGroups: ['keystead.dev'], resources: ['vaults', 'vaultsecrets'], verbs: [...watched] }] },
      { scope: 'cluster', feature: 'restart', rules: [{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['patch'] }] },
      {
        scope: 'operatorNamespace',
        feature: undefined,
        rules: [
          { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
          { apiGroups: [''], resources: ['secrets'], resourceNames: ['keystead-root-key'], verbs: ['get'] },
        ],
      },
    ]);
  });

  it('refuse wildcards, and names where RBAC ignores them', () => {
    const permission: Permission = { apiGroup: '', resource: 'secrets', verbs: ['get'], scope: 'cluster' };
    expect(() => ruleGroups([{ ...permission, resource: '*' }])).toThrow('no wildcards');
    expect(() => ruleGroups([{ ...permission, verbs: ['get', 'create'], resourceNames: ['a'] }])).toThrow('ignores resourceNames for create');
  });

  const permissionArbitrary: fc.Arbitrary<Permission> = fc.record(
    {
      apiGroup: fc.constantFrom('', 'apps'),
      resource: fc.constantFrom('a', 'b', 'c'),
      verbs: fc.uniqueArray(fc.constantFrom('get' as const, 'update' as const, 'delete' as const), { minLength: 1 }),
      scope: fc.constantFrom('cluster' as const, 'operatorNamespace' as const),
      resourceNames: fc.uniqueArray(fc.constantFrom('x', 'y'), { minLength: 1 }),
    },
    { requiredKeys: ['apiGroup', 'resource', 'verbs', 'scope'] },
  );

  it('allow exactly what was declared, in whatever order it was declared', () => {
    fc.assert(
      fc.property(fc.array(permissionArbitrary), (permissions) => {
        const groups = ruleGroups(permissions);
        expect(allowed(groups)).toEqual(declared(permissions));
        expect(ruleGroups(permissions.toReversed())).toEqual(groups);
      }),
    );
  });
});

function declared(permissions: readonly Permission[]): string[] {
  const all = permissions.flatMap(({ scope, apiGroup, resource, verbs, resourceNames }) =>
    verbs.map((verb) => [scope, apiGroup, resource, verb, [...(resourceNames ?? [])].toSorted().join()].join(' ')),
  );
  return [...new Set(all)].toSorted();
}

function allowed(groups: readonly RuleGroup[]): string[] {
  return groups
    .flatMap(({ scope, rules }) =>
      rules.flatMap((rule) =>
        (rule.resources ?? []).flatMap((resource) => rule.verbs.map((verb) => [scope, rule.apiGroups?.join(), resource, verb, rule.resourceNames?.join() ?? ''].join(' '))),
      ),
    )
    .toSorted();
}
