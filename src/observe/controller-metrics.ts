import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ControllerMetrics, Outcome } from '../runtime/controller.ts';
import type { QueueMetrics, WorkQueue } from '../runtime/queue.ts';

/** The buckets of controller-runtime, so that dashboards made for it fit. */
const RECONCILE_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8,
  9, 10, 15, 20, 25, 30, 40, 50, 60,
];
/** 10 ns to 1,000 s in powers of ten. */
const QUEUE_BUCKETS = Array.from({ length: 12 }, (_, power) => Number(`1e${power - 8}`));

const outcomes: readonly Outcome[] = ['success', 'error', 'requeue', 'requeue_after'];

/** `controller_runtime_*`, under the names, labels and meanings of controller-runtime. */
export class ControllerRuntimeMetrics {
  readonly #total: Counter<'controller' | 'result'>;
  readonly #errors: Counter<'controller'>;
  readonly #terminal: Counter<'controller'>;
  readonly #time: Histogram<'controller'>;
  readonly #most: Gauge<'controller'>;
  readonly #active: Gauge<'controller'>;

  constructor(registry: Registry) {
    const registers = [registry];
    const labelNames = ['controller'] as const;
    this.#total = new Counter({
      name: 'controller_runtime_reconcile_total',
      help: 'Reconciliations per controller and result.',
      labelNames: ['controller', 'result'],
      registers,
    });
    this.#errors = new Counter({ name: 'controller_runtime_reconcile_errors_total', help: 'Reconciliations that ended in an error, per controller.', labelNames, registers });
    this.#terminal = new Counter({
      name: 'controller_runtime_terminal_reconcile_errors_total',
      help: 'Reconciliations that ended in an error that is not tried again before the resource changes, per controller.',
      labelNames,
      registers,
    });
    this.#time = new Histogram({
      name: 'controller_runtime_reconcile_time_seconds',
      help: 'How long reconciliations took, per controller.',
      labelNames,
      buckets: RECONCILE_BUCKETS,
      registers,
    });
    this.#most = new Gauge({ name: 'controller_runtime_max_concurrent_reconciles', help: 'Workers, per controller.', labelNames, registers });
    this.#active = new Gauge({ name: 'controller_runtime_active_workers', help: 'Workers that are reconciling now, per controller.', labelNames, registers });
  }

  /** For one controller; all its series exist from now on, at 0. */
  of(controller: string, workers: number): ControllerMetrics {
    for (const result of outcomes) {
      this.#total.inc({ controller, result }, 0);
    }
    const [errors, terminal, time, active] = [this.#errors, this.#terminal, this.#time, this.#active];
    errors.inc({ controller }, 0);
    terminal.inc({ controller }, 0);
    time.zero({ controller });
    active.set({ controller }, 0);
    this.#most.set({ controller }, workers);
    return {
      active: (change) => active.inc({ controller }, change),
      reconciled: (result, ms) => {
        this.#total.inc({ controller, result });
        time.observe({ controller }, ms / 1000);
        if (result === 'error') {
          errors.inc({ controller });
        }
      },
      terminal: () => terminal.inc({ controller }),
    };
  }
}

/** `workqueue_*`, as client-go has them. What can be asked of the queue is asked when metrics are read, not before. */
export class WorkQueueMetrics {
  readonly #queues = new Map<string, WorkQueue>();
  readonly #adds: Counter<'name'>;
  readonly #retries: Counter<'name'>;
  readonly #queued: Histogram<'name'>;
  readonly #worked: Histogram<'name'>;

  constructor(registry: Registry) {
    const registers = [registry];
    const labelNames = ['name'] as const;
    this.#adds = new Counter({ name: 'workqueue_adds_total', help: 'Keys that became ready to be worked on, per queue.', labelNames, registers });
    this.#retries = new Counter({ name: 'workqueue_retries_total', help: 'Keys that were put off because they had failed, per queue.', labelNames, registers });
    this.#queued = new Histogram({
      name: 'workqueue_queue_duration_seconds',
      help: 'How long keys were ready before a worker took them, per queue.',
      labelNames,
      buckets: QUEUE_BUCKETS,
      registers,
    });
    this.#worked = new Histogram({
      name: 'workqueue_work_duration_seconds',
      help: 'How long workers had keys, per queue.',
      labelNames,
      buckets: QUEUE_BUCKETS,
      registers,
    });
    this.#asked(registers, 'workqueue_depth', 'Keys that are ready and wait for a worker, per queue.', (queue) => queue.depth);
    this.#asked(registers, 'workqueue_unfinished_work_seconds', 'How long all keys that are being worked on have been so, added up, per queue.', (queue) => queue.unfinished().totalMs / 1000);
    this.#asked(registers, 'workqueue_longest_running_processor_seconds', 'How long the oldest key that is being worked on has been so, per queue.', (queue) => queue.unfinished().longestMs / 1000);
  }

  /** For one queue; all its series exist from now on, at 0. */
  of(name: string): QueueMetrics {
    const [adds, retries, queued, worked] = [this.#adds, this.#retries, this.#queued, this.#worked];
    adds.inc({ name }, 0);
    retries.inc({ name }, 0);
    queued.zero({ name });
    worked.zero({ name });
    return {
      added: () => adds.inc({ name }),
      retried: () => retries.inc({ name }),
      started: (queuedMs) => queued.observe({ name }, queuedMs / 1000),
      finished: (workMs) => worked.observe({ name }, workMs / 1000),
    };
  }

  /** Gives the queue that `of` was called for. */
  ask(name: string, queue: WorkQueue): void {
    this.#queues.set(name, queue);
  }

  #asked(registers: Registry[], name: string, help: string, value: (queue: WorkQueue) => number): void {
    const queues = this.#queues;
    void new Gauge({
      name,
      help,
      labelNames: ['name'],
      registers,
      collect() {
        for (const [queue, asked] of queues) {
          this.set({ name: queue }, value(asked));
        }
      },
    });
  }
}
