import { customResources } from '../api/crds.ts';
import { reasons } from '../api/reasons.ts';
import { isForbidden } from '../kube/errors.ts';
import type { Event } from '../kube/kinds.ts';
import { resources, type Resource } from '../kube/resource.ts';
import { readArguments, UsageError } from './args.ts';
import { clusterFlags, clusterOptions, printable, withCluster, type Cluster } from './cluster.ts';
import { exitCode, type Io } from './io.ts';
import { Chain, kindNamed, rootCause, type Link } from './why/chain.ts';

const COMMAND = 'kubectl keystead why';

const usage = `Says on one screen how a resource stands, what it depends on, and what keeps it from being Ready.

Usage:
  kubectl keystead why KIND/NAME [flags]

It ends with 1 if the resource is not Ready.

Flags:
${clusterFlags}

Examples:
  kubectl keystead why vaultcertificate/web -n team-a
  kubectl keystead why kvs/database
`;

const MOST_EVENTS = 5;

export async function run(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments({ command: COMMAND, usage, options: clusterOptions, positionals: { least: 1, most: 2 } }, args);
  const { resource, name } = named(positionals);
  return withCluster(values, io, async (cluster) => {
    const namespace = resource.namespaced ? cluster.namespace : undefined;
    const link = await new Chain(cluster.client).follow(resource, namespace, name);
    const warnings = await warningsOf(cluster, resource, name);
    io.stdout.write(screen(link, warnings));
    return link.state === 'ready' ? exitCode.ok : exitCode.failed;
  });
}

/** `kind/name` or `kind name`. @throws UsageError */
function named(words: readonly string[]): { readonly resource: Resource; readonly name: string } {
  const [kind = '', name = '', ...more] = words.length === 1 ? (words[0] ?? '').split('/') : words;
  const resource = kindNamed(kind);
  if (resource === undefined || name === '' || more.length > 0) {
    const kinds = customResources.map(({ singular, shortNames }) => `${singular} (${shortNames.join(', ')})`).join(', ');
    throw new UsageError(`"${words.join(' ')}" is no resource of Keystead. Write KIND/NAME, such as vaultcertificate/web. The kinds are ${kinds}.`);
  }
  return { resource, name };
}

async function warningsOf({ client, namespace }: Cluster, resource: Resource, name: string): Promise<readonly Event[]> {
  try {
    const fieldSelector = `regarding.kind=${resource.kind},regarding.name=${name},type=Warning`;
    const { items } = await client.list(resources.events, { namespace, fieldSelector });
    return items.toSorted((a, b) => timeOf(a).localeCompare(timeOf(b))).slice(-MOST_EVENTS);
  } catch (error) {
    if (isForbidden(error)) return [];
    throw error;
  }
}

function timeOf({ series, eventTime }: Event): string {
  return series?.lastObservedTime ?? eventTime;
}

/** The whole answer, as text. */
export function screen(link: Link, warnings: readonly Event[]): string {
  const cause = rootCause(link);
  const because = cause === undefined || cause === link ? [] : ['', `The cause is ${titled(cause)}: ${printable(cause.says)}`];
  // What is not there says nothing of itself: then the word of what misses it counts.
  const reason = cause?.reason ?? (cause === undefined ? undefined : link.reason);
  const explained = Object.entries(reasons).find(([known]) => known === reason)?.[1];
  const advice = explained === undefined ? [] : ['', explained];
  const seen = warnings.map((event) => `  ${timeOf(event).slice(0, 19)}  ${event.reason}: ${printable(event.note)}`);
  const lines = [
    `${mark(link)} ${titled(link)}: ${printable(link.says)}`,
    ...link.needs.flatMap((need) => branch(need, '  ')),
    ...because,
    ...advice,
    ...(seen.length === 0 ? [] : ['', 'Recent warnings', ...seen]),
  ];
  return `${lines.join('\n')}\n`;
}

function branch(link: Link, indent: string): readonly string[] {
  return [`${indent}${mark(link)} ${titled(link)}: ${printable(link.says)}`, ...link.needs.flatMap((need) => branch(need, `${indent}  `))];
}

function titled({ kind, place }: Link): string {
  return `${kind} ${place}`;
}

function mark({ state }: Link): string {
  return { ready: '✓', notReady: '✗', missing: '✗', hidden: '?' }[state];
}
