import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent as SecureAgent, createServer, request } from 'node:https';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { parse, stringify } from 'yaml';
import type { ControlPlaneAccess } from '../../src/cli/dev/access.ts';
import { issueServer } from '../../src/cli/dev/pki.ts';
import { systemClock } from '../../src/runtime/clock.ts';

/** A request on its way to the API server. */
export interface ProxiedRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly watch: boolean;
}

export type Matcher = (request: ProxiedRequest) => boolean;

/** What happens to a request instead of being passed on. */
export type Fault =
  /** An answer in the API server's name, which never saw the request: 429 with `retry-after`, 409, 410, 500, … */
  | { readonly kind: 'answer'; readonly status: number; readonly reason: string; readonly headers?: Readonly<Record<string, string>> }
  /** The connection breaks before the API server sees the request. */
  | { readonly kind: 'cut' }
  /** The API server does what was asked; the answer never arrives. */
  | { readonly kind: 'cut-after' }
  /** No answer and no end, as behind a firewall that drops packets. */
  | { readonly kind: 'hang' };

interface Injection {
  readonly matches: Matcher;
  readonly fault: Fault;
  left: number;
}

interface OpenWatch {
  readonly request: ProxiedRequest;
  readonly answer: ServerResponse;
  silent: boolean;
}

/**
 * Stands between a client and the API server of a control plane and misbehaves as told. Ends TLS with a certificate of the same
 * authority and passes everything else through, the token too; client certificates can't pass, so use ServiceAccounts.
 * HTTP/1.1 only. Not for speed.
 */
export class FaultProxy {
  readonly #upstream: ControlPlaneAccess;
  readonly #server: ReturnType<typeof createServer>;
  readonly #agent: Agent;
  readonly #sockets = new Set<Duplex>();
  readonly #watches = new Set<OpenWatch>();
  readonly #waiters = new Set<() => void>();
  #injections: Injection[] = [];
  #silent = false;
  /** Every request that came in, in order, with those that met a fault. */
  readonly requests: ProxiedRequest[] = [];

  private constructor(upstream: ControlPlaneAccess, certificate: { certificatePem: string; keyPem: string }) {
    this.#upstream = upstream;
    this.#agent = new SecureAgent({ keepAlive: true, ca: upstream.caPem });
    this.#server = createServer({ cert: certificate.certificatePem, key: certificate.keyPem }, (incoming, answer) => this.#take(incoming, answer));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** Listens on a free loopback port. */
  static async start(upstream: ControlPlaneAccess): Promise<FaultProxy> {
    const read = (file: string): string => readFileSync(join(upstream.directory, file), 'utf8');
    const names = { dns: ['localhost'], addresses: ['127.0.0.1'] };
    const certificate = await issueServer({ certificatePem: read('ca.crt'), keyPem: read('ca.key') }, 'fault-proxy', names, systemClock);
    const proxy = new FaultProxy(upstream, certificate);
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') {
      throw new Error('the proxy does not listen');
    }
    return `https://127.0.0.1:${address.port}`;
  }

  /** The same kubeconfig (one with a token), but through this proxy. */
  through(kubeconfig: string): string {
    const config = parse(kubeconfig);
    if (config.users[0].user.token === undefined) {
      throw new Error('only tokens pass through the proxy: use a kubeconfig of a ServiceAccount');
    }
    config.clusters[0].cluster.server = this.url;
    return stringify(config);
  }

  /** The next `times` requests that match meet this fault; the earliest injection that matches wins. */
  inject(matches: Matcher, fault: Fault, times = 1): void {
    this.#injections.push({ matches, fault, left: times });
  }

  /** From now on every request is passed on again. */
  clear(): void {
    this.#injections = [];
  }

  /** Watches that are open now. */
  watches(matches: Matcher = () => true): number {
    return this.#matching(matches).length;
  }

  /** Resolves as soon as `count` watches that match are open. */
  async untilWatches(count: number, matches: Matcher = () => true): Promise<void> {
    while (this.watches(matches) < count) {
      await new Promise<void>((resolve) => void this.#waiters.add(resolve));
    }
  }

  /** Watches that are open, and those opened until `speak`, never deliver another byte, and never end. */
  silence(): void {
    this.#silent = true;
    for (const watch of this.#watches) {
      watch.silent = true;
    }
  }

  /** New watches work again; those that fell silent stay so, as connections through a dead firewall entry do. */
  speak(): void {
    this.#silent = false;
  }

  /** Slips an event into open watches, as if the API server had sent it: 410 is `expired` below. Answers how many got it. */
  send(event: object, matches: Matcher = () => true): number {
    const open = this.#matching(matches).filter((watch) => !watch.silent);
    for (const { answer } of open) {
      answer.write(`${JSON.stringify(event)}\n`);
    }
    return open.length;
  }

  /** Ends open watches cleanly, as the API server does when their time is over. */
  endWatches(matches: Matcher = () => true): void {
    for (const { answer } of this.#matching(matches)) {
      answer.end();
    }
  }

  /** Breaks every connection at once. */
  cutAll(): void {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cutAll();
    this.#agent.destroy();
    await closed;
  }

  #matching(matches: Matcher): OpenWatch[] {
    return [...this.#watches].filter(({ request: open }) => matches(open));
  }

  #take(incoming: IncomingMessage, answer: ServerResponse): void {
    const url = new URL(incoming.url ?? '/', this.url);
    const watch = url.searchParams.get('watch') === 'true' || url.searchParams.get('watch') === '1';
    const taken: ProxiedRequest = { method: incoming.method ?? 'GET', path: url.pathname, query: url.searchParams, watch };
    this.requests.push(taken);
    const injection = this.#injections.find(({ left, matches }) => left > 0 && matches(taken));
    if (injection !== undefined) {
      injection.left -= 1;
    }
    const fault = injection?.fault;
    if (fault?.kind === 'answer') {
      incoming.resume();
      answerInstead(answer, fault);
    } else if (fault?.kind === 'cut') {
      incoming.socket.destroy();
    } else if (fault?.kind === 'hang') {
      incoming.resume();
    } else {
      this.#pass(taken, incoming, answer, fault?.kind === 'cut-after' ? () => incoming.socket.destroy() : undefined);
    }
  }

  /** Passes a request on; with `instead`, calls that as soon as the API server has answered, and delivers nothing. */
  #pass(taken: ProxiedRequest, incoming: IncomingMessage, answer: ServerResponse, instead: (() => void) | undefined): void {
    const headers = { ...incoming.headers };
    delete headers.host;
    // So that events can be slipped into the stream.
    delete headers['accept-encoding'];
    const forwarded = request(new URL(incoming.url ?? '/', this.#upstream.url), { method: taken.method, headers, agent: this.#agent }, (reply) => {
      if (instead !== undefined) {
        reply.resume();
        reply.once('end', instead);
        return;
      }
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      if (taken.watch && reply.statusCode === 200) {
        this.#stream(taken, reply, answer);
      } else {
        reply.pipe(answer);
      }
      reply.once('error', () => answer.destroy());
    });
    // The API server is down: so is the proxy, for its client.
    forwarded.once('error', () => answer.destroy());
    answer.once('close', () => forwarded.destroy());
    incoming.pipe(forwarded);
  }

  #stream(taken: ProxiedRequest, reply: IncomingMessage, answer: ServerResponse): void {
    const watch: OpenWatch = { request: taken, answer, silent: this.#silent };
    this.#watches.add(watch);
    answer.flushHeaders();
    answer.once('close', () => this.#watches.delete(watch));
    reply.on('data', (chunk: Buffer) => {
      if (!watch.silent && !answer.writableEnded) {
        answer.write(chunk);
      }
    });
    reply.once('end', () => {
      if (!watch.silent) {
        answer.end();
      }
    });
    for (const resolve of this.#waiters) {
      resolve();
    }
    this.#waiters.clear();
  }
}

/** The event by which the API server says that a watch's resourceVersion is too old (HTTP status 200, 410 in the stream). */
export const expired = {
  type: 'ERROR',
  object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'too old resource version', reason: 'Expired', code: 410 },
};

function answerInstead(answer: ServerResponse, fault: Extract<Fault, { kind: 'answer' }>): void {
  answer.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
  answer.end(JSON.stringify({
    kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: `injected ${fault.status}`, reason: fault.reason, code: fault.status,
  }));
}
