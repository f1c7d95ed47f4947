import { mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KubeClient } from '../kube/client.ts';
import { kubeconfigFile, type ClusterConfig } from '../kube/config.ts';
import { isNotFound } from '../kube/errors.ts';
import { HttpTransport } from '../kube/http.ts';
import { resources } from '../kube/resource.ts';
import { requireSupportedVersion } from '../kube/version.ts';
import { logLevels, type LogLevel } from '../observe/log.ts';
import { OPERATOR } from '../operator/manifest.ts';
import { defaultInstallation, installation, type InstallationOptions } from '../operator/manifests.ts';
import { oneOf, readArguments, UsageError } from './args.ts';
import { findBinary, type BinaryHost } from './dev/binaries.ts';
import { startControlPlane } from './dev/control-plane.ts';
import { demonstrate } from './dev/demo.ts';
import { startEmbeddedOperator, type EmbeddedOperator } from './dev/embedded-operator.ts';
import { applyAll } from './dev/install.ts';
import { thisMachine } from './dev/machine.ts';
import { Steps } from './dev/steps.ts';
import { CommandFailed, exitCode, type Io } from './io.ts';

const COMMAND = 'keystead dev';
const FIELD_MANAGER = 'keystead-dev';
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const usage = `Runs all of Keystead in this process, until Ctrl-C.

Usage:
  keystead dev [flags]

Without --kubeconfig it brings a Kubernetes API server of its own, which is thrown away at the end. With it, Keystead is
installed into that cluster (kinds, guards, ServiceAccounts, roles; no Deployment) and runs here, outside of it; what was
installed and made stays there. Either way it works with tokens of its own ServiceAccount and no other rights.

Flags:
  --kubeconfig PATH  use this cluster; you need to be its administrator
  --context NAME     a context of that kubeconfig; default: its current one
  --demo             apply config/samples and show what Keystead does; with CI=true it ends after that, with 0 or 1
  --log-level LEVEL  error, warn, info or debug; the log goes to a file; default info

Examples:
  keystead dev
  keystead dev --demo
  keystead dev --kubeconfig ~/.kube/config --context kind-kind
`;

const options = {
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  demo: { type: 'boolean', default: false },
  'log-level': { type: 'string', default: 'info' },
} as const;

interface Settings {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly demo: boolean;
  readonly logLevel: LogLevel;
}

/** @throws UsageError, HelpAsked */
export function devSettings(args: readonly string[]): Settings {
  const { values } = readArguments({ command: COMMAND, usage, options }, args);
  if (values.context !== undefined && values.kubeconfig === undefined) throw new UsageError('--context is about --kubeconfig PATH: give both.');
  return { kubeconfig: values.kubeconfig, context: values.context, demo: values.demo, logLevel: oneOf(values['log-level'], logLevels, '--log-level') };
}

/** A cluster to work in, whoever brought it. */
interface DevCluster {
  readonly config: ClusterConfig;
  /** For logs and other files of this run. */
  readonly directory: string;
  /** How a person gets at it: lines to type. */
  readonly access: readonly string[];
  stop(): Promise<void>;
}

export async function run(args: readonly string[], io: Io): Promise<number> {
  const settings = devSettings(args);
  const steps = new Steps(io);
  steps.heading(settings.demo ? 'Keystead: a demonstration' : 'Keystead');
  const cleanups: (() => Promise<unknown>)[] = [];
  let operator: EmbeddedOperator | undefined;
  try {
    const cluster = await bringCluster(settings, steps, io);
    cleanups.push(() => cluster.stop());
    const admin = new KubeClient(new HttpTransport(cluster.config, { clock: io.clock, userAgent: `keystead/${io.version} (dev, installing)` }), io);
    cleanups.push(() => admin.close());
    operator = await bringOperator(cluster, admin, settings.logLevel, steps, io);
    cleanups.push(() => operator?.stop() ?? Promise.resolve());
    if (settings.demo) await demonstrate({ admin, steps, io, samples: join(ROOT, 'config/samples'), directory: cluster.directory });
    if (settings.demo && io.environment['CI'] === 'true') return exitCode.ok;
    io.stdout.write(whatNow(cluster, operator, settings));
    await Promise.race([operator.ended, stopped(io)]);
    return exitCode.ok;
  } catch (error) {
    if (io.stop.aborted) return exitCode.ok;
    if (!(error instanceof CommandFailed)) throw error;
    io.stderr.write(`\n${error.message}\n${operator?.complaints() ?? ''}\n`);
    return exitCode.failed;
  } finally {
    for (const clean of cleanups.toReversed()) await clean();
  }
}

async function bringCluster(settings: Settings, steps: Steps, io: Io): Promise<DevCluster> {
  if (settings.kubeconfig !== undefined) return someCluster(settings.kubeconfig, settings.context, steps);
  const host = thisMachine(io.environment, io.clock, io.random, (line) => steps.progress(line));
  const { cluster } = await steps.step('Starting a Kubernetes API server', async () => {
    const started = await Promise.race([throwAwayCluster(host, io), stopped(io)]);
    if (started === undefined) throw new CommandFailed('Stopped.');
    return { done: 'Kubernetes API server, etcd and controller manager run', cluster: started };
  });
  return cluster;
}

async function throwAwayCluster(host: BinaryHost, { clock }: Io): Promise<DevCluster> {
  const kubectl = await findBinary('kubectl', host);
  const plane = await startControlPlane({ host, audit: 'off' });
  const bin = join(plane.directory, 'bin');
  mkdirSync(bin);
  symlinkSync(kubectl, join(bin, 'kubectl'));
  for (const name of ['keystead', 'kubectl-keystead']) symlinkSync(join(ROOT, 'bin', name), join(bin, name));
  return {
    config: await kubeconfigFile(plane.adminKubeconfig, clock),
    directory: plane.directory,
    access: [`export KUBECONFIG=${plane.adminKubeconfig}`, `export PATH=${bin}:$PATH`],
    stop: () => plane.stop(),
  };
}

async function someCluster(path: string, context: string | undefined, steps: Steps): Promise<DevCluster> {
  const { config } = await steps.step('Reading the kubeconfig', async () => {
    // Loaded only here: it takes a second and 58 MiB.
    const { clusterOf } = await import('./kubeconfig.ts');
    const found = await clusterOf({ path, context });
    return { done: `Cluster at ${found.server}`, config: found };
  });
  const directory = mkdtempSync(join(tmpdir(), 'keystead-dev-'));
  return { config, directory, access: [`export KUBECONFIG=${path}`], stop: async () => {} };
}

async function bringOperator(cluster: DevCluster, admin: KubeClient, logLevel: LogLevel, steps: Steps, io: Io): Promise<EmbeddedOperator> {
  const wanted: InstallationOptions = { ...defaultInstallation, features: ['restart'] };
  await steps.step('Installing', async (tell) => {
    await requireSupportedVersion(admin, { signal: io.stop });
    await refuseSecondOperator(admin, wanted.namespace, io.stop);
    const objects = installation(wanted);
    tell(`Installing ${objects.length} objects: kinds, guards, ServiceAccounts, roles`);
    const { created, changed, unchanged } = await applyAll(admin, objects, FIELD_MANAGER, io.clock, io.stop);
    return { done: `Installed kinds, guards, accounts, roles: ${created} created, ${changed} changed, ${unchanged} kept` };
  });
  const operator = startEmbeddedOperator({ cluster: cluster.config, admin, installation: wanted, directory: cluster.directory, logLevel, io });
  try {
    await steps.step('Starting the operator', async (tell) => {
      await operator.leads(() => tell('Starting the operator: another one holds the lease, waiting for it'));
      return { done: `Operator works, with the rights of ServiceAccount ${OPERATOR} only` };
    });
    return operator;
  } catch (error) {
    await operator.stop();
    throw error;
  }
}

/** One that the chart deployed would go on under what is applied here, and both would take turns. */
async function refuseSecondOperator(admin: KubeClient, namespace: string, signal: AbortSignal): Promise<void> {
  const deployment = await admin.get(resources.deployments, { namespace, name: OPERATOR }, { representation: 'metadata', signal }).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (deployment !== undefined) {
    throw new CommandFailed(`Keystead is installed in this cluster already: Deployment ${namespace}/${OPERATOR}. Use another cluster, or uninstall the chart first.`);
  }
}

function stopped({ stop }: Io): Promise<undefined> {
  return new Promise((resolve) => {
    if (stop.aborted) resolve(undefined);
    else stop.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

function whatNow(cluster: DevCluster, operator: EmbeddedOperator, settings: Settings): string {
  const first = settings.demo
    ? [
        'kubectl get keystead -A                                 # everything, with what it says of itself',
        'kubectl -n team-a get vaultcertificate short-lived -w   # renewed every half minute',
        'kubectl -n team-a get secret web-tls -o yaml            # what an ingress would use',
        'kubectl -n team-a delete vault app                      # a mistake; nothing is lost:',
        'kubectl keystead deleted -A',
        'kubectl keystead recover app -n team-a',
      ]
    : [`kubectl apply -f ${join(ROOT, 'config/samples')}`, 'kubectl get keystead -A'];
  const end = settings.kubeconfig === undefined ? 'Ctrl-C ends it, and everything is gone.' : 'Ctrl-C ends it. What was installed and made stays in the cluster.';
  const commands = [...cluster.access, '', ...first].map((line) => (line === '' ? '' : `  ${line}`));
  return ['', 'Go on in another terminal:', '', ...commands, '', `Log ${operator.logFile}, audit log ${operator.auditFile}`, end, ''].join('\n');
}
