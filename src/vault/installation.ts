import { KeysteadError } from '../api/error.ts';
import { sameDigest, type RootKey } from '../crypto/root-key.ts';
import { RevisionConflict, type Store } from '../store/store.ts';
import { INSTALLATION_RECORD } from './names.ts';

/** What is stored once for the whole installation: by which root key it lives. Not confidential; guarded at admission. */
interface Installation {
  readonly format: 1;
  /** Recognises the root key without holding it. */
  readonly rootKeyCheck: string;
  readonly rootKey: string;
  readonly created: string;
}

/**
 * Whether a root key may be made: only where there is neither a record nor an installation (decisions 15). Otherwise
 * the key was lost, or a dump is being restored, and a new one would make everything unreadable for good.
 */
export async function isFirstStart(store: Store, signal: AbortSignal): Promise<boolean> {
  if ((await store.get(INSTALLATION_RECORD, signal)) !== undefined) return false;
  const [vaults, objects] = await Promise.all([store.list({ kind: 'vault' }, signal), store.list({ kind: 'object' }, signal)]);
  return vaults.length === 0 && objects.length === 0;
}

/**
 * Makes sure that this root key is the installation's, and records it at the first start.
 * @throws KeysteadError RootKeyMismatch: nothing may be written then
 */
export async function joinInstallation(store: Store, rootKey: RootKey, now: Date, signal: AbortSignal): Promise<void> {
  const check = await rootKey.checkValue();
  const stored = await store.get(INSTALLATION_RECORD, signal);
  if (stored !== undefined) {
    const { rootKeyCheck }: Partial<Installation> = JSON.parse(stored.body.toString('utf8'));
    if (typeof rootKeyCheck === 'string' && sameDigest(rootKeyCheck, check)) return;
    throw new KeysteadError(
      'RootKeyMismatch',
      'The root key is not the one that this installation was made under, so nothing is read or written. ' +
        'Put the right key back into the Secret of the root key.',
      'wait',
    );
  }
  const installation: Installation = { format: 1, rootKeyCheck: check, rootKey: rootKey.id, created: now.toISOString() };
  try {
    const body = Buffer.from(JSON.stringify(installation));
    await store.compareAndSwap({ name: INSTALLATION_RECORD, kind: 'installation', vaultId: undefined, body }, undefined, signal);
  } catch (error) {
    if (!(error instanceof RevisionConflict)) throw error;
    await joinInstallation(store, rootKey, now, signal);
  }
}
