import { createHmac } from 'node:crypto';
import type { Salts } from './protect.ts';

/**
 * Salts that are the same for the same seed, so that the same content is written with the same bytes.
 *
 * Why that is safe: a salt or initialization vector must not repeat for *other* content under the same password. So the
 * seed has to be a MAC, under a key that nobody else has, over everything that is written and the password. Two files
 * then share their salts only if they are the same file; and to others a salt is as good as random, and no oracle for
 * guessing the password, which a plain hash would be (compare AES-SIV, RFC 5297 §1).
 *
 * Must not be given a seed that says less than that, such as the id of a version alone.
 */
export function saltsFrom(seed: Buffer): Salts {
  let count = 0;
  return {
    bytes(length) {
      count += 1;
      return createHmac('sha256', seed).update(`salt ${count}`).digest().subarray(0, length);
    },
  };
}
