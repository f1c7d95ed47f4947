import { defaultGuardParameters, type GuardParameters } from '../access/guards/guard.ts';
import { guardObjects } from '../access/guards/guards.ts';
import { customResourceDefinition } from '../api/crd.ts';
import { customResources } from '../api/crds.ts';
import { role } from '../kube/rbac.ts';
import { IDENTITY_CONFIG_MAP } from './identity.ts';
import { componentLabels, OPERATOR, SERVER, type Manifest } from './manifest.ts';
import { predefinedClusterRoles } from './predefined-roles.ts';
import { operatorRbac, type OperatorRbacOptions } from './rbac.ts';

/**
 * Everything that an installation consists of but the processes themselves. The chart is generated from these objects
 * and `keystead dev` applies them, so that there is one place where the rights of the operator, the guards and the roles
 * are decided. The root key's Secret is not among them and must never be: whoever owns it can prune it (decisions 57).
 */

export interface InstallationOptions extends OperatorRbacOptions {
  /** Domains of labels and annotations that no target gets; the operator must be told the same (decisions 28). */
  readonly deniedDomains: readonly string[];
  /** Whether reading roles become part of the built-in `view`, and the vault contributor part of `admin`. */
  readonly aggregation: 'aggregated' | 'separate';
}

/** What is installed where nothing else is asked for. */
export const defaultInstallation: InstallationOptions = {
  namespace: defaultGuardParameters.namespace,
  namespaces: 'all',
  features: [],
  deniedDomains: defaultGuardParameters.deniedDomains,
  aggregation: 'aggregated',
};

/**
 * All objects in the order in which they must be applied: guards come before the rights that they fence in. The kinds
 * must be served (condition Established) before anybody can create a resource of theirs.
 * @throws RangeError for options that contradict each other; see operatorRbac and guards.
 */
export function installation(options: InstallationOptions): readonly Manifest[] {
  return [
    namespaceOf(options.namespace),
    ...customResourceDefinitions(),
    ...guardsOf(options),
    ...serviceAccounts(options.namespace),
    ...operatorRbac(options),
    ...predefinedClusterRoles(options.aggregation),
    ...identityReaders(options.namespace),
  ];
}

/** Whoever acts on a CSR or a sealing key verifies it with the identity key, so everybody may read its public half, and nothing else there. */
export function identityReaders(namespace: string): readonly Manifest[] {
  const name = 'keystead-identity-reader';
  const metadata = { name, namespace, labels: componentLabels('role') };
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:authenticated' }],
  };
  return [role(name, namespace, [{ apiGroups: [''], resources: ['configmaps'], resourceNames: [IDENTITY_CONFIG_MAP], verbs: ['get'] }], metadata.labels), binding];
}

/** Keystead's own namespace; what runs in it must fulfil the strictest Pod Security Standard. */
export function namespaceOf(name: string): Manifest {
  const level = { 'pod-security.kubernetes.io/enforce': 'restricted', 'pod-security.kubernetes.io/audit': 'restricted', 'pod-security.kubernetes.io/warn': 'restricted' };
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { 'app.kubernetes.io/name': 'keystead', ...level } } };
}

export function customResourceDefinitions(): readonly Manifest[] {
  return customResources.map((resource) => {
    const definition = customResourceDefinition(resource);
    return { ...definition, apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${resource.plural}.keystead.dev`, labels: componentLabels('crd') } };
  });
}

/** The guards as the operator of such an installation expects them (decisions 57). */
export function guardsOf({ namespace, deniedDomains }: Pick<InstallationOptions, 'namespace' | 'deniedDomains'>): readonly Manifest[] {
  const parameters: GuardParameters = { ...defaultGuardParameters, namespace, operatorServiceAccount: OPERATOR, serverServiceAccount: SERVER, deniedDomains };
  return guardObjects(parameters);
}

/**
 * The server's is there only because guards let it through by name: nobody else shall make one of that name. It has no
 * rights at all until there is a data plane.
 */
export function serviceAccounts(namespace: string): readonly Manifest[] {
  return [account(OPERATOR, namespace, 'operator'), account(SERVER, namespace, 'server')];
}

/** A token is mounted only where a pod asks for it. */
function account(name: string, namespace: string, component: string): Manifest & { readonly automountServiceAccountToken: false } {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace, labels: componentLabels(component) }, automountServiceAccountToken: false };
}
