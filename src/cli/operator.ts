import { deniedDomains } from '../api/target.ts';
import { fileSink } from '../audit/file-sink.ts';
import { multiSink, type AuditSink } from '../audit/sink.ts';
import { stdoutSink } from '../audit/stdout-sink.ts';
import type { Deployment } from '../controllers/world.ts';
import { inClusterConfig, kubeconfigFile, type ClusterConfig } from '../kube/config.ts';
import { HttpTransport } from '../kube/http.ts';
import { errorFields } from '../observe/error-fields.ts';
import { Health } from '../observe/health.ts';
import { startObserveServer, type ObserveServer } from '../observe/http.ts';
import { createLog, logLevels } from '../observe/log.ts';
import { Metrics } from '../observe/metrics.ts';
import { Operator } from '../operator/operator.ts';
import { operatorMetrics } from '../operator/operator-metrics.ts';
import type { Log } from '../runtime/log.ts';
import { oneOf, port, readArguments, required, UsageError } from './args.ts';
import { exitCode, type Io } from './io.ts';

/*
 * The controllers. What this file loads, directly or not, is what an operator holds in memory: never
 * @kubernetes/client-node, and nothing else of the command line (decisions 25; test/unit/cli/module-graph.test.ts).
 */

const usage = `Runs the controllers. One of several replicas works, the others wait for its lease.

Usage:
  keystead operator [flags]

Inside a pod it finds the API server by itself. It writes its audit log where --audit-stdout and
--audit-file say (at least one of them), and its own log to standard error, one JSON object a line.

Flags:
  --namespace NAME        Keystead's own namespace; default: POD_NAMESPACE, or that of the pod
  --identity NAME         name in the lease and the audit log; default: POD_NAME, or "local"
  --serve-namespace NAME  serve only this namespace; may be given several times; default: all
  --restart               restart workloads that ask for it by annotation
  --denied-domain DOMAIN  labels and annotations of this domain are never written to targets; several times;
                          default: those that the chart lists
  --audit-stdout          write audit records to standard output
  --audit-file PATH       append audit records to this file; SIGHUP opens it anew
  --audit-file-sync       wait until the disk has each audit record
  --metrics-port PORT     serve /metrics; default 8080
  --health-port PORT      serve /healthz and /readyz; default 8081
  --log-level LEVEL       error, warn, info or debug; default info
  --kubeconfig PATH       outside of a pod: a plain kubeconfig (certificate, token or tokenFile)

Examples:
  keystead operator --audit-stdout
  keystead operator --audit-file /var/log/keystead/audit.log --audit-file-sync --serve-namespace team-a
`;

const options = {
  namespace: { type: 'string' },
  identity: { type: 'string' },
  'serve-namespace': { type: 'string', multiple: true },
  restart: { type: 'boolean' },
  'denied-domain': { type: 'string', multiple: true },
  'audit-stdout': { type: 'boolean' },
  'audit-file': { type: 'string' },
  'audit-file-sync': { type: 'boolean' },
  'metrics-port': { type: 'string', default: '8080' },
  'health-port': { type: 'string', default: '8081' },
  'log-level': { type: 'string', default: 'info' },
  kubeconfig: { type: 'string' },
} as const;

const COMMAND = 'keystead operator';

/** Everything that the flags and the environment decide, checked before anything is opened. */
export interface OperatorSettings {
  readonly kubeconfig: string | undefined;
  /** Undefined: that of the pod. */
  readonly namespace: string | undefined;
  readonly identity: string;
  readonly deployment: Omit<Deployment, 'namespace'>;
  readonly audit: { readonly stdout: boolean; readonly file: string | undefined; readonly sync: boolean };
  readonly metricsPort: number;
  readonly healthPort: number;
  readonly logLevel: (typeof logLevels)[number];
}

/** @throws UsageError, HelpAsked */
export function operatorSettings(args: readonly string[], environment: Io['environment']): OperatorSettings {
  const { values } = readArguments({ command: COMMAND, usage, options }, args);
  const file = values['audit-file'];
  const sync = values['audit-file-sync'] ?? false;
  const stdout = values['audit-stdout'] ?? false;
  if (!stdout && file === undefined) throw new UsageError(`${COMMAND} needs an audit log: give --audit-stdout, --audit-file PATH, or both.`);
  if (sync && file === undefined) throw new UsageError('--audit-file-sync is about --audit-file PATH: give both.');
  if (file !== undefined) required(file, 'a path after --audit-file', COMMAND);
  const namespaces = values['serve-namespace'];
  const restart = values.restart ?? false;
  if (namespaces !== undefined && restart) throw new UsageError('--restart needs rights in the whole cluster: leave it out, or --serve-namespace.');
  return {
    kubeconfig: values.kubeconfig,
    namespace: values.namespace ?? environment['POD_NAMESPACE'],
    identity: values.identity ?? environment['POD_NAME'] ?? 'local',
    deployment: { restart, deniedDomains: values['denied-domain'] ?? deniedDomains, ...(namespaces === undefined ? {} : { namespaces }) },
    audit: { stdout, file, sync },
    metricsPort: port(values['metrics-port'], '--metrics-port'),
    healthPort: port(values['health-port'], '--health-port'),
    logLevel: oneOf(values['log-level'], logLevels, '--log-level'),
  };
}

export async function run(args: readonly string[], io: Io): Promise<number> {
  const settings = operatorSettings(args, io.environment);
  const { clock, random } = io;
  const log = createLog({ level: settings.logLevel, destination: io.stderr, clock });
  const config = await clusterConfig(settings, io);
  const namespace = settings.namespace ?? config.namespace;
  const metrics = new Metrics({ version: io.version });
  const transport = new HttpTransport(config, {
    clock,
    userAgent: `keystead/${io.version} (operator)`,
    onAnswer: (method, code, host) => metrics.answered(method, code, host),
  });
  const operator = new Operator({
    transport,
    deployment: { namespace, ...settings.deployment },
    // A container that restarts in the same pod must not be taken for the one before it.
    identity: `${settings.identity}-${random.bytes(4).toString('hex')}`,
    auditSink: auditSink(settings, io),
    clock,
    random,
    log,
    failAt: () => {},
    metrics: operatorMetrics(metrics),
  });
  const servers = await startServers(settings, operator, metrics, io, log);
  log.info('Keystead operator starts', { version: io.version, namespace, server: config.server });
  try {
    await operator.run(io.stop);
    log.info('Keystead operator has ended in good order');
    return exitCode.ok;
  } catch (error) {
    log.error('Keystead operator ends, because it cannot go on', errorFields(error));
    return exitCode.failed;
  } finally {
    await Promise.all(servers.map((server) => server.close()));
  }
}

async function clusterConfig({ kubeconfig }: OperatorSettings, { environment, clock }: Io): Promise<ClusterConfig> {
  if (kubeconfig !== undefined) return plainKubeconfig(kubeconfig, clock);
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: servicePort } = environment;
  if (host === undefined || servicePort === undefined) {
    throw new UsageError('This is no pod: KUBERNETES_SERVICE_HOST is not set. Give --kubeconfig PATH, or run "keystead dev", which brings an API server.');
  }
  return inClusterConfig(host, servicePort, clock);
}

/** Only what src/kube itself says of a kubeconfig is shown: a parser's message could quote a token. */
async function plainKubeconfig(path: string, clock: Io['clock']): Promise<ClusterConfig> {
  try {
    return await kubeconfigFile(path, clock);
  } catch (error) {
    const own = error instanceof Error && error.message.startsWith('The kubeconfig');
    throw new UsageError(own ? error.message : `The kubeconfig ${path} cannot be read: ${String(errorFields(error)['error'])}.`, { cause: error });
  }
}

function auditSink({ audit }: OperatorSettings, { clock, onReopen }: Io): AuditSink {
  const sinks: AuditSink[] = audit.stdout ? [stdoutSink(clock)] : [];
  if (audit.file !== undefined) {
    const file = fileSink(audit.file, { clock, sync: audit.sync });
    onReopen(() => file.reopen());
    sinks.push(file);
  }
  return multiSink(sinks);
}

/** Probes and metrics, on one port or on two, so that a NetworkPolicy can tell Prometheus from the kubelet. */
async function startServers(settings: OperatorSettings, operator: Operator, metrics: Metrics, { clock }: Io, log: Log): Promise<readonly ObserveServer[]> {
  const health = new Health();
  health.add({ name: 'informers-synced', check: () => operator.synced });
  health.add({ name: 'root-key', check: () => operator.problem === undefined });
  const ports = new Set([settings.healthPort, settings.metricsPort]);
  // No host: all addresses of both families that the machine has.
  const servers = await Promise.all([...ports].map((one) => startObserveServer({ host: '', port: one, health, metrics, clock, log })));
  servers.forEach(({ port: served }) => log.info('Probes and metrics are served', { port: served }));
  return servers;
}
