import type { JsonSchema } from '../../../src/api/crd.ts';

/**
 * A checker and a validator for the schemas in our CRDs, written from the Kubernetes documentation and not from the code
 * that makes the schemas. The validator knows exactly the keywords that the checker lets through.
 */

const allowed = new Set([
  'type', 'format', 'description', 'default', 'enum', 'properties', 'required', 'items', 'additionalProperties', 'minimum', 'maximum',
  'minLength', 'maxLength', 'maxItems', 'maxProperties', 'x-kubernetes-int-or-string', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys',
  'x-kubernetes-validations',
]);

/** Everything that is wrong with a schema: not structural (KEP-1027), not bounded, or with a keyword that we don't expect. */
export function problemsOf(schema: JsonSchema, path: string): string[] {
  const problems = Object.keys(schema).filter((keyword) => !allowed.has(keyword)).map((keyword) => `${path}: unexpected ${keyword}`);
  const { type } = schema;
  if (schema['x-kubernetes-int-or-string'] === true ? type !== undefined : typeof type !== 'string') {
    problems.push(`${path}: exactly one of type and x-kubernetes-int-or-string`);
  }
  if (type === 'string' && schema['enum'] === undefined && schema['maxLength'] === undefined) {
    problems.push(`${path}: a string without a limit`);
  }
  if (type === 'array' && (schema['maxItems'] === undefined || schema['items'] === undefined || schema['x-kubernetes-list-type'] === undefined)) {
    problems.push(`${path}: a list needs items, maxItems and a list type`);
  }
  if (schema['additionalProperties'] !== undefined && (schema['properties'] !== undefined || schema['maxProperties'] === undefined)) {
    problems.push(`${path}: a map has no properties, and a limit`);
  }
  for (const { name, schema: child } of children(schema)) {
    problems.push(...problemsOf(child, `${path}${name}`));
  }
  return problems;
}

/** The schemas below one, named as in a path: `.field`, `[]` for items, `.*` for the values of a map. */
export function children(schema: JsonSchema): { readonly name: string; readonly schema: JsonSchema }[] {
  const found = Object.entries(asSchema(schema['properties'])).map(([name, child]) => ({ name: `.${name}`, schema: asSchema(child) }));
  for (const [keyword, name] of [['items', '[]'], ['additionalProperties', '.*']] as const) {
    if (schema[keyword] !== undefined) {
      found.push({ name, schema: asSchema(schema[keyword]) });
    }
  }
  return found;
}

export function asSchema(value: unknown): JsonSchema {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** The rules of one schema. */
export function rulesOf(schema: JsonSchema): JsonSchema[] {
  const found = schema['x-kubernetes-validations'];
  return Array.isArray(found) ? found.map(asSchema) : [];
}

/** Whether a value is valid, CEL rules aside but for patterns: `self.matches(r'…')` at the beginning of a rule. */
export function isValid(schema: JsonSchema, value: unknown): boolean {
  return typeIsValid(schema, value) && enumIsValid(schema, value) && limitsHold(schema, value) && partsAreValid(schema, value) && patternsMatch(schema, value);
}

function typeIsValid(schema: JsonSchema, value: unknown): boolean {
  switch (schema['type']) {
    case 'object': return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'array': return Array.isArray(value);
    case 'integer': return Number.isSafeInteger(value);
    case undefined: return typeof value === 'string' || Number.isSafeInteger(value);
    // eslint-disable-next-line valid-typeof
    default: return typeof value === schema['type'];
  }
}

function enumIsValid(schema: JsonSchema, value: unknown): boolean {
  return !Array.isArray(schema['enum']) || schema['enum'].includes(value);
}

function limitsHold(schema: JsonSchema, value: unknown): boolean {
  const size = typeof value === 'number' ? value : sizeOf(value);
  const at = (keyword: string, absent: number): number => (typeof schema[keyword] === 'number' ? schema[keyword] : absent);
  if (typeof value === 'number') {
    return size >= at('minimum', -Infinity) && size <= at('maximum', Infinity);
  }
  return size >= at('minLength', 0) && ['maxLength', 'maxItems', 'maxProperties'].every((keyword) => size <= at(keyword, Infinity));
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) {
    return value.length;
  }
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 0;
}

function partsAreValid(schema: JsonSchema, value: unknown): boolean {
  if (Array.isArray(value)) {
    return value.every((item) => isValid(asSchema(schema['items']), item));
  }
  if (typeof value !== 'object' || value === null) {
    return true;
  }
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const properties = asSchema(schema['properties']);
  const map = schema['additionalProperties'];
  return required.every((name) => typeof name === 'string' && name in value)
    && Object.entries(value).every(([name, part]) => {
      const child = properties[name] ?? map;
      return child === undefined || isValid(asSchema(child), part);
    });
}

function patternsMatch(schema: JsonSchema, value: unknown): boolean {
  return rulesOf(schema).every(({ rule }) => {
    const pattern = /^self\.matches\(r'(.*?)'\)/.exec(String(rule))?.[1];
    return pattern === undefined || (typeof value === 'string' && new RegExp(pattern).test(value));
  });
}
