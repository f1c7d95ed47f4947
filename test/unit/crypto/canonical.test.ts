import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonical, canonicalName } from '../../../src/crypto/canonical.ts';

interface Vector { readonly parts: readonly string[]; readonly hex: string }

describe('the canonical encoding', () => {
  it('gives the published vectors, so that a recovery tool can be written from them', () => {
    const vectors = JSON.parse(readFileSync(new URL('../../fixtures/canonical.json', import.meta.url), 'utf8')) as Vector[];
    for (const { parts, hex } of vectors) expect(canonical(parts).toString('hex')).toBe(hex);
  });

  it('never gives the same bytes for different lists', () => {
    const parts = fc.array(fc.string({ maxLength: 6 }), { maxLength: 5 });
    fc.assert(fc.property(parts, parts, (a, b) => canonical(a).equals(canonical(b)) === (JSON.stringify(a) === JSON.stringify(b))), { numRuns: 2000 });
  });

  it('folds ASCII letters of names only', () => {
    expect(canonicalName('My-Secret-1')).toBe('my-secret-1');
    expect(canonicalName('İ')).toBe('İ');
  });
});
