import { stateOf, type ObjectHead } from '../../vault/object-record.ts';
import { currentKey, type VaultHead } from '../../vault/vault-record.ts';
import { callerFor } from '../caller.ts';
import type { World } from '../world.ts';

/** What is done in the background for a vault that is there: rewrapping, purging by time, removing unlisted archives. */
export interface Housekeeping {
  /** Milliseconds until there is something to do again; undefined: not before something changes. */
  readonly againMs: number | undefined;
}

/** So that one pass stays short and its progress is seen. */
const REWRAPS_A_PASS = 200;
const ARCHIVE_SWEEP_MS = 6 * 3_600_000;

/** One object's kind whose time is over. */
interface DuePurge {
  readonly name: string;
  readonly incarnation: string;
  readonly scheduledPurge: string;
}

export class VaultHousekeeper {
  readonly #world: World;
  /** Monotonic time of the last sweep of each vault's archives; the first comes one interval after the first look. */
  readonly #swept = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  async run(vault: VaultHead, signal: AbortSignal): Promise<Housekeeping> {
    const rewrap = await this.#rewrap(vault, signal);
    const purge = await this.#purge(vault, signal);
    const sweep = await this.#sweep(vault, signal);
    return { againMs: soonest(rewrap, purge, sweep) };
  }

  /** Puts versions under the current vault key, some in each pass. */
  async #rewrap(vault: VaultHead, signal: AbortSignal): Promise<number | undefined> {
    const current = currentKey(vault).id;
    const under = this.#world.objects.stats(vault.vaultId).versionsUnder;
    if ([...under.keys()].every((key) => key === current)) return undefined;
    const caller = callerFor('vault', signal);
    let left = REWRAPS_A_PASS;
    for (const head of Array.from(this.#world.objects.headsOf(vault.vaultId))) {
      if (left === 0) return 0;
      if (await this.#world.objects.rewrap(vault, head.name, caller)) left -= 1;
    }
    return undefined;
  }

  /** Purges objects whose retention is over, if the clock can be trusted (decisions 14). */
  async #purge(vault: VaultHead, signal: AbortSignal): Promise<number | undefined> {
    const now = this.#world.clock.now().getTime();
    let again: number | undefined;
    for (const due of Array.from(this.#deleted(vault))) {
      const waits = new Date(due.scheduledPurge).getTime() - now;
      const what = `purge ${vault.vaultId} ${due.incarnation} ${due.scheduledPurge}`;
      if (waits > 0) {
        this.#world.clockGuard.forget(what);
        again = soonest(again, waits);
        continue;
      }
      const confirmed = this.#world.clockGuard.confirm(what);
      if (confirmed === 'now') {
        // Verified before it is destroyed: a forged tombstone destroys nothing.
        await this.#world.objects.get(vault, due.name);
        await this.#world.objects.purge(vault, due.name, callerFor('vault', signal));
      } else again = soonest(again, confirmed);
    }
    return again;
  }

  /** Objects of which every kind is deleted; the record goes when the last of them is due. */
  *#deleted(vault: VaultHead): Iterable<DuePurge> {
    for (const head of this.#world.objects.headsOf(vault.vaultId)) {
      const scheduledPurge = lastPurge(head);
      if (scheduledPurge !== undefined) yield { name: head.name, incarnation: head.incarnation, scheduledPurge };
    }
  }

  async #sweep(vault: VaultHead, signal: AbortSignal): Promise<number | undefined> {
    const now = this.#world.clock.monotonic();
    const last = this.#swept.get(vault.vaultId);
    if (last !== undefined && now - last < ARCHIVE_SWEEP_MS) return ARCHIVE_SWEEP_MS - (now - last);
    this.#swept.set(vault.vaultId, now);
    if (last !== undefined) await this.#world.objects.removeUnlistedArchives(vault, callerFor('vault', signal));
    return ARCHIVE_SWEEP_MS;
  }
}

/** When a record may go: undefined as long as one of its kinds is not deleted. */
function lastPurge(head: ObjectHead): string | undefined {
  const states = (['secret', 'certificate'] as const).flatMap((kind) => stateOf(head, kind) ?? []);
  if (states.length === 0 || states.some((state) => state.deleted === undefined)) return undefined;
  return states.map((state) => state.deleted?.scheduledPurge ?? '').reduce((a, b) => (a > b ? a : b));
}

export function soonest(...delays: readonly (number | undefined)[]): number | undefined {
  const known = delays.filter((delay) => delay !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
