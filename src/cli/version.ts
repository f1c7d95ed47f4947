import { readArguments } from './args.ts';
import { exitCode, type Io } from './io.ts';

const usage = `Prints the version of Keystead and of Node.js.

Usage:
  keystead version

Examples:
  keystead version
`;

export async function run(args: readonly string[], io: Io): Promise<number> {
  readArguments({ command: 'keystead version', usage, options: {} }, args);
  io.stdout.write(`keystead ${io.version} (Node.js ${process.version})\n`);
  return exitCode.ok;
}
