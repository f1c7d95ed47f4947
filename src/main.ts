import { readFileSync } from 'node:fs';
import { HelpAsked, UsageError } from './cli/args.ts';
import { CommandFailed, exitCode, type Command, type Io } from './cli/io.ts';
import { KeysteadError } from './api/error.ts';
import { errorFields } from './observe/error-fields.ts';
import { systemClock } from './runtime/clock.ts';
import { systemRandom } from './runtime/random.ts';

/*
 * From subcommands to their code. The only file that reads arguments, environment and signals, and that ends the process.
 * Each command is loaded when it is called, so that the operator holds nothing of the others in memory (decisions 25).
 */

interface Entry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

const commands: Readonly<Record<string, Entry>> = {
  operator: { summary: 'runs the controllers', load: () => import('./cli/operator.ts') },
  dev: { summary: 'runs everything here, against an API server of its own or any other', load: () => import('./cli/dev.ts') },
  records: { summary: 'verifies and decrypts a dump of the records, without a cluster', load: () => import('./cli/records.ts') },
  audit: { summary: 'verifies an audit log', load: () => import('./cli/audit.ts') },
  deleted: { summary: 'lists what can be recovered', load: () => import('./cli/deleted.ts') },
  recover: { summary: 'takes a deleted vault back', load: () => import('./cli/recover.ts') },
  purge: { summary: 'destroys a deleted vault', load: () => import('./cli/purge.ts') },
  renew: { summary: 'renews a certificate now', load: () => import('./cli/renew.ts') },
  csr: { summary: 'prints the CSR of a certificate that waits to be signed', load: () => import('./cli/csr.ts') },
  merge: { summary: 'gives a signed certificate back', load: () => import('./cli/merge.ts') },
  why: { summary: 'says what keeps a resource from being Ready', load: () => import('./cli/why.ts') },
  version: { summary: 'prints the version', load: () => import('./cli/version.ts') },
};

const usage = `Keystead keeps secrets, keys and certificates in vaults inside a Kubernetes cluster.

Usage:
  keystead COMMAND [flags]
  kubectl keystead COMMAND [flags]

Commands:
${Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`).join('\n')}

"keystead COMMAND --help" tells more about a command, with examples.
`;

async function main(args: readonly string[], io: Io): Promise<number> {
  const [name = '', ...rest] = args;
  if (name === '' || name === 'help' || name === '--help' || name === '-h') throw new HelpAsked(usage);
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) throw new UsageError(`There is no command "${name}". The commands are ${Object.keys(commands).join(', ')}. See "keystead --help".`);
  return (await entry.load()).run(rest, io);
}

/** Says what ended the program, and answers the exit code. Messages of strangers may quote secrets, so they are not shown. */
function explain(error: unknown, { stdout, stderr }: Pick<Io, 'stdout' | 'stderr'>): number {
  if (error instanceof HelpAsked) {
    stdout.write(error.message);
    return exitCode.ok;
  }
  if (error instanceof UsageError || error instanceof CommandFailed || error instanceof KeysteadError) {
    stderr.write(`keystead: ${error.message}\n`);
    return error instanceof UsageError ? exitCode.usage : exitCode.failed;
  }
  const { error: what, cause, at } = errorFields(error);
  stderr.write(`keystead: ${String(what)}${cause === undefined ? '' : ` (${String(cause)})`}${at === undefined ? '' : `\n  at ${String(at)}`}\n`);
  return exitCode.failed;
}

function version(): string {
  const { version: written }: { version: string } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return written;
}

function processIo(): Io {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // Who asks twice does not want to wait for a good end.
      if (stop.signal.aborted) process.exit(exitCode.failed);
      stop.abort();
    });
  }
  return {
    environment: process.env,
    version: version(),
    clock: systemClock,
    random: systemRandom,
    stop: stop.signal,
    onReopen: (run) => void process.on('SIGHUP', run),
    stdout: process.stdout,
    stderr: process.stderr,
    terminal: process.stdout.isTTY && process.env['NO_COLOR'] === undefined && process.env['TERM'] !== 'dumb',
  };
}

const io = processIo();
// Node would print the error with all that it carries.
process.on('uncaughtException', (error) => process.exit(explain(error, io)));
// A reader that went away (a pipe into head) is no failure of ours to report.
process.stdout.on('error', () => process.exit(exitCode.failed));
process.exit(await main(process.argv.slice(2), io).catch((error: unknown) => explain(error, io)));
