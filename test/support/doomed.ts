import type { ControlPlane } from '../../src/cli/dev/control-plane.ts';
import type { ApiRequest, ApiResponse, Transport } from '../../src/kube/transport.ts';
import type { FailPoint } from '../../src/runtime/fail-point.ts';
import { kubectl } from './control-plane.ts';
import { OPERATOR_NAMESPACE, startOperator, until } from './operator.ts';

/** A process that is killed at a point: from then on it sends nothing and hears nothing, until it is buried. */
class Doomed implements Transport {
  readonly #real: Transport;
  readonly #waiting: ((error: Error) => void)[] = [];
  #state: 'alive' | 'dead' | 'buried' = 'alive';

  constructor(real: Transport) {
    this.#real = real;
  }

  get dead(): boolean {
    return this.#state !== 'alive';
  }

  kill(): void {
    this.#state = 'dead';
  }

  /** So that nothing of it is left in the test's own process. */
  bury(): void {
    this.#state = 'buried';
    for (const reject of this.#waiting.splice(0)) reject(new Error('buried'));
  }

  request(request: ApiRequest): Promise<ApiResponse> {
    if (this.#state === 'alive') return this.#real.request(request);
    return new Promise((_resolve, reject) => {
      if (this.#state === 'buried') reject(new Error('buried'));
      else this.#waiting.push(reject);
    });
  }

  connection(): ReturnType<Transport['connection']> {
    return this.#real.connection();
  }

  serverTime(): ReturnType<Transport['serverTime']> {
    return this.#real.serverTime();
  }

  close(): Promise<void> {
    return this.#real.close();
  }
}

/** Runs an operator that dies at the given point of the first write after `cause`. */
export async function dyingAt(on: ControlPlane, point: FailPoint, cause: () => Promise<unknown>): Promise<void> {
  let armed = false;
  let doomed: Doomed | undefined;
  const dying = await startOperator(on, {
    transport: (real) => (doomed = new Doomed(real)),
    failAt: (at) => {
      if (doomed?.dead === true) throw new Error('killed');
      if (!armed || at !== point) return;
      doomed?.kill();
      throw new Error('killed');
    },
  });
  armed = true;
  await cause();
  await until(() => doomed?.dead === true);
  // Nobody waits 15 s for the lease of the dead in a test.
  await kubectl(['delete', '-n', OPERATOR_NAMESPACE, 'lease/keystead-operator'], { on });
  doomed?.bury();
  await dying.stop();
}
