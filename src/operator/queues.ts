import type { Clock } from '../runtime/clock.ts';
import { priority, WorkQueue, type QueueMetrics } from '../runtime/queue.ts';
import type { Random } from '../runtime/random.ts';

/** One queue a kind; the names are those of the metrics. */
export const controllerNames = ['vault', 'deleted-vault', 'vault-secret', 'vault-certificate', 'vault-issuer', 'access-policy'] as const;

export type ControllerName = (typeof controllerNames)[number];
export type Queues = Readonly<Record<ControllerName, WorkQueue>>;

export function createQueues(parts: { readonly clock: Clock; readonly random: Random; readonly metrics?: (name: ControllerName) => QueueMetrics }): Queues {
  const queue = (name: ControllerName): WorkQueue =>
    new WorkQueue({
      clock: parts.clock,
      random: parts.random,
      backoff: { baseMs: 200, maxMs: 300_000 },
      ...(parts.metrics === undefined ? {} : { metrics: parts.metrics(name) }),
    });
  return {
    vault: queue('vault'),
    'deleted-vault': queue('deleted-vault'),
    'vault-secret': queue('vault-secret'),
    'vault-certificate': queue('vault-certificate'),
    'vault-issuer': queue('vault-issuer'),
    'access-policy': queue('access-policy'),
  };
}

/**
 * Where changes go: to the queues of the term under way. Between terms they go nowhere, for the next term looks at
 * everything when it begins.
 */
export class Router {
  #queues: Queues | undefined;

  begin(queues: Queues): void {
    this.#queues = queues;
  }

  end(): void {
    this.#queues = undefined;
  }

  /** Somebody waits for it. */
  changed(controller: ControllerName, key: string): void {
    this.#queues?.[controller].add(key, priority.change);
  }

  /** Nobody waits for it: a restart's first look, or a consequence of something else. */
  routine(controller: ControllerName, key: string): void {
    this.#queues?.[controller].add(key, priority.routine);
  }

  later(controller: ControllerName, key: string, delayMs: number): void {
    this.#queues?.[controller].addAfter(key, delayMs, priority.routine);
  }
}
