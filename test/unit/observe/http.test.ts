import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Health } from '../../../src/observe/health.ts';
import { startObserveServer, type ObserveServer } from '../../../src/observe/http.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { silentLog } from '../../../src/runtime/log.ts';

let server: ObserveServer;
let health: Health;
let metrics: Metrics;
let origin: string;

beforeEach(async () => {
  health = new Health();
  metrics = new Metrics({ version: '1' });
  server = await startObserveServer({ host: '127.0.0.1', port: 0, health, metrics, clock: systemClock, log: silentLog });
  origin = `http://127.0.0.1:${server.port}`;
});

afterEach(() => server.close());

async function get(path: string, init?: RequestInit): Promise<{ status: number; type: string | null; body: string }> {
  const response = await fetch(origin + path, init);
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
}

/** Sends bytes as they are, and answers all that comes back until the other side ends. */
async function raw(text: string): Promise<string> {
  const socket = connect(server.port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  socket.on('error', () => undefined);
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

describe('the server of probes and metrics', () => {
  it('is alive whatever is ready', async () => {
    health.add({ name: 'informers-synced', check: () => false });
    await expect(get('/healthz')).resolves.toMatchObject({ status: 200, body: 'ok\n' });
  });

  it('is ready when every check is well, and says which is not', async () => {
    let synced = false;
    health.add({ name: 'audit', check: () => true });
    health.add({ name: 'informers-synced', check: () => synced });
    await expect(get('/readyz')).resolves.toMatchObject({ status: 503, body: '[+]audit ok\n[-]informers-synced not ready\nnot ready\n' });
    synced = true;
    await expect(get('/readyz?verbose')).resolves.toMatchObject({ status: 200, body: '[+]audit ok\n[+]informers-synced ok\nready\n' });
  });

  it('answers a scrape in the text format of Prometheus', async () => {
    const answer = await get('/metrics');
    expect(answer).toMatchObject({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8' });
    expect(answer.body).toContain('keystead_build_info{version="1"');
  });

  it('renders once for all who scrape at the same time', async () => {
    let rendered = 0;
    metrics.askCertificates(() => {
      rendered += 1;
      return [];
    });
    // Pipelined, so that all three are there at once.
    const scrape = 'GET /metrics HTTP/1.1\r\nHost: a\r\n';
    const answer = await raw(`${scrape}\r\n${scrape}\r\n${scrape}Connection: close\r\n\r\n`);
    expect(answer.split('keystead_build_info{')).toHaveLength(4);
    expect(rendered).toBe(1);
  });

  it('answers 500 without a word of the reason when rendering fails', async () => {
    metrics.askCertificates(() => {
      throw new Error('canary');
    });
    await expect(get('/metrics')).resolves.toMatchObject({ status: 500, body: 'internal error\n' });
    health.add({ name: 'broken', check: () => JSON.parse('canary') === true });
    await expect(get('/readyz')).resolves.toMatchObject({ status: 500, body: 'internal error\n' });
  });

  it('knows no other path and no other method', async () => {
    await expect(get('/')).resolves.toMatchObject({ status: 404 });
    await expect(get('/metrics/../healthz/x')).resolves.toMatchObject({ status: 404 });
    await expect(get('/healthz', { method: 'POST', body: 'x' })).resolves.toMatchObject({ status: 405 });
    await expect(get('/healthz', { method: 'HEAD' })).resolves.toMatchObject({ status: 200, body: '' });
  });

  it('refuses headers that are too long', async () => {
    await expect(raw(`GET /healthz HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).resolves.toContain('431');
  });

  it('ends while connections are still open', async () => {
    const idle = connect(server.port, '127.0.0.1');
    await once(idle, 'connect');
    idle.on('error', () => undefined);
    await get('/healthz');
    await server.close();
    await expect(get('/healthz')).rejects.toThrow('fetch failed');
    idle.destroy();
  });

  it('says when the address is taken', async () => {
    const second = startObserveServer({ host: '127.0.0.1', port: server.port, health, metrics, clock: systemClock, log: silentLog });
    await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
