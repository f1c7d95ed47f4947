import type { CustomObject } from '../kube/object.ts';
import type { Resource } from '../kube/resource.ts';
import { isForbidden, isNotFound } from '../kube/errors.ts';
import { kinds } from '../controllers/resources.ts';
import { clusterFlags, clusterOptions, table, withCluster, type Cluster } from './cluster.ts';
import { readArguments } from './args.ts';
import { exitCode, type Io } from './io.ts';

const COMMAND = 'kubectl keystead deleted';

const usage = `Lists what was deleted and can be recovered: vaults, and objects that a resource still declares.

Usage:
  kubectl keystead deleted [flags]

Objects whose resource is gone too are only counted here, vault by vault.

Flags:
  -A, --all-namespaces  of all namespaces
${clusterFlags}

Examples:
  kubectl keystead deleted -A
`;

const options = { ...clusterOptions, 'all-namespaces': { type: 'boolean', short: 'A', default: false } } as const;

interface ReadyStatus {
  readonly conditions?: readonly { readonly type: string; readonly reason: string; readonly message: string }[] | undefined;
}

export async function run(args: readonly string[], io: Io): Promise<number> {
  const { values } = readArguments({ command: COMMAND, usage, options }, args);
  return withCluster(values, io, async (cluster) => {
    const namespace = values['all-namespaces'] ? undefined : cluster.namespace;
    const parts = [await deletedVaults(cluster, namespace), await objectsInVaults(cluster, namespace), await declaredObjects(cluster, namespace)];
    const found = parts.filter((part) => part !== '');
    io.stdout.write(found.length === 0 ? `Nothing is deleted${namespace === undefined ? '' : ` in namespace ${namespace}`}.\n` : found.join('\n'));
    return exitCode.ok;
  });
}

async function deletedVaults({ client }: Cluster, namespace: string | undefined): Promise<string> {
  const list = await client.list(kinds.deletedVaults).catch((error: unknown) => {
    if (isForbidden(error)) return undefined;
    throw error;
  });
  if (list === undefined) return 'You may not list DeletedVaults, which are cluster-scoped: whether a vault was deleted is not shown here.\n';
  const rows = list.items.flatMap(({ metadata, status }) =>
    namespace !== undefined && status?.namespace !== namespace
      ? []
      : [[metadata.name, status?.deletedAt ?? '', status?.scheduledPurge ?? '', status?.purgeProtection === true ? 'yes' : 'no']],
  );
  return rows.length === 0 ? '' : table(['VAULT', 'DELETED', 'SCHEDULED PURGE', 'PROTECTED'], rows);
}

async function objectsInVaults({ client }: Cluster, namespace: string | undefined): Promise<string> {
  const { items } = await client.list(kinds.vaults, { namespace });
  const rows = items.flatMap(({ metadata, status }) => {
    const deleted = status?.counts?.deleted ?? 0;
    return deleted === 0 ? [] : [[`${metadata.namespace ?? ''}/${metadata.name}`, String(deleted)]];
  });
  return rows.length === 0 ? '' : table(['IN VAULT', 'DELETED OBJECTS'], rows);
}

async function declaredObjects(cluster: Cluster, namespace: string | undefined): Promise<string> {
  const rows = [...(await withObjectDeleted(cluster, kinds.vaultSecrets, namespace)), ...(await withObjectDeleted(cluster, kinds.vaultCertificates, namespace))];
  return rows.length === 0 ? '' : table(['RESOURCE', 'SAYS'], rows);
}

async function withObjectDeleted<T extends CustomObject<unknown, ReadyStatus>>({ client }: Cluster, resource: Resource<T>, namespace: string | undefined): Promise<readonly string[][]> {
  const { items } = await client.list(resource, { namespace }).catch((error: unknown) => {
    if (isNotFound(error)) return { items: [] };
    throw error;
  });
  return items.flatMap(({ metadata, status }) => {
    const deleted = status?.conditions?.find(({ type, reason }) => type === 'Ready' && reason === 'ObjectDeleted');
    return deleted === undefined ? [] : [[`${resource.kind} ${metadata.namespace ?? ''}/${metadata.name}`, deleted.message]];
  });
}
