import type { Resource } from '../../src/kube/resource.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import type { Api, Live } from './api.ts';

interface Wait {
  readonly left: Set<string>;
  readonly resolve: (at: number) => void;
}

/** When objects of one kind in one namespace became Ready, as a watch shows it. */
export class Readiness {
  readonly #ready = new Set<string>();
  readonly #waits = new Set<Wait>();
  readonly #stop: () => void;

  constructor(api: Api, resource: Resource, namespace: string) {
    this.#stop = api.watch(resource, namespace, ({ type, object }) => {
      if ((type === 'ADDED' || type === 'MODIFIED') && isReady(object)) this.#add(object.metadata.name);
    });
  }

  /** Resolves with the monotonic time at which the last of these is seen to be Ready, now if they all are. */
  all(names: readonly string[]): Promise<number> {
    return new Promise((resolve) => {
      const left = new Set(names.filter((name) => !this.#ready.has(name)));
      if (left.size === 0) resolve(systemClock.monotonic());
      else this.#waits.add({ left, resolve });
    });
  }

  stop(): void {
    this.#stop();
  }

  #add(name: string): void {
    if (this.#ready.has(name)) return;
    this.#ready.add(name);
    for (const wait of this.#waits) {
      if (!wait.left.delete(name) || wait.left.size > 0) continue;
      this.#waits.delete(wait);
      wait.resolve(systemClock.monotonic());
    }
  }
}

export function isReady({ status }: Live): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
}
