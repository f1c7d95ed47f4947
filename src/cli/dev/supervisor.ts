import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';

const TAIL_LINES = 12;

/**
 * Ends with our end of the pipe, however this process ends (kill -9 too): then it kills the last servers that it was told of
 * and removes their folder. Killed servers may still write for a moment, hence the attempts.
 */
const GUARD = `pids=
while read -r line; do pids=$line; done
for pid in $pids; do kill -9 "$pid" 2>/dev/null; done
for attempt in 1 2 3 4 5; do rm -rf "$1" && exit 0; sleep 1; done`;

/** A server process that runs, or has ended. */
export interface Server {
  readonly name: string;
  /** Resolves when it has ended, for whatever reason; never rejects. */
  readonly ended: Promise<void>;
  isRunning(): boolean;
  /** SIGKILL, and waits for the end: nothing in a throw-away server is worth a slow shutdown. */
  kill(): Promise<void>;
  /** The last lines of its log. */
  logTail(): string;
}

export interface Supervisor {
  start(name: string, command: string, args: readonly string[]): Server;
  /** Kills all that run, and lets the guard remove the folder. */
  stop(): Promise<void>;
}

/**
 * Runs servers that do not outlive this process. `directory` belongs to the supervisor: logs go to `<name>.log` in it, and the
 * whole folder is removed at the end. Servers have a process group of their own, so Ctrl-C reaches only the one who supervises.
 */
export function createSupervisor(directory: string): Supervisor {
  const guard = spawn('/bin/sh', ['-c', GUARD, 'keystead-guard', directory], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  guard.unref();
  const pipe = guard.stdin;
  // A guard that somebody killed must not take us down with EPIPE.
  pipe.on('error', () => undefined);
  if (pipe instanceof Socket) {
    pipe.unref();
  }
  const running = new Map<number, Server>();
  const tellGuard = (): void => void pipe.write(`${[...running.keys()].join(' ')}\n`);
  return {
    start(name, command, args) {
      const log = join(directory, `${name}.log`);
      const child = spawnLogged(command, args, log);
      const server = describeServer(name, child, log);
      const pid = child.pid;
      if (pid !== undefined) {
        running.set(pid, server);
        tellGuard();
        child.once('exit', () => {
          running.delete(pid);
          tellGuard();
        });
      }
      return server;
    },
    async stop() {
      await Promise.all([...running.values()].map((server) => server.kill()));
      const gone = new Promise<void>((resolve) => {
        guard.ref();
        guard.once('exit', () => resolve());
      });
      pipe.end();
      if (guard.exitCode === null && guard.signalCode === null) {
        await gone;
      }
    },
  };
}

function spawnLogged(command: string, args: readonly string[], log: string): ChildProcess {
  const file = openSync(log, 'a', 0o600);
  try {
    // An empty environment: no KUBECONFIG, proxy or ETCD_* variable of the developer's may change what the servers do.
    const child = spawn(command, [...args], { detached: true, stdio: ['ignore', file, file], env: {} });
    child.unref();
    return child;
  } finally {
    closeSync(file);
  }
}

function describeServer(name: string, child: ChildProcess, log: string): Server {
  let running = true;
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      running = false;
      resolve();
    };
    child.once('exit', end);
    child.once('error', end);
  });
  return {
    name,
    ended,
    isRunning: () => running,
    async kill() {
      child.ref();
      child.kill('SIGKILL');
      await ended;
    },
    logTail: () => readFileSync(log, 'utf8').trimEnd().split('\n').slice(-TAIL_LINES).join('\n'),
  };
}
