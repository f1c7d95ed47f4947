import type { Clock, Timer } from '../runtime/clock.ts';
import { withTimeout } from '../runtime/deadline.ts';
import { between, type FailAt } from '../runtime/fail-point.ts';
import type { Log } from '../runtime/log.ts';
import { RevisionConflict, type Store, type StoredRecord } from '../store/store.ts';
import type { AuditKeys } from './chain.ts';
import { CHECKPOINT_RECORD, decodeCheckpoints, encodeCheckpoints, type WriterCheckpoint } from './checkpoint-record.ts';
import type { AuditRecord, Checkpoint } from './record.ts';

export interface CheckpointsOptions {
  readonly writer: string;
  readonly keys: AuditKeys;
  /** Not one that needs leadership: every process has a chain. */
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly failAt: FailAt;
  /** The last line that the sinks have. */
  readonly position: () => Checkpoint | undefined;
  /** Writes a line about the chain itself. Resolves when the sinks have it; @throws KeysteadError AuditUnavailable */
  readonly record: (record: AuditRecord) => Promise<void>;
}

/** Soon after the first line, so that a writer cannot be left out whole; then at this pace while lines are written. */
const FIRST_AFTER_MS = 1_000;
const INTERVAL_MS = 30_000;
const WRITE_LIMIT_MS = 10_000;
/** More writers than this and the one longest silent moves into the log, as a line of ours: some 10 KiB at most. */
const MOST_WRITERS = 64;
const MOST_CONFLICTS = 5;

/**
 * Puts this writer's place in its chain into the store while it writes, so that a log whose end, or one whole writer, was
 * cut off is found out. Writes nothing while nothing is audited. A checkpoint that cannot be written stops nobody: it is
 * tried again, and until then the verifier proves less.
 */
export class Checkpoints {
  readonly #options: CheckpointsOptions;
  #known: StoredRecord | undefined;
  /** Of others, as last seen. */
  #predecessor: Checkpoint | undefined;
  #invalid = false;
  #written: Checkpoint | undefined;
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;
  #closed = false;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
  }

  /** Learns of the writers before this one; one read. */
  async start(signal: AbortSignal): Promise<void> {
    const { store, keys, writer } = this.#options;
    this.#known = await store.get(CHECKPOINT_RECORD, signal);
    if (this.#known === undefined) {
      return;
    }
    const writers = decodeCheckpoints(keys, this.#known.body);
    this.#invalid = writers === undefined;
    this.#predecessor = writers?.findLast((other) => other.writer !== writer);
  }

  /** The first lines of this writer: whom it follows. */
  opening(): readonly AuditRecord[] {
    const start: AuditRecord = {
      operation: 'AuditWriterStart',
      phase: 'chain',
      actor: this.#actor(),
      ...(this.#predecessor === undefined ? {} : { checkpoint: only(this.#predecessor) }),
    };
    return this.#invalid ? [start, this.#invalidLine()] : [start];
  }

  /** To be called after each line. */
  entered(): void {
    if (this.#timer !== undefined || this.#writing !== undefined || this.#closed) {
      return;
    }
    this.#timer = this.#options.clock.after(this.#written === undefined ? FIRST_AFTER_MS : INTERVAL_MS, () => {
      this.#timer = undefined;
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
        if (this.#behind()) {
          this.entered();
        }
      });
    });
  }

  /** Writes the last checkpoint. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#writing;
    if (this.#behind()) {
      await this.#write();
    }
  }

  #behind(): boolean {
    return (this.#options.position()?.seq ?? 0) > (this.#written?.seq ?? 0);
  }

  async #write(): Promise<void> {
    const { clock, log } = this.#options;
    try {
      await withTimeout(clock, WRITE_LIMIT_MS, undefined, (signal) => this.#put(signal));
    } catch (error) {
      log.warn('The checkpoint of the audit log could not be written; it is tried again', { error: error instanceof Error ? error.name : 'Error' });
    }
  }

  async #put(signal: AbortSignal): Promise<void> {
    const { store, failAt } = this.#options;
    for (let conflicts = 0; ; conflicts += 1) {
      const at = this.#options.position();
      if (at === undefined) {
        return;
      }
      const writers = await this.#withRetired(await this.#withOurs(at));
      const record = { name: CHECKPOINT_RECORD, kind: 'checkpoint', vaultId: undefined, body: encodeCheckpoints(this.#options.keys, writers) } as const;
      try {
        this.#known = await between(failAt, 'checkpoint', () => store.compareAndSwap(record, this.#known?.revision, signal));
        this.#written = at;
        return;
      } catch (error) {
        if (!(error instanceof RevisionConflict) || conflicts === MOST_CONFLICTS) {
          throw error;
        }
        this.#known = await store.get(CHECKPOINT_RECORD, signal);
      }
    }
  }

  /** The writers as the store has them, with our own place brought up to date. What was tampered with is said in the log. */
  async #withOurs(at: Checkpoint): Promise<readonly WriterCheckpoint[]> {
    const { writer, keys, clock } = this.#options;
    const writers = this.#known === undefined ? [] : decodeCheckpoints(keys, this.#known.body);
    const mine = writers?.find((entry) => entry.writer === writer);
    const steppedBack = mine !== undefined && mine.seq < (this.#written?.seq ?? 0);
    const lost = this.#known === undefined && this.#written !== undefined;
    if ((writers === undefined && !this.#invalid) || steppedBack || lost) {
      this.#options.log.error('The checkpoints of the audit log were changed by somebody other than Keystead', { record: CHECKPOINT_RECORD });
      if (!this.#closed) {
        await this.#options.record(this.#invalidLine());
      }
    }
    this.#invalid = writers === undefined;
    const ours: WriterCheckpoint = { ...only(at), time: clock.now().toISOString() };
    const others = writers ?? [];
    return mine === undefined ? [...others, ours] : others.map((entry) => (entry === mine ? ours : entry));
  }

  /** Where there are too many, those longest silent leave the record, and stand in our chain from then on. */
  async #withRetired(writers: readonly WriterCheckpoint[]): Promise<readonly WriterCheckpoint[]> {
    const excess = writers.length - MOST_WRITERS;
    if (excess <= 0 || this.#closed) {
      return writers;
    }
    const others = writers.filter((entry) => entry.writer !== this.#options.writer);
    const retired = others.toSorted((a, b) => (a.time < b.time ? -1 : 1)).slice(0, excess);
    await Promise.all(
      retired.map((entry) =>
        this.#options.record({ operation: 'AuditWriterRetire', phase: 'chain', actor: this.#actor(), checkpoint: only(entry) }),
      ),
    );
    return writers.filter((entry) => !retired.includes(entry));
  }

  #actor(): AuditRecord['actor'] {
    return { kind: 'controller', username: 'audit' };
  }

  #invalidLine(): AuditRecord {
    return { operation: 'AuditCheckpointInvalid', phase: 'chain', actor: this.#actor() };
  }
}

function only({ writer, seq, mac }: Checkpoint): Checkpoint {
  return { writer, seq, mac };
}
