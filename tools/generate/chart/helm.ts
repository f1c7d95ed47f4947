import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { findBinary } from '../../../src/cli/dev/binaries.ts';
import { thisMachine } from '../../../src/cli/dev/machine.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { systemRandom } from '../../../src/runtime/random.ts';

export const CHART = join(import.meta.dirname, '../../../charts/keystead');

/** What Helm said when it refused. */
export class HelmError extends Error {
  override readonly name = 'HelmError';
}

/** Runs the pinned Helm, with nothing of the user's own settings, plugins or clusters. @throws HelmError */
export async function helm(args: readonly string[], input = ''): Promise<string> {
  const path = await findBinary('helm', thisMachine(process.env, systemClock, systemRandom, (line) => void process.stderr.write(`${line}\n`)));
  const nowhere = join(import.meta.dirname, 'nowhere');
  const child = spawn(path, [...args], { env: { HELM_CONFIG_HOME: nowhere, HELM_DATA_HOME: nowhere, HELM_CACHE_HOME: nowhere, KUBECONFIG: nowhere } });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (code !== 0) throw new HelmError(stderr === '' ? stdout : stderr);
  return stdout;
}

/** The chart as `helm install` would send it. @throws HelmError when values or templates refuse. */
export function render(values: object, options: { readonly namespace?: string } = {}): Promise<string> {
  const namespace = options.namespace ?? 'keystead-system';
  return helm(['template', 'keystead', CHART, '--namespace', namespace, '--values', '-'], JSON.stringify(values));
}
