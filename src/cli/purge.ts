import { kinds } from '../controllers/resources.ts';
import { isNotFound } from '../kube/errors.ts';
import { readArguments, UsageError } from './args.ts';
import { clusterOptions, waitFor, withCluster } from './cluster.ts';
import { CommandFailed, exitCode, type Io } from './io.ts';

const COMMAND = 'kubectl keystead purge';

const usage = `Destroys a deleted vault for good, before its time. It cannot be taken back.

Usage:
  kubectl keystead purge NAMESPACE.VAULT --yes [flags]

It needs the verb "purge" on the DeletedVault (the ClusterRole keystead-vault-purger gives it), and is refused to everybody
under purge protection. "kubectl keystead deleted -A" lists the names.

Flags:
  --yes              really
  --kubeconfig PATH  default: KUBECONFIG, else ~/.kube/config
  --context NAME     default: the current one

Examples:
  kubectl keystead purge team-a.app --yes
`;

const options = { kubeconfig: clusterOptions.kubeconfig, context: clusterOptions.context, yes: { type: 'boolean', default: false } } as const;

const GONE_WITHIN_MS = 30_000;

export async function run(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments({ command: COMMAND, usage, options, positionals: { least: 1, most: 1 } }, args);
  const name = positionals[0] ?? '';
  if (!/^[^.]+\.[^.]+$/.test(name)) throw new UsageError(`A deleted vault is named NAMESPACE.VAULT, such as team-a.app, not "${name}".`);
  return withCluster(values, io, async ({ client }) => {
    const find = () => client.get(kinds.deletedVaults, { name }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    const found = await find();
    if (found === undefined) throw new CommandFailed(`There is no deleted vault ${name}. "kubectl keystead deleted -A" lists those that there are.`);
    const vaultId = found.status?.vaultId;
    if (vaultId === undefined) throw new CommandFailed(`DeletedVault ${name} does not say yet which vault it is. Try again in a moment.`);
    if (!values.yes) {
      throw new UsageError(`This would destroy vault ${name} (id ${vaultId}) with all its secrets and certificates, for good. Say --yes if that is meant.`);
    }
    // The id, not the name: a vault that was deleted again meanwhile is another one.
    await client.mergePatch(kinds.deletedVaults, { name }, { spec: { purge: vaultId } });
    await waitFor(async () => ((await find())?.status?.vaultId === vaultId ? undefined : true), () => `Vault ${name} is marked to be purged, but not gone yet: the operator will do it.`, GONE_WITHIN_MS, io);
    io.stdout.write(`Vault ${name} is destroyed. Backups of the cluster may still hold it.\n`);
    return exitCode.ok;
  });
}
