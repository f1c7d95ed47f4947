/** What is stored of one vault. Found by namespace and name; all objects refer to it by its id (DESIGN §4). */

export interface VaultKeyEntry {
  readonly id: string;
  /** 1 for the first; counts up with each rotation. */
  readonly version: number;
  /** The key, wrapped by the root key, base64. */
  readonly wrapped: string;
  /** Which root key wrapped it. */
  readonly rootKey: string;
  readonly created: string;
  /** Retired keys wrap nothing new and are kept as long as the vault exists (decisions 5). */
  readonly retired?: string;
}

/** Hard bounds of what a vault may hold (decisions 12). */
export interface VaultLimits {
  readonly objects: number;
  readonly versionsPerObject: number;
  readonly bytes: number;
}

export interface VaultHead {
  readonly vaultId: string;
  readonly namespace: string;
  readonly name: string;
  /** UID of the namespace at creation: recovery under another one is another matter (decisions 55). */
  readonly namespaceUid: string;
  readonly incarnation: string;
  readonly counter: number;
  readonly created: string;
  /** UID of the Vault resource that declares it now. */
  readonly resourceUid: string;
  /** Days; fixed at creation. */
  readonly retentionDays: number;
  /** Once true, true for ever. */
  readonly purgeProtection: boolean;
  /** From the resource, so that both processes count against the same. */
  readonly limits: VaultLimits;
  readonly deleted?: { readonly at: string; readonly scheduledPurge: string };
  /** Asked for on the DeletedVault, copied here before anything is removed (decisions 41). */
  readonly purgeRequested?: string;
  /** Oldest first; the last is current. */
  readonly keys: readonly [VaultKeyEntry, ...VaultKeyEntry[]];
  /** The value of the annotation that asked for the last manual rotation. */
  readonly rotationHandled?: string;
  /** Generation of the resource whose `createMode: Recover` was carried out. */
  readonly recoveredAt?: number;
}

/** The key that wraps whatever is written now. */
export function currentKey(head: VaultHead): VaultKeyEntry {
  return head.keys[head.keys.length - 1] ?? head.keys[0];
}

/** Whether JSON has the shape that is read before its MAC is checked. */
export function isVaultHead(head: object): head is VaultHead {
  const { vaultId, namespace, name, incarnation, counter, keys } = head as Partial<VaultHead>;
  const strings = [vaultId, namespace, name, incarnation].every((part) => typeof part === 'string');
  return strings && typeof counter === 'number' && Array.isArray(keys) && keys.length > 0;
}
