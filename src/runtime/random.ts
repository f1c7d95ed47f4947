import { randomBytes } from 'node:crypto';

/** Randomness as an argument, so that tests can repeat a run. */
export interface Random {
  /** `length` cryptographically strong bytes. */
  bytes(length: number): Buffer;
  /** A number in [0, 1), for jitter only, never for anything that must not be guessed. */
  fraction(): number;
}

export const systemRandom: Random = {
  bytes: (length) => randomBytes(length),
  fraction: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
};
