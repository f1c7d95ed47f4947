import { write } from 'node:fs';
import { sleep, type Clock } from '../runtime/clock.ts';

/** A pipe that is full and does not block answers EAGAIN; there is nothing to wait for but time. */
const FULL_PIPE_DELAY_MS = 5;

/**
 * Writes buffers to file descriptors by write(2) and nothing else: no stream, no buffer of ours. Remembers how far a
 * buffer got, so that an attempt after a fault goes on there and no byte is written twice.
 */
export class DescriptorWriter {
  readonly #clock: Clock;
  #current: Buffer | undefined;
  #written = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the last buffer has been written only in part. */
  get midway(): boolean {
    return this.#current !== undefined && this.#written > 0 && this.#written < this.#current.length;
  }

  /** Resolves when the whole of `bytes` was taken by `fd`; at once if the same buffer was taken before. */
  async writeAll(fd: number, bytes: Buffer): Promise<void> {
    if (this.#current !== bytes) {
      this.#current = bytes;
      this.#written = 0;
    }
    while (this.#written < bytes.length) {
      try {
        this.#written += await writeOnce(fd, bytes, this.#written);
      } catch (error) {
        if (!isFull(error)) {
          throw error;
        }
        await sleep(this.#clock, FULL_PIPE_DELAY_MS);
      }
    }
  }
}

/** In libuv's thread pool: a pipe that nobody reads holds up one of its threads, and not the event loop. */
function writeOnce(fd: number, bytes: Buffer, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, offset, bytes.length - offset, null, (error, written) => (error === null ? resolve(written) : reject(error)));
  });
}

function isFull(error: unknown): boolean {
  return systemCode(error) === 'EAGAIN';
}

/** The code of an error of the operating system, such as ENOSPC; never its message, which may hold anything. */
export function systemCode(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code) ? code : undefined;
}
