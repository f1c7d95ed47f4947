import type { ApiRequest, ApiResponse, Transport } from './transport.ts';

/** The right to write, for as long as a lease is held. */
export interface Leadership {
  /** Aborted at the moment in which the right is gone. */
  readonly signal: AbortSignal;
  /** Monotonic time at which the last successful renewal was begun. */
  lastRenewal(): number;
  /**
   * To be called right before each outside effect (decisions 19): a process that was stopped may run on before any
   * timer had the chance to abort the signal. @throws LeadershipLost
   */
  check(): void;
}

export class LeadershipLost extends Error {
  override readonly name = 'LeadershipLost';

  constructor() {
    super('This process is no longer the leader; nothing more is written');
  }
}

/** The same transport, but nothing is written without leadership, and what is under way is aborted when it goes. */
export class GuardedTransport implements Transport {
  readonly #transport: Transport;
  readonly #leadership: Leadership;

  constructor(transport: Transport, leadership: Leadership) {
    this.#transport = transport;
    this.#leadership = leadership;
  }

  async request(request: ApiRequest): Promise<ApiResponse> {
    if (request.method === 'GET') {
      return this.#transport.request(request);
    }
    this.#leadership.check();
    const either = new AbortController();
    const parents = [this.#leadership.signal, ...(request.signal === undefined ? [] : [request.signal])];
    const onAbort = (event: globalThis.Event): void => {
      if (event.target instanceof AbortSignal) {
        either.abort(event.target.reason);
      }
    };
    request.signal?.throwIfAborted();
    parents.forEach((parent) => parent.addEventListener('abort', onAbort));
    try {
      return await this.#transport.request({ ...request, signal: either.signal });
    } finally {
      parents.forEach((parent) => parent.removeEventListener('abort', onAbort));
    }
  }

  connection(): ReturnType<Transport['connection']> {
    return this.#transport.connection();
  }

  serverTime(): ReturnType<Transport['serverTime']> {
    return this.#transport.serverTime();
  }

  /** Does nothing: the transport belongs to the unguarded client. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
