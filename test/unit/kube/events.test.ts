import { beforeEach, expect, it } from '@jest/globals';
import { KubeClient } from '../../../src/kube/client.ts';
import { EventRecorder, type EventToRecord } from '../../../src/kube/events.ts';
import type { Event } from '../../../src/kube/kinds.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import { systemRandom } from '../../../src/runtime/random.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FakeTransport, refusal } from './fake-transport.ts';

let clock: FakeClock;
let transport: FakeTransport;
let recorder: EventRecorder;

beforeEach(() => {
  clock = new FakeClock();
  transport = new FakeTransport();
  transport.answer = (request) => {
    const sent: Partial<Event> = JSON.parse(request.body ?? '');
    return { ...sent, metadata: sent.metadata ?? { namespace: 'n', name: 'known' } };
  };
  const client = new KubeClient(transport, { clock, random: systemRandom });
  recorder = new EventRecorder({ client, clock, random: systemRandom, log: silentLog, controller: 'keystead.dev/operator', instance: 'pod-1' });
});

function about(name: string, note = 'Made a new version.'): EventToRecord {
  const metadata = { name, namespace: 'n', uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: '' };
  const regarding: KubeObject = { apiVersion: 'keystead.dev/v1alpha1', kind: 'VaultSecret', metadata };
  return { regarding, type: 'Normal', reason: 'Rotated', action: 'Rotate', note };
}

const sent = (): Array<Partial<Event> & { method: string }> =>
  transport.requests.map((request) => ({ ...(JSON.parse(request.body ?? '') as Partial<Event>), method: request.method }));

it('writes what the API demands', async () => {
  recorder.record(about('a', 'x'.repeat(2_000)));
  await settle();
  const [event] = sent();
  expect(transport.requests[0]?.path).toBe('/apis/events.k8s.io/v1/namespaces/n/events');
  expect(event).toMatchObject({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    eventTime: '2026-01-01T00:00:00.000000Z',
    regarding: { kind: 'VaultSecret', namespace: 'n', name: 'a', uid: 'uid-a' },
    reportingController: 'keystead.dev/operator',
    reportingInstance: 'pod-1',
  });
  expect(event?.note).toHaveLength(1_024);
  expect(event).not.toHaveProperty('series');
});

it('makes one series of what is told again, brought up to date once a minute', async () => {
  for (let minute = 0; minute < 3; minute += 1) {
    for (let index = 0; index < 20; index += 1) {
      recorder.record(about('a'));
      await clock.advance(3_000);
    }
  }
  await clock.advance(60_000);
  expect(sent().map(({ method, series }) => [method, series?.count])).toEqual([['POST', undefined], ['PATCH', 20], ['PATCH', 40], ['PATCH', 60]]);
});

it('keeps different objects and different texts apart', async () => {
  recorder.record(about('a'));
  recorder.record(about('b'));
  recorder.record(about('a', 'Something else.'));
  await settle();
  expect(sent().map((event) => event.method)).toEqual(['POST', 'POST', 'POST']);
});

it('gives each object 25 events, and one more in five minutes', async () => {
  for (let index = 0; index < 100; index += 1) {
    recorder.record(about('a', `note ${index}`));
  }
  await settle();
  expect(transport.requests).toHaveLength(25);
  await clock.advance(300_000);
  recorder.record(about('a', 'another'));
  recorder.record(about('a', 'and another'));
  recorder.record(about('b'));
  await settle();
  expect(transport.requests).toHaveLength(27);
});

it('makes the event anew when it has expired on the server', async () => {
  recorder.record(about('a'));
  await settle();
  const { answer } = transport;
  transport.answer = (request) => (request.method === 'PATCH' ? refusal(404, 'NotFound') : answer(request));
  recorder.record(about('a'));
  await clock.advance(60_000);
  expect(sent().map(({ method, series }) => [method, series?.count])).toEqual([['POST', undefined], ['PATCH', 2], ['POST', 2]]);
});

it('never fails its caller, and goes on after a failure', async () => {
  transport.answer = () => refusal(403, 'Forbidden');
  recorder.record(about('a'));
  await settle();
  transport.answer = () => ({ metadata: { name: 'x', namespace: 'n' } });
  recorder.record(about('b'));
  await settle();
  expect(transport.requests).toHaveLength(2);
});

it('flushes within a bound, and leaves nothing to run', async () => {
  transport.answer = () => new Promise(() => undefined);
  recorder.record(about('a'));
  recorder.record(about('b'));
  const flushed = recorder.flush(2_000);
  await clock.advance(2_000);
  await flushed;
  await settle();
  expect(transport.requests).toHaveLength(1);
});
