import { execFile } from 'node:child_process';
import { accessSync, chmodSync, constants, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { KeysteadError } from '../../api/error.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Random } from '../../runtime/random.ts';
import { takeBuildLock } from './build-lock.ts';
import { type Program, type ProgramName, programs } from './programs.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Puts a program at `target`, or throws saying why not. `target` is a fresh path in a folder that exists. */
export type ProgramMaker = (program: Program, target: string, host: BinaryHost) => Promise<void>;

/** What finding a program needs from the machine. */
export interface BinaryHost {
  readonly environment: Environment;
  readonly clock: Clock;
  readonly random: Random;
  /** One line for a person, on stderr. */
  progress(line: string): void;
  /** Builds with Go; undefined where there is no Go. */
  readonly build: ProgramMaker | undefined;
  readonly download: ProgramMaker;
}

/**
 * The absolute path of a program, in exactly the version of `programs`. The first of these that has it:
 * 1. the folder in KUBEBUILDER_ASSETS: taken as it is, whatever its version, for somebody chose it by hand;
 * 2. the cache;
 * 3. PATH, if what lies there reports exactly our version (another kubectl is common and behaves differently);
 * 4. Go builds it into the cache, from the sources that tools/<module>/go.sum pins;
 * 5. without Go, the published build is downloaded into the cache and checked against its published SHA-256.
 *
 * Safe when several processes look at once: one makes it, the others wait.
 */
export async function findBinary(name: ProgramName, host: BinaryHost): Promise<string> {
  const program = programs[name];
  const assets = host.environment['KUBEBUILDER_ASSETS'];
  if (assets !== undefined && assets !== '' && isProgram(join(assets, name))) {
    return join(assets, name);
  }
  const cached = join(cacheFolder(host.environment), `${name}-${program.version}`);
  if (isProgram(cached)) {
    return cached;
  }
  const installed = lookUp(name, host.environment);
  if (installed !== undefined && (await reports(installed, program))) {
    return installed;
  }
  return makeOnce(program, cached, host);
}

async function makeOnce(program: Program, target: string, host: BinaryHost): Promise<string> {
  const owner = host.random.bytes(16).toString('hex');
  const lock = await takeBuildLock(`${target}.lock`, host.clock, owner, () =>
    host.progress(`waiting for another process that is making ${program.name} ${program.version}`),
  );
  try {
    if (isProgram(target)) {
      return target;
    }
    // Under the lock, what others left half done belongs to processes that are gone.
    removeLeftovers(target);
    const partial = `${target}.partial-${owner}`;
    const make = host.build ?? host.download;
    await make(program, partial, host);
    chmodSync(partial, 0o755);
    if (!(await reports(partial, program))) {
      rmSync(partial, { force: true });
      throw new KeysteadError('BinaryUnavailable', `The ${program.name} that was made does not run here or is not ${program.version}. Put the right one on PATH.`, 'stalled');
    }
    renameSync(partial, target);
    return target;
  } finally {
    lock.release();
  }
}

function removeLeftovers(target: string): void {
  const folder = join(target, '..');
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(folder)) {
    if (join(folder, file).startsWith(`${target}.partial-`)) {
      rmSync(join(folder, file), { recursive: true, force: true });
    }
  }
}

/** Where built programs are kept: outside the repository, so that a fresh clone does not build again. */
export function cacheFolder(environment: Environment): string {
  const xdg = environment['XDG_CACHE_HOME'];
  // The XDG specification: "If an implementation encounters a relative path […] it should consider the path invalid and ignore it."
  if (xdg !== undefined && isAbsolute(xdg)) {
    return join(xdg, 'keystead', 'bin');
  }
  const home = environment['HOME'];
  if (home === undefined || !isAbsolute(home)) {
    throw new KeysteadError('BinaryUnavailable', 'There is no folder for built programs: set HOME or XDG_CACHE_HOME to an absolute path.', 'stalled');
  }
  return join(home, '.cache', 'keystead', 'bin');
}

/** The first executable file of that name on PATH. Relative entries are passed over: they run whatever lies in the working directory. */
export function lookUp(name: string, environment: Environment): string | undefined {
  const folders = (environment['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  return folders.map((folder) => join(folder, name)).find((path) => isProgram(path));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Whether the program at `path` says that it is exactly this version: `v1.36.3-rc.1` is not `v1.36.3`. */
async function reports(path: string, program: Program): Promise<boolean> {
  try {
    const { stdout } = await promisify(execFile)(path, [...program.versionArguments], { timeout: 20_000 });
    const first = /v?(\d+\.\d+\.\d+[^\s",]*)/.exec(stdout)?.[1];
    return first !== undefined && `v${first}`.replace(/\+.*$/, '') === program.version;
  } catch {
    return false;
  }
}
