import type { Generate } from '../../api/generate.ts';
import { KeysteadError } from '../../api/error.ts';
import type { Random } from '../../runtime/random.ts';
import { inBlocks, shuffled, uniform } from './uniform.ts';

/** What a password is made of, all defaults filled in. */
export type PasswordSpec = NonNullable<Generate['password']>;

const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const UPPER = LOWER.toUpperCase();
const DIGITS = '0123456789';
const LONGEST = 256;

/**
 * A password with exactly the digits and symbols asked for and letters for the rest, of which at least one is upper and
 * one lower case where there are two or more. Every password of that description is equally likely.
 * @throws KeysteadError InvalidGenerator when there is none of that description
 */
export function generatePassword(spec: PasswordSpec, source: Random): string {
  const { length, digits, symbols, symbolCharacters, noUpper, allowRepeat } = spec;
  if (length < 1 || length > LONGEST || digits < 0 || symbols < 0) throw invalid(`a password has 1 to ${LONGEST} characters`);
  const letters = length - digits - symbols;
  if (letters < 0) throw invalid('digits and symbols together are more than length');
  const random = inBlocks(source);
  const repeats = allowRepeat ? 'repeats' : 'distinct';
  return shuffled(random, [
    ...pick(random, DIGITS, digits, repeats),
    ...pick(random, symbolCharacters, symbols, repeats),
    ...(noUpper ? pick(random, LOWER, letters, repeats) : pickBothCases(random, letters, repeats)),
  ]).join('');
}

function invalid(message: string): KeysteadError {
  return new KeysteadError('InvalidGenerator', `The password can't be made: ${message}. Change spec.generate.`, 'stalled');
}

type Repeats = 'repeats' | 'distinct';

/** A character that is listed twice is not twice as likely. */
function pick(random: Random, characters: string, count: number, repeats: Repeats): string[] {
  const distinct = [...new Set(characters)];
  if (count > 0 && distinct.length === 0) throw invalid('there are no characters to choose from');
  if (repeats === 'repeats') return Array.from({ length: count }, () => distinct[uniform(random, distinct.length)] ?? '');
  if (count > distinct.length) throw invalid(`without repeats there are only ${distinct.length} different characters for ${count} places`);
  return shuffled(random, distinct).slice(0, count);
}

/** Draws again until both cases are there: that keeps all remaining outcomes equally likely, which putting one in would not. */
function pickBothCases(random: Random, count: number, repeats: Repeats): string[] {
  for (;;) {
    const letters = pick(random, LOWER + UPPER, count, repeats);
    if (count < 2 || (letters.some((letter) => LOWER.includes(letter)) && letters.some((letter) => UPPER.includes(letter)))) return letters;
  }
}
