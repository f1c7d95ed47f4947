/**
 * RFC 4514: distinguished names as text. Syntax only; what may stand in a certificate is `subject.ts`'s to say.
 *
 * The reader goes forward through the text once, and gives each escaped octet its own place, so that nothing is unescaped
 * twice. A value is always text: values of other ASN.1 types have no place in a name that people are to read.
 */
import { KeysteadError } from '../../api/error.ts';
import { attributeTypeByName, attributeTypeByOid } from './attributes.ts';
import { isObjectIdentifier, utf8String } from './der.ts';

/** One attribute: the type as an object identifier, the value as text. */
export interface Attribute {
  readonly oid: string;
  readonly value: string;
}

/** A relative distinguished name: mostly one attribute, several when they belong together (`CN=a+UID=b`). */
export type RelativeDistinguishedName = readonly Attribute[];

/** In the order of the encoding: from the most general (country) to the most specific. Text has it the other way round. */
export type DistinguishedName = readonly RelativeDistinguishedName[];

const LONGEST_TEXT = 4096;
const MOST_ATTRIBUTES = 50;
const ALWAYS_ESCAPED = new Set(['"', '+', ',', ';', '<', '>', '\\']);
/** Characters that move the cursor, end the line or turn the direction: written as hex pairs, so that a name can't forge a log. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

function malformed(message: string): KeysteadError {
  return new KeysteadError('InvalidSubject', `The subject is no RFC 4514 name: ${message}`, 'stalled');
}

/** Text to name (RFC 4514 §3). Spaces round separators are tolerated, as everybody writes them; legacy quoting is not. */
export function parseDistinguishedName(text: string): DistinguishedName {
  if (text.length > LONGEST_TEXT) throw malformed(`it is longer than ${LONGEST_TEXT} characters.`);
  if (text.trim() === '') return [];
  const names: Attribute[][] = [[]];
  let at = 0;
  for (let count = 1; ; count += 1) {
    if (count > MOST_ATTRIBUTES) throw malformed(`it has more than ${MOST_ATTRIBUTES} attributes.`);
    const equals = text.indexOf('=', at);
    if (equals < 0) throw malformed(`an attribute at position ${at} has no "=".`);
    const oid = attributeOid(text.slice(at, equals).trim());
    const value = scanValue(text, equals + 1);
    names.at(-1)?.push({ oid, value: value.text });
    if (value.end >= text.length) return names.toReversed();
    if (text[value.end] === ',') names.push([]);
    at = value.end + 1;
  }
}

function attributeOid(key: string): string {
  const known = attributeTypeByName(key);
  if (known !== undefined) return known.oid;
  // RFC 2253 wrote `OID.1.2.3`; some tools still do.
  const dotted = key.replace(/^oid\./i, '');
  if (isObjectIdentifier(dotted)) return dotted;
  throw malformed(`attribute type ${JSON.stringify(key.slice(0, 40))} is not known. Use a name such as CN, O, OU, C, DC, UID, or an object identifier.`);
}

/** Reads one value from `from` up to an unescaped `,` or `+`, or the end. */
function scanValue(text: string, from: number): { readonly text: string; readonly end: number } {
  let at = from;
  while (text[at] === ' ') at += 1;
  if (text[at] === '#') return scanHexString(text, at + 1);
  const octets: Buffer[] = [];
  let significant = 0;
  while (at < text.length && text[at] !== ',' && text[at] !== '+') {
    const { octet, width, escaped } = scanCharacter(text, at);
    octets.push(octet);
    at += width;
    // Only unescaped spaces at the end are padding.
    if (escaped || octet[0] !== 0x20) significant = octets.length;
  }
  return { text: decodeUtf8(Buffer.concat(octets.slice(0, significant))), end: at };
}

function scanCharacter(text: string, at: number): { readonly octet: Buffer; readonly width: number; readonly escaped: boolean } {
  const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
  if (character !== '\\') {
    if (ALWAYS_ESCAPED.has(character) || character === '\0') {
      throw malformed(`${JSON.stringify(character)} at position ${at} must be escaped with a backslash.`);
    }
    if (!character.isWellFormed()) throw malformed('it is not well-formed Unicode.');
    return { octet: Buffer.from(character, 'utf8'), width: character.length, escaped: false };
  }
  const pair = text.slice(at + 1, at + 3);
  if (/^[0-9a-f]{2}$/i.test(pair)) return { octet: Buffer.from(pair, 'hex'), width: 3, escaped: true };
  const next = text[at + 1] ?? '';
  if (ALWAYS_ESCAPED.has(next) || next === ' ' || next === '#' || next === '=') return { octet: Buffer.from(next), width: 2, escaped: true };
  throw malformed(`the backslash at position ${at} escapes nothing.`);
}

/** `#` and the hex of a DER string (RFC 4514 §2.4), which is how values of types without a name are written. */
function scanHexString(text: string, from: number): { readonly text: string; readonly end: number } {
  let end = from;
  while (end < text.length && text[end] !== ',' && text[end] !== '+') end += 1;
  const digits = text.slice(from, end).trimEnd();
  if (!/^(?:[0-9a-f]{2})+$/i.test(digits)) throw malformed(`the value after "#" at position ${from} is not hexadecimal.`);
  return { text: decodeDerString(Buffer.from(digits, 'hex')), end };
}

/** The text of a DER UTF8String, PrintableString or IA5String; other types have no text that everybody agrees on. */
function decodeDerString(der: Buffer): string {
  const [tag, first = 0] = der;
  const lengthOctets = first < 0x80 ? 0 : first & 0x7f;
  const length = lengthOctets === 0 ? first : lengthOctets <= 2 && der.length > 3 ? der.readUIntBE(2, lengthOctets) : -1;
  const content = der.subarray(2 + lengthOctets);
  if (content.length !== length) throw malformed('the value after "#" is not one whole DER element.');
  if (tag === 0x0c) return decodeUtf8(content);
  if ((tag === 0x13 || tag === 0x16) && content.every((octet) => octet < 0x80)) return content.toString('latin1');
  throw malformed('the value after "#" must be a UTF8String, PrintableString or IA5String.');
}

function decodeUtf8(octets: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
  } catch {
    throw malformed('escaped bytes are not UTF-8.');
  }
}

/** Name to text (RFC 4514 §2). `parseDistinguishedName` gives the same name back. */
export function formatDistinguishedName(name: DistinguishedName): string {
  return name.toReversed().map((attributes) => attributes.map(formatAttribute).join('+')).join(',');
}

function formatAttribute({ oid, value }: Attribute): string {
  const type = attributeTypeByOid(oid);
  // RFC 4514 §2.4: a type in dotted form takes its value in hexadecimal.
  if (type === undefined) return `${oid}=#${utf8String(value).toString('hex')}`;
  const characters = Array.from(value);
  const last = characters.length - 1;
  return `${type.name}=${characters.map((character, index) => escapeCharacter(character, index === 0, index === last)).join('')}`;
}

function escapeCharacter(character: string, isFirst: boolean, isLast: boolean): string {
  if (ALWAYS_ESCAPED.has(character)) return `\\${character}`;
  if (character === ' ' && (isFirst || isLast)) return '\\ ';
  if (character === '#' && isFirst) return '\\#';
  if (!UNPRINTABLE.test(character)) return character;
  return Buffer.from(character, 'utf8').toString('hex').replaceAll(/../g, String.raw`\$&`);
}
