import { resources } from '../../../src/kube/resource.ts';
import { sleep, systemClock } from '../../../src/runtime/clock.ts';
import { BENCH, createAll, openBench } from '../bench-namespace.ts';
import { Cluster } from '../cluster.ts';
import { costs, MIB, percentile, round, type BenchOptions, type Figure, type Measurement } from '../figure.ts';
import { followingSecret, generatedSecret, policy, sourceSecret } from '../manifests.ts';
import { Readiness } from '../readiness.ts';

const COUNT = 10_000;
const GOAL_MIB = 256;
const SAMPLES = 200;
const SOURCES = 20;
const GOAL_P99_MS = 1_000;
const GOAL_OVERTAKE_SECONDS = 2;
const VAULT_STATUS_MS = 12_000;
/** For all kinds together; an operator that asked once for each object would need ten thousand. */
const MOST_READS = 100;
/** Between two new objects while a restart's first look is under way. */
const NEW_OBJECT_EVERY_MS = 250;

/** What a big installation lives with: memory, restarts, sources that change, and new objects while there is much to do. Measured once: it takes minutes. */
export const tenThousand: Measurement = { name: 'secrets-10000', measure };

async function measure(options: BenchOptions): Promise<readonly Figure[]> {
  const count = Math.ceil(COUNT / options.divisor);
  const cluster = await Cluster.start(options);
  try {
    await openBench(cluster);
    const load = await createAll(cluster, resources.vaultSecrets, Array.from({ length: count }, (_, n) => generatedSecret(`bench-${n}`)));
    options.say(`secrets-10000: ${count} created in ${round(load.seconds)} s, peak ${round(load.memory.peak / MIB, 1)} MiB`);
    const source = await changedSources(cluster, Math.ceil(SAMPLES / options.divisor));
    options.say('secrets-10000: sources followed');
    const overtaking = await overtaken(cluster);
    await cluster.operator.idle();
    const loaded = cluster.operator.memory();
    const restart = await restarted(cluster);
    options.say('secrets-10000: restarted');
    const memory = cluster.operator.memory();
    const peak = Math.max(loaded.peak, memory.peak) / MIB;
    return [
      {
        figure: 'secrets-10000-memory', count, peakRssMiB: round(peak, 1), idleRssMiB: round(loaded.now / MIB, 1),
        afterRestartMiB: { peak: round(memory.peak / MIB, 1), idle: round(memory.now / MIB, 1) },
        goal: `${GOAL_MIB} MiB`, met: peak <= GOAL_MIB, loadSeconds: round(load.seconds), perSecond: round(count / load.seconds, 1), load: costs(load, count),
      },
      { figure: 'secrets-10000-source-change', count, ...source, goal: `p99 under ${GOAL_P99_MS} ms`, met: source.p99Ms < GOAL_P99_MS },
      { figure: 'secrets-10000-restart', count, seconds: restart.seconds, writes: restart.writes, readsOfOperator: restart.reads, requests: restart.requests, goal: 'no write, and no request for each object', met: restart.writes === 0 && restart.reads <= MOST_READS },
      {
        figure: 'secrets-10000-overtake', count, seconds: Math.max(overtaking, restart.slowestNewSeconds), behindRefreshesSeconds: overtaking, duringRestartSeconds: restart.slowestNewSeconds,
        firstNewAfterStartSeconds: restart.firstNewSeconds, goal: `${GOAL_OVERTAKE_SECONDS} s`, met: Math.max(overtaking, restart.slowestNewSeconds) <= GOAL_OVERTAKE_SECONDS,
      },
    ];
  } finally {
    await cluster.stop();
  }
}

/** From the write of a source to the new value in its target, one at a time. */
async function changedSources(cluster: Cluster, samples: number): Promise<{ readonly samples: number; readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number }> {
  const { api } = cluster;
  const names = Array.from({ length: SOURCES }, (_, n) => `follow-${n}`);
  const readiness = new Readiness(api, resources.vaultSecrets, BENCH);
  for (const name of names) {
    await api.create(resources.secrets, BENCH, sourceSecret(`${name}-source`, 'first'));
    await api.create(resources.vaultSecrets, BENCH, followingSecret(name, `${name}-source`));
  }
  await readiness.all(names);
  readiness.stop();
  const waiting = new Map<string, (at: number) => void>();
  const stop = api.watch(resources.secrets, BENCH, ({ object: { metadata, data } }) => waiting.get(`${metadata.name}=${data?.['value'] ?? ''}`)?.(systemClock.monotonic()));
  const times: number[] = [];
  for (let sample = 0; sample < samples; sample += 1) {
    const name = names[sample % names.length] ?? '';
    const value = `value ${sample}`;
    const seen = new Promise<number>((resolve) => waiting.set(`${name}=${Buffer.from(value).toString('base64')}`, resolve));
    const written = systemClock.monotonic();
    await api.update(resources.secrets, BENCH, `${name}-source`, sourceSecret(`${name}-source`, value));
    times.push((await seen) - written);
  }
  stop();
  return { samples, p50Ms: round(percentile(times, 0.5), 1), p99Ms: round(percentile(times, 0.99), 1), maxMs: round(Math.max(...times), 1) };
}

/** Seconds until a new object is Ready when everything in its vault has just been put in the queue, since a policy changed. */
async function overtaken({ api, operator }: Cluster): Promise<number> {
  await operator.idle();
  const readiness = new Readiness(api, resources.vaultSecrets, BENCH);
  await readiness.all(['bench-0']);
  await api.create(resources.accessPolicies, BENCH, policy('wakes-everything', [BENCH]));
  const started = systemClock.monotonic();
  await api.create(resources.vaultSecrets, BENCH, generatedSecret('overtaking'));
  const seconds = ((await readiness.all(['overtaking'])) - started) / 1000;
  readiness.stop();
  return round(seconds);
}

interface Restart {
  /** From the start of the process until it was at rest, in a restart during which nothing else happens. */
  readonly seconds: number;
  readonly requests: Readonly<Record<string, number>>;
  readonly writes: number;
  /** Of the operator, from its start on: lists, and watches that it opened. */
  readonly reads: number;
  /** In another restart: of objects that were created once the first of them was Ready, the slowest. */
  readonly slowestNewSeconds: number;
  readonly firstNewSeconds: number;
}

async function restarted(cluster: Cluster): Promise<Restart> {
  // The status of a vault follows the counts of its objects once in ten seconds: that must be over.
  await sleep(systemClock, VAULT_STATUS_MS);
  await cluster.stopOperator();
  const before = await cluster.requests();
  const started = systemClock.monotonic();
  await cluster.startOperator();
  const seconds = round(((await cluster.operator.idle()) - started) / 1000);
  const requests = await cluster.requestsSince(before);
  const writes = Object.entries(requests).filter(([key]) => !/^(GET|LIST) /.test(key)).reduce((sum, [, count]) => sum + count, 0);
  const reads = await cluster.operator.reads();
  await cluster.stopOperator();
  const [firstNewSeconds, slowestNewSeconds] = await newWhileRestarting(cluster);
  return { seconds, requests, writes, reads, slowestNewSeconds, firstNewSeconds };
}

/** Creates new objects one after the other from the start of the process until it is at rest. */
async function newWhileRestarting(cluster: Cluster): Promise<[firstSeconds: number, slowestSeconds: number]> {
  const readiness = new Readiness(cluster.api, resources.vaultSecrets, BENCH);
  await readiness.all(['bench-0']);
  await cluster.startOperator();
  const started = systemClock.monotonic();
  const news: Promise<{ createdAt: number; readyAt: number }>[] = [];
  let firstReady = Number.POSITIVE_INFINITY;
  for (let n = 0; systemClock.monotonic() < firstReady + 10 * NEW_OBJECT_EVERY_MS; n += 1) {
    const name = `restart-${n}`;
    const createdAt = systemClock.monotonic();
    await cluster.api.create(resources.vaultSecrets, BENCH, generatedSecret(name));
    news.push(readiness.all([name]).then((readyAt) => {
      firstReady = Math.min(firstReady, readyAt);
      return { createdAt, readyAt };
    }));
    await sleep(systemClock, NEW_OBJECT_EVERY_MS);
  }
  const times = await Promise.all(news);
  readiness.stop();
  const later = times.filter(({ createdAt }) => createdAt >= firstReady).map(({ createdAt, readyAt }) => readyAt - createdAt);
  return [round((firstReady - started) / 1000), round(Math.max(...later) / 1000)];
}
