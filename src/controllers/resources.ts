import type { AccessPolicySpecInput, AccessPolicyStatus } from '../api/access-policy.ts';
import type { DeletedVaultSpecInput, DeletedVaultStatus } from '../api/deleted-vault.ts';
import type { VaultCertificateSpecInput, VaultCertificateStatus } from '../api/vault-certificate.ts';
import type { VaultIssuerSpecInput, VaultIssuerStatus } from '../api/vault-issuer.ts';
import type { VaultSecretSpecInput, VaultSecretStatus } from '../api/vault-secret.ts';
import type { VaultSpecInput, VaultStatus } from '../api/vault.ts';
import type { CustomObject } from '../kube/object.ts';
import { resources, typed } from '../kube/resource.ts';

/** Our own kinds as they come from the API server: types from `src/api`, shape from `src/kube`. */

export type VaultResource = CustomObject<VaultSpecInput, VaultStatus>;
export type DeletedVaultResource = CustomObject<DeletedVaultSpecInput, DeletedVaultStatus>;
export type VaultSecretResource = CustomObject<VaultSecretSpecInput, VaultSecretStatus>;
export type VaultCertificateResource = CustomObject<VaultCertificateSpecInput, VaultCertificateStatus>;
export type VaultIssuerResource = CustomObject<VaultIssuerSpecInput, VaultIssuerStatus>;
export type AccessPolicyResource = CustomObject<AccessPolicySpecInput, AccessPolicyStatus>;

export const kinds = {
  vaults: typed<VaultResource>(resources.vaults),
  deletedVaults: typed<DeletedVaultResource>(resources.deletedVaults),
  vaultSecrets: typed<VaultSecretResource>(resources.vaultSecrets),
  vaultCertificates: typed<VaultCertificateResource>(resources.vaultCertificates),
  vaultIssuers: typed<VaultIssuerResource>(resources.vaultIssuers),
  accessPolicies: typed<AccessPolicyResource>(resources.accessPolicies),
} as const;
