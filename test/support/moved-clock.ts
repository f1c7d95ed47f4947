import type { ApiRequest, ApiResponse, Transport } from '../../src/kube/transport.ts';
import { systemClock, type Clock } from '../../src/runtime/clock.ts';

/** Real time that is moved by hand, or runs faster. Monotonic time never jumps. */
export class MovedClock implements Clock {
  readonly #speed: number;
  readonly #start = systemClock.monotonic();
  readonly #from = systemClock.now().getTime();
  #movedMs: number;

  /** `speed`: so many seconds pass in one; everything that waits is as much faster, time limits of requests too. */
  constructor(movedMs = 0, speed = 1) {
    this.#movedMs = movedMs;
    this.#speed = speed;
  }

  /** Moves the wall clock, as an administrator or a broken time server does. */
  jump(ms: number): void {
    this.#movedMs += ms;
  }

  now(): Date {
    return new Date(this.#from + this.#movedMs + this.#passed());
  }

  monotonic(): number {
    return this.#start + this.#passed();
  }

  after(delayMs: number, run: () => void): ReturnType<Clock['after']> {
    return systemClock.after(delayMs / this.#speed, run);
  }

  #passed(): number {
    return (systemClock.monotonic() - this.#start) * this.#speed;
  }
}

/** An API server whose clock shows the same as ours: time that has really passed, as far as anybody can tell. */
export class AgreeingTime implements Transport {
  readonly #real: Transport;
  readonly #clock: Clock;

  constructor(real: Transport, clock: Clock) {
    this.#real = real;
    this.#clock = clock;
  }

  request(request: ApiRequest): Promise<ApiResponse> {
    return this.#real.request(request);
  }

  connection(): ReturnType<Transport['connection']> {
    return this.#real.connection();
  }

  serverTime(): ReturnType<Transport['serverTime']> {
    return this.#real.serverTime() && { date: this.#clock.now(), atMonotonic: this.#clock.monotonic() };
  }

  close(): Promise<void> {
    return this.#real.close();
  }
}

/** For an operator that lives so much later, or so much faster, with a server that agrees. */
export function laterChoices(laterMs: number, speed = 1): { readonly clock: MovedClock; readonly transport: (real: Transport) => Transport } {
  const clock = new MovedClock(laterMs, speed);
  return { clock, transport: (real) => new AgreeingTime(real, clock) };
}
