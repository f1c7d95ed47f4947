/**
 * PEM (RFC 7468) of certificates. The reader goes through the text once, by searching for fixed strings; there is no
 * regular expression for hostile input to slow down.
 */
import { X509Certificate } from 'node:crypto';
import { KeysteadError } from '../../api/error.ts';

/** Bounds that are held before anything is parsed (the lesson of CVE-2024-12401). */
export interface PemCaps {
  readonly bytes: number;
  readonly certificates: number;
}

/** A chain as a CA hands it out; a bundle of roots as an operating system does. */
export const chainCaps: PemCaps = { bytes: 95_000, certificates: 10 };
export const bundleCaps: PemCaps = { bytes: 330_000, certificates: 300 };
/** One certificate: 250 names and an RSA-4096 key fit. */
export const LARGEST_CERTIFICATE_BYTES = 36_500;

const BEGIN = '-----BEGIN CERTIFICATE-----';
const END = '-----END CERTIFICATE-----';

/** RFC 7468: 64 characters a line, a final newline. */
export function encodePem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

function invalid(message: string, cause?: unknown): KeysteadError {
  return new KeysteadError('InvalidCertificate', message, 'stalled', { cause });
}

/**
 * All certificates of a PEM text, in its order. Text between them is skipped, as everybody writes comments there; blocks
 * of another kind are refused, since a private key in a bundle of certificates is an accident to be told.
 * @throws KeysteadError InvalidCertificate
 */
export function parsePemCertificates(pem: string, caps: PemCaps = bundleCaps): X509Certificate[] {
  if (pem.length > caps.bytes) throw invalid(`The PEM text has ${pem.length} characters; at most ${caps.bytes} are read.`);
  const certificates: X509Certificate[] = [];
  let at = 0;
  for (;;) {
    const begin = pem.indexOf('-----BEGIN ', at);
    if (begin < 0) break;
    if (!pem.startsWith(BEGIN, begin)) throw invalid('The PEM text has a block that is no CERTIFICATE. Give certificates only, never a private key.');
    const end = pem.indexOf(END, begin);
    if (end < 0) throw invalid('The last CERTIFICATE block of the PEM text has no end.');
    if (certificates.length === caps.certificates) throw invalid(`The PEM text has more than ${caps.certificates} certificates.`);
    certificates.push(parseCertificate(pem.slice(begin, end + END.length)));
    at = end + END.length;
  }
  if (certificates.length === 0) throw invalid('The PEM text has no CERTIFICATE block.');
  return certificates;
}

/** One certificate, PEM or DER. @throws KeysteadError InvalidCertificate */
export function parseCertificate(input: string | Buffer): X509Certificate {
  if (input.length > LARGEST_CERTIFICATE_BYTES) throw invalid(`A certificate has ${input.length} bytes; at most ${LARGEST_CERTIFICATE_BYTES} are read.`);
  try {
    const certificate = new X509Certificate(input);
    // Decoded only when asked for, and then it throws: better here, where it has a reason.
    if (certificate.publicKey.type !== 'public') throw new TypeError('no public key');
    // A date that is none is neither before nor after any other: such a certificate would never expire.
    if (!(certificate.validFromDate.getTime() <= certificate.validToDate.getTime())) throw new RangeError('no validity');
    return certificate;
  } catch (cause) {
    throw invalid('What was given is no X.509 certificate in PEM or DER, or a damaged one.', cause);
  }
}
