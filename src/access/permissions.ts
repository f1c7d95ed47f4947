import { certificatePermissions, keyPermissions, secretPermissions } from '../api/access-policy.ts';

/** The three kinds of object, as Key Vault's paths and access policies call them. */
export type ObjectKind = 'secrets' | 'keys' | 'certificates';
export const objectKinds = ['secrets', 'keys', 'certificates'] as const satisfies readonly ObjectKind[];

/** What can be asked for, per kind: Key Vault's words without `all`, which is a way of writing and not a permission. */
export interface PermissionWords {
  secrets: Exclude<(typeof secretPermissions)[number], 'all'>;
  keys: Exclude<(typeof keyPermissions)[number], 'all'>;
  certificates: Exclude<(typeof certificatePermissions)[number], 'all'>;
}

/** Permissions by kind; every word stands for itself, nothing is left to expand. */
export type Granted = { readonly [K in ObjectKind]: ReadonlySet<PermissionWords[K]> };

/** Every word of a kind. */
export const words: { readonly [K in ObjectKind]: ReadonlyArray<PermissionWords[K]> } = {
  secrets: secretPermissions.filter((word) => word !== 'all'),
  keys: keyPermissions.filter((word) => word !== 'all'),
  certificates: certificatePermissions.filter((word) => word !== 'all'),
};

/**
 * Key Vault takes `manageissuers` where it takes the finer words too: reading and deleting, but not setting
 * (the documentation of the issuer operations of API version 7.5).
 */
const includedInManageIssuers = ['getissuers', 'listissuers', 'deleteissuers'] as const;

/**
 * What written words mean. With `Allow`, `all` is every word but `purge`, as in Key Vault: purging needs its own word
 * (azure-powershell#15844). With `Deny` it is every word, since whoever denies all means all.
 */
export function expand<K extends ObjectKind>(
  kind: K, written: ReadonlyArray<PermissionWords[K] | 'all'>, effect: 'Allow' | 'Deny',
): ReadonlySet<PermissionWords[K]> {
  const every: ReadonlyArray<PermissionWords[K]> = words[kind];
  const expanded = new Set<string>();
  for (const word of written) {
    if (word === 'all') every.filter((one) => effect === 'Deny' || one !== 'purge').forEach((one) => expanded.add(one));
    else expanded.add(word);
    if (word === 'manageissuers') includedInManageIssuers.forEach((one) => expanded.add(one));
  }
  return new Set(every.filter((word) => expanded.has(word)));
}
