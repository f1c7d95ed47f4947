/**
 * Where records live. The engine knows nothing else of storage; the Kubernetes and the in-memory store
 * pass the same conformance test (test/support/store-conformance.ts).
 *
 * The store is completely untrusted: it may be read, changed, swapped or put back by others. It gives
 * durability and compare-and-swap, never confidentiality or integrity.
 */

/** What a record is; the store can list and watch by it. */
export type RecordKind = 'installation' | 'vault' | 'object' | 'archive' | 'checkpoint';

/** A record as it lies in the store. `body` and `labels` are opaque to it. */
export interface StoredRecord {
  /** Unique in the store; a valid Kubernetes object name. */
  readonly name: string;
  readonly kind: RecordKind;
  /** The vault that it belongs to; undefined for installation and checkpoint. */
  readonly vaultId: string | undefined;
  readonly body: Buffer;
  /** Opaque; equal if and only if the record is unchanged. */
  readonly revision: string;
}

/** What a caller writes: the same, but the store assigns the revision. */
export type RecordToWrite = Omit<StoredRecord, 'revision'>;

export interface RecordFilter {
  readonly kind: RecordKind;
  readonly vaultId?: string;
}

export type StoreEvent =
  | { readonly type: 'put'; readonly record: StoredRecord }
  | { readonly type: 'removed'; readonly name: string; readonly kind: RecordKind; readonly vaultId: string | undefined };

/** The record was not in the expected state; nothing was written. */
export class RevisionConflict extends Error {
  override readonly name = 'RevisionConflict';
}

export interface Store {
  /** A consistent read: never older than the last acknowledged write of anybody. Undefined if there is none. */
  get(name: string, signal?: AbortSignal): Promise<StoredRecord | undefined>;

  /** A consistent list, in no particular order. */
  list(filter: RecordFilter, signal?: AbortSignal): Promise<StoredRecord[]>;

  /**
   * Tells of every record of the kind: first all that exist, then each change, in order per record. Changes that follow
   * quickly may be told as one. Resolves when the existing ones have been told; goes on until `signal` is aborted,
   * over any fault of the connection.
   */
  watch(filter: RecordFilter, tell: (event: StoreEvent) => void, signal: AbortSignal): Promise<void>;

  /**
   * Writes the whole record if its revision is still `expected` (undefined: if there is none yet).
   * @throws RevisionConflict when it isn't. Any other error leaves it open whether the write happened.
   */
  compareAndSwap(record: RecordToWrite, expected: string | undefined, signal?: AbortSignal): Promise<StoredRecord>;

  /** Removes the record if its revision is still `expected`. @throws RevisionConflict; gone already is no error. */
  remove(name: string, expected: string, signal?: AbortSignal): Promise<void>;
}
