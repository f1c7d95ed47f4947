import type * as kinds from './kinds.ts';
import type { CustomObject, KubeObject } from './object.ts';

/** Where objects of one kind live in the API. `T` is the type of an object as the server returns it. */
export interface Resource<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** As in URLs and RBAC. */
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never set; carries `T`. */
  readonly object?: T;
}

function namespaced<T extends KubeObject>(group: string, version: string, plural: string, kind: string): Resource<T> {
  return { group, version, plural, kind, namespaced: true };
}

function clusterScoped<T extends KubeObject>(group: string, version: string, plural: string, kind: string): Resource<T> {
  return { group, version, plural, kind, namespaced: false };
}

const RBAC = 'rbac.authorization.k8s.io';
const ADMISSION = 'admissionregistration.k8s.io';
const KEYSTEAD = 'keystead.dev';

/** Every kind that any part of Keystead reads or writes. What a process may do to them is declared in `Permission`s. */
export const resources = {
  secrets: namespaced<kinds.Secret>('', 'v1', 'secrets', 'Secret'),
  configMaps: namespaced<kinds.ConfigMap>('', 'v1', 'configmaps', 'ConfigMap'),
  namespaces: clusterScoped<kinds.Namespace>('', 'v1', 'namespaces', 'Namespace'),
  services: namespaced<kinds.Service>('', 'v1', 'services', 'Service'),
  serviceAccounts: namespaced<kinds.ServiceAccount>('', 'v1', 'serviceaccounts', 'ServiceAccount'),
  deployments: namespaced<kinds.Workload>('apps', 'v1', 'deployments', 'Deployment'),
  statefulSets: namespaced<kinds.Workload>('apps', 'v1', 'statefulsets', 'StatefulSet'),
  daemonSets: namespaced<kinds.Workload>('apps', 'v1', 'daemonsets', 'DaemonSet'),
  leases: namespaced<kinds.Lease>('coordination.k8s.io', 'v1', 'leases', 'Lease'),
  events: namespaced<kinds.Event>('events.k8s.io', 'v1', 'events', 'Event'),
  roles: namespaced<kinds.Role>(RBAC, 'v1', 'roles', 'Role'),
  roleBindings: namespaced<kinds.RoleBinding>(RBAC, 'v1', 'rolebindings', 'RoleBinding'),
  clusterRoles: clusterScoped<kinds.Role>(RBAC, 'v1', 'clusterroles', 'ClusterRole'),
  clusterRoleBindings: clusterScoped<kinds.RoleBinding>(RBAC, 'v1', 'clusterrolebindings', 'ClusterRoleBinding'),
  customResourceDefinitions: clusterScoped<kinds.CustomResourceDefinition>(
    'apiextensions.k8s.io',
    'v1',
    'customresourcedefinitions',
    'CustomResourceDefinition',
  ),
  validatingAdmissionPolicies: clusterScoped<CustomObject>(ADMISSION, 'v1', 'validatingadmissionpolicies', 'ValidatingAdmissionPolicy'),
  validatingAdmissionPolicyBindings: clusterScoped<CustomObject>(
    ADMISSION,
    'v1',
    'validatingadmissionpolicybindings',
    'ValidatingAdmissionPolicyBinding',
  ),
  vaults: namespaced<CustomObject>(KEYSTEAD, 'v1alpha1', 'vaults', 'Vault'),
  deletedVaults: clusterScoped<CustomObject>(KEYSTEAD, 'v1alpha1', 'deletedvaults', 'DeletedVault'),
  vaultSecrets: namespaced<CustomObject>(KEYSTEAD, 'v1alpha1', 'vaultsecrets', 'VaultSecret'),
  vaultCertificates: namespaced<CustomObject>(KEYSTEAD, 'v1alpha1', 'vaultcertificates', 'VaultCertificate'),
  vaultIssuers: namespaced<CustomObject>(KEYSTEAD, 'v1alpha1', 'vaultissuers', 'VaultIssuer'),
  accessPolicies: namespaced<CustomObject>(KEYSTEAD, 'v1alpha1', 'accesspolicies', 'AccessPolicy'),
} as const;

/** The same resource with the exact type of its objects, for kinds whose types are declared elsewhere (`src/api`). */
export function typed<T extends KubeObject>(resource: Resource): Resource<T> {
  const { group, version, plural, kind, namespaced: inNamespace } = resource;
  return { group, version, plural, kind, namespaced: inNamespace };
}

/** `v1` or `apps/v1`. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/**
 * The URL path of a collection or of one object. Every part is escaped, so that no name leads to another resource.
 * @throws TypeError if a name is empty, or a namespaced object is named without its namespace: the path would mean something else.
 */
export function pathOf(resource: Resource, at: { namespace?: string | undefined; name?: string | undefined; subresource?: string }): string {
  const root = resource.group === '' ? '/api' : `/apis/${resource.group}`;
  const parts = [root, resource.version];
  if (resource.namespaced && at.namespace !== undefined) {
    parts.push('namespaces', segment(at.namespace));
  } else if (resource.namespaced && at.name !== undefined) {
    throw new TypeError(`${resource.kind} ${at.name} was named without a namespace`);
  }
  parts.push(resource.plural);
  if (at.name !== undefined) {
    parts.push(segment(at.name));
  }
  if (at.subresource !== undefined) {
    parts.push(segment(at.subresource));
  }
  return parts.join('/');
}

function segment(text: string): string {
  if (text === '' || text === '.' || text === '..') {
    throw new TypeError(`"${text}" is not a name of an object`);
  }
  return encodeURIComponent(text);
}
