import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { KeysteadError } from '../../../../src/api/error.ts';
import { generatePassword, type PasswordSpec } from '../../../../src/crypto/generate/password.ts';
import { inBlocks, shuffled, uniform } from '../../../../src/crypto/generate/uniform.ts';
import { systemRandom, type Random } from '../../../../src/runtime/random.ts';
import { codeOf, syncOutcomeOf } from '../x509/builders.ts';

const spec = (changes: Partial<PasswordSpec> = {}): PasswordSpec => ({ length: 32, digits: 8, symbols: 8, symbolCharacters: '!#%*', noUpper: false, allowRepeat: true, ...changes });
const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

/** Bytes in the given order, over and over. */
function replaying(octets: readonly number[]): Random {
  let at = 0;
  return {
    bytes: (length) => Buffer.from(Array.from({ length }, () => octets[at++ % octets.length] ?? 0)),
    fraction: () => 0,
  };
}

/** Bytes that look random and are the same in every run, so that the statistics below can't fail by chance. */
function seeded(seed: number): Random {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  };
  return { bytes: (length) => Buffer.from(Array.from({ length }, next)), fraction: () => 0 };
}

const bump = (counts: number[], index: number): void => void (counts[index] = (counts[index] ?? 0) + 1);

/** Pearson's statistic against equal likelihood. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, each) => sum + each, 0) / counts.length;
  return counts.reduce((sum, each) => sum + (each - expected) ** 2 / expected, 0);
}

describe('drawing from a few', () => {
  it.each([2, 3, 10, 26, 52, 62, 94, 200, 255, 256])('of %i is unbiased: each byte that is used gives each result equally often', (below) => {
    const used = 256 - (256 % below);
    const counts = Array.from({ length: below }, () => 0);
    for (let octet = 0; octet < used; octet += 1) bump(counts, uniform(replaying([octet]), below));
    expect(new Set(counts)).toEqual(new Set([used / below]));
  });

  it('throws away the bytes that would favour some', () => {
    expect(uniform(replaying([250, 255, 253, 7]), 10)).toBe(7);
    expect(uniform(replaying([249]), 10)).toBe(9);
  });

  it.each([0, -1, 257, 1.5, Number.NaN])('from %s is a fault of the program', (below) => {
    expect(() => uniform(systemRandom, below)).toThrow(RangeError);
  });
});

describe('fetching in blocks', () => {
  it('gives as much as is asked for, and no byte twice', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 7 }), (lengths) => {
        let next = 0;
        const source: Random = { bytes: (length) => Buffer.from(Array.from({ length }, () => next++ % 256)), fraction: () => 0 };
        const blocks = inBlocks(source, 16);
        const drawn = lengths.map((length) => blocks.bytes(length));
        expect(drawn.map((bytes) => bytes.length)).toEqual(lengths);
        const all = Buffer.concat(drawn);
        expect(all.every((octet, index) => index === 0 || octet > (all[index - 1] ?? 0))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});

describe('shuffling', () => {
  it('makes every order equally likely', () => {
    const random = seeded(7);
    const counts = new Map<string, number>();
    for (let round = 0; round < 24_000; round += 1) {
      const order = shuffled(random, ['a', 'b', 'c', 'd']).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    // 23 degrees of freedom: 49.7 is passed by chance once in a thousand; a swap with any place instead of one further down gives hundreds.
    expect(chiSquare([...counts.values()])).toBeLessThan(49.7);
  });
});

describe('a password', () => {
  it('has exactly what was asked for, whatever that is', () => {
    const specs = fc.record({ length: fc.integer({ min: 1, max: 256 }), digits: fc.nat(60), symbols: fc.nat(60), symbolCharacters: fc.constantFrom('!', '!#%', '-_.~+!#$%&'), noUpper: fc.boolean(), allowRepeat: fc.boolean() });
    fc.assert(
      fc.property(specs, (given) => {
        const password = syncOutcomeOf(() => generatePassword(given, systemRandom));
        const letters = given.length - given.digits - given.symbols;
        const isImpossible = letters < 0 || (!given.allowRepeat && (given.digits > 10 || given.symbols > given.symbolCharacters.length || letters > (given.noUpper ? 26 : 52)));
        expect(password instanceof KeysteadError).toBe(isImpossible);
        if (password instanceof KeysteadError) return;
        expect(password).toHaveLength(given.length);
        expect(count(password, /\d/g)).toBe(given.digits);
        expect(count(password, /[a-zA-Z]/g)).toBe(letters);
        expect(Array.from(password).filter((character) => given.symbolCharacters.includes(character))).toHaveLength(given.symbols);
        expect(count(password, /[A-Z]/g) === 0).toBe(given.noUpper || letters === 0 || (letters === 1 && !/[A-Z]/.test(password)));
        expect(letters < 2 || count(password, /[a-z]/g) > 0).toBe(true);
        expect(given.allowRepeat || new Set(password).size === given.length).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('has every character at every place equally often', () => {
    const random = seeded(11);
    const digitAt = Array.from({ length: 8 }, () => 0);
    const digits = Array.from({ length: 10 }, () => 0);
    const symbols = new Map<string, number>();
    for (let round = 0; round < 4000; round += 1) {
      for (const [place, character] of Array.from(generatePassword(spec({ length: 8, digits: 2, symbols: 2, symbolCharacters: '!#%*!!!!' }), random)).entries()) {
        if (/\d/.test(character)) {
          bump(digitAt, place);
          bump(digits, Number(character));
        }
        if (/[!#%*]/.test(character)) symbols.set(character, (symbols.get(character) ?? 0) + 1);
      }
    }
    // 7, 9 and 3 degrees of freedom, each passed by chance once in a thousand.
    expect(chiSquare(digitAt)).toBeLessThan(24.3);
    expect(chiSquare(digits)).toBeLessThan(27.9);
    expect(chiSquare([...symbols.values()])).toBeLessThan(16.3);
  });

  it('is another one each time', () => {
    const passwords = new Set(Array.from({ length: 1000 }, () => generatePassword(spec(), systemRandom)));
    expect(passwords.size).toBe(1000);
  });

  it.each<[Partial<PasswordSpec>]>([[{ length: 0, digits: 0, symbols: 0 }], [{ length: 257 }], [{ digits: -1 }], [{ digits: 20, symbols: 20 }], [{ symbolCharacters: '' }]])('%j is impossible', async (changes) => {
    expect(await codeOf(() => generatePassword(spec(changes), systemRandom))).toBe('InvalidGenerator');
  });
});
