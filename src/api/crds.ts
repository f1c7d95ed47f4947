import { accessPolicy } from './access-policy.ts';
import { customResourceDefinition, type CustomResource, type JsonSchema } from './crd.ts';
import { deletedVault } from './deleted-vault.ts';
import { vaultCertificate } from './vault-certificate.ts';
import { vaultIssuer } from './vault-issuer.ts';
import { vaultSecret } from './vault-secret.ts';
import { vault } from './vault.ts';

/** All kinds, in the order in which a person meets them. */
export const customResources: readonly CustomResource[] = [vault, vaultSecret, vaultCertificate, vaultIssuer, accessPolicy, deletedVault];

/** All CustomResourceDefinitions, as objects: no files are read, so that `keystead dev` can install them from anywhere. */
export function crds(): JsonSchema[] {
  return customResources.map(customResourceDefinition);
}
