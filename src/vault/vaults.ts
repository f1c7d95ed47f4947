import type { KeysteadError } from '../api/error.ts';
import type { AuditOperation } from '../audit/record.ts';
import { KEY_BYTES } from '../crypto/aead.ts';
import { sha256 } from '../crypto/envelope.ts';
import type { RootKey } from '../crypto/root-key.ts';
import { between } from '../runtime/fail-point.ts';
import { RevisionConflict } from '../store/store.ts';
import { encodeDocument, FORMAT, headMac, verifyHead } from './codec.ts';
import type { Caller, EngineParts } from './context.ts';
import { vaultKeyContext } from './keyring.ts';
import { vaultRecordName } from './names.ts';
import { RecordCache, type CachedRecord } from './record-cache.ts';
import { RecordChanged } from './record-changed.ts';
import { currentKey, isVaultHead, type VaultHead, type VaultKeyEntry, type VaultLimits } from './vault-record.ts';

/** What a new vault is made of. */
export interface VaultToCreate {
  readonly namespace: string;
  readonly name: string;
  readonly namespaceUid: string;
  readonly resourceUid: string;
  readonly retentionDays: number;
  readonly purgeProtection: boolean;
  readonly limits: VaultLimits;
}

export interface VaultChange {
  readonly operation: AuditOperation;
  readonly head: VaultHead;
}

export interface VaultsOptions {
  readonly parts: EngineParts;
  readonly rootKey: RootKey;
  /** Called after every change of a vault's record. `own`: this process made it, so whoever did knows. */
  readonly changed: (before: VaultHead | undefined, after: VaultHead | undefined, own: boolean) => void;
}

/** The vaults themselves: their records and their keys. */
export class Vaults {
  readonly #parts: EngineParts;
  readonly #rootKey: RootKey;
  readonly #cache: RecordCache<VaultHead>;
  readonly #nameOf = new Map<string, string>();

  constructor(options: VaultsOptions) {
    this.#parts = options.parts;
    this.#rootKey = options.rootKey;
    this.#cache = new RecordCache<VaultHead>({
      store: options.parts.store,
      kind: 'vault',
      log: options.parts.log,
      isHead: isVaultHead,
      unreadable,
      nameOf: (head) => vaultRecordName(head.namespace, head.name),
      mayGo: (head) => head.deleted !== undefined,
      keep: () => new Map(),
      changed: (name, before, after, own) => {
        this.#index(name, before?.head, after?.head);
        options.changed(before?.head, after?.head, own);
      },
    });
  }

  /** Resolves when every vault that exists is known. */
  start(signal: AbortSignal): Promise<void> {
    return this.#cache.start(signal);
  }

  /** The head of a vault, verified; deleted vaults too. @throws KeysteadError RecordTampered, RecordRolledBack */
  async find(namespace: string, name: string): Promise<VaultHead | undefined> {
    const recordName = vaultRecordName(namespace, name);
    const cached = this.#cache.get(recordName);
    return cached === undefined ? undefined : this.#verified(cached);
  }

  /** @throws as `find` */
  async byId(vaultId: string): Promise<VaultHead | undefined> {
    const cached = this.#cache.get(this.#nameOf.get(vaultId) ?? '');
    return cached === undefined ? undefined : this.#verified(cached);
  }

  /** Where the vault of an id is, unverified: for finding what to look at. */
  placeOf(vaultId: string): { readonly namespace: string; readonly name: string } | undefined {
    return this.#cache.get(this.#nameOf.get(vaultId) ?? '')?.head;
  }

  /** Why records of vaults are not used, one each. */
  problems(): Iterable<KeysteadError> {
    return this.#cache.problems();
  }

  /** Whether there is a vault of this id that is not deleted, unverified. */
  isOpen(vaultId: string): boolean {
    const head = this.#cache.get(this.#nameOf.get(vaultId) ?? '')?.head;
    return head !== undefined && head.deleted === undefined;
  }

  /** Heads of all vaults, unverified: for finding what to look at. */
  *heads(): Iterable<VaultHead> {
    for (const record of this.#cache.values()) if (record.problem === undefined) yield record.head;
  }

  /** Makes the record of a new vault with its first key. @throws KeysteadError RecordChanged if there is one already */
  async create(vault: VaultToCreate, caller: Caller): Promise<VaultHead> {
    const { random, clock } = this.#parts;
    const vaultId = random.bytes(16).toString('hex');
    const created = clock.now().toISOString();
    const head: VaultHead = {
      vaultId,
      ...vault,
      incarnation: random.bytes(8).toString('hex'),
      counter: 1,
      created,
      keys: [await this.#newKey(vaultId, 1, created)],
    };
    return this.#put(undefined, { operation: 'VaultCreate', head }, caller);
  }

  /** Changes a vault by one compare-and-swap. Answers the head as it is afterwards. @throws KeysteadError RecordChanged */
  async change(vault: VaultHead, caller: Caller, decide: (head: VaultHead) => VaultChange | undefined): Promise<VaultHead> {
    const cached = this.#cache.get(vaultRecordName(vault.namespace, vault.name));
    if (cached?.head.vaultId !== vault.vaultId) throw changedMeanwhile(vault);
    const change = decide(await this.#verified(cached));
    return change === undefined ? cached.head : this.#put(cached, change, caller);
  }

  /** Adds a new vault key and retires the current one; versions are rewrapped one by one afterwards. */
  async rotateKey(vault: VaultHead, handled: string | undefined, caller: Caller): Promise<VaultHead> {
    const at = this.#parts.clock.now().toISOString();
    const fresh = await this.#newKey(vault.vaultId, currentKey(vault).version + 1, at);
    return this.change(vault, caller, (head) => {
      const retire = (key: VaultKeyEntry): VaultKeyEntry => (key.retired === undefined ? { ...key, retired: at } : key);
      const [oldest, ...others] = head.keys;
      const keys: VaultHead['keys'] = [retire(oldest), ...others.map(retire), fresh];
      return { operation: 'VaultKeyRotate', head: { ...head, keys, ...(handled === undefined ? {} : { rotationHandled: handled }) } };
    });
  }

  /** Removes the record, and with it the vault's keys: nothing of the vault can be opened afterwards. */
  async purge(vault: VaultHead, caller: Caller): Promise<void> {
    const cached = this.#cache.get(vaultRecordName(vault.namespace, vault.name));
    if (cached === undefined || cached.head.vaultId !== vault.vaultId) return;
    await this.#parts.auditor.change(entry(cached.head, 'VaultPurge', caller), async () => {
      await this.#swap(cached.head, () =>
        between(this.#parts.failAt, 'record-remove', () => this.#parts.store.remove(cached.name, cached.revision, caller.signal)));
      this.#cache.removed(cached.name);
      return { counter: cached.head.counter };
    });
  }

  /** Ids lead to names only from the record that the name itself leads to: a copy elsewhere takes nothing over. */
  #index(name: string, before: VaultHead | undefined, after: VaultHead | undefined): void {
    if (before !== undefined && this.#nameOf.get(before.vaultId) === name) this.#nameOf.delete(before.vaultId);
    if (after !== undefined && vaultRecordName(after.namespace, after.name) === name) this.#nameOf.set(after.vaultId, name);
  }

  async #newKey(vaultId: string, version: number, created: string): Promise<VaultKeyEntry> {
    const id = this.#parts.random.bytes(8).toString('hex');
    const secret = this.#parts.random.bytes(KEY_BYTES);
    const wrapped = await this.#rootKey.wrap(secret, vaultKeyContext(vaultId, id));
    secret.fill(0);
    return { id, version, wrapped: wrapped.toString('base64'), rootKey: this.#rootKey.id, created };
  }

  async #put(cached: CachedRecord<VaultHead> | undefined, change: VaultChange, caller: Caller): Promise<VaultHead> {
    const head = { ...change.head, counter: (cached?.head.counter ?? 0) + 1 };
    const name = vaultRecordName(head.namespace, head.name);
    const text = JSON.stringify(head);
    const macKey = currentKey(head).id;
    const value = await this.#parts.keyring.use(head, macKey, ({ headKey }) => headMac(headKey, { recordName: name, vaultId: head.vaultId }, text));
    const body = encodeDocument({ format: FORMAT, head: text, mac: { vaultKey: macKey, value } });
    await this.#parts.auditor.change(entry(head, change.operation, caller), async () => {
      const written = await this.#swap(head, () =>
        between(this.#parts.failAt, 'record', () =>
          this.#parts.store.compareAndSwap({ name, kind: 'vault', vaultId: head.vaultId, body }, cached?.revision, caller.signal)));
      this.#cache.wrote(written);
      return { counter: head.counter, headHash: sha256(text) };
    });
    return head;
  }

  #verified(cached: CachedRecord<VaultHead>): Promise<VaultHead> {
    const { name, head, macKey } = cached;
    return this.#cache.verified(cached, (document) =>
      this.#parts.keyring.use(head, macKey, ({ headKey }) => verifyHead(headKey, { recordName: name, vaultId: head.vaultId }, document)));
  }

  async #swap<T>(head: VaultHead, write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
      const name = vaultRecordName(head.namespace, head.name);
      const fresh = await this.#parts.store.get(name);
      if (fresh === undefined) this.#cache.gone(name);
      else this.#cache.read(fresh);
      throw changedMeanwhile(head);
    }
  }
}

function entry(head: VaultHead, operation: AuditOperation, caller: Caller) {
  return {
    operation,
    vault: { id: head.vaultId, namespace: head.namespace, name: head.name },
    actor: caller.actor,
    ...(caller.resource === undefined ? {} : { resource: caller.resource }),
    expectedCounter: head.counter,
  };
}

function changedMeanwhile(head: Pick<VaultHead, 'namespace' | 'name'>): KeysteadError {
  return new RecordChanged(`The record of vault ${head.namespace}/${head.name}`);
}

/** Nobody's vault, with a key that opens nothing. */
function unreadable(vaultId: string): VaultHead {
  const none = { namespace: '', name: '', namespaceUid: '', incarnation: '', created: '', resourceUid: '' };
  const limits = { objects: 0, versionsPerObject: 0, bytes: 0 };
  return { vaultId, ...none, counter: 0, retentionDays: 90, purgeProtection: true, limits, keys: [{ id: '', version: 0, wrapped: '', rootKey: '', created: '' }] };
}
