import { Client, Pool, type Dispatcher } from 'undici';
import { kubeconfigFile, type ClusterConfig } from '../../src/kube/config.ts';
import { lines } from '../../src/kube/lines.ts';
import { pathOf, type Resource } from '../../src/kube/resource.ts';
import { systemClock } from '../../src/runtime/clock.ts';

/** An object as JSON, with as much as the bench looks at. */
export interface Live {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly resourceVersion: string; readonly labels?: Readonly<Record<string, string>> };
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: object;
  readonly status?: { readonly observedGeneration?: number; readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[] };
}

export interface Event {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: Live;
}

/** As many as a user's tool would have open; enough to keep two cores busy. */
const CONNECTIONS = 16;

/**
 * The raw, pooled client of decisions 52: nothing but undici and JSON, so that what is measured is Keystead and the API
 * server. Repeats nothing and hides nothing: an answer that is no success ends the bench.
 */
export class Api {
  readonly #config: ClusterConfig;
  readonly #pool: Pool;

  private constructor(config: ClusterConfig) {
    this.#config = config;
    this.#pool = new Pool(config.server, { ...connect(config), connections: CONNECTIONS });
  }

  static async open(kubeconfig: string): Promise<Api> {
    return new Api(await kubeconfigFile(kubeconfig, systemClock));
  }

  get<T = Live>(path: string): Promise<T> {
    return this.#call<T>('GET', path);
  }

  create(resource: Resource, namespace: string | undefined, object: object): Promise<Live> {
    return this.#call('POST', pathOf(resource, { namespace }), object);
  }

  update(resource: Resource, namespace: string, name: string, object: object): Promise<Live> {
    return this.#call('PUT', pathOf(resource, { namespace, name }), object);
  }

  updateStatus(resource: Resource, namespace: string, name: string, object: object): Promise<Live> {
    return this.#call('PUT', pathOf(resource, { namespace, name, subresource: 'status' }), object);
  }

  /** Everything in one answer. */
  async list(resource: Resource, namespace: string, query = ''): Promise<readonly Live[]> {
    return (await this.#call<{ items: Live[] }>('GET', `${pathOf(resource, { namespace })}${query}`)).items;
  }

  /** The API server's own metrics, as text. */
  async metrics(): Promise<string> {
    return (await this.#send('GET', '/metrics')).text();
  }

  /**
   * Tells of everything that is there and of each change, until what it answers is called. The API server ends watches
   * whose reader is too slow, as on a machine that has other things to do; then everything is told again.
   */
  watch(resource: Resource, namespace: string, tell: (event: Event) => void): () => void {
    const client = new Client(this.#config.server, connect(this.#config));
    const stop = new AbortController();
    const path = `${pathOf(resource, { namespace })}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=3600`;
    void (async () => {
      for (;;) {
        const { body } = await client.request({ method: 'GET', path, headers: await this.#headers(), signal: stop.signal });
        for await (const line of lines(body)) tell(JSON.parse(line));
      }
    })().catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
    return () => {
      stop.abort();
      void client.destroy();
    };
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #call<T = Live>(method: Dispatcher.HttpMethod, path: string, body?: object): Promise<T> {
    return JSON.parse(await (await this.#send(method, path, body)).text());
  }

  async #send(method: Dispatcher.HttpMethod, path: string, body?: object): Promise<Dispatcher.ResponseData['body']> {
    const answer = await this.#pool.request({ method, path, headers: await this.#headers(), body: body === undefined ? null : JSON.stringify(body) });
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${await answer.body.text()}`);
    return answer.body;
  }

  async #headers(): Promise<Record<string, string>> {
    const token = await this.#config.token?.current();
    return { accept: 'application/json', 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
  }
}

function connect({ ca, clientCertificate }: ClusterConfig): Client.Options {
  return { allowH2: false, headersTimeout: 0, bodyTimeout: 0, connect: { ...(ca === undefined ? {} : { ca }), ...clientCertificate } };
}

/** Runs `act` on all items, as many at a time as there are connections. */
export async function forAll<T>(items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await act(item);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
}
