import type { World } from '../world.ts';

/** A share of all certificates that is due at once only after a long outage, or by a wrong clock (decisions 14). */
const MOST_SHARE = 0.1;
/** So few are no fleet. */
const FEW = 10;
/** Counting all certificates for each of them would take as long as renewing them. */
const COUNT_EVERY_MS = 1000;

/** Watches how many certificates of all vaults are due at once. */
export class Fleet {
  readonly #world: Pick<World, 'vaults' | 'objects' | 'clock'>;
  #countedAt: number | undefined;
  #isMass = false;

  constructor(world: Pick<World, 'vaults' | 'objects' | 'clock'>) {
    this.#world = world;
  }

  /** Whether so many certificates are due that the clock has to be proven before they are renewed. */
  massRenewal(): boolean {
    const at = this.#world.clock.monotonic();
    if (this.#countedAt === undefined || at - this.#countedAt >= COUNT_EVERY_MS) {
      this.#countedAt = at;
      this.#isMass = this.#count();
    }
    return this.#isMass;
  }

  #count(): boolean {
    const now = this.#world.clock.now().toISOString();
    let all = 0;
    let due = 0;
    for (const vault of this.#world.vaults.heads()) {
      for (const { certificate } of this.#world.objects.headsOf(vault.vaultId)) {
        if (certificate?.renewalDue === undefined || certificate.deleted !== undefined) continue;
        all += 1;
        // Those that wait for a person stay due for days, and say nothing about the clock.
        const waits = certificate.operation?.state === 'inProgress' || certificate.operation?.state === 'cancelled';
        if (certificate.renewalDue <= now && !waits) due += 1;
      }
    }
    return due > Math.max(FEW, all * MOST_SHARE);
  }
}
