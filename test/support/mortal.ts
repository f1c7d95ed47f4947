import type { ControlPlane } from '../../src/cli/dev/control-plane.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import { resources } from '../../src/kube/resource.ts';
import type { ApiRequest, ApiResponse, Transport } from '../../src/kube/transport.ts';
import type { FailPoint } from '../../src/runtime/fail-point.ts';
import { adminClient } from './admin.ts';
import { OPERATOR_NAMESPACE, startOperator, until, type OperatorChoices } from './operator.ts';

/** Thrown where a process dies, so that nothing of it goes on by itself. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/**
 * What kill -9 looks like from outside: from one moment on nothing is sent any more, and no answer is heard. As the
 * process of a test must go on, the dead are buried in the end: whatever still waits for an answer is told of an error.
 */
export class Mortal implements Transport {
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

  bury(): void {
    this.#state = 'buried';
    for (const reject of this.#waiting.splice(0)) reject(new Killed());
  }

  async request(request: ApiRequest): Promise<ApiResponse> {
    if (!this.dead) {
      const answer = await this.#real.request(request);
      // Died while the request was under way: the server has done it, and nobody is there to hear of it.
      if (!this.dead) return answer;
    }
    return new Promise((_resolve, reject) => {
      if (this.#state === 'buried') reject(new Killed());
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

/** Whether the process dies now: it has come to `at`, the `nth` fail point since it started. */
type Fate = (at: FailPoint, nth: number) => 'dies' | 'goes on' | 'begins nothing more';

/** An operator that dies when it comes to `point`; resolves when it is dead and nothing of it is left in this process. */
export async function dieAt(on: ControlPlane, point: FailPoint, choices: OperatorChoices = {}): Promise<void> {
  let begun = false;
  const died = await liveAndDie(on, choices, (at) => {
    if (at === point) return 'dies';
    // The watch may tell of a write before its answer comes: nothing may be begun because of that any more.
    if (begun && at.endsWith(':before')) return 'begins nothing more';
    begun ||= at === point.replace(':after', ':before');
    return 'goes on';
  });
  if (!died) throw new Error(`the operator never came to ${point}`);
}

/** An operator that dies at its `last` fail point, wherever that is and whatever else is under way; false if it has less to do. */
export function dieAfter(on: ControlPlane, last: number): Promise<boolean> {
  return liveAndDie(on, {}, (_at, nth) => (nth >= last ? 'dies' : 'goes on'));
}

async function liveAndDie(on: ControlPlane, choices: OperatorChoices, fate: Fate): Promise<boolean> {
  let mortal: Mortal | undefined;
  let points = 0;
  const isDead = (): boolean => mortal?.dead === true;
  const dying = startOperator(on, {
    ...choices,
    transport: (real) => (mortal = new Mortal(choices.transport?.(real) ?? real)),
    failAt: (at) => {
      points += 1;
      const meets = isDead() ? 'dies' : fate(at, points);
      if (meets === 'dies') mortal?.kill();
      if (meets !== 'goes on') throw new Killed();
    },
    started: () => true,
  });
  // Dead before it led, its run has ended with what killed it.
  dying.catch(() => undefined);
  const died = await until(isDead, 5_000).then(() => true, () => false);
  mortal?.kill();
  await loseLease(on);
  mortal?.bury();
  await dying.then((operator) => operator.stop()).catch(() => undefined);
  return died;
}

/** Takes the lease of a dead leader away: nobody waits 15 s for it to run out in a test. */
export async function loseLease(on: ControlPlane): Promise<void> {
  const admin = await adminClient(on);
  await admin.delete(resources.leases, { namespace: OPERATOR_NAMESPACE, name: 'keystead-operator' }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}
