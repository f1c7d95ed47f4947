import { KeysteadError } from '../api/error.ts';
import type { AuditOperation } from '../audit/record.ts';
import { canonicalName } from '../crypto/canonical.ts';
import { sha256 } from '../crypto/envelope.ts';
import { between } from '../runtime/fail-point.ts';
import { RevisionConflict, type StoredRecord } from '../store/store.ts';
import { archiveCreated, inlineVersions, makeArchive, openArchive, versionsToArchive, type ArchiveRecord } from './archive.ts';
import { bindingOf, headOf, rewrapVersion, sealedHeadOf, sealVersion, withPublicPart, type NewVersion, type PendingKey, type PublishedVersion } from './blobs.ts';
import { encodeDocument, FORMAT, headMac, parseDocument, verifyHash } from './codec.ts';
import type { Caller, EngineParts } from './context.ts';
import { checkLimits } from './limits.ts';
import type { Change } from './object-change.ts';
import { allSealed, allVersions, stateOf, type ObjectHead, type ObjectKind, type SealedHead, type VersionHead } from './object-record.ts';
import type { CachedRecord, RecordCache } from './record-cache.ts';
import { RecordChanged } from './record-changed.ts';
import type { VaultStats } from './stats.ts';
import { currentKey, type VaultHead } from './vault-record.ts';

const UNLISTED_ARCHIVE_MS = 60 * 60_000;

type Blobs = ReadonlyMap<string, string>;

/** How objects get into the store: sealing, archives, the head's MAC, one compare-and-swap. Used by `Objects` only. */
export class ObjectWriter {
  readonly #parts: EngineParts;
  readonly #cache: RecordCache<ObjectHead>;

  constructor(parts: EngineParts, cache: RecordCache<ObjectHead>) {
    this.#parts = parts;
    this.#cache = cache;
  }

  /** Carries out a change of a (verified) record. @throws KeysteadError RecordChanged, LimitExceeded */
  async write(
    vault: VaultHead,
    recordName: string,
    cached: CachedRecord<ObjectHead> | undefined,
    change: Change,
    stats: VaultStats,
    caller: Caller,
  ): Promise<ObjectHead> {
    const blobs = new Map(cached === undefined ? [] : await this.#inlineBlobs(cached));
    let head = change.add === undefined ? change.head : await this.#add(vault, change.head, change.add, blobs);
    if (change.pend !== undefined) head = await this.#pend(vault, head, change.pend, blobs);
    const published = change.publish === undefined ? undefined : cached?.head.certificate?.operation?.pending?.version;
    if (change.publish !== undefined) head = publish(recordName, head, published, change.publish, blobs);
    head = { ...head, counter: (cached?.head.counter ?? 0) + 1, archives: stillListed(head) };
    checkLimits(vault, stats, cached?.head, head, sizeOf(head) - (cached === undefined ? 0 : sizeOf(cached.head)));
    const version = change.add?.id ?? change.pend?.id ?? published?.id;
    return this.#put(vault, recordName, cached, head, blobs, { operation: change.operation, kind: change.kind, version }, caller);
  }

  async #add(vault: VaultHead, head: ObjectHead, added: NewVersion, blobs: Map<string, string>): Promise<ObjectHead> {
    return withVersion(head, added.kind, headOf(await this.#seal(vault, head, added, blobs), added));
  }

  async #pend(vault: VaultHead, head: ObjectHead, { id, csr, issuerState, privateKey }: PendingKey, blobs: Map<string, string>): Promise<ObjectHead> {
    const { certificate } = head;
    if (certificate?.operation === undefined) throw new TypeError('a change that seals a pending key must give the head its operation');
    const version = await this.#seal(vault, head, { kind: 'certificate', id, public: {}, fields: new Map([['privateKey', privateKey]]) }, blobs);
    return { ...head, certificate: { ...certificate, operation: { ...certificate.operation, pending: { version, csr, issuerState } } } };
  }

  /** Seals and overwrites the fields, and puts the blob to the others. */
  async #seal(vault: VaultHead, head: ObjectHead, version: Parameters<typeof sealVersion>[2], blobs: Map<string, string>): Promise<SealedHead> {
    const keyId = currentKey(vault).id;
    const blob = await this.#parts.keyring.use(vault, keyId, ({ key }) => sealVersion(key, head, version, this.#parts.random));
    version.fields.forEach((field) => field.fill(0));
    blobs.set(version.id, blob);
    return sealedHeadOf(version.id, blob, keyId);
  }

  /** @see Objects.rewrap */
  async rewrap(vault: VaultHead, cached: CachedRecord<ObjectHead>, caller: Caller): Promise<boolean> {
    const to = currentKey(vault).id;
    const stale = allSealed(cached.head).filter((version) => version.vaultKey !== to);
    if (stale.length === 0) return false;
    const blobs = new Map(await this.#inlineBlobs(cached));
    for (const archive of cached.head.archives) {
      for (const [id, blob] of await this.#archived(cached, archive.name)) blobs.set(id, blob);
    }
    let { head } = cached;
    for (const kind of ['secret', 'certificate'] as const) {
      const pending = kind === 'certificate' ? head.certificate?.operation?.pending?.version : undefined;
      for (const version of [...(stateOf(head, kind)?.versions ?? []), ...(pending === undefined ? [] : [pending])]) {
        const blob = blobs.get(version.id);
        if (version.vaultKey === to || blob === undefined) continue;
        verifyHash(cached.name, `version ${version.id}`, blob, version.blob);
        const fresh = await this.#rewrapOne(vault, head, kind, version, blob, to);
        blobs.set(version.id, fresh);
        head = withChangedSeal(head, kind, sealedHeadOf(version.id, fresh, to));
      }
    }
    head = { ...head, counter: head.counter + 1, archives: [] };
    await this.#put(vault, cached.name, cached, head, blobs, { operation: 'VaultKeyRewrap', kind: head.certificate === undefined ? 'secret' : 'certificate', version: undefined }, caller);
    return true;
  }

  /** @see Objects.purge */
  async remove(vault: VaultHead, cached: CachedRecord<ObjectHead>, caller: Caller): Promise<void> {
    const { head } = cached;
    await this.#parts.auditor.change(this.#entry(vault, head, { operation: 'ObjectPurge', kind: head.certificate === undefined ? 'secret' : 'certificate', version: undefined }, caller), async () => {
      await this.#swap(cached.name, () => between(this.#parts.failAt, 'record-remove', () => this.#parts.store.remove(cached.name, cached.revision, caller.signal)));
      this.#cache.removed(cached.name);
      return { counter: head.counter };
    });
    for (const archive of head.archives) await this.#removeArchive(archive.name, caller);
  }

  /** @see Objects.removeUnlistedArchives */
  async removeUnlistedArchives(vault: VaultHead, heads: Iterable<ObjectHead>, caller: Caller): Promise<number> {
    const archives = await this.#parts.store.list({ kind: 'archive', vaultId: vault.vaultId }, caller.signal);
    const listed = new Set([...heads].flatMap((head) => head.archives.map((archive) => archive.name)));
    const latest = this.#parts.clock.now().getTime() - UNLISTED_ARCHIVE_MS;
    let removed = 0;
    for (const archive of archives) {
      const created = archiveCreated(archive.body);
      if (listed.has(archive.name) || created === undefined || created.getTime() > latest) continue;
      await this.#removeArchive(archive.name, caller);
      removed += 1;
    }
    return removed;
  }

  /** The blob of a version that is not in the cache: from the record, or from an archive. */
  async readBlob(cached: CachedRecord<ObjectHead>, versionId: string): Promise<string | undefined> {
    const archive = cached.head.archives.find((one) => one.versions.includes(versionId));
    if (archive !== undefined) return (await this.#archived(cached, archive.name)).get(versionId);
    return (await this.#inlineBlobs(cached)).get(versionId);
  }

  async #put(
    vault: VaultHead,
    recordName: string,
    cached: CachedRecord<ObjectHead> | undefined,
    wanted: ObjectHead,
    blobs: Blobs,
    what: { operation: AuditOperation; kind: ObjectKind; version: string | undefined },
    caller: Caller,
  ): Promise<ObjectHead> {
    const { head, archive } = this.#archiveOldest(wanted, blobs);
    const inline = new Set(inlineVersions(head));
    const text = JSON.stringify(head);
    const macKey = currentKey(vault).id;
    const value = await this.#parts.keyring.use(vault, macKey, ({ headKey }) => headMac(headKey, { recordName, vaultId: vault.vaultId }, text));
    const body = encodeDocument({
      format: FORMAT,
      head: text,
      mac: { vaultKey: macKey, value },
      blobs: Object.fromEntries([...blobs].filter(([id]) => inline.has(id))),
    });
    return this.#parts.auditor.change(this.#entry(vault, head, what, caller), async () => {
      if (archive !== undefined) await this.#writeArchive(vault, archive, caller);
      const written = await this.#swap(recordName, () =>
        between(this.#parts.failAt, 'record', () =>
          this.#parts.store.compareAndSwap({ name: recordName, kind: 'object', vaultId: vault.vaultId, body }, cached?.revision, caller.signal)));
      this.#cache.wrote(written);
      return { counter: head.counter, headHash: sha256(text), head };
    }).then((outcome) => outcome.head);
  }

  #archiveOldest(head: ObjectHead, blobs: Blobs): { head: ObjectHead; archive: ArchiveRecord | undefined } {
    const moving = versionsToArchive(head);
    if (moving.length === 0) return { head, archive: undefined };
    const moved = new Map(moving.flatMap((id): [string, string][] => (blobs.has(id) ? [[id, blobs.get(id) ?? '']] : [])));
    const archive = makeArchive(head, moved, this.#parts.clock.now().toISOString());
    return { head: { ...head, archives: [...head.archives, archive.head] }, archive };
  }

  async #writeArchive(vault: VaultHead, archive: ArchiveRecord, caller: Caller): Promise<void> {
    const record = { name: archive.head.name, kind: 'archive', vaultId: vault.vaultId, body: archive.body } as const;
    try {
      await between(this.#parts.failAt, 'archive', () => this.#parts.store.compareAndSwap(record, undefined, caller.signal));
    } catch (error) {
      // Named by its content: if it is there already, it is this one.
      if (!(error instanceof RevisionConflict)) throw error;
    }
  }

  async #removeArchive(name: string, caller: Caller): Promise<void> {
    const archive = await this.#parts.store.get(name, caller.signal);
    if (archive !== undefined) {
      await between(this.#parts.failAt, 'record-remove', () => this.#parts.store.remove(name, archive.revision, caller.signal));
    }
  }

  /** All blobs in the record itself; a read only when the cache does not hold them all. */
  async #inlineBlobs(cached: CachedRecord<ObjectHead>): Promise<Blobs> {
    if (inlineVersions(cached.head).every((id) => cached.blobs.has(id))) return cached.blobs;
    const fresh = await this.#parts.store.get(cached.name);
    if (fresh?.revision !== cached.revision) throw this.#refreshed(cached.name, fresh);
    return new Map(Object.entries(parseDocument(fresh.name, fresh.body).blobs ?? {}));
  }

  async #archived(cached: CachedRecord<ObjectHead>, archiveName: string): Promise<Blobs> {
    const listed = cached.head.archives.find((archive) => archive.name === archiveName);
    const stored = await this.#parts.store.get(archiveName);
    if (listed === undefined || stored === undefined) {
      throw new KeysteadError('RecordTampered', `Archive ${archiveName} of record ${cached.name} is gone. Restore it from a backup of the operator's namespace.`, 'wait');
    }
    return openArchive(cached.name, listed, stored.body);
  }

  async #rewrapOne(vault: VaultHead, head: ObjectHead, kind: ObjectKind, version: SealedHead, blob: string, to: string): Promise<string> {
    const binding = bindingOf(head, kind, version.id);
    const from = await this.#parts.keyring.use(vault, version.vaultKey, ({ key }) => ({ id: key.id, secret: Buffer.from(key.secret) }));
    try {
      return await this.#parts.keyring.use(vault, to, ({ key }) => rewrapVersion(from, key, binding, blob, this.#parts.random));
    } finally {
      from.secret.fill(0);
    }
  }

  async #swap<T>(name: string, write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (error instanceof RevisionConflict) throw this.#refreshed(name, await this.#parts.store.get(name));
      throw error;
    }
  }

  /** Another process was faster: take in what it wrote, and have the caller decide again. */
  #refreshed(name: string, fresh: StoredRecord | undefined): KeysteadError {
    if (fresh === undefined) this.#cache.gone(name);
    else this.#cache.read(fresh);
    return new RecordChanged(`Record ${name}`);
  }

  #entry(vault: VaultHead, head: ObjectHead, what: { operation: AuditOperation; kind: ObjectKind; version: string | undefined }, caller: Caller) {
    return {
      operation: what.operation,
      vault: { id: vault.vaultId, namespace: vault.namespace, name: vault.name },
      object: { kind: what.kind, name: canonicalName(head.name), ...(what.version === undefined ? {} : { version: what.version }) },
      actor: caller.actor,
      ...(caller.resource === undefined ? {} : { resource: caller.resource }),
      expectedCounter: head.counter,
    };
  }
}

/** Archives of which at least one version is still in the head. */
function stillListed(head: ObjectHead): ObjectHead['archives'] {
  const known = new Set(allVersions(head).map((version) => version.id));
  return head.archives.filter((archive) => archive.versions.some((id) => known.has(id)));
}

function withVersion(head: ObjectHead, kind: ObjectKind, version: VersionHead): ObjectHead {
  const state = stateOf(head, kind);
  if (state === undefined) throw new TypeError(`a change that adds a ${kind} version must give the head a ${kind} state`);
  return { ...head, [kind]: { ...state, versions: [version, ...state.versions] } };
}

/** What was pending as the current version, under the same data key and with its public half. */
function publish(recordName: string, head: ObjectHead, pending: SealedHead | undefined, version: PublishedVersion, blobs: Map<string, string>): ObjectHead {
  if (pending === undefined) throw new TypeError('a change that publishes a pending version needs one in the record');
  const sealed = blobs.get(pending.id) ?? '';
  verifyHash(recordName, `pending version ${pending.id}`, sealed, pending.blob);
  const blob = withPublicPart(sealed, version.public);
  blobs.set(pending.id, blob);
  return withVersion(head, 'certificate', headOf(sealedHeadOf(pending.id, blob, pending.vaultKey), version));
}

/** The same version, or the same pending one, under another vault key. */
function withChangedSeal(head: ObjectHead, kind: ObjectKind, sealed: SealedHead): ObjectHead {
  const state = stateOf(head, kind);
  if (state === undefined) return head;
  const changed = { ...head, [kind]: { ...state, versions: state.versions.map((one) => (one.id === sealed.id ? { ...one, ...sealed } : one)) } };
  const { certificate } = changed;
  const operation = certificate?.operation;
  if (certificate === undefined || operation?.pending?.version.id !== sealed.id) return changed;
  return { ...changed, certificate: { ...certificate, operation: { ...operation, pending: { ...operation.pending, version: sealed } } } };
}

/** Bytes of all blobs: what a record weighs without its head. */
function sizeOf(head: ObjectHead): number {
  return allSealed(head).reduce((sum, { size }) => sum + size, 0);
}

