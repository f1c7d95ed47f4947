import { group } from '../api/names.ts';
import type { PolicyRule } from '../kube/kinds.ts';
import { clusterRole } from '../kube/rbac.ts';
import { componentLabels, type Manifest } from './manifest.ts';

/**
 * Roles for people, to be bound with a RoleBinding in a namespace, or for the cluster-scoped DeletedVaults with a
 * ClusterRoleBinding. What each can reach stands beside it and goes into docs/reference/roles.md word for word.
 *
 * None has a wildcard (`*` includes grant), a status (it carries trust: decisions 3), a Secret, or deletecollection.
 */
export interface PredefinedRole {
  readonly name: string;
  /** For whom. */
  readonly purpose: string;
  /** What a holder can reach, in the words of decisions 42. */
  readonly reach: string;
  /** The built-in role that it becomes part of; undefined: nobody gets it but by a binding. */
  readonly aggregateTo: 'view' | 'admin' | undefined;
  readonly bind: 'RoleBinding' | 'ClusterRoleBinding';
  readonly rules: readonly PolicyRule[];
}

const READ = ['get', 'list', 'watch'] as const;
const EDIT = [...READ, 'create', 'update', 'patch', 'delete'] as const;

function rule(resources: readonly string[], verbs: readonly string[]): PolicyRule {
  return { apiGroups: [group], resources, verbs };
}

/**
 * Aggregation gives a role to everybody who has the built-in one, now and later, so only what reaches no contents may
 * have it. Officers have none: a namespace's admin who may edit a VaultSecret has what it declares.
 */
export const predefinedRoles: readonly PredefinedRole[] = [
  {
    name: 'keystead-vault-reader',
    purpose: 'Sees vaults, issuers and access policies.',
    reach: 'Nothing of what is in a vault. Sees its state and counts, and who may do what.',
    aggregateTo: 'view',
    bind: 'RoleBinding',
    rules: [rule(['accesspolicies', 'vaultissuers', 'vaults'], READ)],
  },
  {
    name: 'keystead-object-reader',
    purpose: 'Sees which secrets and certificates are declared, and whether they are Ready.',
    reach: 'Nothing of what is in a vault: no resource has a field for a value. Sees names, templates and expiry dates.',
    aggregateTo: 'view',
    bind: 'RoleBinding',
    rules: [rule(['vaultcertificates', 'vaultsecrets'], READ)],
  },
  {
    name: 'keystead-vault-contributor',
    purpose: 'Creates and configures vaults and issuers.',
    reach:
      'Nothing of what is in a vault. Fields that give access (see the security model), and an issuer with a CA of a vault, need the verb grant besides. ' +
      'Can delete a vault, which closes it at once and destroys nothing; to take it back needs keystead-vault-recoverer.',
    aggregateTo: 'admin',
    bind: 'RoleBinding',
    rules: [rule(['accesspolicies'], READ), rule(['vaultissuers', 'vaults'], EDIT)],
  },
  {
    name: 'keystead-secrets-officer',
    purpose: 'Declares secrets and where they are synced to.',
    reach:
      'What is declared by a VaultSecret that he may create or edit, and nothing else: values generated for it, and Secrets of the namespace whose owners put the label keystead.dev/source on them. ' +
      'A target added to a secret that has a value already gets only later values, unless an AccessPolicy lists the namespace in syncTo. Taking over or recovering an object needs the verb grant besides.',
    aggregateTo: undefined,
    bind: 'RoleBinding',
    rules: [rule(['vaultsecrets'], EDIT), rule(['vaults'], READ)],
  },
  {
    name: 'keystead-certificates-officer',
    purpose: 'Declares certificates and where they are synced to.',
    reach:
      'What is declared by a VaultCertificate that he may create or edit, and nothing else: certificates of any name, with their keys, from every issuer that lets this namespace use it. ' +
      'Whoever trusts such an issuer trusts the holders of this role. Sees issuers, and can neither change them nor read their keys.',
    aggregateTo: undefined,
    bind: 'RoleBinding',
    rules: [rule(['vaultcertificates'], EDIT), rule(['vaultissuers', 'vaults'], READ)],
  },
  {
    name: 'keystead-vault-grantor',
    purpose: 'Decides who reaches the contents of vaults: writes access policies, and issuers that use the CA of a vault.',
    reach: 'Everything in every vault of the namespace, for he can give it to himself. To limit him to one vault, write a Role of these rules with resourceNames on the verb grant.',
    aggregateTo: undefined,
    bind: 'RoleBinding',
    rules: [rule(['accesspolicies', 'vaultissuers'], EDIT), rule(['vaults'], [...READ, 'grant'])],
  },
  {
    name: 'keystead-vault-recoverer',
    purpose: 'Lets deleted vaults be taken back. Creating the Vault again needs keystead-vault-contributor besides.',
    reach: 'Nothing by itself. Who may also create a Vault in a namespace of the old name, and holds grant there, has everything that was in the deleted one.',
    aggregateTo: undefined,
    bind: 'ClusterRoleBinding',
    rules: [rule(['deletedvaults'], [...READ, 'recover'])],
  },
  {
    name: 'keystead-vault-purger',
    purpose: 'Destroys deleted vaults before their time.',
    reach: 'Reads nothing. Destroys every deleted vault of the cluster for good, but for those under purge protection.',
    aggregateTo: undefined,
    bind: 'ClusterRoleBinding',
    rules: [rule(['deletedvaults'], [...READ, 'patch', 'update', 'purge'])],
  },
];

/** As ClusterRoles; `aggregated`: with the labels that make some of them part of the built-in roles. */
export function predefinedClusterRoles(aggregation: 'aggregated' | 'separate'): readonly Manifest[] {
  return predefinedRoles.map(({ name, aggregateTo, rules }) =>
    clusterRole(name, rules, {
      ...componentLabels('role'),
      ...(aggregation === 'separate' || aggregateTo === undefined ? {} : { [`rbac.authorization.k8s.io/aggregate-to-${aggregateTo}`]: 'true' }),
    }),
  );
}
