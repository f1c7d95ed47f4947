import type { Random } from '../../runtime/random.ts';

/** An unbiased number from 0 to `below - 1`, for `below` up to 256: bytes past the last whole multiple are thrown away. */
export function uniform(random: Random, below: number): number {
  if (!Number.isInteger(below) || below < 1 || below > 256) throw new RangeError('uniform() draws from 1 to 256 values');
  const limit = 256 - (256 % below);
  for (;;) {
    const octet = random.bytes(1).readUInt8(0);
    if (octet < limit) return octet % below;
  }
}

/** The same randomness fetched in blocks: a password takes a hundred draws of one byte, and each fetch has its price. */
export function inBlocks(random: Random, blockLength = 128): Random {
  let block: Buffer = Buffer.alloc(0);
  return {
    bytes(length) {
      if (block.length < length) block = random.bytes(Math.max(length, blockLength));
      const drawn = block.subarray(0, length);
      block = block.subarray(length);
      return drawn;
    },
    fraction: () => random.fraction(),
  };
}

/** All items in an order of which every one is equally likely (Fisher and Yates). */
export function shuffled<Item>(random: Random, items: readonly Item[]): Item[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = uniform(random, last + 1);
    const [a, b] = [result[last], result[other]];
    if (a === undefined || b === undefined) continue;
    result[last] = b;
    result[other] = a;
  }
  return result;
}
