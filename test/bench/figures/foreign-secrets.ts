import { resources } from '../../../src/kube/resource.ts';
import { sleep, systemClock } from '../../../src/runtime/clock.ts';
import { forAll } from '../api.ts';
import { BENCH, openBench } from '../bench-namespace.ts';
import { Cluster, type ClusterOptions } from '../cluster.ts';
import { median, MIB, round, type BenchOptions, type Figure, type Measurement } from '../figure.ts';
import { foreignSecret, generatedSecret } from '../manifests.ts';
import { Readiness } from '../readiness.ts';

const COUNT = 300;
const BYTES = 300 * 1000;
const GOAL_MIB = 2;
/** How long memory is looked at before and afterwards; the highest counts. */
const LOOK_MS = 10_000;

/** Secrets of other people, that carry none of our labels, must cost nothing: only labelled ones are watched. */
export const foreignSecrets: Measurement = { name: 'foreign-secrets', measure: async (options) => [await measure(options)] };

async function measure(options: BenchOptions): Promise<Figure> {
  const count = Math.ceil(COUNT / options.divisor);
  const grown: number[] = [];
  for (let run = 1; run <= options.runs; run += 1) {
    grown.push(await once(count, options));
    options.say(`foreign-secrets, run ${run}: ${round((grown.at(-1) ?? 0) / MIB)} MiB`);
  }
  const growth = median(grown, (bytes) => bytes) / MIB;
  return { figure: 'foreign-secrets', count, bytesEach: BYTES, rssGrowthMiB: round(growth), goal: `${GOAL_MIB} MiB`, met: growth < GOAL_MIB, runsMiB: grown.map((bytes) => round(bytes / MIB)) };
}

async function once(count: number, options: ClusterOptions): Promise<number> {
  const cluster = await Cluster.start(options);
  try {
    await openBench(cluster);
    // Something to do first, so that what is loaded and compiled at first use is not taken for growth.
    const readiness = new Readiness(cluster.api, resources.vaultSecrets, BENCH);
    const warm = Array.from({ length: 50 }, (_, n) => `warm-${n}`);
    await forAll(warm, (name) => cluster.api.create(resources.vaultSecrets, BENCH, generatedSecret(name)));
    await readiness.all(warm);
    readiness.stop();
    await cluster.operator.idle();
    const before = await highest(cluster);
    await forAll(Array.from({ length: count }, (_, n) => `foreign-${n}`), (name) => cluster.api.create(resources.secrets, BENCH, foreignSecret(name, BYTES)));
    return (await highest(cluster)) - before;
  } finally {
    await cluster.stop();
  }
}

async function highest(cluster: Cluster): Promise<number> {
  const until = systemClock.monotonic() + LOOK_MS;
  let most = 0;
  while (systemClock.monotonic() < until) {
    most = Math.max(most, cluster.operator.memory().now);
    await sleep(systemClock, 100);
  }
  return most;
}
