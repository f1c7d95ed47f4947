import { KubeClient } from '../kube/client.ts';
import { ApiError, ConnectionError } from '../kube/errors.ts';
import { HttpTransport } from '../kube/http.ts';
import { sleep } from '../runtime/clock.ts';
import { CommandFailed, type Io } from './io.ts';
import { clusterOf } from './kubeconfig.ts';

/** Flags of every command that works on a cluster, as kubectl has them. */
export const clusterOptions = {
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  namespace: { type: 'string', short: 'n' },
} as const;

export const clusterFlags = `  --kubeconfig PATH     default: KUBECONFIG, else ~/.kube/config
  --context NAME        default: the current one
  -n, --namespace NAME  default: that of the context`;

export interface ClusterValues {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
}

/** A cluster as a person with a kubeconfig works in it, with that person's rights and no others. */
export interface Cluster {
  readonly client: KubeClient;
  readonly namespace: string;
}

/** Connects, works, and closes. @throws CommandFailed with the API server's own words when it says no */
export async function withCluster<T>(values: ClusterValues, io: Io, work: (cluster: Cluster) => Promise<T>): Promise<T> {
  const config = await clusterOf({ path: values.kubeconfig, context: values.context });
  const client = new KubeClient(new HttpTransport(config, { clock: io.clock, userAgent: `keystead/${io.version} (kubectl plugin)` }), io);
  try {
    return await work({ client, namespace: values.namespace ?? config.namespace });
  } catch (error) {
    // What the API server says of a request of somebody's own is for him to read, values included.
    if (error instanceof ApiError || error instanceof ConnectionError) throw new CommandFailed(error.message, { cause: error });
    throw error;
  } finally {
    await client.close();
  }
}

const LOOK_AGAIN_MS = 200;

/** Looks until `look` answers something. @throws CommandFailed with what `failure` says when the time is over */
export async function waitFor<T>(look: () => Promise<T | undefined>, failure: () => string, withinMs: number, { clock, stop }: Io): Promise<T> {
  const deadline = clock.monotonic() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (clock.monotonic() > deadline) throw new CommandFailed(failure());
    await sleep(clock, LOOK_AGAIN_MS, stop);
  }
}

/** Columns as kubectl prints them. Cells come from the cluster: nothing in them reaches a terminal but printable text. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows].map((row) => row.map(printable));
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + 3))).join('')).join('\n').concat('\n');
}

/** Control characters and bidirectional overrides would let somebody else's text act on a terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, ' ');
}
