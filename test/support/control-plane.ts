import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, jest } from '@jest/globals';
import { type ControlPlaneAccess, openControlPlane } from '../../src/cli/dev/access.ts';
import { findBinary } from '../../src/cli/dev/binaries.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from '../../src/cli/dev/control-plane.ts';
import type { ProgramName } from '../../src/cli/dev/programs.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { devHost } from './dev-host.ts';

// A real API server, on a machine that is shared: 5 s are too few.
jest.setTimeout(60_000);

/** What a test file made and must take away, last made first. Hooks can't be added while a test runs, so there is one for all. */
const cleanups: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const clean of cleanups.splice(0).toReversed()) {
    await clean();
  }
});

/** Who asks: real credentials, not impersonation, so that RBAC and the audit log see what they would see in a cluster. */
export type Identity =
  | { readonly serviceAccount: string; readonly namespace: string }
  | { readonly user: string; readonly groups?: readonly string[] };

export interface KubectlOptions {
  readonly input?: string;
  /** Default: the administrator. */
  readonly as?: Identity;
  /** Default: the control plane that the run shares. */
  readonly on?: ControlPlaneAccess;
}

/** kubectl ended with an error; `stderr` is what it said. */
export class KubectlError extends Error {
  override readonly name = 'KubectlError';
  readonly stderr: string;

  constructor(args: readonly string[], stderr: string) {
    super(`kubectl ${args.join(' ')}: ${stderr}`);
    this.stderr = stderr;
  }
}

/**
 * The control plane that all integration tests of a run share: make namespaces of your own in it, and leave alone what is
 * cluster-wide and not yours. Who must stop the API server, or change guards under others, starts `ownControlPlane`.
 */
export function controlPlane(): ControlPlaneAccess {
  if (isolated !== undefined) return isolated;
  const directory = process.env['KEYSTEAD_TEST_CONTROL_PLANE'];
  if (directory === undefined) {
    throw new Error('No control plane: it is started only for tests under test/integration, by test/support/global-setup.mjs.');
  }
  return openControlPlane(directory, systemClock);
}

/** The one of this test file alone, if it asked for one. */
let isolated: ControlPlane | undefined;

/**
 * Gives this test file a control plane of its own in the place of the shared one: for tests whose outcome hangs on what
 * is cluster-wide. (The garbage collector deletes what owners of a kind that it knows are said to own and do not exist.)
 */
export async function isolate(): Promise<void> {
  isolated ??= await ownControlPlane();
}

/** Path of the administrator's kubeconfig. */
export function adminKubeconfig(): string {
  return controlPlane().adminKubeconfig;
}

/** A control plane for one test file alone, ended after its last test. Takes some 4 s and 450 MB: share where you can. */
export async function ownControlPlane(options: Omit<ControlPlaneOptions, 'host'> = {}): Promise<ControlPlane> {
  const own = await startControlPlane({ ...options, host: devHost() });
  cleanups.push(() => own.stop());
  return own;
}

/** The path of a real program, such as helm. */
export function program(name: ProgramName): Promise<string> {
  return findBinary(name, devHost());
}

/** Path of a kubeconfig with real credentials of `identity`; made once and kept for an hour at most. */
export async function kubeconfigFile(identity: Identity, on: ControlPlaneAccess = controlPlane()): Promise<string> {
  const folder = join(on.directory, 'identities');
  const path = join(folder, createHash('sha256').update(JSON.stringify(identity)).digest('hex'));
  if (!existsSync(path)) {
    const content = await ('user' in identity
      ? on.kubeconfigForUser(identity.user, identity.groups)
      : on.kubeconfigForServiceAccount(identity.namespace, identity.serviceAccount));
    mkdirSync(folder, { recursive: true });
    // Renamed into place, because other workers may want the same one.
    const fresh = `${path}.${randomBytes(6).toString('hex')}`;
    writeFileSync(fresh, content, { mode: 0o600 });
    renameSync(fresh, path);
  }
  return path;
}

/** Runs the real kubectl and answers its stdout; throws KubectlError if it fails. */
export async function kubectl(args: readonly string[], options: KubectlOptions = {}): Promise<string> {
  const on = options.on ?? controlPlane();
  const kubeconfig = options.as === undefined ? on.adminKubeconfig : await kubeconfigFile(options.as, on);
  const cache = join(on.directory, 'kubectl-cache');
  const child = spawn(await program('kubectl'), [`--kubeconfig=${kubeconfig}`, `--cache-dir=${cache}`, ...args], { env: {} });
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (code !== 0) {
    throw new KubectlError(args, stderr);
  }
  return stdout;
}

/** `kubectl apply` of YAML or of objects; throws KubectlError with the API server's own words if it refuses. */
export async function apply(manifest: string | readonly object[], options: Omit<KubectlOptions, 'input'> = {}): Promise<string> {
  const input = typeof manifest === 'string' ? manifest : JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifest });
  return kubectl(['apply', '-f', '-'], { ...options, input });
}

/** A fresh namespace, deleted (without waiting) after the last test of the file. Answers its name. */
export async function createNamespace(prefix: string, labels: Readonly<Record<string, string>> = {}, on: ControlPlaneAccess = controlPlane()): Promise<string> {
  const name = `${prefix}-${randomBytes(4).toString('hex')}`;
  await kubectl(['create', '-f', '-'], { on, input: JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }) });
  cleanups.push(async () => {
    // Its control plane may have been stopped by the test itself.
    if (existsSync(on.directory)) {
      await kubectl(['delete', 'namespace', name, '--wait=false', '--ignore-not-found'], { on });
    }
  });
  return name;
}
