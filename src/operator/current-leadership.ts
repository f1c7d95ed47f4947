import { LeadershipLost, type Leadership } from '../kube/leadership.ts';

/**
 * The right to write of whichever term is under way, for a client that outlives terms: between terms it writes nothing.
 */
export class CurrentLeadership implements Leadership {
  #term: Leadership | undefined;
  readonly #none = AbortSignal.abort(new LeadershipLost());

  get signal(): AbortSignal {
    return this.#term?.signal ?? this.#none;
  }

  lastRenewal(): number {
    return this.#term?.lastRenewal() ?? Number.NEGATIVE_INFINITY;
  }

  check(): void {
    if (this.#term === undefined) throw new LeadershipLost();
    this.#term.check();
  }

  begin(term: Leadership): void {
    this.#term = term;
  }

  end(): void {
    this.#term = undefined;
  }
}
