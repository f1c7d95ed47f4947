import { resources, type Resource } from '../../../src/kube/resource.ts';
import { BENCH, createAll, openBench, type Batch } from '../bench-namespace.ts';
import { Cluster, type ClusterOptions } from '../cluster.ts';
import { costs, median, MIB, round, type BenchOptions, type Figure, type Measurement } from '../figure.ts';
import { leastPossible } from '../least.ts';
import { caCertificate, caIssuer, certificate, generatedSecret, selfSignedIssuer } from '../manifests.ts';
import { Readiness } from '../readiness.ts';

interface BatchFigure {
  readonly name: string;
  readonly count: number;
  readonly goalSeconds: number;
  readonly goalPeakMiB?: number;
  readonly resource: Resource;
  readonly object: (name: string) => object;
  readonly prepare: (cluster: Cluster) => Promise<void>;
}

interface Run {
  readonly batch: Batch;
  readonly leastSeconds: number;
}

const certificates = { resource: resources.vaultCertificates, object: (name: string) => certificate(name, 'ca'), prepare: prepareCa };
const secrets = { resource: resources.vaultSecrets, object: generatedSecret, prepare: async () => {} };

/** Everything that is applied at once, and how long until all of it is Ready. */
export const batches: readonly Measurement[] = [
  measurement({ name: 'certificates-500', count: 500, goalSeconds: 4, ...certificates }),
  measurement({ name: 'certificates-2000', count: 2000, goalSeconds: 16, goalPeakMiB: 150, ...certificates }),
  measurement({ name: 'secrets-1000', count: 1000, goalSeconds: 5.5, ...secrets }),
];

function measurement(figure: BatchFigure): Measurement {
  return { name: figure.name, measure: async (options) => [await measure(figure, options)] };
}

async function measure(figure: BatchFigure, options: BenchOptions): Promise<Figure> {
  const count = Math.ceil(figure.count / options.divisor);
  const goalSeconds = figure.goalSeconds / options.divisor;
  const runs: Run[] = [];
  for (let run = 1; run <= options.runs; run += 1) {
    const done = await once(figure, count, options);
    options.say(`${figure.name}, run ${run}: ${round(done.batch.seconds)} s, least possible ${round(done.leastSeconds)} s`);
    runs.push(done);
  }
  const { batch, leastSeconds } = median(runs, (run) => run.batch.seconds);
  const fits = figure.goalPeakMiB === undefined || batch.memory.peak <= figure.goalPeakMiB * MIB;
  return {
    figure: figure.name,
    count,
    seconds: round(batch.seconds),
    perSecond: round(count / batch.seconds, 1),
    goal: `${goalSeconds} s${figure.goalPeakMiB === undefined ? '' : `, peak ${figure.goalPeakMiB} MiB`}`,
    met: batch.seconds <= goalSeconds && fits,
    leastPossibleSeconds: round(leastSeconds),
    timesLeastPossible: round(batch.seconds / leastSeconds),
    ...costs(batch, count),
    runsSeconds: runs.map((run) => round(run.batch.seconds)),
  };
}

async function once({ resource, object, prepare }: BatchFigure, count: number, options: ClusterOptions): Promise<Run> {
  const cluster = await Cluster.start(options);
  try {
    await openBench(cluster);
    await prepare(cluster);
    const batch = await createAll(cluster, resource, Array.from({ length: count }, (_, n) => object(`bench-${n}`)));
    await cluster.stopOperator();
    return { batch, leastSeconds: await leastPossible(cluster, resource, count) };
  } finally {
    await cluster.stop();
  }
}

/** An own CA: a self-signed root in the vault, and an issuer that signs with it. */
async function prepareCa({ api }: Cluster): Promise<void> {
  const issuers = new Readiness(api, resources.vaultIssuers, BENCH);
  await api.create(resources.vaultIssuers, BENCH, selfSignedIssuer('root'));
  await api.create(resources.vaultCertificates, BENCH, caCertificate('bench-ca', 'root'));
  await api.create(resources.vaultIssuers, BENCH, caIssuer('ca', 'bench-ca'));
  await issuers.all(['root', 'ca']);
  issuers.stop();
}
