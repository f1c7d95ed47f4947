import type { Batch } from './bench-namespace.ts';
import type { ClusterOptions } from './cluster.ts';

/** One line of the bench's answer. */
export interface Figure {
  readonly figure: string;
  readonly goal: string;
  readonly met: boolean;
  readonly [measure: string]: unknown;
}

export interface BenchOptions extends ClusterOptions {
  /** How often each figure is measured, on a fresh control plane each time; the median counts. */
  readonly runs: number;
  /** Sizes are divided by this. */
  readonly divisor: number;
  /** Progress, for people. */
  readonly say: (line: string) => void;
}

/** A figure, or several that are measured together, by name. */
export interface Measurement {
  readonly name: string;
  readonly measure: (options: BenchOptions) => Promise<readonly Figure[]>;
}

export const MIB = 1024 ** 2;

export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}

/** The middle one, by a measure; of an even number the worse of the two. */
export function median<T>(values: readonly T[], by: (value: T) => number): T {
  const middle = values.toSorted((a, b) => by(a) - by(b))[Math.floor(values.length / 2)];
  if (middle === undefined) throw new RangeError('the median of nothing');
  return middle;
}

/** `share` of the values are at most this. */
export function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(values.length * share) - 1)] ?? Number.NaN;
}

/** What is told of every batch beside its goal: requests and milliseconds of CPU time for each object. */
export function costs(batch: Batch, count: number): Readonly<Record<string, unknown>> {
  const each = (value: number): number => round(value / count);
  const writes = Object.entries(batch.requests).filter(([key]) => /^(POST|PUT|PATCH|DELETE|APPLY) /.test(key));
  return {
    writesPerObject: each(writes.reduce((sum, [, one]) => sum + one, 0)),
    readsOfOperator: batch.reads,
    requests: batch.requests,
    cpuMsPerObject: { operator: each(batch.cpu.operator * 1000), apiServer: each(batch.cpu.apiServer * 1000), etcd: each(batch.cpu.etcd * 1000) },
    rssMiB: { before: round(batch.memory.before / MIB, 1), peak: round(batch.memory.peak / MIB, 1) },
  };
}
