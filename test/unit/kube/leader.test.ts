import { describe, expect, it } from '@jest/globals';
import { KubeClient } from '../../../src/kube/client.ts';
import type { Lease } from '../../../src/kube/kinds.ts';
import { LeaderElector, WorkersStillRunning, type LeaderOptions } from '../../../src/kube/leader.ts';
import { LeadershipLost, type Leadership } from '../../../src/kube/leadership.ts';
import { resources } from '../../../src/kube/resource.ts';
import type { ApiRequest } from '../../../src/kube/transport.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FakeTransport, refusal } from './fake-transport.ts';

const random = { bytes: (length: number) => Buffer.alloc(length), fraction: () => 0 };

/** The one Lease, with compare-and-swap as the API server does it. */
class LeaseServer {
  lease: Lease | undefined;
  writes = 0;
  #version = 0;

  answer(request: ApiRequest): object {
    if (request.method === 'GET') {
      return this.lease ?? refusal(404, 'NotFound');
    }
    const sent: Lease = JSON.parse(request.body ?? '');
    if (request.method === 'POST' ? this.lease !== undefined : sent.metadata.resourceVersion !== this.lease?.metadata.resourceVersion) {
      return refusal(409, request.method === 'POST' ? 'AlreadyExists' : 'Conflict');
    }
    this.writes += 1;
    this.lease = { ...sent, metadata: { ...sent.metadata, uid: 'u', resourceVersion: String((this.#version += 1)) } };
    return this.lease;
  }
}

class Candidate {
  readonly transport = new FakeTransport();
  readonly stop = new AbortController();
  readonly client: KubeClient;
  readonly seen: string[] = [];
  leadership: Leadership | undefined;
  /** What the work does when its leadership is lost; the good default ends at once. */
  ignoresLoss = false;
  readonly running: Promise<void>;

  constructor(identity: string, clock: FakeClock, server: LeaseServer, options: Partial<LeaderOptions> = {}) {
    this.transport.answer = (request) => server.answer(request);
    this.client = new KubeClient(this.transport, { clock, random });
    const elector = new LeaderElector({
      client: this.client,
      clock,
      random,
      log: silentLog,
      namespace: 'n',
      name: 'keystead-operator',
      identity,
      onChange: (leading) => this.seen.push(leading ? 'leads' : 'ends'),
      ...options,
    });
    this.running = elector.run((leadership, stop) => this.#work(leadership, stop), this.stop.signal);
    this.running.catch(() => undefined);
  }

  #work(leadership: Leadership, stop: AbortSignal): Promise<void> {
    this.leadership = leadership;
    return new Promise((resolve) => {
      stop.addEventListener('abort', () => resolve());
      leadership.signal.addEventListener('abort', () => this.ignoresLoss || resolve());
    });
  }

  get leads(): boolean {
    return this.seen.at(-1) === 'leads';
  }

  /** The API server can no longer be reached from here. */
  cutOff(): void {
    this.transport.answer = (request) =>
      new Promise((_resolve, reject) => {
        request.signal?.addEventListener('abort', () => reject(request.signal?.reason));
      });
  }
}

async function two(): Promise<{ clock: FakeClock; server: LeaseServer; first: Candidate; second: Candidate }> {
  const clock = new FakeClock();
  const server = new LeaseServer();
  const first = new Candidate('first', clock, server);
  await settle();
  const second = new Candidate('second', clock, server);
  await clock.advance(5_000);
  return { clock, server, first, second };
}

async function end(...candidates: Candidate[]): Promise<void> {
  candidates.forEach((candidate) => candidate.stop.abort());
  await Promise.allSettled(candidates.map((candidate) => candidate.running));
}

describe('the election', () => {
  it('has one leader as long as it renews', async () => {
    const { clock, server, first, second } = await two();
    await clock.advance(120_000);
    expect([first.leads, second.leads]).toEqual([true, false]);
    expect(server.lease?.spec).toMatchObject({ holderIdentity: 'first', leaseDurationSeconds: 15, leaseTransitions: 0 });
    expect(server.lease?.spec?.renewTime).toMatch(/\.\d{6}Z$/);
    await end(first, second);
  });

  it('gives the lease back at the end, so that the next one need not wait', async () => {
    const { clock, server, first, second } = await two();
    first.stop.abort();
    await first.running;
    expect(server.lease?.spec?.holderIdentity).toBe('');
    await clock.advance(2_000);
    expect(second.leads).toBe(true);
    expect(server.lease?.spec?.leaseTransitions).toBe(1);
    await end(second);
  });

  it('never has two at once when one is cut off: the first has stopped before the second starts', async () => {
    const { clock, first, second } = await two();
    first.cutOff();
    const until = async (done: () => boolean): Promise<number> => {
      while (!done()) {
        await clock.advance(100);
        expect(first.leads && second.leads).toBe(false);
      }
      return clock.monotonic();
    };
    const cut = clock.monotonic();
    expect((await until(() => !first.leads)) - cut).toBeLessThanOrEqual(10_000);
    expect(first.leadership?.signal.aborted).toBe(true);
    expect((await until(() => second.leads)) - cut).toBeLessThanOrEqual(19_500);
    await end(first, second);
  });

  it('does not care for the times in the Lease: a clock that is a year off changes nothing', async () => {
    const { clock, first, second } = await two();
    clock.jump(365 * 24 * 3600 * 1000);
    await clock.advance(60_000);
    clock.jump(-2 * 365 * 24 * 3600 * 1000);
    await clock.advance(60_000);
    expect([first.seen, second.seen]).toEqual([['leads'], []]);
    await end(first, second);
  });

  it('becomes a candidate again after a loss, and leads again', async () => {
    const { clock, server, first, second } = await two();
    await end(second);
    first.cutOff();
    await clock.advance(11_000);
    expect(first.leads).toBe(false);
    first.transport.answer = (request) => server.answer(request);
    await clock.advance(12_000);
    expect(first.seen).toEqual(['leads', 'ends', 'leads']);
    await end(first);
  });

  it('survives a lease that somebody deleted or took', async () => {
    const { clock, server, first, second } = await two();
    server.lease = undefined;
    await clock.advance(3_000);
    expect([first.leads, second.leads].filter(Boolean)).toHaveLength(1);
    await end(first, second);
  });

  it('ends the process when the work does not stop', async () => {
    const { clock, first, second } = await two();
    first.ignoresLoss = true;
    first.cutOff();
    await clock.advance(16_000);
    await expect(first.running).rejects.toBeInstanceOf(WorkersStillRunning);
    await end(second);
  });

  it('passes on what the work throws, after giving the lease back', async () => {
    const clock = new FakeClock();
    const server = new LeaseServer();
    const transport = new FakeTransport();
    transport.answer = (request) => server.answer(request);
    const client = new KubeClient(transport, { clock, random });
    const elector = new LeaderElector({ client, clock, random, log: silentLog, namespace: 'n', name: 'l', identity: 'i' });
    await expect(elector.run(() => Promise.reject(new Error('work')), new AbortController().signal)).rejects.toThrow('work');
    expect(server.lease?.spec?.holderIdentity).toBe('');
  });
});

describe('a leader that was stopped (SIGSTOP) for longer than its lease', () => {
  it('writes nothing when it goes on, even before any timer has run', async () => {
    const { clock, first, second } = await two();
    const guarded = first.client.guarded(first.leadership ?? never());
    await guarded.create(resources.configMaps, { metadata: { namespace: 'n', name: 'x' } }).catch(() => undefined);
    const before = first.transport.requests.length;
    clock.freeze(20_000);
    await expect(guarded.create(resources.configMaps, { metadata: { namespace: 'n', name: 'y' } })).rejects.toBeInstanceOf(LeadershipLost);
    expect(first.transport.requests).toHaveLength(before);
    await end(first, second);
  });

  it('does not take a lease back that another one holds meanwhile', async () => {
    const { clock, server, first, second } = await two();
    clock.freeze(20_000);
    // The other process ran on: it took the lease while the first one stood still.
    server.answer({ method: 'PUT', path: '', body: JSON.stringify({ ...server.lease, spec: { holderIdentity: 'third', leaseDurationSeconds: 15 } }) });
    await clock.advance(6_000);
    expect([first.leads, second.leads]).toEqual([false, false]);
    await end(first, second);
  });
});

describe('the guard', () => {
  it('aborts writes under way when the leadership goes, and lets reads pass', async () => {
    const { clock, server, first, second } = await two();
    const guarded = first.client.guarded(first.leadership ?? never());
    first.cutOff();
    const failure = guarded.create(resources.configMaps, { metadata: { namespace: 'n', name: 'x' } }).catch((error: unknown) => error);
    await clock.advance(11_000);
    expect(await failure).toBeInstanceOf(LeadershipLost);
    first.transport.answer = (request) => server.answer(request);
    expect((await guarded.get(resources.leases, { namespace: 'n', name: 'keystead-operator' })).kind).toBe('Lease');
    await end(first, second);
  });

  it('leaves no listener behind', async () => {
    const { first, second } = await two();
    let listeners = 0;
    const leadership = first.leadership ?? never();
    const signal = new AbortController().signal;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => ((listeners += 1), add(...args));
    signal.removeEventListener = (...args: Parameters<typeof remove>) => ((listeners -= 1), remove(...args));
    const guarded = first.client.guarded({ signal, check: () => leadership.check(), lastRenewal: () => 0 });
    for (let index = 0; index < 3; index += 1) {
      await guarded.create(resources.leases, { metadata: { namespace: 'n', name: 'x' } }).catch(() => undefined);
    }
    expect(listeners).toBe(0);
    await end(first, second);
  });
});

function never(): never {
  throw new Error('nobody leads');
}
