import { deletedVaultName } from '../api/deleted-vault.ts';
import { ApiError } from '../kube/errors.ts';
import { kinds } from '../controllers/resources.ts';
import { readArguments, UsageError } from './args.ts';
import { clusterFlags, clusterOptions, printable, waitFor, withCluster, type Cluster } from './cluster.ts';
import { CommandFailed, exitCode, type Io } from './io.ts';

const COMMAND = 'kubectl keystead recover';

const usage = `Takes back a deleted vault, with everything in it.

Usage:
  kubectl keystead recover VAULT [flags]

It applies a Vault of that name with createMode: Recover, and waits until it is Ready. Needed are the right to create
Vaults in the namespace, and the verb "recover" on the DeletedVault, which is cluster-scoped (the ClusterRole
keystead-vault-recoverer gives it). Policies of the vault are not recovered: whoever may grant applies them anew.

An object in a vault is taken back by its own resource: set spec.createMode: Recover on the VaultSecret or VaultCertificate
(needs the verb "grant" on the vault).

Flags:
${clusterFlags}

Examples:
  kubectl keystead recover app -n team-a
`;

const FIELD_MANAGER = 'kubectl-keystead';
const READY_WITHIN_MS = 30_000;

export async function run(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments({ command: COMMAND, usage, options: clusterOptions, positionals: { least: 1, most: 1 } }, args);
  const name = positionals[0] ?? '';
  if (!/^[a-z0-9-]+$/.test(name)) throw new UsageError(`"${printable(name)}" is not the name of a vault. Name the vault alone, and its namespace by -n.`);
  return withCluster(values, io, async (cluster) => {
    await applyRecover(cluster, name);
    const says = await waitUntilReady(cluster, name, io);
    io.stdout.write(`Vault ${cluster.namespace}/${name} is there again: ${printable(says)}\n`);
    return exitCode.ok;
  });
}

async function applyRecover({ client, namespace }: Cluster, name: string): Promise<void> {
  try {
    await client.apply(kinds.vaults, { metadata: { namespace, name }, spec: { createMode: 'Recover' } }, { fieldManager: FIELD_MANAGER, force: true });
  } catch (error) {
    if (!(error instanceof ApiError) || (error.status !== 403 && error.status !== 422)) throw error;
    throw new CommandFailed(
      `${error.message}\nRecovering it needs the verb "recover" on DeletedVault ${deletedVaultName(namespace, name)}: ask a cluster administrator for a ClusterRole like ` +
        'keystead-vault-recoverer, bound by a ClusterRoleBinding.',
      { cause: error },
    );
  }
}

async function waitUntilReady({ client, namespace }: Cluster, name: string, io: Io): Promise<string> {
  let last = 'the operator has not looked at it yet';
  return waitFor(
    async () => {
      const { metadata, status } = await client.get(kinds.vaults, { namespace, name });
      const ready = status?.conditions?.find(({ type }) => type === 'Ready');
      if (ready !== undefined) last = `${ready.reason}: ${ready.message}`;
      return ready?.status === 'True' && status?.observedGeneration === metadata.generation ? ready.message : undefined;
    },
    () => `Vault ${namespace}/${name} is not Ready after ${READY_WITHIN_MS / 1000} s. It says ${printable(last)}`,
    READY_WITHIN_MS,
    io,
  );
}
