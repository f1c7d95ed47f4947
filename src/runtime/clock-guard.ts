import type { Clock } from './clock.ts';

/** When the other side last said what time it is: its clock, and our monotonic time at that moment. */
export interface ServerTime {
  readonly date: Date;
  readonly atMonotonic: number;
}

const MOST_DIFFERENCE_MS = 5 * 60_000;
const SEEN_TWICE_MS = 10 * 60_000;

/**
 * Keeps a wrong clock from doing harm (decisions 14): what is done by time and cannot be undone needs the local clock and
 * the API server's to agree, and the due time to have been seen by two passes at least 10 minutes of monotonic time apart.
 */
export class ClockGuard {
  readonly #clock: Clock;
  readonly #serverTime: () => ServerTime | undefined;
  readonly #firstSeen = new Map<string, number>();

  constructor(clock: Clock, serverTime: () => ServerTime | undefined) {
    this.#clock = clock;
    this.#serverTime = serverTime;
  }

  /** Whether both clocks are within 5 minutes of each other; false as long as the server said nothing. */
  trusted(): boolean {
    const serverNow = this.#serverNow();
    return serverNow !== undefined && Math.abs(serverNow - this.#clock.now().getTime()) <= MOST_DIFFERENCE_MS;
  }

  /** The later of both clocks: what is kept until so long after it is kept long enough, whichever of them is wrong. */
  latest(): Date {
    const now = this.#clock.now().getTime();
    return new Date(Math.max(now, this.#serverNow() ?? now));
  }

  /**
   * Whether something irreversible that has become due may be done now; otherwise milliseconds to look again after.
   * `what` names it: the same thing, due for the same reason, must have the same name in every pass.
   */
  confirm(what: string): 'now' | number {
    if (!this.trusted()) {
      this.#firstSeen.delete(what);
      return SEEN_TWICE_MS;
    }
    const now = this.#clock.monotonic();
    const first = this.#firstSeen.get(what);
    if (first === undefined) {
      this.#firstSeen.set(what, now);
      return SEEN_TWICE_MS;
    }
    if (now - first < SEEN_TWICE_MS) return SEEN_TWICE_MS - (now - first);
    this.#firstSeen.delete(what);
    return 'now';
  }

  /** It is not due any more: a later pass starts afresh. */
  forget(what: string): void {
    this.#firstSeen.delete(what);
  }

  /** The server's clock by now, milliseconds since 1970; undefined as long as it said nothing. */
  #serverNow(): number | undefined {
    const server = this.#serverTime();
    return server === undefined ? undefined : server.date.getTime() + this.#clock.monotonic() - server.atMonotonic;
  }
}
