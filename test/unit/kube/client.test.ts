import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KubeClient } from '../../../src/kube/client.ts';
import type { ClusterConfig, TokenSource } from '../../../src/kube/config.ts';
import { ApiError, ConnectionError, isAlreadyExists, isConflict, isNamespaceTerminating, isNotFound } from '../../../src/kube/errors.ts';
import { HttpTransport } from '../../../src/kube/http.ts';
import { pathOf, resources } from '../../../src/kube/resource.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let server: Server;
let seen: Seen[];
let sockets: Set<unknown>;
let respond: (request: Seen, response: ServerResponse) => void;
const clients: KubeClient[] = [];

beforeEach(async () => {
  seen = [];
  sockets = new Set();
  respond = (_request, response) => response.end('{}');
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body: Buffer.concat(parts).toString() };
      seen.push(one);
      respond(one, response);
    });
  });
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  server.closeAllConnections();
  server.close();
});

function url(): string {
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

function connect(config: Partial<ClusterConfig> = {}, clock = systemClock): KubeClient {
  const common = { server: url(), ca: undefined, clientCertificate: undefined, token: undefined, namespace: 'default' };
  const transport = new HttpTransport({ ...common, ...config }, { clock, userAgent: 'keystead/test' });
  const client = new KubeClient(transport, { clock, random: { bytes: (length) => Buffer.alloc(length), fraction: () => 1 } });
  clients.push(client);
  return client;
}

function status(response: ServerResponse, code: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

const at = { namespace: 'n', name: 'x' };
const secret = { metadata: { namespace: 'n', name: 'x', resourceVersion: '7' }, data: { key: 'aGlkZGVu' } };

describe('requests', () => {
  it('are what the API expects', async () => {
    const client = connect();
    await client.create(resources.secrets, secret);
    await client.update(resources.secrets, secret);
    await client.patchStatus(resources.vaults, at, { ready: true }, { resourceVersion: '7' });
    await client.apply(resources.secrets, secret, { fieldManager: 'keystead-merge', force: true });
    await client.jsonPatch(resources.deployments, at, [{ op: 'test', path: '/a', value: 1 }]);
    await client.delete(resources.secrets, at, { uid: 'u', resourceVersion: '7' });
    await client.updateStatus(resources.deletedVaults, { metadata: { name: 'n.x' }, spec: {} });
    expect(seen.map(({ method, url: path, headers, body }) => [method, path, headers['content-type'], JSON.parse(body)])).toEqual([
      ['POST', '/api/v1/namespaces/n/secrets', 'application/json', { apiVersion: 'v1', kind: 'Secret', ...secret }],
      ['PUT', '/api/v1/namespaces/n/secrets/x', 'application/json', { apiVersion: 'v1', kind: 'Secret', ...secret }],
      [
        'PATCH',
        '/apis/keystead.dev/v1alpha1/namespaces/n/vaults/x/status',
        'application/merge-patch+json',
        { metadata: { resourceVersion: '7' }, status: { ready: true } },
      ],
      [
        'PATCH',
        '/api/v1/namespaces/n/secrets/x?fieldManager=keystead-merge&force=true',
        'application/apply-patch+yaml',
        { apiVersion: 'v1', kind: 'Secret', ...secret },
      ],
      ['PATCH', '/apis/apps/v1/namespaces/n/deployments/x', 'application/json-patch+json', [{ op: 'test', path: '/a', value: 1 }]],
      [
        'DELETE',
        '/api/v1/namespaces/n/secrets/x',
        'application/json',
        { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'u', resourceVersion: '7' } },
      ],
      [
        'PUT',
        '/apis/keystead.dev/v1alpha1/deletedvaults/n.x/status',
        'application/json',
        { apiVersion: 'keystead.dev/v1alpha1', kind: 'DeletedVault', metadata: { name: 'n.x' }, spec: {} },
      ],
    ]);
    expect(seen[0]?.headers['user-agent']).toBe('keystead/test');
  });

  it('cannot be led to another resource by a name', () => {
    expect(pathOf(resources.secrets, { namespace: 'n', name: '../../nodes?x#y' })).toBe('/api/v1/namespaces/n/secrets/..%2F..%2Fnodes%3Fx%23y');
    for (const name of ['', '.', '..']) {
      expect(() => pathOf(resources.secrets, { namespace: 'n', name })).toThrow(TypeError);
    }
    expect(() => pathOf(resources.secrets, { name: 'x' })).toThrow('without a namespace');
  });

  it('share connections', async () => {
    const client = connect();
    for (let index = 0; index < 20; index += 1) {
      await client.get(resources.secrets, at);
    }
    expect(sockets.size).toBeLessThanOrEqual(2);
  });

  it('act as somebody else when the configuration says so', async () => {
    await connect({ impersonate: { user: 'mallory', groups: ['a', 'b'] } }).get(resources.secrets, at);
    expect(seen[0]?.headers).toMatchObject({ 'impersonate-user': 'mallory', 'impersonate-group': 'a, b' });
  });
});

describe('lists', () => {
  it('come page by page, as one, with the types that the server leaves out', async () => {
    respond = ({ url: path }, response) => {
      const next = new URL(path, 'http://x').searchParams.get('continue');
      const metadata = next === null ? { resourceVersion: '5', continue: 'c1' } : { resourceVersion: '5' };
      response.end(JSON.stringify({ metadata, items: [{ metadata: { name: next ?? 'c0' } }] }));
    };
    const { items, resourceVersion } = await connect().list(resources.secrets, { labelSelector: 'a=b' });
    expect(items).toEqual([
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'c0' } },
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'c1' } },
    ]);
    expect(resourceVersion).toBe('5');
    expect(seen.map((one) => one.url)).toEqual(['/api/v1/secrets?limit=500&labelSelector=a%3Db', '/api/v1/secrets?limit=500&continue=c1&labelSelector=a%3Db']);
  });

  it('are read anew in one answer when a page has expired', async () => {
    respond = ({ url: path }, response) => {
      const query = new URL(path, 'http://x').searchParams;
      if (query.get('continue') !== null) {
        status(response, 410, { reason: 'Expired' });
        return;
      }
      const metadata = query.get('limit') === '0' ? { resourceVersion: '9' } : { resourceVersion: '5', continue: 'c1' };
      response.end(JSON.stringify({ metadata, items: [] }));
    };
    expect((await connect().list(resources.secrets)).resourceVersion).toBe('9');
  });
});

describe('refusals', () => {
  it('are typed, carry the server\'s words, and never what was sent', async () => {
    respond = (_request, response) => status(response, 409, { reason: 'AlreadyExists', message: 'secrets "x" already exists' });
    const error: unknown = await connect()
      .create(resources.secrets, secret)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect([isAlreadyExists(error), isConflict(error), isNotFound(error)]).toEqual([true, false, false]);
    expect(String(error)).toContain('POST /api/v1/namespaces/n/secrets: 409 secrets "x" already exists');
    expect(JSON.stringify([error, String(error), Object(error).stack])).not.toContain('aGlkZGVu');
  });

  it('tell a namespace that is going from other things that are forbidden', async () => {
    respond = (_request, response) => status(response, 403, { reason: 'Forbidden', details: { causes: [{ reason: 'NamespaceTerminating' }] } });
    const error = await connect()
      .create(resources.secrets, secret)
      .catch((thrown: unknown) => thrown);
    expect([isNamespaceTerminating(error), isNamespaceTerminating(new ApiError(403, {}, ''))]).toEqual([true, false]);
  });

  it('of a proxy that speaks no Kubernetes are refusals too', async () => {
    respond = (_request, response) => response.writeHead(502).end('<html>Bad gateway</html>');
    const error = await connect()
      .create(resources.secrets, secret)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 502, reason: '', transient: 'unavailable' });
  });
});

describe('repeating', () => {
  it('waits as long as a 429 asks, for reads', async () => {
    respond = (_request, response) => (seen.length < 3 ? status(response, 429, {}, { 'retry-after': '0' }) : response.end('{"kind":"Secret"}'));
    await connect().get(resources.secrets, at);
    expect(seen).toHaveLength(3);
  });

  it('leaves the waiting to the caller, for writes', async () => {
    respond = (_request, response) => status(response, 429, {}, { 'retry-after': '7' });
    await expect(connect().update(resources.secrets, secret)).rejects.toMatchObject({ status: 429, retryAfterMs: 7_000, transient: 'throttled' });
    expect(seen).toHaveLength(1);
  });

  it('never sends a write again whose answer was lost', async () => {
    respond = (_request, response) => response.destroy();
    await expect(connect().create(resources.secrets, secret)).rejects.toMatchObject({ name: 'ConnectionError', sent: true });
    expect(seen).toHaveLength(1);
  });

  it('sends a read again whose answer was lost', async () => {
    respond = (_request, response) => (seen.length < 2 ? response.destroy() : response.end('{}'));
    await connect().get(resources.secrets, at);
    expect(seen).toHaveLength(2);
  });

  it('says that nothing was sent when nobody listens', async () => {
    const client = connect();
    await new Promise((resolve) => {
      server.close(resolve);
    });
    await expect(client.create(resources.secrets, secret)).rejects.toMatchObject({ sent: false });
  });
});

describe('time', () => {
  it('limits a call that hangs, and says that it may have happened', async () => {
    respond = () => undefined;
    const error = await connect()
      .create(resources.secrets, secret, { timeoutMs: 50 })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ sent: true, message: expect.stringContaining('Not done within 50 ms') });
  });

  it('is not given to a read a second time', async () => {
    respond = () => undefined;
    await expect(connect().get(resources.secrets, at, { timeoutMs: 50 })).rejects.toBeInstanceOf(ConnectionError);
    expect(seen).toHaveLength(1);
  });

  it('ends a call at once when the caller gives up', async () => {
    const controller = new AbortController();
    respond = () => controller.abort(new Error('given up'));
    await expect(connect().get(resources.secrets, at, { signal: controller.signal })).rejects.toThrow('given up');
  });

  it('of the server is known from its last answer', async () => {
    respond = (_request, response) => {
      response.setHeader('date', 'Mon, 05 Jan 2026 10:00:00 GMT');
      response.end('{}');
    };
    const clock = new FakeClock();
    const client = connect({}, clock);
    expect(client.serverTime()).toBeUndefined();
    clock.freeze(500);
    await client.get(resources.secrets, at);
    expect(client.serverTime()).toEqual({ date: new Date('2026-01-05T10:00:00Z'), atMonotonic: 500 });
  });
});

it('lets go of the signal when a stream ends', async () => {
  respond = (_request, response) => response.end('a line\n');
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => ((listeners += 1), add(...args));
  signal.removeEventListener = (...args: Parameters<typeof remove>) => ((listeners -= 1), remove(...args));
  const connection = connect().connection();
  const { chunks } = await connection.open({ method: 'GET', path: '/', signal });
  expect(listeners).toBe(1);
  for await (const chunk of chunks) {
    expect(Buffer.from(chunk).toString()).toBe('a line\n');
  }
  connection.destroy();
  expect(listeners).toBe(0);
});

it('reads the token again when it is refused, once', async () => {
  const tokens = ['old', 'new', 'never'];
  const token: TokenSource = { current: async () => tokens[0] ?? '', refused: () => void tokens.shift() };
  respond = ({ headers }, response) => (headers.authorization === 'Bearer new' ? response.end('{}') : status(response, 401, {}));
  const client = connect({ token });
  await client.create(resources.secrets, secret);
  expect(seen.map((one) => one.headers.authorization)).toEqual(['Bearer old', 'Bearer new']);
  respond = (_request, response) => status(response, 401, { reason: 'Unauthorized' });
  await expect(client.create(resources.secrets, secret)).rejects.toMatchObject({ status: 401 });
  expect(seen).toHaveLength(4);
});
