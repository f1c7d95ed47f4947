/**
 * Name constraints of CAs (RFC 5280 §4.2.1.10): checking, writing and applying them. Where RFC and practice differ, we
 * side with OpenSSL, which the tests ask for every case, except where it is laxer than is safe.
 */
import { KeysteadError } from '../../api/error.ts';
import { constructed, primitive, sequence } from './der.ts';
import type { DistinguishedName } from './distinguished-name.ts';
import { formatIpRange, ipMask, isInIpRange, parseIpAddress, parseIpRange } from './ip-address.ts';
import { normalizeDnsName, normalizeEmailAddress, type SubjectAltNames } from './names.ts';
import { shownText, shownTexts } from './shown.ts';
import { attributeValues } from './subject.ts';

/** Name spaces by kind, in cert-manager's words. */
export interface NameSubtrees {
  /** `example.com` covers itself and all below; with a leading dot only what is below. */
  readonly dnsDomains?: readonly string[] | undefined;
  /** CIDR notation. */
  readonly ipRanges?: readonly string[] | undefined;
  /** A mailbox, a host (`example.com`: mailboxes there), or with a leading dot all hosts below. */
  readonly emailAddresses?: readonly string[] | undefined;
  /** A host, or with a leading dot all hosts below. */
  readonly uriDomains?: readonly string[] | undefined;
}

/** What a CA's certificates may be about (RFC 5280 §4.2.1.10). */
export interface NameConstraints {
  /** RFC 5280 says that it MUST be; the default. Some old software refuses what it doesn't know if it is. */
  readonly critical?: boolean | undefined;
  readonly permitted?: NameSubtrees | undefined;
  readonly excluded?: NameSubtrees | undefined;
}

const MOST_SUBTREES = 250;

function invalid(message: string): KeysteadError {
  return new KeysteadError('InvalidNameConstraints', `Name constraints: ${message}`, 'stalled');
}

/** Canonical form of every entry; undefined when nothing is constrained. @throws KeysteadError InvalidNameConstraints */
export function normalizeNameConstraints(constraints: NameConstraints | undefined): NameConstraints | undefined {
  const permitted = normalizeSubtrees(constraints?.permitted);
  const excluded = normalizeSubtrees(constraints?.excluded);
  if (permitted === undefined && excluded === undefined) return undefined;
  return { critical: constraints?.critical ?? true, ...(permitted && { permitted }), ...(excluded && { excluded }) };
}

function normalizeSubtrees(subtrees: NameSubtrees | undefined): NameSubtrees | undefined {
  const normal = {
    dnsDomains: (subtrees?.dnsDomains ?? []).map(normalizeHost),
    ipRanges: (subtrees?.ipRanges ?? []).map(normalizeRange),
    emailAddresses: (subtrees?.emailAddresses ?? []).map((text) => (text.includes('@') ? checked(() => normalizeEmailAddress(text), text) : normalizeHost(text))),
    uriDomains: (subtrees?.uriDomains ?? []).map(normalizeHost),
  };
  const count = Object.values(normal).flat().length;
  if (count > MOST_SUBTREES) throw invalid(`there are ${count}; at most ${MOST_SUBTREES} are allowed.`);
  return count === 0 ? undefined : normal;
}

function normalizeHost(text: string): string {
  const dot = text.startsWith('.') ? '.' : '';
  return dot + checked(() => normalizeDnsName(text.slice(dot.length), 'none'), text);
}

function normalizeRange(text: string): string {
  const range = parseIpRange(text);
  if (range === undefined) throw invalid(`${shownText(text)} is no range in CIDR notation, such as 10.0.0.0/8.`);
  return formatIpRange(range);
}

/** An entry's own fault, told in terms of constraints and not of alternative names. */
function checked(normalize: () => string, text: string): string {
  try {
    return normalize();
  } catch (cause) {
    throw new KeysteadError('InvalidNameConstraints', `Name constraints: ${shownText(text)} is no domain or mailbox.`, 'stalled', { cause });
  }
}

/** DER of constraints that have been normalised. */
export function encodeNameConstraints(constraints: NameConstraints): Buffer {
  const parts = [constraints.permitted, constraints.excluded].flatMap((subtrees, index) => (subtrees === undefined ? [] : [constructed(index, ...encodeSubtrees(subtrees))]));
  return sequence(...parts);
}

function encodeSubtrees(subtrees: NameSubtrees): Buffer[] {
  const ranges = (subtrees.ipRanges ?? []).flatMap((value) => parseIpRange(value) ?? []);
  return [
    ...encodeTexts(2, subtrees.dnsDomains),
    ...ranges.map(({ network, prefixLength }) => sequence(primitive(7, Buffer.concat([network, ipMask(network.length, prefixLength)])))),
    ...encodeTexts(1, subtrees.emailAddresses),
    ...encodeTexts(6, subtrees.uriDomains),
  ];
}

const encodeTexts = (tag: number, values: readonly string[] = []): Buffer[] => values.map((value) => sequence(primitive(tag, Buffer.from(value, 'latin1'))));

/** The parts of a certificate that constraints speak about. */
export interface ConstrainedNames {
  /** Its emailAddress attributes are mailboxes, too (RFC 5280 §4.2.1.10). */
  readonly subject: DistinguishedName;
  readonly sans: SubjectAltNames;
  readonly isCA: boolean;
}

/**
 * The first name that the constraints forbid, in words; undefined when all are allowed. Kinds of names that Keystead
 * can't issue (directory names, and so on) are left to the verifier, which is who must enforce all this anyway: we look
 * only so that nobody is handed a certificate that the world will refuse.
 */
export function nameViolation(constraints: NameConstraints, names: ConstrainedNames): string | undefined {
  const { subject, sans } = names;
  return (
    kindViolation('DNS name', [...sans.dnsNames, ...hostsAmongCommonNames(names)], constraints, 'dnsDomains', coversDnsName) ??
    kindViolation('IP address', sans.ipAddresses, constraints, 'ipRanges', coversIpAddress) ??
    kindViolation('e-mail address', [...sans.emailAddresses, ...attributeValues(subject, 'emailAddress')], constraints, 'emailAddresses', coversEmailAddress) ??
    kindViolation('URI', sans.uris, constraints, 'uriDomains', coversUri)
  );
}

/** Verifiers take the common name of a leaf for a host if it looks like one and there is no DNS name. */
function hostsAmongCommonNames({ subject, sans, isCA }: ConstrainedNames): string[] {
  if (isCA || sans.dnsNames.length > 0) return [];
  return attributeValues(subject, 'CN').filter((name) => /^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)+$/i.test(name)).map((name) => name.toLowerCase());
}

/** Whether `subtree` covers `name`; `rule` matters where a name stands for many, as a wildcard does. */
type Covers = (name: string, subtree: string, rule: 'permitted' | 'excluded') => boolean;

function kindViolation(kind: string, names: readonly string[], constraints: NameConstraints, field: keyof NameSubtrees, covers: Covers): string | undefined {
  const excluded = constraints.excluded?.[field] ?? [];
  const permitted = constraints.permitted?.[field] ?? [];
  for (const name of names) {
    const hit = excluded.find((subtree) => covers(name, subtree, 'excluded'));
    if (hit !== undefined) return `${kind} ${shownText(name)} is excluded by ${shownText(hit)}`;
    if (permitted.length > 0 && !permitted.some((subtree) => covers(name, subtree, 'permitted'))) {
      return `${kind} ${shownText(name)} is not within ${shownTexts(permitted)}`;
    }
  }
  return undefined;
}

const isBelow = (host: string, parent: string): boolean => host.endsWith(`.${parent}`);

const coversDnsName: Covers = (name, subtree, rule) => {
  const wildcardRest = name.startsWith('*.') ? name.slice(2) : undefined;
  if (subtree.startsWith('.')) return isBelow(wildcardRest === undefined ? name : `x.${wildcardRest}`, subtree.slice(1));
  if (wildcardRest === undefined) return name === subtree || isBelow(name, subtree);
  if (wildcardRest === subtree || isBelow(wildcardRest, subtree)) return true;
  // `*.example.com` also stands for the excluded `secret.example.com` (the hole of CVE-2025-61727 in Go).
  return rule === 'excluded' && subtree.slice(subtree.indexOf('.') + 1) === wildcardRest;
};

const coversIpAddress: Covers = (name, subtree) => {
  const address = parseIpAddress(name);
  const range = parseIpRange(subtree);
  return address !== undefined && range !== undefined && isInIpRange(address, range);
};

const coversHost = (host: string, subtree: string): boolean => (subtree.startsWith('.') ? isBelow(host, subtree.slice(1)) : host === subtree);

const coversEmailAddress: Covers = (name, subtree) => {
  const at = name.lastIndexOf('@');
  const host = name.slice(at + 1).toLowerCase();
  if (!subtree.includes('@')) return coversHost(host, subtree);
  return name.slice(0, at) === subtree.slice(0, subtree.lastIndexOf('@')) && host === subtree.slice(subtree.lastIndexOf('@') + 1);
};

/** RFC 5280: a URI without a host, or with an address as host, satisfies no constraint: never permitted, always excluded. */
const coversUri: Covers = (name, subtree, rule) => {
  const host = URL.canParse(name) ? new URL(name).host.replace(/:\d+$/, '').toLowerCase() : '';
  const isName = host !== '' && !host.startsWith('[') && parseIpAddress(host) === undefined;
  return isName ? coversHost(host, subtree) : rule === 'excluded';
};
