import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { KeysteadError } from '../../api/error.ts';
import type { Clock } from '../../runtime/clock.ts';
import { type Environment, lookUp, type ProgramMaker } from './binaries.ts';

/** The pinned Go modules. They lie in the checkout, three folders up from here in src/ and in dist/ alike. */
const TOOLS = fileURLToPath(new URL('../../../tools/', import.meta.url));
const TELL_EVERY_MS = 15_000;
const TAIL_LENGTH = 2_000;

/** A maker that builds from source with the Go on this machine, or undefined if there is none. */
export function goBuilder(environment: Environment): ProgramMaker | undefined {
  const go = lookUp('go', environment) ?? lookUp('go', { PATH: '/usr/local/go/bin' });
  if (go === undefined) {
    return undefined;
  }
  return async (program, target, host) => {
    host.progress(`building ${program.name} ${program.version} with Go: once, some minutes`);
    const linker = ['-s', '-w', ...program.linkerValues.map((value) => `-X ${value}`)].join(' ');
    const args = ['build', '-C', `${TOOLS}${program.module}`, '-mod=readonly', '-trimpath', '-ldflags', linker, '-o', target, program.goPackage];
    // A workspace or flags of the developer's own must not change what is built.
    const env = { ...environment, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '-buildvcs=false' };
    const started = host.clock.monotonic();
    const result = await runTelling(go, args, env, host.clock, (seconds) => host.progress(`still building ${program.name}, ${seconds} s`));
    if (result.code !== 0) {
      throw new KeysteadError('BinaryUnavailable', `Go could not build ${program.name} ${program.version}. Mend what it says, or put the program on PATH:\n${result.tail}`, 'stalled');
    }
    host.progress(`built ${program.name} in ${Math.round((host.clock.monotonic() - started) / 1000)} s`);
  };
}

/** Runs a command to its end, calling `tell` with the seconds gone every now and then; keeps the tail of what it says. */
function runTelling(command: string, args: readonly string[], env: Environment, clock: Clock, tell: (seconds: number) => void): Promise<{ code: number | null; tail: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const started = clock.monotonic();
    let tail = '';
    const keep = (chunk: Buffer): void => {
      tail = (tail + chunk.toString()).slice(-TAIL_LENGTH);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    let timer = clock.after(TELL_EVERY_MS, function again() {
      tell(Math.round((clock.monotonic() - started) / 1000));
      timer = clock.after(TELL_EVERY_MS, again);
    });
    child.once('error', (error) => {
      timer.cancel();
      reject(error);
    });
    child.once('close', (code) => {
      timer.cancel();
      resolve({ code, tail });
    });
  });
}
