import { KeysteadError } from '../api/error.ts';
import { OpenFailed } from '../crypto/aead.ts';
import type { VaultKey } from '../crypto/envelope.ts';
import type { RootKey } from '../crypto/root-key.ts';
import type { Clock } from '../runtime/clock.ts';
import { subKey } from './codec.ts';
import type { VaultHead } from './vault-record.ts';

/** An unwrapped vault key with the keys derived from it. Valid only inside `use`; never kept by callers. */
export interface UsableKey {
  readonly key: VaultKey;
  readonly headKey: Buffer;
  readonly publishedHashKey: Buffer;
  readonly inputsKey: Buffer;
  readonly keystoresKey: Buffer;
}

interface Held {
  readonly usable: UsableKey;
  expires: number;
}

const HELD_MS = 5 * 60_000;
const MOST_HELD = 512;

/** What a wrapped vault key is bound to, for the root key. */
export function vaultKeyContext(vaultId: string, keyId: string): readonly string[] {
  return ['vault-key', vaultId, keyId];
}

/**
 * Unwraps vault keys and keeps them for minutes, bounded, and overwrites them when dropped.
 * It hands a key only to a synchronous function, so none is overwritten while in use.
 */
export class Keyring {
  readonly #held = new Map<string, Held>();
  readonly #rootKey: RootKey;
  readonly #clock: Clock;

  constructor(rootKey: RootKey, clock: Clock) {
    this.#rootKey = rootKey;
    this.#clock = clock;
  }

  /** @throws KeysteadError RecordTampered when the vault has no such key, or it is not of this vault and root key. */
  async use<T>(vault: Pick<VaultHead, 'vaultId' | 'keys'>, keyId: string, what: (key: UsableKey) => T): Promise<T> {
    const held = this.#fresh(keyId);
    if (held !== undefined) return what(held);
    const secret = await this.#unwrap(vault, keyId);
    // From here to the end nothing is awaited: whoever unwrapped the same key meanwhile must not overwrite it under us.
    return what(this.#fresh(keyId, secret) ?? this.#keep({ id: keyId, secret }));
  }

  /** Overwrites every key that is held. */
  clear(): void {
    for (const id of this.#held.keys()) this.#drop(id);
  }

  /** The key if it is held and not too old; `instead` is then not needed and overwritten. */
  #fresh(keyId: string, instead?: Buffer): UsableKey | undefined {
    const held = this.#held.get(keyId);
    if (held === undefined || held.expires <= this.#clock.monotonic()) return undefined;
    instead?.fill(0);
    return held.usable;
  }

  async #unwrap(vault: Pick<VaultHead, 'vaultId' | 'keys'>, keyId: string): Promise<Buffer> {
    const entry = vault.keys.find((key) => key.id === keyId);
    const failed = (why: string, cause?: unknown): KeysteadError =>
      new KeysteadError('RecordTampered', `Vault key ${keyId} of vault ${vault.vaultId} ${why}. Restore the vault's record from a backup.`, 'wait', {
        cause,
      });
    if (entry === undefined) throw failed('is not in the record of the vault');
    try {
      return await this.#rootKey.unwrap(Buffer.from(entry.wrapped, 'base64'), vaultKeyContext(vault.vaultId, keyId));
    } catch (cause) {
      if (cause instanceof OpenFailed) throw failed('does not open under the root key', cause);
      throw cause;
    }
  }

  #keep(key: VaultKey): UsableKey {
    this.#drop(key.id);
    const oldest = this.#held.size >= MOST_HELD ? this.#held.keys().next().value : undefined;
    if (oldest !== undefined) this.#drop(oldest);
    const usable = {
      key,
      headKey: subKey(key, 'head'),
      publishedHashKey: subKey(key, 'published-hash'),
      inputsKey: subKey(key, 'inputs'),
      keystoresKey: subKey(key, 'keystores'),
    };
    this.#held.set(key.id, { usable, expires: this.#clock.monotonic() + HELD_MS });
    return usable;
  }

  #drop(id: string): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#held.delete(id);
    const { key, headKey, publishedHashKey, inputsKey, keystoresKey } = held.usable;
    for (const secret of [key.secret, headKey, publishedHashKey, inputsKey, keystoresKey]) secret.fill(0);
  }
}
