import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileSink } from '../../audit/file-sink.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { ClusterConfig } from '../../kube/config.ts';
import { HttpTransport } from '../../kube/http.ts';
import { createLog, type LogLevel } from '../../observe/log.ts';
import { OPERATOR } from '../../operator/manifest.ts';
import type { InstallationOptions } from '../../operator/manifests.ts';
import { Operator } from '../../operator/operator.ts';
import { sleep } from '../../runtime/clock.ts';
import { CommandFailed, type Io } from '../io.ts';
import { AccountToken } from './account-token.ts';

export interface EmbeddedOperatorOptions {
  /** Where the API server is; not who the operator is there. */
  readonly cluster: ClusterConfig;
  /** Mints the operator's tokens. */
  readonly admin: KubeClient;
  readonly installation: InstallationOptions;
  /** Where its log and audit log go. */
  readonly directory: string;
  readonly logLevel: LogLevel;
  readonly io: Io;
}

export interface EmbeddedOperator {
  readonly logFile: string;
  readonly auditFile: string;
  /** Resolves when it leads. `waiting` is called once if another one holds the lease. @throws what ended it, CommandFailed */
  leads(waiting: () => void): Promise<void>;
  /** The last lines of its log that tell of something gone wrong; empty if none do. */
  complaints(): string;
  /** Resolves or rejects when it has ended. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

const MOST_COMPLAINTS = 5;
const WAITING_AFTER_MS = 5_000;
const LOOK_AGAIN_MS = 20;

/** The operator inside this process, with a token of the chart's own ServiceAccount: it may do no more than in a cluster. */
export function startEmbeddedOperator(options: EmbeddedOperatorOptions): EmbeddedOperator {
  const { cluster, admin, installation, directory, logLevel, io } = options;
  const { clock, random } = io;
  const { namespace, deniedDomains, features } = installation;
  const token = new AccountToken({ client: admin, namespace, serviceAccount: OPERATOR, clock });
  const logFile = join(directory, 'operator.log');
  const auditFile = join(directory, 'operator-audit.jsonl');
  const destination = createWriteStream(logFile, { flags: 'a', mode: 0o600 });
  // Nobody loses anything but a log of a program that is played with.
  destination.on('error', () => undefined);
  const operator = new Operator({
    transport: new HttpTransport(
      { server: cluster.server, ca: cluster.ca, clientCertificate: undefined, token, namespace },
      { clock, userAgent: `keystead/${io.version} (dev)` },
    ),
    deployment: { namespace, deniedDomains, restart: features.includes('restart') },
    identity: `dev-${random.bytes(4).toString('hex')}`,
    auditSink: fileSink(auditFile, { clock }),
    clock,
    random,
    log: createLog({ level: logLevel, destination, clock }),
    failAt: () => {},
  });
  const stop = new AbortController();
  const ended = operator.run(stop.signal);
  // Whoever waits for it learns of its end; when nobody does, it is no unhandled rejection.
  ended.catch(() => undefined);
  return {
    logFile,
    auditFile,
    ended,
    complaints: () => readFileSync(logFile, 'utf8').split('\n').filter((line) => /"level":"(warn|error)"/.test(line)).slice(-MOST_COMPLAINTS).join('\n'),
    async leads(waiting) {
      const told = clock.after(WAITING_AFTER_MS, waiting);
      const over = ended.then(() => Promise.reject(new CommandFailed('The operator ended before it led.')));
      try {
        await Promise.race([untilLeading(operator, io), over]);
      } finally {
        told.cancel();
      }
    },
    async stop() {
      stop.abort();
      await ended.catch(() => undefined);
      await new Promise<void>((resolve) => void destination.end(resolve));
    },
  };
}

async function untilLeading(operator: Operator, { clock, stop }: Io): Promise<void> {
  while (!operator.leading) {
    if (operator.problem !== undefined) throw new CommandFailed(operator.problem);
    await sleep(clock, LOOK_AGAIN_MS, stop);
  }
}
