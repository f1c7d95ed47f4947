import { sleep, type Clock } from '../runtime/clock.ts';
import { withTimeout } from '../runtime/deadline.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import type { KubeClient } from './client.ts';
import { isAlreadyExists, isConflict, isNotFound } from './errors.ts';
import type { Lease, LeaseSpec } from './kinds.ts';
import { LeadershipLost, type Leadership } from './leadership.ts';
import { microTime } from './micro-time.ts';
import { resources } from './resource.ts';

export interface LeaderOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Never used by two processes, not even one after the other: the pod's name and something random. */
  readonly identity: string;
  /** For leader_election_master_status. */
  readonly onChange?: (leading: boolean) => void;
  readonly timing?: LeaseTiming;
}

/** Others may take over after `leaseMs`; we stop after `renewMs` without success, so never two of us write at once. */
export interface LeaseTiming {
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly retryMs: number;
}

/** What the leader does. Has to end soon after `stop` (in good order) and at once after `leadership.signal`. */
export type Lead = (leadership: Leadership, stop: AbortSignal) => Promise<void>;

/** Work went on after the leadership was lost; the only safe thing left is to end the process. */
export class WorkersStillRunning extends Error {
  override readonly name = 'WorkersStillRunning';

  constructor() {
    super('Work did not stop within 5 s after the leadership was lost');
  }
}

const TIMING: LeaseTiming = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000 };
const JITTER = 1.2;
const STOP_LIMIT_MS = 5_000;
/** A single call that hangs must leave time for another one before the deadline. */
const CALL_LIMIT_MS = 4_000;

/**
 * Elects one of several processes by a Lease, as client-go's leaderelection does: whoever wrote it last holds it, and
 * the others wait until they have seen it unchanged for its duration by their own monotonic clock. Times inside the
 * Lease are for people; no decision depends on two machines' clocks agreeing.
 */
export class LeaderElector {
  readonly #options: LeaderOptions;
  readonly #timing: LeaseTiming;
  /** The Lease as last seen, and since when it has been like that. */
  #observed: { readonly lease: Lease; readonly at: number } | undefined;

  constructor(options: LeaderOptions) {
    this.#options = options;
    this.#timing = options.timing ?? TIMING;
  }

  /**
   * Is a candidate, and leads when elected; becomes a candidate again when the lease is lost (decisions 47). Resolves
   * after `stop`, when the work has ended and the lease is given back.
   * @throws WorkersStillRunning; whatever `lead` throws while it has the lease.
   */
  async run(lead: Lead, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const renewedAt = await this.#tryToHold(CALL_LIMIT_MS, stop);
      if (renewedAt !== undefined) {
        await this.#lead(lead, renewedAt, stop);
      }
      await this.#pause(stop);
    }
  }

  /** One term: the work begins, and ends before this resolves, whichever of the two ends first. */
  async #lead(lead: Lead, renewedAt: number, stop: AbortSignal): Promise<void> {
    const term = new Term(this.#options.clock, this.#timing.renewMs, renewedAt);
    this.#options.log.info('Became the leader', { lease: this.#options.name, identity: this.#options.identity });
    this.#options.onChange?.(true);
    const work = track(() => lead(term, stop));
    try {
      await this.#keep(term, work.ended);
    } finally {
      this.#options.onChange?.(false);
    }
    if (term.signal.aborted) {
      this.#options.log.warn('Lost the leadership; all work is aborted', { lease: this.#options.name });
      await this.#waitFor(work);
    } else {
      await this.#release();
    }
    if (work.failure !== undefined && !term.signal.aborted) {
      throw work.failure.error;
    }
  }

  /** Renews until the work has ended, or the right to it. */
  async #keep(term: Term, workEnded: AbortSignal): Promise<void> {
    const { clock, log, name } = this.#options;
    while (!workEnded.aborted && !term.signal.aborted) {
      await sleep(clock, Math.min(this.#timing.retryMs, Math.max(0, term.leftMs())), workEnded).catch(() => undefined);
      if (workEnded.aborted) {
        return;
      }
      if (term.leftMs() <= 0) {
        term.end();
        return;
      }
      const renewedAt = await this.#tryToHold(Math.min(CALL_LIMIT_MS, term.leftMs()), undefined);
      if (renewedAt !== undefined && term.leftMs() > 0) {
        term.renewed(renewedAt);
      } else if (this.#heldByAnother()) {
        term.end();
      } else {
        log.warn('The lease could not be renewed', { lease: name, leftMs: Math.round(term.leftMs()) });
      }
    }
  }

  /** @throws WorkersStillRunning if the work outlives its right by 5 s. */
  async #waitFor(work: Tracked): Promise<void> {
    try {
      await sleep(this.#options.clock, STOP_LIMIT_MS, work.ended);
    } catch {
      return;
    }
    throw new WorkersStillRunning();
  }

  /**
   * Takes or renews the lease. Returns the monotonic time at which the successful attempt was begun: what the lease
   * counts from, since the server may have taken it at any moment after that. Never throws.
   */
  async #tryToHold(limitMs: number, signal: AbortSignal | undefined): Promise<number | undefined> {
    const { clock, log, name } = this.#options;
    const begun = clock.monotonic();
    try {
      const held = await withTimeout(clock, limitMs, signal, (limited) => this.#hold(limited));
      return held ? begun : undefined;
    } catch (error) {
      if (signal?.aborted !== true) {
        log.debug('No answer about the lease', { lease: name, error: error instanceof Error ? error.message : '' });
      }
      return undefined;
    }
  }

  /** Takes or renews. The known state is tried first: a leader renews with one request, not two. */
  async #hold(signal: AbortSignal): Promise<boolean> {
    const known = this.#observed?.lease;
    if (known?.spec?.holderIdentity === this.#options.identity && (await this.#write(known, signal))) {
      return true;
    }
    const lease = await this.#read(signal);
    if (lease !== undefined) {
      this.#observe(lease);
      if (this.#heldByAnother()) {
        return false;
      }
    }
    return this.#write(lease, signal);
  }

  /** Undefined: there is none yet. */
  async #read(signal: AbortSignal): Promise<Lease | undefined> {
    const { client, namespace, name } = this.#options;
    try {
      return await client.get(resources.leases, { namespace, name }, { signal });
    } catch (error) {
      if (isNotFound(error)) {
        return undefined;
      }
      throw error;
    }
  }

  /** False: somebody else was faster. */
  async #write(previous: Lease | undefined, signal: AbortSignal): Promise<boolean> {
    const { client, namespace, name } = this.#options;
    const spec = this.#spec(previous?.spec);
    try {
      const written =
        previous === undefined
          ? await client.create(resources.leases, { metadata: { namespace, name }, spec }, { signal })
          : await client.update(resources.leases, { metadata: previous.metadata, spec }, { signal });
      this.#observe(written);
      return true;
    } catch (error) {
      if (isConflict(error) || isAlreadyExists(error) || isNotFound(error)) {
        return false;
      }
      throw error;
    }
  }

  /** The Lease as it says that we hold it. Transitions count changes of holder, as in client-go. */
  #spec(previous: LeaseSpec | undefined): LeaseSpec {
    const now = microTime(this.#options.clock.now());
    const mine = previous?.holderIdentity === this.#options.identity;
    const transitions = previous?.leaseTransitions ?? 0;
    return {
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: Math.round(this.#timing.leaseMs / 1000),
      acquireTime: mine ? (previous.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: mine || previous === undefined ? transitions : transitions + 1,
    };
  }

  /** Notes a state, and when it was first seen; seeing the same again does not make it younger. */
  #observe(lease: Lease): void {
    if (this.#observed?.lease.metadata.resourceVersion !== lease.metadata.resourceVersion) {
      this.#observed = { lease, at: this.#options.clock.monotonic() };
    }
  }

  /** Whether somebody else holds it and his time has not run out since we first saw it so. */
  #heldByAnother(): boolean {
    const spec = this.#observed?.lease.spec;
    const holder = spec?.holderIdentity ?? '';
    if (this.#observed === undefined || holder === '' || holder === this.#options.identity) {
      return false;
    }
    const durationMs = (spec?.leaseDurationSeconds ?? this.#timing.leaseMs / 1000) * 1000;
    return this.#options.clock.monotonic() < this.#observed.at + durationMs;
  }

  /** Gives the lease back, so that the next one needs not wait for it to run out. */
  async #release(): Promise<void> {
    const { client, clock, log, name } = this.#options;
    const lease = this.#observed?.lease;
    if (lease?.spec?.holderIdentity !== this.#options.identity) {
      return;
    }
    const spec: LeaseSpec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(clock.now()) };
    try {
      await withTimeout(clock, CALL_LIMIT_MS, undefined, (signal) => client.update(resources.leases, { metadata: lease.metadata, spec }, { signal }));
      log.info('Gave the leadership back', { lease: name });
    } catch (error) {
      log.warn('The lease could not be given back; it runs out', { lease: name, error: error instanceof Error ? error.message : '' });
    }
  }

  /** Spread at random, so that candidates don't ask all at once. */
  async #pause(stop: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    await sleep(clock, this.#timing.retryMs * (1 + JITTER * random.fraction()), stop).catch(() => undefined);
  }
}

/** One time of being the leader. */
class Term implements Leadership {
  readonly #clock: Clock;
  readonly #renewMs: number;
  readonly #controller = new AbortController();
  #renewedAt: number;

  constructor(clock: Clock, renewMs: number, renewedAt: number) {
    this.#clock = clock;
    this.#renewMs = renewMs;
    this.#renewedAt = renewedAt;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  lastRenewal(): number {
    return this.#renewedAt;
  }

  /** How long the right still lasts; negative when it has ended. */
  leftMs(): number {
    return this.#renewedAt + this.#renewMs - this.#clock.monotonic();
  }

  check(): void {
    if (this.leftMs() <= 0) {
      this.end();
    }
    if (this.signal.aborted) {
      throw new LeadershipLost();
    }
  }

  renewed(at: number): void {
    this.#renewedAt = at;
  }

  end(): void {
    this.#controller.abort(new LeadershipLost());
  }
}

/** Work under way, as something that can be waited for in two ways: a signal for its end, and what it failed with. */
interface Tracked {
  readonly ended: AbortSignal;
  failure: { readonly error: unknown } | undefined;
}

function track(run: () => Promise<void>): Tracked {
  const controller = new AbortController();
  const tracked: Tracked = { ended: controller.signal, failure: undefined };
  const follow = async (): Promise<void> => {
    try {
      await run();
    } catch (error) {
      tracked.failure = { error };
    } finally {
      controller.abort();
    }
  };
  void follow();
  return tracked;
}
