import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { customResources } from '../../../src/api/crds.ts';
import { fieldShapes, incompatibilities, type FieldShape } from '../../../tools/generate/field-shapes.ts';

/** Decision 40: CRD conversion is None, so fields are added, and never renamed, re-typed or narrowed. */
it('every manifest of the last release is still valid, and means the same', () => {
  const lastRelease: Record<string, FieldShape> = JSON.parse(readFileSync(join(import.meta.dirname, 'last-release.json'), 'utf8'));
  expect(Object.keys(lastRelease).length).toBeGreaterThan(200);
  expect(incompatibilities(lastRelease, fieldShapes(customResources))).toEqual([]);
});

describe('what is an incompatibility', () => {
  const field = (changed: Partial<FieldShape> = {}): FieldShape => ({ type: 'string', required: false, limits: {}, ...changed });
  const before = { spec: field(), 'spec.a': field({ default: 'x', enum: ['x', 'y'], limits: { minLength: 1, maxLength: 5 } }) };
  const after = (changed: Partial<FieldShape>) => ({ ...before, 'spec.a': { ...before['spec.a'], ...changed } });

  it.each<[string, Record<string, FieldShape>, string[]]>([
    ['a field that goes', { spec: field() }, ['spec.a is gone']],
    ['another type', after({ type: 'integer' }), ['spec.a: was string, is integer']],
    ['required now', after({ required: true }), ['spec.a: is required now']],
    ['another default', after({ default: 'y' }), ['spec.a: has another default']],
    ['a value less', after({ enum: ['x'] }), ['spec.a: allows fewer values']],
    ['values where all were allowed', { spec: field({ enum: ['z'] }), 'spec.a': before['spec.a'] }, ['spec: allows fewer values']],
    ['a lower maximum', after({ limits: { minLength: 1, maxLength: 4 } }), ['spec.a: has narrower limits']],
    ['a higher minimum', after({ limits: { minLength: 2, maxLength: 5 } }), ['spec.a: has narrower limits']],
    ['a new required field', { ...before, 'spec.b': field({ required: true }) }, ['spec.b is new and required']],
    ['a new field', { ...before, 'spec.b': field() }, []],
    ['a new object with a required field', { ...before, 'spec.b': field(), 'spec.b.c': field({ required: true }) }, []],
    ['a value more and wider limits', after({ enum: ['x', 'y', 'z'], limits: { maxLength: 6 } }), []],
  ])('%s', (_what, now, problems) => {
    expect(incompatibilities(before, now)).toEqual(problems);
  });
});
