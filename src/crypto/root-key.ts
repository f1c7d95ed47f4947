import { timingSafeEqual } from 'node:crypto';
import type { Random } from '../runtime/random.ts';
import { deriveKey, hmac, KEY_BYTES, open, seal } from './aead.ts';
import { canonical } from './canonical.ts';

/**
 * The root key, which wraps every vault key. The provider decides where it lives: `local` keeps it in memory from a
 * Kubernetes Secret, an HSM never lets it out; therefore all calls are asynchronous and take no key.
 */
export interface RootKey {
  /** Names the key in what it wrapped. */
  readonly id: string;
  /** Wraps a small secret, bound to `context`. */
  wrap(plaintext: Buffer, context: readonly string[]): Promise<Buffer>;
  /** @throws OpenFailed when it was wrapped by another key, for another context, or changed. */
  unwrap(wrapped: Buffer, context: readonly string[]): Promise<Buffer>;
  /** A value that only this root key gives, to recognise it by without keeping it (the key check value). */
  checkValue(): Promise<string>;
}

/** A root key held in this process's memory. `secret` is 32 bytes. */
export function localRootKey(secret: Buffer, random: Random): RootKey {
  if (secret.length !== KEY_BYTES) throw new RangeError(`a root key has ${KEY_BYTES} bytes, not ${secret.length}`);
  const checkKey = deriveKey(secret, Buffer.alloc(0), canonical(['keystead/root-check']));
  const wrappingKey = deriveKey(secret, Buffer.alloc(0), canonical(['keystead/root-wrap']));
  const check = hmac(checkKey).update('keystead root key').digest('hex').slice(0, 32);
  const bound = (context: readonly string[]): Buffer => canonical(['keystead/root', ...context]);
  return {
    id: `local-${check.slice(0, 16)}`,
    wrap: async (plaintext, context) => seal(wrappingKey, plaintext, bound(context), random),
    unwrap: async (wrapped, context) => open(wrappingKey, wrapped, bound(context)),
    checkValue: async () => check,
  };
}

/** Compares two hex or base64 strings in constant time. */
export function sameDigest(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
