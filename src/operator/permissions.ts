import { accessPolicyPermissions } from '../controllers/access-policy/controller.ts';
import { deletedVaultPermissions } from '../controllers/deleted-vault/controller.ts';
import { guardPermissions } from '../controllers/guards.ts';
import { permissions as targetPermissions } from '../controllers/target/permissions.ts';
import { vaultPermissions } from '../controllers/vault/controller.ts';
import { vaultCertificatePermissions } from '../controllers/vault-certificate/controller.ts';
import { vaultIssuerPermissions } from '../controllers/vault-issuer/controller.ts';
import { vaultSecretPermissions } from '../controllers/vault-secret/controller.ts';
import type { Permission } from '../kube/permissions.ts';
import { identityPermissions } from './identity.ts';
import { storePermissions } from '../store/kubernetes.ts';

const ownPermissions: readonly Permission[] = [
  { apiGroup: 'coordination.k8s.io', resource: 'leases', verbs: ['get', 'create', 'update'], scope: 'operatorNamespace' },
  { apiGroup: 'events.k8s.io', resource: 'events', verbs: ['create', 'patch'], scope: 'cluster' },
];

/** All that the operator needs to be allowed; the chart's RBAC is generated from this list. */
export const operatorPermissions: readonly Permission[] = [
  ...ownPermissions,
  ...storePermissions,
  ...guardPermissions,
  ...vaultPermissions,
  ...deletedVaultPermissions,
  ...vaultSecretPermissions,
  ...vaultCertificatePermissions,
  ...vaultIssuerPermissions,
  ...accessPolicyPermissions,
  ...targetPermissions,
  ...identityPermissions,
];
