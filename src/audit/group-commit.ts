import { KeysteadError } from '../api/error.ts';
import { sleep, type Clock, type Timer } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { systemCode } from './descriptor-writer.ts';
import type { Checkpoint } from './record.ts';
import type { AuditSink } from './sink.ts';

/** What a group commit tells the metrics. */
export interface AuditMetrics {
  /** So many lines more were accepted. */
  accepted(lines: number): void;
  /** Whether lines are being refused; told at each change. */
  unavailable(is: boolean): void;
}

export interface GroupCommitOptions {
  readonly sink: AuditSink;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics?: AuditMetrics;
  /** Longest wait for the sink; default 10 s. */
  readonly timeoutMs?: number;
  /** Most bytes that wait for the sink; default 4 MiB. */
  readonly capacity?: number;
}

interface Batch {
  readonly lines: string[];
  bytes: number;
  /** Of its last line. */
  position: Checkpoint | undefined;
  readonly accepted: Promise<void>;
  resolve(): void;
  reject(error: KeysteadError): void;
}

const TIMEOUT_MS = 10_000;
const CAPACITY = 4 * 1024 ** 2;
const RETRY_MS = 1_000;

/**
 * One write at a time; lines that arrive meanwhile go together with the next one, so that a thousand waiting callers
 * cost one system call. A line that was taken in is written sooner or later, in order, since the chain runs through it;
 * but whoever waits for it is told no as soon as the sink fails, or after the time limit (at most twice the limit, when
 * it came while another write was under way). While the sink is failing or stuck, new lines are refused at once:
 * nothing is done without a record, and memory stays bounded.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #timeoutMs: number;
  readonly #capacity: number;
  #pending: Batch | undefined;
  #running: Promise<void> | undefined;
  #accepted: Checkpoint | undefined;
  #problem: string | undefined;
  #state: 'open' | 'closing' | 'closed' = 'open';

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#capacity = options.capacity ?? CAPACITY;
  }

  /** The last line that the sink has; undefined before the first. */
  get accepted(): Checkpoint | undefined {
    return this.#accepted;
  }

  /** @throws KeysteadError AuditUnavailable if no line is taken in now */
  check(): void {
    if (this.#state !== 'open') {
      throw unavailable('this process is ending');
    }
    if (this.#problem !== undefined) {
      throw unavailable(this.#problem);
    }
    if ((this.#pending?.bytes ?? 0) >= this.#capacity) {
      throw unavailable(`${this.#options.sink.name} is too slow`);
    }
  }

  /** Takes a line in, whatever `check` says. Resolves when it is written; rejects with AuditUnavailable. */
  append(line: string, position: Checkpoint): Promise<void> {
    const batch = (this.#pending ??= newBatch());
    batch.lines.push(line);
    batch.bytes += line.length;
    batch.position = position;
    if (this.#problem !== undefined) {
      batch.reject(unavailable(this.#problem));
    }
    this.#running ??= this.#run();
    return batch.accepted;
  }

  /** Writes what waits, and closes the sink, each for at most the time limit. Never rejects. */
  async close(): Promise<void> {
    this.#state = 'closing';
    await this.#bounded(this.#running ?? Promise.resolve());
    this.#state = 'closed';
    await this.#bounded(this.#options.sink.close()).catch((error: unknown) => {
      this.#options.log.warn('The audit log could not be closed', { sink: this.#options.sink.name, error: systemCode(error) ?? 'unknown error' });
    });
  }

  async #run(): Promise<void> {
    // Whatever else is to be written at this very moment goes along.
    await Promise.resolve();
    for (let batch = this.#take(); batch !== undefined; batch = this.#take()) {
      if (!(await this.#write(batch))) {
        return;
      }
      this.#accepted = batch.position;
      this.#options.metrics?.accepted(batch.lines.length);
      batch.resolve();
    }
    this.#running = undefined;
  }

  #take(): Batch | undefined {
    const batch = this.#pending;
    this.#pending = undefined;
    return batch;
  }

  /**
   * Ends when the sink has the batch, however long that takes; those who wait for it are told earlier. False: given up,
   * because the process ends.
   */
  async #write(batch: Batch): Promise<boolean> {
    const { sink, clock } = this.#options;
    const buffer = Buffer.from(batch.lines.join(''), 'latin1');
    for (;;) {
      const timer = clock.after(this.#timeoutMs, () => this.#failed(batch, `${sink.name} did not take a record within ${this.#timeoutMs} ms`));
      try {
        await sink.append(buffer);
        this.#recovered();
        return true;
      } catch (error) {
        this.#failed(batch, `${sink.name} does not take records (${systemCode(error) ?? 'unknown error'})`, error);
      } finally {
        timer.cancel();
      }
      await sleep(clock, RETRY_MS);
      if (this.#state === 'closed') {
        return false;
      }
    }
  }

  #failed(batch: Batch, problem: string, cause?: unknown): void {
    if (this.#problem === undefined) {
      this.#options.metrics?.unavailable(true);
      this.#options.log.error('The audit log takes no records; nothing is read or changed until it does', { problem });
    }
    this.#problem = problem;
    const error = unavailable(problem, cause);
    batch.reject(error);
    this.#pending?.reject(error);
  }

  #recovered(): void {
    if (this.#problem !== undefined) {
      this.#problem = undefined;
      this.#options.metrics?.unavailable(false);
      this.#options.log.info('The audit log takes records again');
    }
  }

  async #bounded(work: Promise<void>): Promise<void> {
    let timer: Timer | undefined;
    const over = new Promise<void>((resolve) => {
      timer = this.#options.clock.after(this.#timeoutMs, resolve);
    });
    await Promise.race([work, over]);
    timer?.cancel();
  }
}

function newBatch(): Batch {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // A caller that gave up already still leaves its line here; its failure is nobody's then.
  promise.catch(() => undefined);
  return { lines: [], bytes: 0, position: undefined, accepted: promise, resolve, reject };
}

function unavailable(problem: string, cause?: unknown): KeysteadError {
  return new KeysteadError(
    'AuditUnavailable',
    `No record can be written to the audit log: ${problem}. Nothing is read or changed until it works again: make room, or repair the sink.`,
    'retry',
    { cause },
  );
}
