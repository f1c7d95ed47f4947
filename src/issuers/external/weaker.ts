import type { KeyObject, X509Certificate } from 'node:crypto';
import { childElements } from '../../crypto/x509/der.ts';
import type { CertificateChain } from '../../crypto/x509/chain.ts';
import { readCertificate, type ReadCertificate } from '../../crypto/x509/read.ts';
import { profileOf, type CertificateProfile, type CertificateRequest } from '../../crypto/x509/request.ts';
import { shownTexts } from '../../crypto/x509/shown.ts';
import { describeKeyPurposes } from '../../crypto/x509/usages.ts';

/*
 * Whether a certificate that somebody else made does at least what was asked for. CAs rewrite subjects, add names and
 * shorten lives, and that is theirs to decide; but what lacks a name or a usage breaks whoever relies on it, and is
 * better refused while there is still the old certificate. Nothing here is about trust: that is `buildChain`'s.
 */

const ANY_PURPOSE = '2.5.29.37.0';
const COMMON_NAME = '2.5.4.3';
const LEAST_RSA_BITS = 2048;

/** What a certificate of another maker lacks of a request, one sentence part each; empty when nothing. */
export function lacks(certificate: X509Certificate, request: CertificateRequest): readonly string[] {
  const profile = profileOf(request);
  const read = readCertificate(certificate.raw);
  return [...missingNames(read, profile), ...missingPurposes(read, profile), ...wrongAuthority(read, profile)];
}

function missingNames({ subject, sans }: ReadCertificate, wanted: CertificateProfile): string[] {
  const missing = (field: string, found: readonly string[], asked: readonly string[]): string[] => {
    const absent = asked.filter((name) => !found.includes(name));
    return absent.length === 0 ? [] : [`${field} lacks ${shownTexts(absent)}`];
  };
  const others = (names: typeof sans): string[] => names.otherNames.map(({ oid, utf8Value }) => `${oid}=${utf8Value}`);
  return [
    // Public CAs leave the CN out and put it among the DNS names, if it is one.
    ...missing('commonName', [...commonNames(subject), ...sans.dnsNames], commonNames(wanted.subject)),
    ...missing('dnsNames', sans.dnsNames, wanted.sans.dnsNames),
    ...missing('ipAddresses', sans.ipAddresses, wanted.sans.ipAddresses),
    ...missing('uris', sans.uris, wanted.sans.uris),
    ...missing('emailAddresses', sans.emailAddresses, wanted.sans.emailAddresses),
    ...missing('otherNames', others(sans), others(wanted.sans)),
  ];
}

const commonNames = (subject: ReadCertificate['subject']): string[] => subject.flat().flatMap(({ oid, value }) => (oid === COMMON_NAME ? [value] : []));

/** An extension that isn't there restricts nothing (RFC 5280 §4.2.1.3, §4.2.1.12). */
function missingPurposes({ purposes }: ReadCertificate, wanted: CertificateProfile): string[] {
  const keyUsage = purposes.keyUsage.length === 0 ? [] : wanted.purposes.keyUsage.filter((bit) => !purposes.keyUsage.includes(bit));
  const unrestricted = purposes.extendedKeyUsage.length === 0 || purposes.extendedKeyUsage.includes(ANY_PURPOSE);
  const extendedKeyUsage = unrestricted ? [] : wanted.purposes.extendedKeyUsage.filter((purpose) => !purposes.extendedKeyUsage.includes(purpose));
  const absent = describeKeyPurposes({ keyUsage, extendedKeyUsage });
  return absent.length === 0 ? [] : [`usages lack ${shownTexts(absent)}`];
}

/** A CA that nobody asked for is no gift: its key would lie in a target. */
function wrongAuthority(read: ReadCertificate, wanted: CertificateProfile): string[] {
  return read.isCA === wanted.isCA ? [] : [`isCA is ${read.isCA}, wanted ${wanted.isCA}`];
}

/** What makes a chain weaker than any that Keystead makes: SHA-1 and older digests, short RSA keys. Not of the root, which nobody verifies. */
export function weakLinks({ leaf, intermediates }: CertificateChain): readonly string[] {
  return [leaf, ...intermediates].flatMap((certificate) => {
    const subject = shownTexts([certificate.subject?.replaceAll('\n', ', ') ?? '']);
    return [
      ...(hasGoodSignature(certificate) ? [] : [`the certificate of ${subject} is signed with ${shownTexts([certificate.signatureAlgorithm ?? certificate.signatureAlgorithmOid])}`]),
      ...(isShortRsa(certificate.publicKey) ? [`the key of ${subject} is RSA with less than ${LEAST_RSA_BITS} bits`] : []),
    ];
  });
}

/** SHA-2 with RSA (PKCS#1 v1.5) and ECDSA, Ed25519, Ed448. */
const goodSignatures: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.11', '1.2.840.113549.1.1.12', '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2', '1.2.840.10045.4.3.3', '1.2.840.10045.4.3.4',
  '1.3.101.112', '1.3.101.113',
]);
const RSA_PSS = '1.2.840.113549.1.1.10';
/** The DER of SHA-256, SHA-384 and SHA-512, one of which stands in the parameters of a good RSASSA-PSS (its default is SHA-1). */
const goodDigests = ['0609608648016503040201', '0609608648016503040202', '0609608648016503040203'];

function hasGoodSignature(certificate: X509Certificate): boolean {
  if (certificate.signatureAlgorithmOid !== RSA_PSS) return goodSignatures.has(certificate.signatureAlgorithmOid);
  const parameters = childElements(certificate.raw)[1]?.toString('hex') ?? '';
  return goodDigests.some((digest) => parameters.includes(digest));
}

function isShortRsa(key: KeyObject): boolean {
  return (key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'rsa-pss') && (key.asymmetricKeyDetails?.modulusLength ?? 0) < LEAST_RSA_BITS;
}
