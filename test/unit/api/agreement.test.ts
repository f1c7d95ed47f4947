import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { structuralSchema, type JsonSchema } from '../../../src/api/crd.ts';
import { customResources } from '../../../src/api/crds.ts';
import { asSchema, isValid, rulesOf } from './structural.ts';

/**
 * The parser and the API server must agree about every document, or the operator would stall on what was accepted, or
 * work with what should have been refused. Both come from one zod schema, but by different ways; so they are held
 * against each other on documents that are nearly right.
 */

const junk = fc.constantFrom<unknown>('', 'x', 0, -1, 1_000_000_000, 1.5, true, [], {}, 'A'.repeat(70_000), ['x', 'x'], { x: 'y' });

/** Values of a schema, most of them valid, some wrong by a little or altogether. */
function near(schema: JsonSchema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 50, arbitrary: right(schema) }, { weight: 1, arbitrary: junk });
}

function right(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (Array.isArray(schema['enum'])) {
    return fc.constantFrom<unknown>(...schema['enum']);
  }
  switch (schema['type']) {
    case 'object': return objects(schema);
    case 'array': return fc.array(near(asSchema(schema['items'])), { maxLength: 3 });
    case 'integer': return fc.integer({ min: Number(schema['minimum'] ?? 0) - 1, max: Number(schema['maximum'] ?? 1000) + 1 });
    case 'boolean': return fc.boolean();
    case 'string': return strings(schema);
    default: return fc.constantFrom<unknown>(65_536, '16Mi');
  }
}

function strings(schema: JsonSchema): fc.Arbitrary<unknown> {
  const pattern = rulesOf(schema).map(({ rule }) => /^self\.matches\(r'(.*?)'\)/.exec(String(rule))?.[1]).find((found) => found !== undefined);
  return pattern === undefined ? fc.string({ minLength: Number(schema['minLength'] ?? 0), maxLength: Number(schema['maxLength']) + 1 }) : fc.oneof({ weight: 30, arbitrary: fc.stringMatching(new RegExp(pattern)) }, { weight: 1, arbitrary: fc.string() });
}

function objects(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema['additionalProperties'] !== undefined) {
    return fc.dictionary(fc.string({ maxLength: 5 }), near(asSchema(schema['additionalProperties'])), { maxKeys: 3 });
  }
  const required = Array.isArray(schema['required']) ? schema['required'].map(String) : [];
  const fields = Object.entries(asSchema(schema['properties'])).map(([name, child]) => {
    const value = near(asSchema(child));
    return [name, fc.option(value, { nil: undefined, freq: required.includes(name) ? 100 : 1 })] as const;
  });
  // A field that is not set is not there: undefined is no value of JSON.
  return fc.record(Object.fromEntries(fields)).map((made) => Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined)));
}

describe.each(customResources.map((resource) => [resource.kind, resource] as const))('%s', (_kind, resource) => {
  it.each(['spec', 'status'] as const)('parser and CRD agree about every %s', (part) => {
    const schema = structuralSchema(resource[part]);
    let valid = 0;
    fc.assert(fc.property(near(schema), (document) => {
      const accepted = isValid(schema, document);
      valid += accepted ? 1 : 0;
      expect(resource[part].safeParse(document).success).toBe(accepted);
    }), { numRuns: 800 });
    // Otherwise the property would hold for a parser that refuses everything.
    expect(valid).toBeGreaterThan(20);
  });
});
