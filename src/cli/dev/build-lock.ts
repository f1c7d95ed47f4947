import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Clock, sleep, type Timer } from '../../runtime/clock.ts';

/** The holder touches the lock this often. */
const BEAT_MS = 2_000;
/** A lock that nobody touched for this long, seen by one waiter's monotonic clock, belongs to a dead process. */
const DEAD_AFTER_MS = 10_000;
const LOOK_AGAIN_MS = 250;

export interface BuildLock {
  /** Gives the lock up. Safe to call when it was taken over meanwhile: the new holder's lock stays. */
  release(): void;
}

/**
 * Takes the lock at `path`, waiting for whoever holds it; `waiting` is called once if somebody does.
 *
 * It saves double work between processes; it does not guard correctness: two holders at once (after SIGSTOP, say) only
 * build the same program twice, because the result is put in place by an atomic rename.
 * A process id is not used to find a dead holder: the cache may be shared between containers, where ids mean nothing.
 * File times are compared only with themselves, so a jumping clock kills no living holder.
 */
export async function takeBuildLock(path: string, clock: Clock, owner: string, waiting: () => void): Promise<BuildLock> {
  mkdirSync(dirname(path), { recursive: true });
  let seen = '';
  let seenAt = 0;
  for (;;) {
    if (create(path, owner)) {
      return hold(path, clock, owner);
    }
    const beat = lastBeat(path);
    if (beat === undefined) {
      continue;
    }
    if (seen === '') {
      waiting();
    }
    if (beat !== seen) {
      seen = beat;
      seenAt = clock.monotonic();
    } else if (clock.monotonic() - seenAt >= DEAD_AFTER_MS) {
      rmSync(path, { force: true });
      continue;
    }
    await sleep(clock, LOOK_AGAIN_MS);
  }
}

function create(path: string, owner: string): boolean {
  try {
    const file = openSync(path, 'wx', 0o600);
    writeSync(file, owner);
    closeSync(file);
    return true;
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'EEXIST') {
      return false;
    }
    throw error;
  }
}

/** What changes with every beat and every new holder; undefined if the lock is free. */
function lastBeat(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.ino} ${stat.mtimeNs}`;
}

function hold(path: string, clock: Clock, owner: string): BuildLock {
  let timer: Timer;
  const beat = (): void => {
    if (isOurs(path, owner)) {
      const now = clock.now();
      utimesSync(path, now, now);
      timer = clock.after(BEAT_MS, beat);
    }
  };
  timer = clock.after(BEAT_MS, beat);
  return {
    release() {
      timer.cancel();
      if (isOurs(path, owner)) {
        rmSync(path, { force: true });
      }
    },
  };
}

function isOurs(path: string, owner: string): boolean {
  try {
    return readFileSync(path, 'utf8') === owner;
  } catch {
    return false;
  }
}
