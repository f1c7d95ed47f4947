import { Client, Pool, type Dispatcher } from 'undici';
import type { Clock } from '../runtime/clock.ts';
import { TimedOut } from '../runtime/deadline.ts';
import type { ClusterConfig } from './config.ts';
import { codeOf, ConnectionError } from './errors.ts';
import type { ApiRequest, ApiResponse, ApiStream, ServerTime, StreamConnection, Transport } from './transport.ts';

export interface HttpOptions {
  readonly clock: Clock;
  /** `keystead/<version>`, for the audit log of the API server. */
  readonly userAgent: string;
  /** Told of each answer, for rest_client_requests_total; `code` is the status, or `<error>` without an answer. */
  readonly onAnswer?: (method: string, code: string, host: string) => void;
}

/** More than all workers together: a call never waits for another one's answer. Idle ones close after a minute. */
const CONNECTIONS = 64;
const CONNECT_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Shorter than any load balancer's idle time, longer than the pause between two renewals of a lease. */
const KEEP_ALIVE_MS = 60_000;

/** Failures that can only happen before the request left this machine. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/**
 * HTTP/1.1 over TLS with kept-alive connections: one pool for calls, a socket of its own for each stream.
 * Not HTTP/2: undici's PING never times out, so one black-holed connection would freeze all streams on it. Nor is it
 * faster: creates of 2.5 KB by 64 callers on two cores, 1,330/s so and 1,150/s over one HTTP/2 connection.
 */
export class HttpTransport implements Transport {
  readonly #config: ClusterConfig;
  readonly #options: HttpOptions;
  readonly #pool: Pool;
  readonly #host: string;
  #serverTime: ServerTime | undefined;

  constructor(config: ClusterConfig, options: HttpOptions) {
    this.#config = config;
    this.#options = options;
    this.#host = new URL(config.server).host;
    this.#pool = new Pool(config.server, { ...clientOptions(config), connections: CONNECTIONS });
  }

  serverTime(): ServerTime | undefined {
    return this.#serverTime;
  }

  async request(request: ApiRequest): Promise<ApiResponse> {
    const deadline = new Deadline(this.#options.clock, request);
    try {
      const response = await this.#send(this.#pool, request, deadline.signal);
      const body = await response.body.text();
      return { status: response.statusCode, body, retryAfterMs: retryAfter(response.headers) };
    } catch (error) {
      throw deadline.explain(error);
    } finally {
      deadline.end();
    }
  }

  connection(): StreamConnection {
    const client = new Client(this.#config.server, clientOptions(this.#config));
    return {
      open: (request) => this.#open(client, request),
      destroy: () => void client.destroy().catch(() => undefined),
    };
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #open(client: Client, request: ApiRequest): Promise<ApiStream> {
    // The time limit holds until the headers are there; how long the stream may be silent is the reader's to judge.
    const deadline = new Deadline(this.#options.clock, request);
    try {
      const response = await this.#send(client, request, deadline.signal);
      deadline.disarm();
      return { status: response.statusCode, retryAfterMs: retryAfter(response.headers), chunks: untilEnd(response.body, deadline) };
    } catch (error) {
      deadline.end();
      throw deadline.explain(error);
    }
  }

  /** Sends with the current token, and once more with a new one if the server refuses it. */
  async #send(dispatcher: Dispatcher, request: ApiRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const response = await this.#sendOnce(dispatcher, request, signal);
    if (response.statusCode !== 401 || this.#config.token === undefined) {
      return response;
    }
    // A token that was replaced a moment ago: a refused request has had no effect, so it may be sent again.
    this.#config.token.refused();
    await response.body.dump();
    return this.#sendOnce(dispatcher, request, signal);
  }

  async #sendOnce(dispatcher: Dispatcher, request: ApiRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const token = await this.#config.token?.current();
    const headers: Record<string, string | string[]> = { accept: request.accept ?? 'application/json', 'user-agent': this.#options.userAgent };
    if (token !== undefined) {
      headers['authorization'] = `Bearer ${token}`;
    }
    if (this.#config.impersonate !== undefined) {
      headers['impersonate-user'] = this.#config.impersonate.user;
      headers['impersonate-group'] = [...this.#config.impersonate.groups];
    }
    if (request.body !== undefined) {
      headers['content-type'] = request.contentType ?? 'application/json';
    }
    try {
      const path = request.path + queryString(request.query);
      const response = await dispatcher.request({ method: request.method, path, headers, body: request.body ?? null, signal });
      this.#noteTime(response.headers['date']);
      this.#options.onAnswer?.(request.method, String(response.statusCode), this.#host);
      return response;
    } catch (error) {
      this.#options.onAnswer?.(request.method, '<error>', this.#host);
      throw error;
    }
  }

  /** Any answer will do, a refusal too: it is the clock that counts. */
  #noteTime(header: string | string[] | undefined): void {
    const date = typeof header === 'string' ? new Date(header) : undefined;
    if (date !== undefined && !Number.isNaN(date.getTime())) {
      this.#serverTime = { date, atMonotonic: this.#options.clock.monotonic() };
    }
  }
}

/** Aborts one request when its time is over or its caller gives up, and afterwards tells the two apart. */
class Deadline {
  readonly #controller = new AbortController();
  readonly #request: ApiRequest;
  readonly #timeoutMs: number;
  readonly #disarm: () => void;
  readonly #onAbort: () => void;
  #timedOut = false;

  constructor(clock: Clock, request: ApiRequest) {
    this.#request = request;
    this.#timeoutMs = request.timeoutMs ?? REQUEST_TIMEOUT_MS;
    const timer = clock.after(this.#timeoutMs, () => {
      this.#timedOut = true;
      this.#controller.abort();
    });
    this.#disarm = () => timer.cancel();
    this.#onAbort = () => this.#controller.abort(request.signal?.reason);
    if (request.signal?.aborted === true) {
      this.#onAbort();
    }
    request.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Takes the time limit away, once a stream has begun; the caller's signal stays in force. */
  disarm(): void {
    this.#disarm();
  }

  end(): void {
    this.#disarm();
    this.#request.signal?.removeEventListener('abort', this.#onAbort);
  }

  /** What the caller gets to see: his own reason, or what went wrong with the connection and what may have happened. */
  explain(error: unknown): unknown {
    if (this.#request.signal?.aborted === true) {
      return this.#request.signal.reason;
    }
    const what = `${this.#request.method} ${this.#request.path}`;
    if (this.#timedOut) {
      return new ConnectionError(what, true, new TimedOut(this.#timeoutMs));
    }
    const code = codeOf(error);
    return new ConnectionError(what, code === undefined || !NEVER_SENT.has(code), error);
  }
}

/** The chunks of a stream, with the caller's signal let go at its end: signals live as long as the process. */
async function* untilEnd(chunks: AsyncIterable<Uint8Array>, deadline: Deadline): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* chunks;
  } finally {
    deadline.end();
  }
}

function clientOptions(config: ClusterConfig): Client.Options {
  return {
    allowH2: false,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Time limits are ours (Deadline, and the watchdog of each stream), on the injected clock.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      // The kernel's keep-alive finds dead peers of idle connections; of streams, the watchdog is faster.
      timeout: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      ...(config.ca === undefined ? {} : { ca: config.ca }),
      ...config.clientCertificate,
    },
  };
}

function retryAfter(headers: Dispatcher.ResponseData['headers']): number | undefined {
  // The API server sends seconds only (RFC 9110 §10.2.3 also allows a date).
  const seconds = Number(headers['retry-after']);
  return headers['retry-after'] === undefined || !Number.isFinite(seconds) ? undefined : Math.max(0, seconds) * 1000;
}

function queryString(query: ApiRequest['query']): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) {
      parameters.set(name, String(value));
    }
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}
