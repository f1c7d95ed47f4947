import { createHash } from 'node:crypto';

/**
 * The only filters that templates have: from text to text, or between text and lists. None of them knows anything but
 * what it is handed: no file, network, environment, clock or randomness (the function `env` of another operator's
 * templates gave away its environment, and `getSecretKey` every namespace). All are ours rather than LiquidJS's, because
 * its `replace` works first and counts afterwards.
 *
 * Errors are FilterError with a fixed sentence: what a parser says of a value may quote it.
 */
export class FilterError extends Error {
  override readonly name = 'FilterError';
}

/** Takes `units` (characters, elements) of what one Secret may use; throws when there are none left. */
export type Charge = (units: number) => void;

export type TextFilter = (charge: Charge, value: unknown, ...args: readonly unknown[]) => unknown;

/** Deeper JSON is refused: whoever walks it would recurse as deep. */
const DEEPEST_JSON = 32;

/** Text of a value as Liquid prints it, charged before it is built. */
export function textOf(charge: Charge, value: unknown): string {
  if (typeof value === 'string') {
    charge(value.length);
    return value;
  }
  if (value === undefined || value === null) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return value.map((one) => textOf(charge, one)).join('');
  throw new FilterError('got an object where text is needed; use the filter json to print it');
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new FilterError('got something that is not a list');
}

function toInteger(value: unknown, most: number): number {
  const number = Number(value);
  if (Number.isInteger(number) && Math.abs(number) <= most) return number;
  throw new FilterError(`got a number that is not a whole one between -${most} and ${most}`);
}

function replaceAll(charge: Charge, text: string, pattern: string, replacement: string): string {
  if (pattern === '') throw new FilterError('got empty text to look for');
  let times = 0;
  for (let at = text.indexOf(pattern); at >= 0; at = text.indexOf(pattern, at + pattern.length)) times += 1;
  charge(text.length + times * replacement.length);
  return text.replaceAll(pattern, () => replacement);
}

function splitText(charge: Charge, text: string, separator: string): readonly string[] {
  if (separator === '') throw new FilterError('got an empty separator');
  charge(text.length);
  return text.split(separator);
}

function joined(charge: Charge, list: readonly unknown[], separator: string): string {
  charge(list.length * separator.length);
  return list.map((one) => textOf(charge, one)).join(separator);
}

function fromBase64(charge: Charge, text: string): string {
  charge(text.length);
  const bytes = Buffer.from(text, 'base64');
  if (!/^[A-Za-z0-9+/_-]*={0,2}\s*$/.test(text)) throw new FilterError('got something that is not base64');
  const decoded = bytes.toString('utf8');
  if (!Buffer.from(decoded, 'utf8').equals(bytes)) throw new FilterError('got base64 of something that is not UTF-8 text; a template cannot print bytes');
  return decoded;
}

function depthOf(value: unknown, left = DEEPEST_JSON): void {
  if (typeof value !== 'object' || value === null) return;
  if (left === 0) throw new FilterError(`got JSON that is nested deeper than ${DEEPEST_JSON}`);
  for (const inner of Object.values(value)) depthOf(inner, left - 1);
}

function fromJson(charge: Charge, text: string): unknown {
  charge(text.length * 4);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new FilterError('got something that is not JSON');
  }
  depthOf(parsed);
  return parsed;
}

function toJson(charge: Charge, value: unknown): string {
  depthOf(value);
  const text = JSON.stringify(value ?? null, (_key, inner: unknown) => {
    charge(typeof inner === 'string' ? inner.length : 8);
    return inner;
  });
  charge(text.length);
  return text;
}

function indent(charge: Charge, text: string, width: number): string {
  if (width < 0) throw new FilterError('got a negative width');
  return replaceAll(charge, text, '\n', `\n${' '.repeat(width)}`);
}

export const filters: Readonly<Record<string, TextFilter>> = {
  upcase: (charge, value) => textOf(charge, value).toUpperCase(),
  downcase: (charge, value) => textOf(charge, value).toLowerCase(),
  strip: (charge, value) => textOf(charge, value).trim(),
  lstrip: (charge, value) => textOf(charge, value).trimStart(),
  rstrip: (charge, value) => textOf(charge, value).trimEnd(),
  strip_newlines: (charge, value) => textOf(charge, value).replaceAll(/\r?\n/g, ''),
  append: (charge, value, more) => textOf(charge, value) + textOf(charge, more),
  prepend: (charge, value, more) => textOf(charge, more) + textOf(charge, value),
  replace: (charge, value, pattern, replacement) => replaceAll(charge, textOf(charge, value), textOf(charge, pattern), textOf(charge, replacement)),
  remove: (charge, value, pattern) => replaceAll(charge, textOf(charge, value), textOf(charge, pattern), ''),
  split: (charge, value, separator) => splitText(charge, textOf(charge, value), textOf(charge, separator)),
  join: (charge, value, separator) => joined(charge, listOf(value), textOf(charge, separator)),
  first: (_charge, value) => listOf(value)[0],
  last: (_charge, value) => listOf(value).at(-1),
  size: (charge, value) => (Array.isArray(value) ? value.length : textOf(charge, value).length),
  default: (charge, value, otherwise) => (value === undefined || value === null || value === false || value === '' ? textOf(charge, otherwise) : value),
  indent: (charge, value, width) => indent(charge, textOf(charge, value), toInteger(width, 64)),
  url_encode: (charge, value) => encodeURIComponent(textOf(charge, value).toWellFormed()),
  b64enc: (charge, value) => {
    charge(textOf(charge, value).length);
    return Buffer.from(textOf(charge, value), 'utf8').toString('base64');
  },
  b64dec: (charge, value) => fromBase64(charge, textOf(charge, value)),
  json: (charge, value) => toJson(charge, value),
  from_json: (charge, value) => fromJson(charge, textOf(charge, value)),
  sha256: (charge, value) => createHash('sha256').update(textOf(charge, value)).digest('hex'),
};
