import { z } from 'zod';

/**
 * Building blocks of the schemas. Everything is bounded, for two reasons: the API server refuses CEL rules whose cost it
 * cannot bound, and nothing that a tenant writes may grow without limit.
 *
 * What zod can say and a structural schema cannot is not used here: no unions of objects, no refinements (they vanish from
 * the CRD), no look-around in patterns (the API server uses RE2). Transforms only fill defaults in: the CRD shows their input.
 */

/** A rule that the API server holds (KEP-2876). The message says what to do. */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
  /** Points into the field that has to be mended, as in `.generate`. */
  readonly fieldPath?: string;
}

export function cel(rule: string, message: string, fieldPath?: string): CelRule {
  return fieldPath === undefined ? { rule, message } : { rule, message, fieldPath };
}

/** Says "exactly one of these members" in CEL; the schema alone cannot. */
export function exactlyOne(fields: readonly string[], message: string): CelRule {
  return cel(`[${fields.map((field) => `has(self.${field})`).join(', ')}].filter(x, x).size() == 1`, message);
}

/** Says "at most one of these members" in CEL. */
export function atMostOne(fields: readonly string[], message: string): CelRule {
  return cel(`[${fields.map((field) => `has(self.${field})`).join(', ')}].filter(x, x).size() <= 1`, message);
}

/** Attaches rules to a schema. */
export function rules<T extends z.ZodType>(schema: T, ...validations: CelRule[]): T {
  return schema.meta({ ...schema.meta(), 'x-kubernetes-validations': validations });
}

/** Says that the whole field must match. A raw string: nothing in it is an escape but what RE2 makes of it. */
export function matches(pattern: string, message: string): CelRule {
  return cel(`self.matches(r'${pattern}')`, message);
}

/** The keyword under which `matching` carries its message to the CRD; it never gets into the CRD itself. */
export const patternMessage = 'x-keystead-pattern-message';

/** Text of 1 to `max` characters in a certain form. The message says which form; null where another rule says it. */
export function matching(pattern: RegExp, max: number, message: string | null) {
  return z.string().min(1).max(max).regex(pattern).meta({ [patternMessage]: message });
}

/** One line of text of at most `max` characters. */
export function text(max: number): z.ZodString {
  return z.string().max(max);
}

/** An instant as RFC 3339; in CEL a timestamp. Not `z.iso.datetime()`, whose pattern of 200 characters would get into the CRD. */
export function dateTime(description: string) {
  return z.string().max(35).meta({ description, format: 'date-time' });
}

/** An RFC 1123 label: a namespace's name, for instance. */
export function dnsLabel() {
  return matching(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 63, "must be a name of lower-case letters, digits and '-', beginning and ending with a letter or digit; no patterns");
}

/** An RFC 1123 subdomain: the name of most Kubernetes objects. */
export function dnsSubdomain() {
  return matching(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, 253,
    "must be the name of a Kubernetes object: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit");
}

type ListType = 'atomic' | 'set' | { readonly map: readonly string[] };

/** A list of at most `max` items. As `set` or `map` the API server refuses duplicates and merges field managers. */
export function list<T extends z.ZodType>(item: T, max: number, type: ListType = 'atomic') {
  const meta = typeof type === 'string'
    ? { 'x-kubernetes-list-type': type }
    : { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': type.map };
  return z.array(item).max(max).meta(meta);
}

/** A map of strings of at most `max` entries. Limits on the keys are not in a structural schema: add a CEL rule for them. */
export function stringMap(max: number, valueMax: number) {
  return z.record(z.string(), z.string().max(valueMax)).meta({ maxProperties: max });
}
