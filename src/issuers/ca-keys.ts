import { loadIssuer } from '../crypto/x509/issuer.ts';
import { importPrivateKey } from '../crypto/keys.ts';
import type { Clock } from '../runtime/clock.ts';
import type { LoadedCa } from './ca.ts';

/** What a version of a CA certificate holds in its vault. */
export interface CaMaterial {
  /** The CA's certificate and intermediates. */
  readonly chainPem: string;
  /** The root of that chain. */
  readonly caPem: string;
  /** SHA-256, hex, of the CA's own certificate. */
  readonly thumbprint: string;
  /** PKCS#8 in PEM; overwritten here once it was read. */
  readonly privateKey: Buffer;
}

interface Entry {
  readonly ca: Promise<LoadedCa>;
  readonly until: number;
}

/** A decrypted CA key stays in memory for so long, as vault keys do (DESIGN §4): minutes. */
const KEEP_MS = 10 * 60_000;
const MOST_CAS = 64;

/**
 * CA keys in use, by version id: opened, checked and parsed once for many certificates. Bounded in number and time.
 * Whether a CA may be used at all is not decided here: ask that first, every time.
 */
export class CaKeys {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The CA of a version. `read` opens it in its vault, which is audited; it is called at most once at a time for one
   * version. @throws what `read` and `loadIssuer` throw; a failure is not kept
   */
  async get(versionId: string, read: () => Promise<CaMaterial>): Promise<LoadedCa> {
    const now = this.#clock.monotonic();
    const known = this.#entries.get(versionId);
    if (known !== undefined && known.until > now) return known.ca;
    const ca = this.#load(read);
    this.#entries.delete(versionId);
    this.#entries.set(versionId, { ca, until: now + KEEP_MS });
    this.#drop(now);
    try {
      return await ca;
    } catch (error) {
      if (this.#entries.get(versionId)?.ca === ca) this.#entries.delete(versionId);
      throw error;
    }
  }

  async #load(read: () => Promise<CaMaterial>): Promise<LoadedCa> {
    const { chainPem, caPem, thumbprint, privateKey } = await read();
    try {
      const issuer = loadIssuer({ chainPem: chainPem + caPem, privateKey: importPrivateKey(privateKey), now: this.#clock.now() });
      return { issuer, thumbprint };
    } finally {
      privateKey.fill(0);
    }
  }

  /** Oldest first: a Map keeps the order of insertion, and all entries live equally long. */
  #drop(now: number): void {
    for (const [versionId, entry] of this.#entries) {
      if (entry.until > now && this.#entries.size <= MOST_CAS) return;
      this.#entries.delete(versionId);
    }
  }
}
