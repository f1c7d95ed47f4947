/**
 * Keys from passwords: the scheme of PKCS#12 itself (RFC 7292 appendix B), which Node does not offer, and PBKDF2.
 *
 * Neither makes a weak password strong. The first one runs on the event loop, 3 µs an iteration, and lets others have
 * their turn every few milliseconds; the second runs in libuv's pool.
 */
import { hash as digestOf, pbkdf2 } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Digest } from './identifiers.ts';

/** What a derived key is for (appendix B.3). */
export const purposes = { encryption: 1, iv: 2, mac: 3 } as const;

export interface Pkcs12Derivation {
  readonly digest: Digest;
  readonly purpose: keyof typeof purposes;
  /** As `bmpPassword` writes it. */
  readonly password: Buffer;
  readonly salt: Buffer;
  readonly iterations: number;
  /** Octets of the key. */
  readonly length: number;
}

const ITERATIONS_A_TURN = 2048;

/** Appendix B.1: UTF-16, big-endian, and a terminating zero. Beyond the BMP by surrogates, as OpenSSL and Java do. */
export const bmpPassword = (password: string): Buffer => Buffer.from(`${password}\0`, 'utf16le').swap16();

/** Appendix B.2, step by step and in its letters. */
export async function derivePkcs12(parts: Pkcs12Derivation): Promise<Buffer> {
  const { digest, password, salt, iterations, length } = parts;
  const v = digest === 'sha384' || digest === 'sha512' ? 128 : 64;
  const diversifier = Buffer.alloc(v, purposes[parts.purpose]);
  const input = Buffer.concat([repeated(salt, v), repeated(password, v)]);
  const key = Buffer.alloc(length);
  for (let filled = 0; filled < length; ) {
    let a = digestOf(digest, Buffer.concat([diversifier, input]), 'buffer');
    for (let round = 1; round < iterations; round += 1) {
      a = digestOf(digest, a, 'buffer');
      if (round % ITERATIONS_A_TURN === 0) await nextTurn();
    }
    filled += a.copy(key, filled);
    addToBlocks(input, repeated(a, v).subarray(0, v), v);
    a.fill(0);
  }
  input.fill(0);
  return key;
}

/** Repeated to the next multiple of `v` octets; nothing stays nothing. */
const repeated = (part: Buffer, v: number): Buffer => (part.length === 0 ? part : Buffer.alloc(Math.ceil(part.length / v) * v, part));

/** Each block of `v` octets becomes (block + b + 1) mod 2^(8v). */
function addToBlocks(input: Buffer, b: Buffer, v: number): void {
  for (let start = 0; start < input.length; start += v) {
    let carry = 1;
    for (let at = v - 1; at >= 0; at -= 1) {
      carry += input.readUInt8(start + at) + b.readUInt8(at);
      input.writeUInt8(carry & 0xff, start + at);
      carry >>= 8;
    }
  }
}

const pbkdf2InPool = promisify(pbkdf2);

/** RFC 8018 §5.2. The password as UTF-8, as OpenSSL does; Java takes only ASCII. */
export const derivePbkdf2 = (digest: Digest, password: string, salt: Buffer, iterations: number, length: number): Promise<Buffer> =>
  pbkdf2InPool(password, salt, iterations, length, digest);
