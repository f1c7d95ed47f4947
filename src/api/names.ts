/**
 * The words that Keystead writes on Kubernetes objects, and reads there. They are interface: never renamed.
 * Everything here is under our own domain; what a template may not write is in `target.ts`.
 */

export const group = 'keystead.dev';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}`;

export const labels = {
  /** On a target Secret: the vault that its content comes from. Such a Secret is never a source. */
  managed: 'keystead.dev/managed',
  /** On a source Secret: its owner's consent that this one vault reads it; also what lets the operator watch it. */
  source: 'keystead.dev/source',
  /** On a Secret that its owner lets targets of `creationPolicy: Merge` write into. */
  merge: 'keystead.dev/merge',
} as const;

/** On a namespace: consent that vaults of the namespace `source` write targets there. The value is `allow`. */
export function syncConsentLabel(source: string): string {
  return `sync.keystead.dev/${source}`;
}

export const annotations = {
  /** On a VaultCertificate: the id of the operation in progress (status.pending.id), which is cancelled. */
  cancel: 'keystead.dev/cancel',
  /** On a Vault: any value that was not handled yet starts one rotation of the vault key. */
  rotateVaultKey: 'keystead.dev/rotate-vault-key',
  /** On a workload: the target Secret whose changes may restart it; without this, `restart` never touches it. */
  restartOn: 'keystead.dev/restart-on',
} as const;
