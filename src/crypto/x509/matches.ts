/**
 * Whether a certificate is still what a request asks for, and if not, why, in words for a condition and an event.
 *
 * The rule that keeps it from issuing for ever: a certificate that `issue` makes of a request satisfies that request,
 * also where the issuer had to make it shorter or stricter than asked for.
 */
import { describeKeyAlgorithm } from '../keys.ts';
import { formatDistinguishedName } from './distinguished-name.ts';
import type { CertificateFacts } from './inspect.ts';
import { normalizeNameConstraints, type NameConstraints, type NameSubtrees } from './name-constraints.ts';
import type { SubjectAltNames } from './names.ts';
import { profileOf, type CertificateProfile, type CertificateRequest } from './request.ts';
import { shownText, shownTexts } from './shown.ts';
import { selfIssuedSubject } from './subject.ts';
import { describeKeyPurposes } from './usages.ts';

export interface MatchInput {
  readonly certificate: CertificateFacts;
  readonly request: CertificateRequest;
  /**
   * The duration that was asked for when the certificate was issued. Compared only if given: the certificate's own
   * validity is no measure, since an issuer may have cut it, and then it would be issued anew for ever.
   */
  readonly issuedDurationMs?: number | undefined;
}

/**
 * What keeps a certificate from satisfying a request, one sentence part each; empty when it does. Names and usages are
 * sets: neither order nor spelling counts, but a name too many is a difference as much as one too few.
 * @throws KeysteadError when the request itself is wrong
 */
export function differences({ certificate, request, issuedDurationMs }: MatchInput): string[] {
  const profile = profileOf(request);
  return [
    ...subjectDifference(certificate, profile),
    ...namesDifferences(certificate.sans, profile.sans),
    ...setDifference('usages', certificate.usages, describeKeyPurposes(profile.purposes)),
    ...authorityDifferences(certificate, profile),
    ...valueDifference('private key', describeKeyAlgorithm(certificate.keyAlgorithm), describeKeyAlgorithm(request.keyAlgorithm)),
    ...(issuedDurationMs === undefined || request.durationMs === undefined ? [] : valueDifference('duration in seconds', issuedDurationMs / 1000, request.durationMs / 1000)),
  ];
}

function subjectDifference(certificate: CertificateFacts, profile: CertificateProfile): string[] {
  const isSelfIssued = certificate.subject === certificate.issuer && profile.subject.length === 0;
  const wanted = isSelfIssued ? selfIssuedSubject(profile.subject, profile.sans) : profile.subject;
  return valueDifference('subject', certificate.subject, formatDistinguishedName(wanted));
}

function namesDifferences(found: SubjectAltNames, wanted: SubjectAltNames): string[] {
  return [
    ...setDifference('dnsNames', found.dnsNames, wanted.dnsNames),
    ...setDifference('ipAddresses', found.ipAddresses, wanted.ipAddresses),
    ...setDifference('uris', found.uris, wanted.uris),
    ...setDifference('emailAddresses', found.emailAddresses, wanted.emailAddresses),
    ...setDifference('otherNames', otherNameTexts(found), otherNameTexts(wanted)),
  ];
}

const otherNameTexts = (names: SubjectAltNames): string[] => names.otherNames.map(({ oid, utf8Value }) => `${oid}=${utf8Value}`);

function authorityDifferences(certificate: CertificateFacts, profile: CertificateProfile): string[] {
  if (certificate.isCA !== profile.isCA) return [`isCA is ${certificate.isCA}, wanted ${profile.isCA}`];
  if (!profile.isCA) return [];
  return [
    ...pathLengthDifference(certificate.pathLength, profile.pathLength),
    ...setDifference('nameConstraints', constraintTexts(certificate.nameConstraints), constraintTexts(profile.nameConstraints)),
  ];
}

/** An issuer may have brought the path length under its own, so a stricter one than wanted is no difference. */
function pathLengthDifference(found: number | undefined, wanted: number | undefined): string[] {
  if (wanted === undefined || (found !== undefined && found <= wanted)) return [];
  return valueDifference('pathLength', found ?? 'unlimited', wanted);
}

function constraintTexts(constraints: NameConstraints | undefined): string[] {
  const normal = normalizeNameConstraints(constraints);
  if (normal === undefined) return [];
  return [`critical ${normal.critical}`, ...subtreeTexts('permitted', normal.permitted), ...subtreeTexts('excluded', normal.excluded)];
}

function subtreeTexts(rule: string, subtrees: NameSubtrees | undefined): string[] {
  return Object.entries(subtrees ?? {}).flatMap(([kind, values]) => values.map((value: string) => `${rule} ${kind} ${value}`));
}

function valueDifference(field: string, found: string | number, wanted: string | number): string[] {
  return found === wanted ? [] : [`${field} is ${shownText(String(found))}, wanted ${shownText(String(wanted))}`];
}

function setDifference(field: string, found: readonly string[], wanted: readonly string[]): string[] {
  const missing = wanted.filter((value) => !found.includes(value));
  const extra = found.filter((value) => !wanted.includes(value));
  return [...(missing.length === 0 ? [] : [`${field} lacks ${shownTexts(missing)}`]), ...(extra.length === 0 ? [] : [`${field} has ${shownTexts(extra)} too many`])];
}
