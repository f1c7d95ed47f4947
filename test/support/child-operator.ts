import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ControlPlane } from '../../src/cli/dev/control-plane.ts';
import type { FailPoint } from '../../src/runtime/fail-point.ts';
import { kubeconfigFile } from './control-plane.ts';
import { OPERATOR_NAMESPACE, until } from './operator.ts';

/** How the API server's audit log names the child. */
export const CHILD_AGENT = 'keystead/child';

/** An operator in a process of its own (operator-child.ts). */
export class ChildOperator {
  readonly #child: ChildProcess;
  #said = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.on('data', (chunk: Buffer) => (this.#said += chunk.toString('utf8')));
  }

  /** `stopAt`: it stops itself there, once. */
  static async start(on: ControlPlane, { speed, stopAt }: { readonly speed: number; readonly stopAt?: FailPoint }): Promise<ChildOperator> {
    const kubeconfig = await kubeconfigFile({ namespace: OPERATOR_NAMESPACE, serviceAccount: 'keystead-operator' }, on);
    const script = fileURLToPath(new URL('operator-child.ts', import.meta.url));
    const args = ['--disable-warning=ExperimentalWarning', script, kubeconfig, String(speed), stopAt ?? '', OPERATOR_NAMESPACE];
    return new ChildOperator(spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'], env: {} }));
  }

  /** Waits until its log has this. */
  async says(text: string): Promise<void> {
    await until(() => this.#said.includes(text)).catch((error: unknown) => {
      throw new Error(`it never said "${text}", but:\n${this.#said.slice(-2_000)}`, { cause: error });
    });
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  goOn(): void {
    this.#child.kill('SIGCONT');
  }

  /** Forgets what it said so far. */
  listenAnew(): void {
    this.#said = '';
  }

  /** Ends it, if it still runs, and waits for that. Answers its exit code, null after a signal that it did not handle. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    if (this.running) {
      const ended = once(this.#child, 'exit');
      this.#child.kill(signal);
      await ended;
    }
    return this.#child.exitCode;
  }
}
