import type { KubeClient } from '../../kube/client.ts';
import { isNotFound } from '../../kube/errors.ts';
import type { Secret } from '../../kube/kinds.ts';
import type { CustomObject } from '../../kube/object.ts';
import { resources, typed, type Resource } from '../../kube/resource.ts';
import { sleep } from '../../runtime/clock.ts';
import { CommandFailed, type Io } from '../io.ts';

/** One of our resources as the API server answers it; `Status` is what the caller reads of it. */
type Live<Status> = CustomObject<unknown, Status & Conditions>;

interface Conditions {
  readonly observedGeneration?: number;
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[];
}

/** Which object of a known kind. */
export interface Where {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
}

const LOOK_AGAIN_MS = 100;
const READY_WITHIN_MS = 30_000;

/** Looks at a cluster again and again until something is so, as a person with kubectl would. */
export class Look {
  readonly #client: KubeClient;
  readonly #io: Pick<Io, 'clock' | 'stop'>;

  constructor(client: KubeClient, io: Pick<Io, 'clock' | 'stop'>) {
    this.#client = client;
    this.#io = io;
  }

  /** Undefined when it is not there. */
  async find<Status>({ resource, namespace, name }: Where): Promise<Live<Status> | undefined> {
    return this.#client.get(typed<Live<Status>>(resource), { namespace, name }, { signal: this.#io.stop }).catch(missing);
  }

  /** The decoded data of a Secret, with its type; undefined when it is not there. */
  async secret(namespace: string, name: string): Promise<{ readonly type: string; readonly data: Readonly<Record<string, string>> } | undefined> {
    const secret = await this.#client.get<Secret>(resources.secrets, { namespace, name }, { signal: this.#io.stop }).catch(missing);
    if (secret === undefined) return undefined;
    const data = Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()] as const);
    return { type: secret.type ?? 'Opaque', data: Object.fromEntries(data) };
  }

  /** Answers as soon as `look` does. @throws CommandFailed with what `failure` says when the time is over */
  async until<T>(look: () => Promise<T | undefined>, failure: () => string, withinMs = READY_WITHIN_MS): Promise<T> {
    const { clock, stop } = this.#io;
    const deadline = clock.monotonic() + withinMs;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (clock.monotonic() > deadline) throw new CommandFailed(`Not within ${withinMs / 1000} s: ${failure()}`);
      await sleep(clock, LOOK_AGAIN_MS, stop);
    }
  }

  /** Waits until it is Ready at its latest generation. @throws CommandFailed with what its condition says */
  async ready<Status>(where: Where): Promise<Live<Status>> {
    let seen = 'it is not there';
    return this.until(
      async () => {
        const live = await this.find<Status>(where);
        const condition = live?.status?.conditions?.find(({ type }) => type === 'Ready');
        if (condition !== undefined) seen = `${condition.reason}: ${condition.message}`;
        return condition?.status === 'True' && live?.status?.observedGeneration === live?.metadata.generation ? live : undefined;
      },
      () => `${where.resource.kind} ${where.namespace}/${where.name} Ready (${seen})`,
    );
  }
}

function missing(error: unknown): undefined {
  if (isNotFound(error)) return undefined;
  throw error;
}
