import { RevisionConflict, type RecordFilter, type RecordToWrite, type Store, type StoredRecord, type StoreEvent } from './store.ts';

/** Records in memory, for tests and as the simplest reading of the contract. Nothing outlives the process. */
export class MemoryStore implements Store {
  readonly #records = new Map<string, StoredRecord>();
  readonly #watchers = new Set<{ filter: RecordFilter; tell: (event: StoreEvent) => void }>();
  #writes = 0;

  async get(name: string, signal?: AbortSignal): Promise<StoredRecord | undefined> {
    signal?.throwIfAborted();
    return this.#records.get(name);
  }

  async list(filter: RecordFilter, signal?: AbortSignal): Promise<StoredRecord[]> {
    signal?.throwIfAborted();
    return [...this.#records.values()].filter((record) => matches(filter, record));
  }

  async watch(filter: RecordFilter, tell: (event: StoreEvent) => void, signal: AbortSignal): Promise<void> {
    const watcher = { filter, tell };
    for (const record of await this.list(filter, signal)) tell({ type: 'put', record });
    this.#watchers.add(watcher);
    signal.addEventListener('abort', () => this.#watchers.delete(watcher), { once: true });
  }

  async compareAndSwap(record: RecordToWrite, expected: string | undefined, signal?: AbortSignal): Promise<StoredRecord> {
    signal?.throwIfAborted();
    if (this.#records.get(record.name)?.revision !== expected) throw new RevisionConflict(`${record.name} is not at ${String(expected)}`);
    this.#writes += 1;
    const written = { ...record, body: Buffer.from(record.body), revision: String(this.#writes) };
    this.#records.set(record.name, written);
    this.#tell(written, { type: 'put', record: written });
    return written;
  }

  async remove(name: string, expected: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const record = this.#records.get(name);
    if (record === undefined) return;
    if (record.revision !== expected) throw new RevisionConflict(`${name} is not at ${expected}`);
    this.#records.delete(name);
    this.#tell(record, { type: 'removed', name, kind: record.kind, vaultId: record.vaultId });
  }

  #tell(record: StoredRecord, event: StoreEvent): void {
    for (const { filter, tell } of this.#watchers) if (matches(filter, record)) tell(event);
  }
}

function matches(filter: RecordFilter, record: StoredRecord): boolean {
  return record.kind === filter.kind && (filter.vaultId === undefined || record.vaultId === filter.vaultId);
}
