import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { errorFields } from './error-fields.ts';
import type { Health } from './health.ts';
import type { Metrics } from './metrics.ts';

export interface ObserveServerOptions {
  /** Address and port to listen at; port 0: any free one. */
  readonly host: string;
  readonly port: number;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ObserveServer {
  readonly port: number;
  /** Takes no more requests, lets those under way end for a second, then cuts them. Never rejects. */
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const PLAIN = 'text/plain; charset=utf-8';
const CLOSE_GRACE_MS = 1_000;

/**
 * Probes and metrics over plain HTTP, for the kubelet and Prometheus. Whoever reaches the port may ask, so nothing here
 * is worth keeping from him, and no request can cost much: small headers, no bodies, few connections, short times, and
 * one rendering of the metrics for all who ask at the same time.
 *
 * @throws the error of listen(2) when the address can't be had
 */
export async function startObserveServer(options: ObserveServerOptions): Promise<ObserveServer> {
  const routes = new Routes(options.health, options.metrics);
  const server = createServer({ maxHeaderSize: 8_192, headersTimeout: 5_000, requestTimeout: 5_000, keepAliveTimeout: 60_000 }, (request, response) => {
    routes.answer(request).then(
      (answer) => send(request, response, answer),
      (error: unknown) => {
        options.log.error('A probe or scrape could not be answered', errorFields(error));
        send(request, response, { status: 500, contentType: PLAIN, body: 'internal error\n' });
      },
    );
  });
  server.maxConnections = 64;
  server.maxRequestsPerSocket = 1_000;
  const port = await listen(server, options.host, options.port);
  return { port, close: () => close(server, options.clock) };
}

class Routes {
  readonly #health: Health;
  readonly #metrics: Metrics;
  #rendering: Promise<Answer> | undefined;

  constructor(health: Health, metrics: Metrics) {
    this.#health = health;
    this.#metrics = metrics;
  }

  async answer(request: IncomingMessage): Promise<Answer> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return { status: 405, contentType: PLAIN, body: 'only GET and HEAD\n' };
    }
    switch (request.url?.split('?', 1)[0]) {
      case '/healthz':
        return { status: 200, contentType: PLAIN, body: 'ok\n' };
      case '/readyz': {
        const { healthy, text } = this.#health.readiness();
        return { status: healthy ? 200 : 503, contentType: PLAIN, body: text };
      }
      case '/metrics':
        this.#rendering ??= this.#render().finally(() => (this.#rendering = undefined));
        return this.#rendering;
      default:
        return { status: 404, contentType: PLAIN, body: 'there are /healthz, /readyz and /metrics\n' };
    }
  }

  async #render(): Promise<Answer> {
    return { status: 200, ...(await this.#metrics.text()) };
  }
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, {
    'content-type': answer.contentType,
    'content-length': Buffer.byteLength(answer.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(answer.status === 405 ? { allow: 'GET, HEAD', connection: 'close' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : answer.body);
}

/** Resolves with the port. */
function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

function close(server: Server, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(CLOSE_GRACE_MS, () => server.closeAllConnections());
    server.close(() => {
      timer.cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}
