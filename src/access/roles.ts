import type { DataRole } from '../api/access-policy.ts';
import type { Granted, ObjectKind, PermissionWords } from './permissions.ts';
import { words } from './permissions.ts';

type RoleWords = { readonly [K in ObjectKind]?: ReadonlyArray<PermissionWords[K]> };

/**
 * Key Vault's built-in data roles in the words of access policies. Each data action has one word or a few:
 * - secrets: getSecret = get, readMetadata = list, setSecret and update = set; the rest by name;
 * - keys: read = get and list; keyrotationpolicies/read = getrotationpolicy, …/write = setrotationpolicy; wrap = wrapKey,
 *   unwrap = unwrapKey; the rest by name;
 * - certificates: read = get and list; certificatecas/read = getissuers and listissuers, …/write = setissuers,
 *   …/delete = deleteissuers, all three = manageissuers; certificatecontacts/write = managecontacts.
 * Purge Operator, Contributor and Data Access Administrator are management-plane roles: Kubernetes verbs here.
 */
const roleWords: Readonly<Record<DataRole, RoleWords>> = {
  'Key Vault Administrator': words,
  // vaults/*/read covers keys, certificates, issuers and rotation policies; of secrets it has readMetadata only, no value.
  'Key Vault Reader': {
    secrets: ['list'],
    keys: ['get', 'list', 'getrotationpolicy'],
    certificates: ['get', 'list', 'getissuers', 'listissuers'],
  },
  'Key Vault Secrets Officer': { secrets: words.secrets },
  'Key Vault Secrets User': { secrets: ['get', 'list'] },
  'Key Vault Crypto Officer': { keys: words.keys },
  'Key Vault Crypto User': {
    keys: ['get', 'list', 'update', 'backup', 'encrypt', 'decrypt', 'wrapKey', 'unwrapKey', 'sign', 'verify'],
  },
  'Key Vault Crypto Service Encryption User': { keys: ['get', 'list', 'wrapKey', 'unwrapKey'] },
  'Key Vault Crypto Service Release User': { keys: ['release'] },
  'Key Vault Certificates Officer': { certificates: words.certificates },
  'Key Vault Certificate User': { secrets: ['get', 'list'], keys: ['get', 'list'], certificates: ['get', 'list'] },
};

/** What a role lets do, or in a Deny policy forbids. */
export function permissionsOf(role: DataRole): Granted {
  const { secrets, keys, certificates } = roleWords[role];
  return { secrets: new Set(secrets), keys: new Set(keys), certificates: new Set(certificates) };
}
