import { open, type FileHandle } from 'node:fs/promises';
import type { Clock } from '../runtime/clock.ts';
import { DescriptorWriter } from './descriptor-writer.ts';
import type { AuditSink } from './sink.ts';

export interface FileSinkOptions {
  readonly clock: Clock;
  /** Also wait until the disk has the lines (fdatasync): they then outlive the node, at some milliseconds each. */
  readonly sync?: boolean;
}

export interface FileSink extends AuditSink {
  /** Opens the path anew before the next lines: what a log rotation asks for once it has moved the file away. */
  reopen(): void;
}

/** Who runs Keystead, and nobody else. */
const MODE = 0o600;

/** Audit lines at the end of a file. It is opened at the first lines; several processes may share it (O_APPEND). */
export function fileSink(path: string, options: FileSinkOptions): FileSink {
  const writer = new DescriptorWriter(options.clock);
  let file: FileHandle | undefined;
  let stale = false;

  async function opened(): Promise<FileHandle> {
    // Never in the middle of a line, or its two halves would lie in two files.
    if (stale && !writer.midway) {
      const old = file;
      file = undefined;
      stale = false;
      await old?.close();
    }
    file ??= await openAtLineStart(path, options.clock);
    return file;
  }

  return {
    name: `file ${path}`,
    async append(lines) {
      const handle = await opened();
      await writer.writeAll(handle.fd, lines);
      if (options.sync === true) {
        await handle.datasync();
      }
    },
    reopen() {
      stale = true;
    },
    async close() {
      await file?.close();
      file = undefined;
    },
  };
}

/** A crash may have left half a line at the end: it stays as it is, for the verifier to see, but on a line of its own. */
async function openAtLineStart(path: string, clock: Clock): Promise<FileHandle> {
  const handle = await open(path, 'a+', MODE);
  try {
    const { size } = await handle.stat();
    const last = Buffer.alloc(1);
    if (size > 0 && (await handle.read(last, 0, 1, size - 1)).bytesRead === 1 && last.toString() !== '\n') {
      await new DescriptorWriter(clock).writeAll(handle.fd, Buffer.from('\n'));
    }
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}
