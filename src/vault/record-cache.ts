import { KeysteadError } from '../api/error.ts';
import type { Log } from '../runtime/log.ts';
import type { RecordKind, Store, StoredRecord } from '../store/store.ts';
import { parseDocument, parseHead, type RecordDocument } from './codec.ts';

/** The parts of a head that the cache itself looks at; both vault and object heads have them. */
interface Counted {
  readonly incarnation: string;
  readonly counter: number;
  readonly vaultId: string;
}

export interface CachedRecord<Head extends Counted> {
  readonly name: string;
  readonly revision: string;
  readonly head: Head;
  /** Length of the whole record in bytes. */
  readonly size: number;
  readonly macKey: string;
  /** The blobs that the cache keeps: those the `keep` function chose. */
  readonly blobs: ReadonlyMap<string, string>;
  /** Until the head's MAC was checked: what is needed to check it. */
  unverified: RecordDocument | undefined;
  /** Why the record must not be used. */
  readonly problem: KeysteadError | undefined;
  /** Revisions that we ourselves replaced and that the watch may still tell of. */
  readonly replaced: readonly string[];
}

export interface RecordCacheOptions<Head extends Counted> {
  readonly store: Store;
  readonly kind: RecordKind;
  readonly log: Log;
  /** Whether parsed JSON has the parts that the program reads before anything is verified. */
  readonly isHead: (head: object) => head is Head;
  /** What stands in for the head of a record that cannot be read; its `problem` keeps anybody from believing it. */
  readonly unreadable: (vaultId: string) => Head;
  /** Which blobs to keep in memory. */
  readonly keep: (head: Head) => readonly string[];
  /** Called after every change of what the cache holds. `own`: this process wrote it, so whoever did knows. */
  readonly changed: (name: string, before: CachedRecord<Head> | undefined, after: CachedRecord<Head> | undefined, own: boolean) => void;
}

/**
 * What this process knows of the records of one kind: fed by the watch and by its own writes, so that it reads what it
 * wrote at once. It believes nothing: heads are verified by whoever reads them, and a counter that goes back within one
 * incarnation, confirmed by a consistent read, makes the record unusable (DESIGN §4).
 */
export class RecordCache<Head extends Counted> {
  readonly #options: RecordCacheOptions<Head>;
  readonly #records = new Map<string, CachedRecord<Head>>();
  /** Highest counter seen of each record, also of those that are gone. */
  readonly #seen = new Map<string, { incarnation: string; counter: number }>();

  constructor(options: RecordCacheOptions<Head>) {
    this.#options = options;
  }

  /** Resolves when every record that exists was seen; goes on until `signal` is aborted. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#options.store.watch(
      { kind: this.#options.kind },
      (event) => {
        if (event.type === 'removed') this.#set(event.name, undefined, false);
        else this.#told(event.record, signal);
      },
      signal,
    );
  }

  get(name: string): CachedRecord<Head> | undefined {
    return this.#records.get(name);
  }

  values(): Iterable<CachedRecord<Head>> {
    return this.#records.values();
  }

  /** Takes in what this process wrote, before the watch tells of it. */
  wrote(record: StoredRecord): CachedRecord<Head> {
    const before = this.#records.get(record.name);
    const replaced = before === undefined ? [] : [...before.replaced.slice(-7), before.revision];
    return this.#take(record, replaced, true);
  }

  /** Takes in a consistent read. */
  read(record: StoredRecord): CachedRecord<Head> {
    const cached = this.#records.get(record.name);
    return cached?.revision === record.revision ? cached : this.#take(record, [], false);
  }

  /** This process removed the record: a later one of the same name starts afresh. */
  removed(name: string): void {
    this.#seen.delete(name);
    if (this.#records.has(name)) this.#set(name, undefined, true);
  }

  #told(record: StoredRecord, signal: AbortSignal): void {
    const cached = this.#records.get(record.name);
    if (cached?.revision === record.revision) {
      if (cached.replaced.length > 0) this.#records.set(record.name, { ...cached, replaced: [] });
      return;
    }
    if (cached?.replaced.includes(record.revision)) return;
    const parsed = this.#parse(record, []);
    if (parsed.problem === undefined && this.#isOlder(parsed)) {
      void this.#confirm(record.name, signal);
      return;
    }
    this.#accept(parsed, false);
  }

  #isOlder(record: CachedRecord<Head>): boolean {
    const seen = this.#seen.get(record.name);
    return seen !== undefined && seen.incarnation === record.head.incarnation && record.head.counter < seen.counter;
  }

  /** An older state was told: either the watch lags behind a write of another process, or somebody put it back. */
  async #confirm(name: string, signal: AbortSignal): Promise<void> {
    try {
      const fresh = await this.#options.store.get(name, signal);
      if (fresh === undefined) return;
      const parsed = this.#parse(fresh, []);
      this.#accept(this.#isOlder(parsed) ? { ...parsed, problem: rolledBack(name, parsed.head.counter, this.#seen.get(name)?.counter) } : parsed, false);
    } catch (error) {
      if (!signal.aborted) this.#options.log.warn('could not confirm a record', { record: name, error: error instanceof Error ? error.name : 'unknown' });
    }
  }

  #take(record: StoredRecord, replaced: readonly string[], own: boolean): CachedRecord<Head> {
    const parsed = this.#parse(record, replaced);
    const older = parsed.problem === undefined && this.#isOlder(parsed);
    return this.#accept(older ? { ...parsed, problem: rolledBack(record.name, parsed.head.counter, this.#seen.get(record.name)?.counter) } : parsed, own);
  }

  #accept(record: CachedRecord<Head>, own: boolean): CachedRecord<Head> {
    if (record.problem === undefined) {
      this.#seen.set(record.name, { incarnation: record.head.incarnation, counter: record.head.counter });
    } else {
      this.#options.log.error(record.problem.message, { record: record.name, code: record.problem.code });
    }
    this.#set(record.name, record, own);
    return record;
  }

  #set(name: string, after: CachedRecord<Head> | undefined, own: boolean): void {
    const before = this.#records.get(name);
    if (after === undefined) this.#records.delete(name);
    else this.#records.set(name, after);
    this.#options.changed(name, before, after, own);
  }

  #parse(record: StoredRecord, replaced: readonly string[]): CachedRecord<Head> {
    const common = { name: record.name, revision: record.revision, size: record.body.length, replaced };
    try {
      const document = parseDocument(record.name, record.body);
      const head = parseHead(record.name, document, this.#options.isHead);
      const kept = this.#options.keep(head).flatMap((id): [string, string][] => {
        const blob = document.blobs?.[id];
        return blob === undefined ? [] : [[id, blob]];
      });
      const unverified = { format: document.format, head: document.head, mac: document.mac };
      return { ...common, head, macKey: document.mac.vaultKey, blobs: new Map(kept), unverified, problem: undefined };
    } catch (error) {
      if (!(error instanceof KeysteadError)) throw error;
      const head = this.#records.get(record.name)?.head ?? this.#options.unreadable(record.vaultId ?? '');
      return { ...common, head, macKey: '', blobs: new Map(), unverified: undefined, problem: error };
    }
  }
}

function rolledBack(name: string, counter: number, seen: number | undefined): KeysteadError {
  return new KeysteadError(
    'RecordRolledBack',
    `Record ${name} was put back to an older state (write ${counter}, while write ${seen ?? counter} was seen). It is not used. ` +
      'If this was a restore that you meant, restart the operator; otherwise restore the newer state.',
    'wait',
  );
}
