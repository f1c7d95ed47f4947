import { afterEach, describe, expect, it } from '@jest/globals';
import type { Change } from '../../../src/kube/cache.ts';
import { KubeClient } from '../../../src/kube/client.ts';
import { Informer, type InformerOptions } from '../../../src/kube/informer.ts';
import type { ConfigMap } from '../../../src/kube/kinds.ts';
import { resources } from '../../../src/kube/resource.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FakeTransport, refusal, type FakeStream } from './fake-transport.ts';

const random = { bytes: (length: number) => Buffer.alloc(length), fraction: () => 0 };

function configMap(name: string, resourceVersion: string, data: Record<string, string> = {}, uid = `uid-${name}`): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'n', uid, resourceVersion, creationTimestamp: '' }, data };
}

function list(resourceVersion: string, ...items: ConfigMap[]): object {
  return { kind: 'ConfigMapList', metadata: { resourceVersion }, items };
}

function bookmark(resourceVersion: string, initial = false): object {
  const annotations = initial ? { 'k8s.io/initial-events-end': 'true' } : {};
  return { type: 'BOOKMARK', object: { kind: 'ConfigMap', metadata: { resourceVersion, annotations } } };
}

const gone = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' } };

class Rig {
  readonly clock = new FakeClock();
  readonly transport = new FakeTransport();
  readonly stop = new AbortController();
  readonly changes: string[] = [];
  readonly informer: Informer<ConfigMap>;
  running: Promise<void> = Promise.resolve();

  constructor(options: Partial<InformerOptions<ConfigMap>> = {}) {
    const client = new KubeClient(this.transport, { clock: this.clock, random });
    const common = { client, resource: resources.configMaps, clock: this.clock, random, log: silentLog };
    this.informer = new Informer<ConfigMap>({ ...common, indexes: { color: (object) => [object.data?.['color'] ?? 'none'] }, ...options });
    this.informer.onChange((change) => this.changes.push(describeChange(change)));
  }

  async start(): Promise<FakeStream> {
    this.running = this.informer.run(this.stop.signal);
    await settle();
    return this.transport.stream;
  }

  /** Starts with a streamed list. */
  async startWith(...objects: ConfigMap[]): Promise<FakeStream> {
    const stream = await this.start();
    stream.send(...objects.map((object) => ({ type: 'ADDED', object })), bookmark('100', true));
    await settle();
    this.changes.length = 0;
    return stream;
  }
}

function describeChange(change: Change<ConfigMap>): string {
  return `${change.type} ${change.key}${change.type === 'added' && change.initial ? ' initial' : ''}`;
}

let rig: Rig;
afterEach(async () => {
  rig.stop.abort();
  await rig.running;
  // Nothing is left behind: no timer, no socket.
  if (rig.clock.timers !== 0 || rig.transport.connections !== rig.transport.destroyed) {
    throw new Error(`left behind: ${rig.clock.timers} timers, ${rig.transport.connections - rig.transport.destroyed} connections`);
  }
});

describe('beginning', () => {
  it('streams the list, is synced at its end, and goes on in the same stream', async () => {
    rig = new Rig();
    const stream = await rig.start();
    expect(stream.query).toMatchObject({ watch: true, sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan', allowWatchBookmarks: true });
    stream.send({ type: 'ADDED', object: configMap('a', '1') });
    await settle();
    expect([rig.informer.hasSynced, rig.informer.size]).toEqual([false, 0]);
    stream.send(bookmark('5', true), { type: 'ADDED', object: configMap('b', '6') });
    await rig.informer.synced();
    await settle();
    expect(rig.changes).toEqual(['added n/a initial', 'added n/b']);
    expect(rig.transport.streams).toHaveLength(1);
  });

  it.each([400, 422])('lists page by page where the server answers %i to a streamed list', async (status) => {
    rig = new Rig();
    rig.transport.onStream = (stream) => {
      if (stream.query['sendInitialEvents'] === true) {
        stream.status = status;
        stream.send({ kind: 'Status', code: status, message: 'sendInitialEvents is forbidden' });
        stream.end();
      }
    };
    rig.transport.answer = (request) =>
      request.query?.['continue'] === undefined
        ? { ...list('7', configMap('a', '1')), metadata: { resourceVersion: '7', continue: 'more' } }
        : list('7', configMap('b', '2'));
    await rig.start();
    expect(rig.changes).toEqual(['added n/a initial', 'added n/b initial']);
    expect(rig.transport.stream.query).toMatchObject({ resourceVersion: '7' });
    expect(rig.transport.stream.query).not.toHaveProperty('sendInitialEvents');
  });

  it('tells late handlers what is there already', async () => {
    rig = new Rig();
    await rig.startWith(configMap('a', '1'));
    const late: string[] = [];
    rig.informer.onChange((change) => late.push(describeChange(change)));
    expect(late).toEqual(['added n/a initial']);
  });

  it('asks for metadata only and keeps nothing else, whatever comes', async () => {
    rig = new Rig({ representation: 'metadata' });
    await rig.startWith(configMap('a', '1', { password: 'x' }));
    expect(rig.transport.stream.request.accept).toContain('as=PartialObjectMetadata;');
    expect(rig.informer.get('n/a')).not.toHaveProperty('data');
  });

  it('caches neither managedFields nor the copy that kubectl leaves', async () => {
    rig = new Rig();
    const object = configMap('a', '1');
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': 'secret', other: 'kept' };
    await rig.startWith({ ...object, metadata: { ...object.metadata, annotations, managedFields: [] } } as ConfigMap);
    expect(rig.informer.get('n/a')?.metadata).toEqual({ ...object.metadata, annotations: { other: 'kept' } });
  });
});

describe('an informer of some namespaces', () => {
  const inNamespace = (object: ConfigMap, namespace: string): ConfigMap => ({ ...object, metadata: { ...object.metadata, namespace } });

  it('watches each of them, is synced when all are, and lists one again without losing the other', async () => {
    rig = new Rig({ namespaces: ['n', 'm'] });
    await rig.start();
    const [n, m] = rig.transport.streams;
    expect(rig.transport.streams.map((stream) => stream.request.path)).toEqual(['/api/v1/namespaces/n/configmaps', '/api/v1/namespaces/m/configmaps']);
    n?.send({ type: 'ADDED', object: configMap('a', '1') }, bookmark('5', true));
    await settle();
    expect([rig.informer.hasSynced, rig.informer.lastContact]).toEqual([false, undefined]);
    m?.send({ type: 'ADDED', object: inNamespace(configMap('b', '2'), 'm') }, bookmark('5', true));
    await rig.informer.synced();
    n?.send(gone);
    await settle();
    rig.transport.stream.send(bookmark('9', true));
    await settle();
    expect(rig.informer.list().map((object) => object.metadata.name)).toEqual(['b']);
  });
});

describe('indexes', () => {
  it('follow every change', async () => {
    rig = new Rig();
    const stream = await rig.startWith(configMap('a', '1', { color: 'red' }), configMap('b', '2', { color: 'red' }));
    expect(rig.informer.keysBy('color', 'red')).toEqual(['n/a', 'n/b']);
    stream.send({ type: 'MODIFIED', object: configMap('a', '3', { color: 'blue' }) }, { type: 'DELETED', object: configMap('b', '4') });
    await settle();
    expect([rig.informer.keysBy('color', 'red'), rig.informer.keysBy('color', 'blue')]).toEqual([[], ['n/a']]);
    expect(() => rig.informer.by('colour', 'red')).toThrow('no index');
  });
});

describe('faults', () => {
  it('goes on from the last bookmark when the server ends the watch', async () => {
    rig = new Rig();
    const stream = await rig.startWith();
    await rig.clock.advance(5_000);
    stream.send(bookmark('140'));
    await settle();
    stream.end();
    await settle();
    expect(rig.transport.stream.query).toMatchObject({ resourceVersion: '140' });
    expect(rig.transport.connections).toBe(1);
  });

  it('lists again after a 410 in the stream, and tells of what is gone', async () => {
    rig = new Rig();
    const stream = await rig.startWith(configMap('a', '1'), configMap('b', '2'), configMap('c', '3'));
    stream.send(gone);
    stream.end();
    await settle();
    const again = rig.transport.stream;
    expect(again.query).toMatchObject({ sendInitialEvents: true });
    again.send({ type: 'ADDED', object: configMap('b', '2') }, { type: 'ADDED', object: configMap('c', '9') }, bookmark('200', true));
    await settle();
    expect(rig.changes.toSorted()).toEqual(['removed n/a', 'updated n/c']);
  });

  it('lists again after a 410 as the answer', async () => {
    rig = new Rig();
    const stream = await rig.startWith(configMap('a', '1'));
    rig.transport.onStream = (next) => {
      if (next.query['resourceVersion'] === '100') {
        next.status = 410;
        next.send({ kind: 'Status', code: 410, reason: 'Expired' });
        next.end();
      }
    };
    await rig.clock.advance(2_000);
    stream.end();
    await settle();
    expect(rig.transport.stream.query).toMatchObject({ sendInitialEvents: true });
  });

  it('does not spin on a server that answers 410 for ever', async () => {
    rig = new Rig();
    const stream = await rig.startWith();
    rig.transport.onStream = (next) => {
      next.send(gone);
      next.end();
    };
    stream.end();
    await rig.clock.advance(60_000);
    expect(rig.transport.streams.length).toBeLessThan(10);
  });

  it('is not held up any longer by an outage that is over', async () => {
    rig = new Rig();
    const stream = await rig.startWith();
    const answers = [...Array.from({ length: 8 }, () => 'none'), 'refused', 'gone'];
    rig.transport.onStream = (next) => {
      const answer = answers.shift();
      if (answer === 'none') next.end(new Error('connection refused'));
      if (answer === 'refused') {
        next.status = 403;
        next.send({ kind: 'Status', code: 403, reason: 'Forbidden' });
        next.end();
      }
      if (answer === 'gone') next.send(gone);
    };
    stream.end();
    while (answers.length > 1) await rig.clock.advance(1_000);
    await rig.clock.advance(3_000);
    expect(answers).toEqual([]);
    expect(rig.transport.stream.query).toMatchObject({ sendInitialEvents: true });
  });

  it('destroys the connection of a watch that fell silent, and opens another one', async () => {
    const lines: string[] = [];
    rig = new Rig({ silenceMs: 90_000, log: { ...silentLog, info: (line) => lines.push(line), warn: (line) => lines.push(line) } });
    await rig.startWith(configMap('a', '1'));
    await rig.clock.advance(89_000);
    expect(rig.transport.destroyed).toBe(0);
    await rig.clock.advance(1_000);
    expect(rig.transport.destroyed).toBe(1);
    await rig.clock.advance(1_000);
    expect([rig.transport.streams.length, rig.transport.connections]).toEqual([2, 2]);
    expect(lines).toEqual(['Watch fell silent; it is opened again']);
    expect(rig.transport.stream.query).toMatchObject({ resourceVersion: '100' });
  });

  it('takes bookmarks as a sign of life', async () => {
    rig = new Rig({ silenceMs: 90_000 });
    const stream = await rig.startWith();
    for (let minute = 0; minute < 5; minute += 1) {
      await rig.clock.advance(60_000);
      stream.send(bookmark(String(200 + minute)));
      await settle();
      expect(rig.informer.lastContact).toBe(rig.clock.monotonic());
    }
    expect(rig.transport.destroyed).toBe(0);
  });

  it('takes an end in good order as a sign of life too, for no bookmark comes while nothing changes', async () => {
    rig = new Rig({ timeoutSeconds: [20, 20], silenceMs: 30_000 });
    await rig.startWith();
    expect(rig.transport.stream.query).toMatchObject({ timeoutSeconds: 20 });
    for (let round = 1; round <= 5; round += 1) {
      await rig.clock.advance(20_000);
      rig.transport.stream.end();
      await settle();
      expect([rig.informer.lastContact, rig.transport.streams.length]).toEqual([rig.clock.monotonic(), round + 1]);
    }
    await rig.clock.advance(10_000);
    rig.transport.stream.end(new Error('reset'));
    await settle();
    expect(rig.informer.lastContact).toBe(rig.clock.monotonic() - 10_000);
  });

  it('opens a cut connection again after a pause that grows up to 30 s', async () => {
    rig = new Rig();
    await rig.startWith(configMap('a', '1'));
    const opened: number[] = [];
    rig.transport.onStream = (stream) => {
      opened.push(rig.clock.monotonic());
      stream.end(new Error('reset'));
    };
    rig.transport.stream.end(new Error('reset'));
    await rig.clock.advance(120_000);
    expect(opened).toEqual([800, 2_400, 5_600, 12_000, 24_800, 50_400, 80_400, 110_400]);
    expect(rig.informer.get('n/a')).toBeDefined();
  });

  it('honours Retry-After of a 429', async () => {
    rig = new Rig();
    await rig.startWith();
    let refused = 0;
    rig.transport.onStream = (stream) => {
      if (refused === 0) {
        refused += 1;
        stream.status = 429;
        stream.retryAfterMs = 7_000;
        stream.end();
      }
    };
    rig.transport.stream.end(new Error('reset'));
    await rig.clock.advance(800);
    expect(rig.transport.streams).toHaveLength(2);
    await rig.clock.advance(6_999);
    expect(rig.transport.streams).toHaveLength(2);
    await rig.clock.advance(1);
    expect(rig.transport.streams).toHaveLength(3);
  });

  it('survives events cut anywhere, in the middle of a character too', async () => {
    rig = new Rig();
    const stream = await rig.startWith();
    const bytes = Buffer.from(`${JSON.stringify({ type: 'ADDED', object: configMap('a', '1', { text: 'Schlüssel 🔑' }) })}\n`);
    for (const byte of bytes) {
      stream.sendBytes(Uint8Array.of(byte));
    }
    await settle();
    await settle();
    expect(rig.informer.get('n/a')?.data?.['text']).toBe('Schlüssel 🔑');
  });

  it('drops an event that was cut off by the end of the stream', async () => {
    rig = new Rig();
    const stream = await rig.startWith();
    stream.sendBytes(Buffer.from(JSON.stringify({ type: 'ADDED', object: configMap('a', '1') }).slice(0, -4)));
    stream.end();
    await rig.clock.advance(1_000);
    expect(rig.informer.size).toBe(0);
    expect(rig.transport.stream.query).toMatchObject({ resourceVersion: '100' });
  });

  it('takes a list in one answer when its pages expire', async () => {
    rig = new Rig({ streamLists: false });
    rig.transport.answer = (request) => {
      const { limit, continue: page } = request.query ?? {};
      if (page !== undefined) {
        return refusal(410, 'Expired');
      }
      return limit === 0 ? list('7', configMap('a', '1')) : { ...list('7'), metadata: { resourceVersion: '7', continue: 'more' } };
    };
    await rig.start();
    expect(rig.changes).toEqual(['added n/a initial']);
  });

  it('is not stopped by an object that an index does not understand', async () => {
    rig = new Rig({
      indexes: {
        strict: (object) => {
          if (object.data === undefined) {
            throw new Error('no data');
          }
          return ['x'];
        },
      },
    });
    const { data: _none, ...odd } = configMap('odd', '1');
    await rig.startWith(odd, configMap('a', '2'));
    expect([rig.informer.size, rig.informer.keysBy('strict', 'x')]).toEqual([2, ['n/a']]);
  });

  it('tells a handler nothing more once it is taken away', async () => {
    rig = new Rig();
    const stream = await rig.startWith(configMap('a', '1'));
    const told: string[] = [];
    const takeAway = rig.informer.onChange((change) => told.push(describeChange(change)));
    takeAway();
    stream.send({ type: 'ADDED', object: configMap('b', '2') });
    await settle();
    expect(told).toEqual(['added n/a initial']);
  });

  it('is not stopped by a handler that throws, nor by rubbish in the stream', async () => {
    rig = new Rig();
    rig.informer.onChange(() => {
      throw new Error('handler');
    });
    const stream = await rig.startWith();
    stream.send({ type: 'ADDED', object: configMap('a', '1') });
    stream.sendBytes(Buffer.from('<html>\n'));
    await rig.clock.advance(1_000);
    rig.transport.stream.send({ type: 'ADDED', object: configMap('b', '2') });
    await settle();
    expect([...rig.informer.list()].map((object) => object.metadata.name)).toEqual(['a', 'b']);
  });

  it('keeps the cache and waits when the API server is away, also for the list', async () => {
    rig = new Rig({ streamLists: false });
    rig.transport.answer = () => refusal(500, 'InternalError');
    rig.running = rig.informer.run(rig.stop.signal);
    await rig.clock.advance(60_000);
    expect(rig.informer.hasSynced).toBe(false);
    expect(rig.informer.lastContact).toBeUndefined();
    rig.transport.answer = () => list('7', configMap('a', '1'));
    await rig.clock.advance(31_000);
    expect(rig.informer.hasSynced).toBe(true);
    expect(rig.informer.lastContact).toBeGreaterThan(60_000);
  });
});
