import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { until } from '../../support/operator.ts';

const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

/** The program as a process of its own. */
export interface Program {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  /** Its exit code when it has ended; null after a signal. */
  readonly ended: Promise<number | null>;
  /** Waits until it has written this to stdout or stderr. */
  says(pattern: RegExp, withinMs?: number): Promise<RegExpExecArray>;
  /** Sends a signal, and answers the exit code. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

export function startProgram(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Program {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment };
  const child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    child,
    out: () => out,
    err: () => err,
    ended,
    async says(pattern, withinMs = 60_000) {
      await until(() => pattern.test(out) || pattern.test(err) || child.exitCode !== null, withinMs);
      const found = pattern.exec(out) ?? pattern.exec(err);
      if (found === null) throw new Error(`never said ${pattern}:\n${out}\n${err}`);
      return found;
    },
    async end(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
  };
}

/** Runs it to its end. */
export async function runProgram(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<{ code: number | null; out: string; err: string }> {
  const program = startProgram(args, environment);
  const code = await program.ended;
  return { code, out: program.out(), err: program.err() };
}
