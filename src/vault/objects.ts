import { KeysteadError } from '../api/error.ts';
import type { AuditOperation } from '../audit/record.ts';
import { hmac, OpenFailed } from '../crypto/aead.ts';
import { canonical, canonicalName } from '../crypto/canonical.ts';
import { openField } from '../crypto/envelope.ts';
import { bindingOf, parseBlob } from './blobs.ts';
import type { Caller, EngineParts } from './context.ts';
import { verifyHash, verifyHead } from './codec.ts';
import { objectRecordName } from './names.ts';
import type { Decide } from './object-change.ts';
import { isObjectHead, isTombstone, stateOf, type ObjectHead, type ObjectKind, type VersionHead } from './object-record.ts';
import { ObjectWriter } from './object-writer.ts';
import { RecordCache, type CachedRecord } from './record-cache.ts';
import { RecordChanged } from './record-changed.ts';
import { count, emptyStats, type VaultStats } from './stats.ts';
import type { VaultHead } from './vault-record.ts';

export interface ObjectsOptions {
  readonly parts: EngineParts;
  /** Whether there is a vault of this id and it is not deleted: of one that goes, everything goes. */
  readonly isOpen: (vaultId: string) => boolean;
  /** Called after every change of an object. `own`: this process made it, so whoever did knows. */
  readonly changed: (before: ObjectHead | undefined, after: ObjectHead | undefined, own: boolean) => void;
}

/** Names of all purposes for which something derived from a value may be shown or kept. */
export type HashPurpose = 'published' | 'inputs' | 'keystores';

const hashKeys = { published: 'publishedHashKey', inputs: 'inputsKey', keystores: 'keystoresKey' } as const;

/**
 * The objects of all vaults: read from what the watch told and what was written here, verified before use, changed by
 * one compare-and-swap each. Nothing is decrypted, changed or removed without a record in the audit log.
 */
export class Objects {
  readonly #parts: EngineParts;
  readonly #cache: RecordCache<ObjectHead>;
  readonly #writer: ObjectWriter;
  readonly #stats = new Map<string, VaultStats>();
  readonly #namesOf = new Map<string, Set<string>>();

  constructor(options: ObjectsOptions) {
    this.#parts = options.parts;
    this.#cache = new RecordCache<ObjectHead>({
      store: options.parts.store,
      kind: 'object',
      log: options.parts.log,
      isHead: isObjectHead,
      unreadable: (vaultId) => ({ vaultId, name: '', incarnation: '', counter: 0, archives: [] }),
      nameOf: (head) => objectRecordName(head.vaultId, head.name),
      mayGo: (head) => isTombstone(head) || !options.isOpen(head.vaultId),
      keep: (head) => {
        const inUse = [head.secret?.versions[0], head.certificate?.versions[0], head.certificate?.operation?.pending?.version];
        return new Map(inUse.flatMap((sealed) => (sealed === undefined ? [] : [[sealed.id, sealed.blob]])));
      },
      changed: (name, before, after, own) => {
        this.#count(name, before, after);
        options.changed(before?.head, after?.head, own);
      },
    });
    this.#writer = new ObjectWriter(options.parts, this.#cache);
  }

  /** Resolves when every object that exists is known. */
  start(signal: AbortSignal): Promise<void> {
    return this.#cache.start(signal);
  }

  /** The head of an object, verified. @throws KeysteadError RecordTampered, RecordRolledBack */
  async get(vault: VaultHead, name: string): Promise<ObjectHead | undefined> {
    const cached = this.#cache.get(objectRecordName(vault.vaultId, name));
    return cached === undefined ? undefined : this.#verified(vault, cached);
  }

  /** Heads of every object of a vault, unverified: for counting, and for finding what to look at. */
  *headsOf(vaultId: string): Iterable<ObjectHead> {
    for (const name of this.#namesOf.get(vaultId) ?? []) {
      const cached = this.#cache.get(name);
      if (cached !== undefined && cached.problem === undefined) yield cached.head;
    }
  }

  /** Why records of objects are not used, one each. */
  problems(): Iterable<KeysteadError> {
    return this.#cache.problems();
  }

  stats(vaultId: string): Readonly<VaultStats> {
    return this.#stats.get(vaultId) ?? emptyStats();
  }

  /**
   * Changes an object by one compare-and-swap, audited by intent and outcome. Answers the head as it is afterwards.
   * @throws KeysteadError RecordChanged when another process was faster (retry), LimitExceeded, RecordTampered
   */
  async change(vault: VaultHead, name: string, caller: Caller, decide: Decide): Promise<ObjectHead | undefined> {
    const recordName = objectRecordName(vault.vaultId, name);
    const cached = this.#cache.get(recordName);
    const head = cached === undefined ? undefined : await this.#verified(vault, cached);
    const change = decide(head);
    if (change === undefined) return head;
    return this.#writer.write(vault, recordName, cached, change, this.stats(vault.vaultId), caller);
  }

  /** Removes an object for good, archives too. The caller has made sure that it may go. */
  async purge(vault: VaultHead, name: string, caller: Caller): Promise<void> {
    const cached = this.#cache.get(objectRecordName(vault.vaultId, name));
    if (cached !== undefined) await this.#writer.remove(vault, cached, caller);
  }

  /** Puts all versions of one object under the current vault key. Answers whether anything had to be done. */
  async rewrap(vault: VaultHead, name: string, caller: Caller): Promise<boolean> {
    const cached = this.#cache.get(objectRecordName(vault.vaultId, name));
    if (cached === undefined) return false;
    await this.#verified(vault, cached);
    return this.#writer.rewrap(vault, cached, caller);
  }

  /** Removes archives that no head lists and that are older than an hour. Answers how many. */
  removeUnlistedArchives(vault: VaultHead, caller: Caller): Promise<number> {
    return this.#writer.removeUnlistedArchives(vault, this.headsOf(vault.vaultId), caller);
  }

  /** What is stored in the clear with a version; undefined if there is no such version. No audit record: it is public. */
  async publicPart(vault: VaultHead, name: string, kind: ObjectKind, versionId: string): Promise<Readonly<Record<string, string>> | undefined> {
    const found = await this.#version(vault, name, kind, versionId);
    return found === undefined ? undefined : parseBlob(found.blob).public;
  }

  /**
   * Decrypts fields of one version; the record of it is in the audit log before this answers. The caller overwrites the
   * buffers when done. @throws KeysteadError RecordTampered; fields that the version does not have are left out
   */
  async open(vault: VaultHead, name: string, kind: ObjectKind, versionId: string, operation: AuditOperation, caller: Caller): Promise<Map<string, Buffer>> {
    const found = await this.#version(vault, name, kind, versionId);
    if (found === undefined) throw missingVersion(name, versionId);
    const blob = parseBlob(found.blob);
    const binding = bindingOf(found.head, kind, versionId);
    const opened = await this.#parts.keyring.use(vault, blob.dataKey.vaultKey, ({ key }) => {
      const fields = new Map<string, Buffer>();
      for (const field of Object.keys(blob.fields)) {
        const value = openField(key, binding, blob, field);
        if (value !== undefined) fields.set(field, value);
      }
      return fields;
    }).catch((error: unknown) => {
      if (error instanceof OpenFailed) throw notOpening(name, versionId, error);
      throw error;
    });
    await this.used(vault, found.head, kind, versionId, operation, caller).catch((error: unknown) => {
      // Without its record it was not opened.
      opened.forEach((field) => field.fill(0));
      throw error;
    });
    return opened;
  }

  /** Records that a version is made use of without being opened again: a signature by a key that is held in memory. */
  used(vault: VaultHead, head: ObjectHead, kind: ObjectKind, versionId: string, operation: AuditOperation, caller: Caller): Promise<void> {
    return this.#parts.auditor.read({
      operation,
      vault: { id: vault.vaultId, namespace: vault.namespace, name: vault.name },
      object: { kind, name: canonicalName(head.name), version: versionId },
      actor: caller.actor,
      ...(caller.resource === undefined ? {} : { resource: caller.resource }),
      counter: head.counter,
    });
  }

  /**
   * HMAC, hex, under a key of this vault and purpose: what may be published or kept without giving the value away; for
   * `keystores`, what only this vault can make, passwords and salts.
   */
  async hash(vault: VaultHead, purpose: HashPurpose, parts: readonly (string | Buffer)[]): Promise<string> {
    // The oldest key: the hash must not change when the vault key is rotated, or every target would be written again.
    return this.#parts.keyring.use(vault, vault.keys[0].id, (key) =>
      hmac(key[hashKeys[purpose]]).update(canonical(parts)).digest('hex'));
  }

  async #version(vault: VaultHead, name: string, kind: ObjectKind, versionId: string): Promise<{ head: ObjectHead; blob: string } | undefined> {
    const cached = this.#cache.get(objectRecordName(vault.vaultId, name));
    if (cached === undefined) return undefined;
    const head = await this.#verified(vault, cached);
    const version: VersionHead | undefined = stateOf(head, kind)?.versions.find((one) => one.id === versionId);
    if (version === undefined) return undefined;
    const blob = cached.blobs.get(versionId) ?? (await this.#writer.readBlob(cached, versionId));
    verifyHash(cached.name, `version ${versionId}`, blob ?? '', version.blob);
    return { head, blob: blob ?? '' };
  }

  #verified(vault: VaultHead, cached: CachedRecord<ObjectHead>): Promise<ObjectHead> {
    const at = { recordName: cached.name, vaultId: vault.vaultId };
    return this.#cache.verified(cached, (document) =>
      this.#parts.keyring.use(vault, cached.macKey, ({ headKey }) => verifyHead(headKey, at, document)));
  }

  #count(name: string, before: CachedRecord<ObjectHead> | undefined, after: CachedRecord<ObjectHead> | undefined): void {
    for (const [record, sign] of [[before, -1], [after, 1]] as const) {
      if (record === undefined) continue;
      const id = record.head.vaultId;
      const stats = this.#stats.get(id) ?? emptyStats();
      count(stats, record, sign);
      this.#stats.set(id, stats);
      const names = this.#namesOf.get(id) ?? new Set<string>();
      if (sign === 1) names.add(name);
      else names.delete(name);
      this.#namesOf.set(id, names);
      if (names.size === 0) {
        this.#namesOf.delete(id);
        this.#stats.delete(id);
      }
    }
  }
}

function missingVersion(name: string, versionId: string): KeysteadError {
  return new RecordChanged(`Version ${versionId} of ${name}`);
}

function notOpening(name: string, versionId: string, cause: unknown): KeysteadError {
  return new KeysteadError(
    'RecordTampered',
    `Version ${versionId} of ${name} does not open: it was changed or moved by somebody other than Keystead. Restore the record from a backup.`,
    'wait',
    { cause },
  );
}
