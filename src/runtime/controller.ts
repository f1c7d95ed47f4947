import { KeysteadError } from '../api/error.ts';
import { nextTurn, type Clock, type Timer } from './clock.ts';
import { withTimeout } from './deadline.ts';
import { isTransient } from './failure.ts';
import type { Log, LogFields } from './log.ts';
import { priority, type WorkItem, type WorkQueue } from './queue.ts';

/** What a reconcile that did not fail wants next. */
export interface Result {
  /** Look again after this time, as routine work; nothing: not before something changes. */
  readonly requeueAfterMs?: number;
}

export interface ReconcileContext {
  /** Aborted when the time is over, the leadership is lost, or the process has to end. Pass it to every call. */
  readonly signal: AbortSignal;
  /** Carries controller and key. */
  readonly log: Log;
  /** Failures of this key since it last succeeded. */
  readonly failures: number;
}

/**
 * Brings one object to the state that is declared for it. Called again after any fault, so it must be idempotent.
 * Never called for the same key twice at once.
 */
export type Reconcile = (key: string, context: ReconcileContext) => Promise<Result>;

/** The outcomes that controller_runtime_reconcile_total knows. */
export type Outcome = 'success' | 'error' | 'requeue' | 'requeue_after';

export interface ControllerMetrics {
  /** Called around each reconcile with +1 and -1. */
  active(change: 1 | -1): void;
  reconciled(outcome: Outcome, ms: number): void;
  /** An error that is not tried again. */
  terminal(): void;
}

export interface ControllerOptions {
  readonly name: string;
  readonly reconcile: Reconcile;
  readonly queue: WorkQueue;
  readonly workers: number;
  /** Longest time for one reconcile; default 2 minutes. */
  readonly timeoutMs?: number;
  readonly clock: Clock;
  readonly log: Log;
  /** What may be logged of an error of any origin: messages of strangers can quote a secret. */
  readonly errorFields: (error: unknown) => LogFields;
  readonly metrics?: ControllerMetrics;
}

export interface RunOptions {
  /** Stop taking work; what runs may finish within `graceMs`. */
  readonly stop: AbortSignal;
  /** Give up what runs, at once: the right to write is gone. */
  readonly abort?: AbortSignal;
  readonly graceMs?: number;
}

const TIMEOUT_MS = 120_000;
const GRACE_MS = 20_000;
/** A conflict is somebody else's write on its way to our cache: nearly at once is right, at once would spin. */
const CONFLICT_DELAY_MS = 50;
const MOST_QUICK_CONFLICTS = 5;
/** How long workers go on before others have a turn. */
const LONGEST_TURN_MS = 10;

/** Takes keys from a queue and reconciles them with a number of workers, in the way of controller-runtime. */
export class Controller {
  readonly name: string;
  readonly queue: WorkQueue;
  readonly workers: number;
  readonly #options: ControllerOptions;
  readonly #log: Log;
  readonly #conflicts = new Map<string, number>();
  #turnBegan = 0;

  constructor(options: ControllerOptions) {
    this.name = options.name;
    this.queue = options.queue;
    this.workers = options.workers;
    this.#options = options;
    this.#log = options.log.with({ controller: options.name });
  }

  /** Works until told to stop; resolves when the last worker has stopped. Never rejects. */
  async run(options: RunOptions): Promise<void> {
    const giveUp = new AbortController();
    let grace: Timer | undefined;
    const abort = (): void => {
      this.queue.shutDown();
      giveUp.abort(options.abort?.aborted === true ? options.abort.reason : options.stop.reason);
    };
    const stop = (): void => {
      this.queue.shutDown();
      grace ??= this.#options.clock.after(options.graceMs ?? GRACE_MS, abort);
    };
    onAbort(options.stop, stop);
    onAbort(options.abort, abort);
    await Promise.all(Array.from({ length: this.workers }, () => this.#work(giveUp.signal)));
    grace?.cancel();
    options.stop.removeEventListener('abort', stop);
    options.abort?.removeEventListener('abort', abort);
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (let item = await this.queue.get(); item !== undefined; item = await this.queue.get()) {
      await this.#handle(item, signal);
      this.queue.done(item.key);
      await this.#giveWay();
    }
  }

  /**
   * Reconciles that find nothing to do wait for nothing: ten thousand of them in a row would hold up watches, the lease
   * and probes for seconds, and what is urgent would not even get into the queue.
   */
  async #giveWay(): Promise<void> {
    const { clock } = this.#options;
    if (clock.monotonic() - this.#turnBegan < LONGEST_TURN_MS) {
      return;
    }
    await nextTurn();
    this.#turnBegan = clock.monotonic();
  }

  async #handle(item: WorkItem, giveUp: AbortSignal): Promise<void> {
    const { clock, metrics, reconcile } = this.#options;
    const started = clock.monotonic();
    const log = this.#log.with({ key: item.key });
    metrics?.active(1);
    let outcome: Outcome;
    try {
      const result = await withTimeout(clock, this.#options.timeoutMs ?? TIMEOUT_MS, giveUp, (signal) =>
        reconcile(item.key, { signal, log, failures: this.queue.failures(item.key) }),
      );
      outcome = this.#succeeded(item, result);
    } catch (error) {
      outcome = giveUp.aborted ? 'requeue' : this.#failed(item, error);
    } finally {
      metrics?.active(-1);
    }
    metrics?.reconciled(outcome, clock.monotonic() - started);
  }

  #succeeded(item: WorkItem, result: Result): Outcome {
    this.#forget(item.key);
    if (result.requeueAfterMs === undefined) {
      return 'success';
    }
    this.queue.addAfter(item.key, result.requeueAfterMs, priority.routine);
    return 'requeue_after';
  }

  /** The one place where an error becomes what happens next. */
  #failed(item: WorkItem, error: unknown): Outcome {
    if (isTransient(error) && error.transient === 'conflict') {
      return this.#conflicted(item, error);
    }
    this.#conflicts.delete(item.key);
    if (isTransient(error) && error.retryAfterMs !== undefined) {
      this.#log.info('The API server asks to come back later', { key: item.key, retryAfterMs: error.retryAfterMs, error: error.message });
      this.queue.addAfter(item.key, error.retryAfterMs, item.priority);
      return 'requeue_after';
    }
    if (error instanceof KeysteadError && error.consequence !== 'retry') {
      return this.#waits(item, error);
    }
    this.queue.addRateLimited(item.key, item.priority);
    this.#log.error('Reconcile failed; it is tried again', { key: item.key, failures: this.queue.failures(item.key), ...this.#options.errorFields(error) });
    return 'error';
  }

  #waits(item: WorkItem, error: KeysteadError): Outcome {
    this.#forget(item.key);
    if (error.consequence === 'stalled') {
      this.#options.metrics?.terminal();
      this.#log.warn('Reconcile cannot succeed until the spec changes', { key: item.key, reason: error.code, error: error.message });
      return 'error';
    }
    this.#log.info('Reconcile waits', { key: item.key, reason: error.code, error: error.message });
    if (error.retryAfterMs === undefined) {
      return 'success';
    }
    this.queue.addAfter(item.key, error.retryAfterMs, priority.routine);
    return 'requeue_after';
  }

  #conflicted(item: WorkItem, error: Error): Outcome {
    const times = (this.#conflicts.get(item.key) ?? 0) + 1;
    this.#conflicts.set(item.key, times);
    this.#log.debug('Somebody else wrote first; looking again', { key: item.key, times, error: error.message });
    if (times > MOST_QUICK_CONFLICTS) {
      this.queue.addRateLimited(item.key, item.priority);
    } else {
      this.queue.addAfter(item.key, CONFLICT_DELAY_MS, item.priority);
    }
    return 'requeue';
  }

  #forget(key: string): void {
    this.queue.forget(key);
    this.#conflicts.delete(key);
  }
}

/** Calls `run` when the signal is aborted, also if it is already. */
function onAbort(signal: AbortSignal | undefined, run: () => void): void {
  signal?.addEventListener('abort', run, { once: true });
  if (signal?.aborted === true) {
    run();
  }
}
