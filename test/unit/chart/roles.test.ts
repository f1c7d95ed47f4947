import { describe, expect, it } from '@jest/globals';
import { customResources } from '../../../src/api/crds.ts';
import { predefinedClusterRoles, predefinedRoles } from '../../../src/operator/predefined-roles.ts';

const ruleOf = (role: (typeof predefinedRoles)[number]) => role.rules.flatMap(({ apiGroups = [], resources = [], verbs }) => resources.map((resource) => ({ apiGroups, resource, verbs })));
const holders = (verb: string) => predefinedRoles.filter((role) => ruleOf(role).some(({ verbs }) => verbs.includes(verb))).map(({ name }) => name);

/** Asserted whole, so that a wider role shows in the diff of this file (decisions 3, 30, 42). */
describe('the predefined roles', () => {
  it.each(predefinedRoles.map((role) => [role.name, role] as const))('%s: only kinds of ours, no wildcard, no status, no collection', (_name, role) => {
    const plurals = customResources.map(({ plural }) => plural);
    for (const { apiGroups, resource, verbs } of ruleOf(role)) {
      expect(apiGroups).toEqual(['keystead.dev']);
      expect(plurals).toContain(resource);
      expect(verbs).not.toContain('*');
      expect(verbs).not.toContain('deletecollection');
    }
  });

  it('give the verbs that open or destroy contents to one role each', () => {
    expect(['grant', 'recover', 'purge'].map(holders)).toEqual([['keystead-vault-grantor'], ['keystead-vault-recoverer'], ['keystead-vault-purger']]);
  });

  it('let only officers and the grantor write what reaches contents', () => {
    const writers = (plural: string) =>
      predefinedRoles.filter((role) => ruleOf(role).some(({ resource, verbs }) => resource === plural && verbs.includes('create'))).map(({ name }) => name);
    expect({ secrets: writers('vaultsecrets'), certificates: writers('vaultcertificates'), policies: writers('accesspolicies') }).toEqual({
      secrets: ['keystead-secrets-officer'],
      certificates: ['keystead-certificates-officer'],
      policies: ['keystead-vault-grantor'],
    });
  });

  it('add to built-in roles only what reaches no contents', () => {
    const aggregated = predefinedClusterRoles('aggregated').flatMap(({ metadata: { name, labels = {} } }) =>
      Object.keys(labels).filter((key) => key.includes('aggregate')).map((key) => [name, key.split('aggregate-to-')[1]]));
    expect(aggregated).toEqual([
      ['keystead-vault-reader', 'view'],
      ['keystead-object-reader', 'view'],
      ['keystead-vault-contributor', 'admin'],
    ]);
    expect(JSON.stringify(predefinedClusterRoles('separate'))).not.toContain('aggregate');
  });
});
