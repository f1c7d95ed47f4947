/**
 * Subject alternative names: what is accepted, its one canonical form, and its DER.
 *
 * Names are checked more strictly than RFC 5280 asks, because a name that two programs read differently is an attack:
 * no control characters, no address in the guise of a host name, no wildcard but a whole first label.
 */
import { domainToASCII } from 'node:url';
import { KeysteadError } from '../../api/error.ts';
import { constructed, isObjectIdentifier, objectIdentifier, primitive, utf8String } from './der.ts';
import { formatIpAddress, parseIpAddress } from './ip-address.ts';
import { shownText } from './shown.ts';

/** A name of a kind that X.509 does not know itself, such as a Microsoft user principal name (1.3.6.1.4.1.311.20.2.3). */
export interface OtherName {
  readonly oid: string;
  readonly utf8Value: string;
}

/** Subject alternative names by kind (RFC 5280 §4.2.1.6), in cert-manager's words. */
export interface SubjectAltNames {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly otherNames: readonly OtherName[];
}

/** The same as somebody writes them: any kind may be missing. */
export type SubjectAltNameFields = { readonly [Kind in keyof SubjectAltNames]?: SubjectAltNames[Kind] | undefined };

const MOST_NAMES = 300;
/** All names together, so that every certificate stays within what is read back (`LARGEST_CERTIFICATE_BYTES`). */
const MOST_CHARACTERS = 24_000;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/**
 * What domainToASCII may see: it parses as browsers parse hosts, so it would turn `0x7f.1` into an address, drop line ends
 * and decode `%2e`.
 */
const INTERNATIONAL = /^(?=.*[^\0-\x7f])[\p{L}\p{M}\p{N}._-]+$/u;
const URI = /^([a-z][a-z0-9+.-]*):([^\s"<>\\^`{|}]+)$/i;
/** RFC 5321 dot-string; quoted local parts are legal and used by nobody. */
const LOCAL_PART = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i;

function invalid(message: string): KeysteadError {
  return new KeysteadError('InvalidSubjectAltName', message, 'stalled');
}

/**
 * The canonical form of every name, without repeats, in the order given; what a certificate carries and what is compared.
 * @throws KeysteadError InvalidSubjectAltName, naming the first that is wrong
 */
export function normalizeSubjectAltNames(fields: SubjectAltNameFields): SubjectAltNames {
  const names = {
    dnsNames: unique((fields.dnsNames ?? []).map((name) => normalizeDnsName(name, 'wildcard'))),
    ipAddresses: unique((fields.ipAddresses ?? []).map(normalizeIpAddress)),
    uris: unique((fields.uris ?? []).map(checkUri)),
    emailAddresses: unique((fields.emailAddresses ?? []).map(normalizeEmailAddress)),
    otherNames: (fields.otherNames ?? []).map(checkOtherName),
  };
  const count = countNames(names);
  if (count > MOST_NAMES) throw invalid(`There are ${count} alternative names; a certificate may have at most ${MOST_NAMES}. Split it.`);
  const characters = [...names.dnsNames, ...names.ipAddresses, ...names.uris, ...names.emailAddresses, ...names.otherNames.map((name) => name.oid + name.utf8Value)].join('').length;
  if (characters > MOST_CHARACTERS) throw invalid(`The alternative names have ${characters} characters; a certificate may have at most ${MOST_CHARACTERS}. Split it.`);
  return names;
}

export const countNames = (names: SubjectAltNames): number =>
  names.dnsNames.length + names.ipAddresses.length + names.uris.length + names.emailAddresses.length + names.otherNames.length;

const unique = (values: readonly string[]): string[] => [...new Set(values)];

/**
 * A host name in lower-case A-label form (RFC 5890), without the final dot. Letters, digits, hyphens, and underscores,
 * which RFC 1034 has not, but service names in the wild do.
 */
export function normalizeDnsName(name: string, wildcards: 'wildcard' | 'none'): string {
  const isWildcard = name.startsWith('*.');
  if (isWildcard && wildcards === 'none') throw invalid(`${shownText(name)} can't be a wildcard here.`);
  const written = (isWildcard ? name.slice(2) : name).replace(/\.$/, '');
  const ascii = INTERNATIONAL.test(written) ? domainToASCII(written) : written.toLowerCase();
  const labels = ascii.split('.');
  const full = isWildcard ? `*.${ascii}` : ascii;
  if (ascii === '' || full.length > 253 || !labels.every((label) => LABEL.test(label))) {
    throw invalid(`${shownText(name)} is no DNS name. Use labels of letters, digits and hyphens, at most 63 characters each; "*" only as the whole first label.`);
  }
  if (/^\d+$/.test(labels.at(-1) ?? '')) throw invalid(`${shownText(name)} looks like an address. Put addresses into ipAddresses.`);
  return full;
}

function normalizeIpAddress(text: string): string {
  const octets = parseIpAddress(text);
  if (octets === undefined) throw invalid(`${shownText(text)} is no IP address. Use 192.0.2.1 or 2001:db8::1, without zone, port or prefix length.`);
  return formatIpAddress(octets);
}

/** A mailbox (RFC 5321) in ASCII; the domain in lower case, the local part as it is. */
export function normalizeEmailAddress(text: string): string {
  const at = text.lastIndexOf('@');
  const local = text.slice(0, Math.max(0, at));
  if (at < 1 || local.length > 64 || !LOCAL_PART.test(local)) {
    throw invalid(`${shownText(text)} is no e-mail address of the form name@example.com with an ASCII name.`);
  }
  return `${local}@${normalizeDnsName(text.slice(at + 1), 'none')}`;
}

function checkUri(text: string): string {
  const [, scheme = '', rest = ''] = URI.exec(text) ?? [];
  if (scheme === '' || text.length > 2048 || !/^[\x21-\x7e]+$/.test(rest) || (rest.startsWith('//') && !URL.canParse(text))) {
    throw invalid(`${shownText(text)} is no absolute URI in ASCII (RFC 3986), such as spiffe://example.org/ns/a/sa/b.`);
  }
  if (scheme.toLowerCase() === 'spiffe') checkSpiffeId(text);
  return text;
}

/** SPIFFE-ID §2: a trust domain, a path of plain segments, and nothing else. Verifiers refuse the rest, so we do at once. */
function checkSpiffeId(text: string): void {
  const [, trustDomain = '', path = ''] = /^spiffe:\/\/([^/]*)(.*)$/.exec(text) ?? [];
  const segments = path === '' ? [] : path.slice(1).split('/');
  const pathIsPlain = segments.every((segment) => /^[a-zA-Z0-9._-]+$/.test(segment) && segment !== '.' && segment !== '..');
  if (!/^[a-z0-9._-]{1,255}$/.test(trustDomain) || !pathIsPlain) {
    throw invalid(`${shownText(text)} is no SPIFFE ID: spiffe://<trust domain in lower case>/<path of letters, digits, ".", "-", "_">, no port, query or trailing "/".`);
  }
}

function checkOtherName(name: OtherName): OtherName {
  if (!isObjectIdentifier(name.oid)) throw invalid(`${shownText(name.oid)} is no object identifier, which an otherName needs.`);
  if (name.utf8Value === '' || name.utf8Value.length > 1024 || !name.utf8Value.isWellFormed() || /\p{Cc}/u.test(name.utf8Value)) {
    throw invalid(`The otherName of type ${name.oid} must have 1 to 1024 characters and no control characters.`);
  }
  return { oid: name.oid, utf8Value: name.utf8Value };
}

/** The GeneralName elements of names that have been normalised, in a fixed order of kinds. */
export function encodeGeneralNames(names: SubjectAltNames): Buffer[] {
  return [
    ...names.dnsNames.map((name) => primitive(2, Buffer.from(name, 'latin1'))),
    ...names.ipAddresses.map((name) => primitive(7, parseIpAddress(name) ?? Buffer.alloc(0))),
    ...names.uris.map((name) => primitive(6, Buffer.from(name, 'latin1'))),
    ...names.emailAddresses.map((name) => primitive(1, Buffer.from(name, 'latin1'))),
    ...names.otherNames.map(({ oid, utf8Value }) => constructed(0, objectIdentifier(oid), constructed(0, utf8String(utf8Value)))),
  ];
}
