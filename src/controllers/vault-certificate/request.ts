import { durationMs } from '../../api/duration.ts';
import type { VaultCertificateSpec } from '../../api/vault-certificate.ts';
import { canonical } from '../../crypto/canonical.ts';
import { describeKeyAlgorithm } from '../../crypto/keys.ts';
import { formatDistinguishedName } from '../../crypto/x509/distinguished-name.ts';
import type { NameSubtrees } from '../../crypto/x509/name-constraints.ts';
import { profileOf, requestFromSpec, type CertificateRequest } from '../../crypto/x509/request.ts';
import { describeKeyPurposes } from '../../crypto/x509/usages.ts';

/** What a resource asks its issuer for. */
export function requestOf(spec: VaultCertificateSpec): CertificateRequest {
  return requestFromSpec(spec, durationMs(spec.duration));
}

/**
 * Everything that a certificate is made from, in a form that is the same for requests that mean the same: a difference
 * to what is in the record means to issue anew. Order and spelling do not count; nor do fields that only say when to
 * renew, where to sync or what to do with the key later. The issuer counts by name: rotating its CA is no change.
 *
 * The encoding must never change: every certificate of every installation would be issued anew (a test holds a vector).
 *
 * @throws KeysteadError Invalid…, when the request itself is wrong
 */
export function inputsOf(spec: VaultCertificateSpec): readonly (string | Buffer)[] {
  const request = requestOf(spec);
  const profile = profileOf(request);
  const { sans, nameConstraints } = profile;
  return [
    'certificate-1',
    formatDistinguishedName(profile.subject),
    setOf(sans.dnsNames),
    setOf(sans.ipAddresses),
    setOf(sans.uris),
    setOf(sans.emailAddresses),
    setOf(sans.otherNames.map(({ oid, utf8Value }) => `${oid}=${utf8Value}`)),
    setOf(describeKeyPurposes(profile.purposes)),
    String(profile.isCA),
    String(profile.pathLength ?? ''),
    String(nameConstraints?.critical ?? ''),
    subtreesOf(nameConstraints?.permitted),
    subtreesOf(nameConstraints?.excluded),
    describeKeyAlgorithm(request.keyAlgorithm),
    String(request.durationMs ?? ''),
    spec.issuerRef?.namespace ?? '',
    spec.issuerRef?.name ?? '',
  ];
}

const setOf = (values: readonly string[]): Buffer => canonical([...new Set(values)].toSorted());

function subtreesOf(subtrees: NameSubtrees | undefined): Buffer {
  const { dnsDomains = [], ipRanges = [], emailAddresses = [], uriDomains = [] } = subtrees ?? {};
  return canonical([dnsDomains, ipRanges, emailAddresses, uriDomains].map(setOf));
}
