import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer } from 'node:net';
import { request } from 'undici';
import { systemClock, sleep } from '../../src/runtime/clock.ts';
import { cpuOf, memoryOf } from './processes.ts';
import { shipped } from './shipped.ts';

const QUIET_MS = 1_000;
/** Of one core. What renews leases and collects garbage uses less. */
const QUIET_SHARE = 0.05;

/**
 * `keystead operator` in a process of its own, as the image runs it, so that its memory and CPU time are its own. Its log
 * and its audit log go to files in `folder`, which also holds its kubeconfig.
 */
export class OperatorProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #metricsPort: number;
  readonly #ended: Promise<unknown>;
  #stopping = false;

  private constructor(program: string, folder: string, nodeFlags: readonly string[], metricsPort: number) {
    this.#metricsPort = metricsPort;
    const files = ['operator-audit.log', 'operator.log'].map((name) => openSync(join(folder, name), 'a', 0o600));
    const [audit, log] = files;
    const flags = ['--namespace=keystead-system', `--kubeconfig=${join(folder, 'operator.kubeconfig')}`, '--audit-stdout', `--metrics-port=${metricsPort}`, '--health-port=0'];
    const image = shipped();
    this.#child = spawn(process.execPath, [...image.nodeFlags, ...nodeFlags, program, 'operator', ...flags], { stdio: ['ignore', audit, log], env: image.environment });
    for (const file of files) closeSync(file);
    this.#ended = once(this.#child, 'exit');
    const { pid } = this.#child;
    if (pid === undefined) throw new Error('the operator did not start');
    this.pid = pid;
    // Nobody waits for this: an operator that ends by itself ends the bench, instead of leaving it waiting for ever.
    void this.#ended.then(() => {
      if (!this.#stopping) throw new Error(`the operator ended; its log ends with:\n${readFileSync(join(folder, 'operator.log'), 'utf8').slice(-2_000)}`);
    });
  }

  /** `nodeFlags`: besides those of the image, such as --cpu-prof for a profile of the operator alone. Does not wait until it works. */
  static async start(program: string, folder: string, nodeFlags: readonly string[]): Promise<OperatorProcess> {
    return new OperatorProcess(program, folder, nodeFlags, await freePort());
  }

  /** Requests that are no writes: reads, lists, and watches that were opened, as it counts them itself. */
  async reads(): Promise<number> {
    const { body } = await request(`http://127.0.0.1:${this.#metricsPort}/metrics`);
    const counts = (await body.text()).matchAll(/^rest_client_requests_total\{[^}]*method="GET"[^}]*\} (\d+)$/gm);
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
  }

  memory(): { readonly now: number; readonly peak: number } {
    return memoryOf(this.pid);
  }

  /** Resolves with the monotonic time at which it came to rest, which is a second before that can be known. */
  async idle(): Promise<number> {
    for (;;) {
      const since = systemClock.monotonic();
      const before = cpuOf(this.pid);
      let quiet = true;
      while (quiet && systemClock.monotonic() - since < QUIET_MS) {
        await sleep(systemClock, 50);
        quiet = cpuOf(this.pid) - before <= (QUIET_SHARE * QUIET_MS) / 1000;
      }
      if (quiet) return since;
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#child.kill('SIGTERM');
    await this.#ended;
  }
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const listener = createServer();
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const address = listener.address();
  await once(listener.close(), 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
