import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** How the image starts Node: measured is what is shipped. */
export interface Shipped {
  readonly nodeFlags: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** Reads it from the Dockerfile, the one place where it is decided. */
export function shipped(): Shipped {
  const lines = readFileSync(join(import.meta.dirname, '../../Dockerfile'), 'utf8').split('\n');
  const of = (instruction: string): string => lines.findLast((line) => line.startsWith(`${instruction} `))?.slice(instruction.length + 1) ?? '';
  const [, ...command]: string[] = JSON.parse(of('ENTRYPOINT'));
  return {
    nodeFlags: command.slice(0, -1),
    environment: Object.fromEntries(of('ENV').split(' ').map((pair) => pair.split('=', 2))),
  };
}
