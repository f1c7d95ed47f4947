import type { Writable } from 'node:stream';
import type { Clock } from '../runtime/clock.ts';
import type { Random } from '../runtime/random.ts';

/**
 * All that a command knows of the process that it runs in. main.ts makes the real one; tests make their own. A command
 * reads no environment, exits nothing and asks no clock but through this.
 */
export interface Io {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The program's version, without a leading v. */
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Aborted when somebody asks the program to end (Ctrl-C, SIGTERM). */
  readonly stop: AbortSignal;
  /** Called when somebody asks for files to be opened anew (SIGHUP). */
  readonly onReopen: (run: () => void) => void;
  /** Results, for the next program as much as for a person. */
  readonly stdout: Writable;
  /** What went wrong, and what is going on. */
  readonly stderr: Writable;
  /** Whether a person looks at stdout who can see colours and rewritten lines. */
  readonly terminal: boolean;
}

/** The exit codes of all commands. */
export const exitCode = { ok: 0, failed: 1, usage: 2 } as const;

/** What a command was to do did not come about; the message is for a person, and holds no secret. Exit code 1. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}

/** One command of the program. */
export interface Command {
  /** Resolves with the exit code. @throws UsageError, CommandFailed, KeysteadError: main.ts says them */
  run(args: readonly string[], io: Io): Promise<number>;
}
