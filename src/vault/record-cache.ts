import { KeysteadError } from '../api/error.ts';
import type { Log } from '../runtime/log.ts';
import type { RecordKind, Store, StoredRecord } from '../store/store.ts';
import { parseDocument, parseHead, tampered, verifyHash, type RecordDocument } from './codec.ts';

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
  /** The name of the record that such a head belongs into. */
  readonly nameOf: (head: Head) => string;
  /** Whether the record may go without this process having removed it: what is live is never removed by anybody. */
  readonly mayGo: (head: Head) => boolean;
  /** Which blobs to keep in memory, by id, with the hash that the head names. */
  readonly keep: (head: Head) => ReadonlyMap<string, string>;
  /** Called after every change of what the cache holds. `own`: this process wrote it, so whoever did knows. */
  readonly changed: (name: string, before: CachedRecord<Head> | undefined, after: CachedRecord<Head> | undefined, own: boolean) => void;
}

/** How far a record was written. `proven`: its MAC was checked, so no forgery moves it any more. */
interface Seen {
  readonly incarnation: string;
  readonly counter: number;
  readonly proven: boolean;
}

/**
 * What this process knows of the records of one kind: fed by the watch and by its own writes, so that it reads what it
 * wrote at once. It believes nothing: a record must lie where its head says and hold the current blobs that its head names, heads
 * are verified when they are used, and a counter that goes back within one incarnation, confirmed by a consistent read,
 * makes the record unusable (DESIGN §4).
 */
export class RecordCache<Head extends Counted> {
  readonly #options: RecordCacheOptions<Head>;
  readonly #records = new Map<string, CachedRecord<Head>>();
  /** Highest counter seen of each record, also of those that are gone. */
  readonly #seen = new Map<string, Seen>();

  constructor(options: RecordCacheOptions<Head>) {
    this.#options = options;
  }

  /** Resolves when every record that exists was seen; goes on until `signal` is aborted. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#options.store.watch(
      { kind: this.#options.kind },
      (event) => {
        if (event.type === 'removed') this.gone(event.name);
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

  /** Why records are not used, one each. */
  *problems(): Iterable<KeysteadError> {
    for (const { problem } of this.#records.values()) if (problem !== undefined) yield problem;
  }

  /** The head of a record, after `check` has once found its MAC right. @throws KeysteadError RecordTampered, RecordRolledBack */
  async verified(record: CachedRecord<Head>, check: (document: RecordDocument) => Promise<void>): Promise<Head> {
    if (record.problem !== undefined) throw record.problem;
    if (record.unverified !== undefined) {
      await check(record.unverified);
      this.#prove(record);
    }
    return record.head;
  }

  /** Takes in what this process wrote and signed, before the watch tells of it. */
  wrote(record: StoredRecord): void {
    const before = this.#records.get(record.name);
    const replaced = before === undefined ? [] : [...before.replaced.slice(-7), before.revision];
    this.#prove(this.#take(record, replaced, true));
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

  #prove(record: CachedRecord<Head>): void {
    record.unverified = undefined;
    const { incarnation, counter } = record.head;
    const seen = this.#seen.get(record.name);
    if (seen?.proven === true && seen.incarnation === incarnation && seen.counter > counter) return;
    this.#seen.set(record.name, { incarnation, counter, proven: true });
  }

  /** Somebody else removed it. With what is live nobody may do that, and its resource must not think that it never was. */
  gone(name: string): void {
    const cached = this.#records.get(name);
    if (cached === undefined) return;
    if (cached.problem === undefined && this.#options.mayGo(cached.head)) this.#set(name, undefined, false);
    else this.#accept({ ...cached, revision: '', replaced: [], problem: tampered(name, 'it was removed') }, false);
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
    if (record.problem !== undefined) {
      this.#options.log.error(record.problem.message, { record: record.name, code: record.problem.code });
    } else if (this.#seen.get(record.name)?.proven !== true) {
      this.#seen.set(record.name, { incarnation: record.head.incarnation, counter: record.head.counter, proven: false });
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

  /** @throws KeysteadError RecordTampered when one of them is not the blob that the head names */
  #kept(name: string, head: Head, { blobs = {} }: RecordDocument): ReadonlyMap<string, string> {
    return new Map([...this.#options.keep(head)].map(([id, hash]) => {
      const blob = (Object.hasOwn(blobs, id) ? blobs[id] : undefined) ?? '';
      verifyHash(name, `version ${id}`, blob, hash);
      return [id, blob];
    }));
  }

  #parse(record: StoredRecord, replaced: readonly string[]): CachedRecord<Head> {
    const common = { name: record.name, revision: record.revision, size: record.body.length, replaced };
    try {
      const document = parseDocument(record.name, record.body);
      const head = parseHead(record.name, document, this.#options.isHead);
      if (this.#options.nameOf(head) !== record.name) throw tampered(record.name, 'it lies under another name than its content gives');
      const kept = this.#kept(record.name, head, document);
      const unverified = { format: document.format, head: document.head, mac: document.mac };
      return { ...common, head, macKey: document.mac.vaultKey, blobs: kept, unverified, problem: undefined };
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
