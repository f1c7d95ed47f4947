import { z } from 'zod';
import type { KubeClient } from '../../kube/client.ts';
import type { TokenSource } from '../../kube/config.ts';
import type { Clock } from '../../runtime/clock.ts';

export interface AccountTokenParts {
  /** Of somebody who may create tokens of the ServiceAccount. */
  readonly client: KubeClient;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly clock: Clock;
}

const ASKED_SECONDS = 3_600;
/** A new one is asked for when a fifth of the lifetime is left. */
const USED = 0.8;

const answer = z.object({ status: z.object({ token: z.string(), expirationTimestamp: z.iso.datetime() }) });

interface Minted {
  readonly token: string;
  /** Monotonic. */
  readonly renewAt: number;
  readonly endsAt: number;
}

/**
 * Tokens of a ServiceAccount by TokenRequest, renewed before they end. `keystead dev` works with those of the chart's own
 * ServiceAccounts, so that RBAC and guards hold for it as in a cluster (decisions 38).
 */
export class AccountToken implements TokenSource {
  readonly #parts: AccountTokenParts;
  #minted: Minted | undefined;
  #minting: Promise<Minted> | undefined;

  constructor(parts: AccountTokenParts) {
    this.#parts = parts;
  }

  async current(): Promise<string> {
    const now = this.#parts.clock.monotonic();
    const minted = this.#minted;
    if (minted !== undefined && now < minted.renewAt) return minted.token;
    this.#minting ??= this.#mint().finally(() => (this.#minting = undefined));
    try {
      this.#minted = await this.#minting;
      return this.#minted.token;
    } catch (error) {
      // The old one still holds for a while: it is asked again at the next call.
      if (minted !== undefined && now < minted.endsAt) return minted.token;
      throw error;
    }
  }

  refused(): void {
    this.#minted = undefined;
  }

  async #mint(): Promise<Minted> {
    const { client, namespace, serviceAccount, clock } = this.#parts;
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(serviceAccount)}/token`;
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: ASKED_SECONDS } };
    const { status } = answer.parse(await client.postRaw(path, body));
    // The API server may give less than was asked for. The wall clock is only a measure here: one that is wrong renews early.
    const lifetimeMs = Math.min(ASKED_SECONDS * 1000, Math.max(0, Date.parse(status.expirationTimestamp) - clock.now().getTime()));
    const now = clock.monotonic();
    return { token: status.token, renewAt: now + lifetimeMs * USED, endsAt: now + lifetimeMs };
  }
}
