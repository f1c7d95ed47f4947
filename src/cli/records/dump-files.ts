import { readFileSync } from 'node:fs';
import { UsageError } from '../args.ts';
import { readDump, readRootKey, type Dump } from './dump.ts';

const STDIN = 0;

/** A dump with the key that opens it. */
export interface KeyedDump {
  readonly dump: Dump;
  readonly rootKey: Buffer;
}

/** Reads a dump, and the root key from its own file or from the dump. @throws UsageError */
export function readDumpFiles(dumpFile: string, rootKeyFile: string | undefined): KeyedDump {
  const dump = readDump(readFile(dumpFile).toString('utf8'), dumpFile);
  const rootKey = rootKeyFile === undefined ? dump.rootKey : readRootKey(readFile(rootKeyFile), rootKeyFile);
  if (rootKey === undefined) {
    throw new UsageError(`${dumpFile} does not hold the root key (Secret keystead-root-key), without which nothing opens. Give it by --root-key FILE.`);
  }
  return { dump, rootKey };
}

/** `-` is standard input. @throws UsageError */
function readFile(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? STDIN : file);
  } catch (error) {
    throw new UsageError(`${file} cannot be read. Name a file that is there.`, { cause: error });
  }
}
