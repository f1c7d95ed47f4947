/**
 * Certificate signing requests of our own. Apart from reading those of others (`csr.ts`), which needs a large library that
 * the operator does without.
 */
import type { KeyObject } from 'node:crypto';
import { exportPublicKeyDer, importPublicKey } from '../keys.ts';
import { childElements, constructed, objectIdentifier, sequence, setOf, smallInteger } from './der.ts';
import { basicConstraintsExtension, requestedExtensions } from './extensions.ts';
import { encodePem } from './pem.ts';
import { profileOf, type CertificateRequest } from './request.ts';
import { signed } from './signature.ts';
import { encodeDistinguishedName } from './subject.ts';

/** PKCS#9 extensionRequest (RFC 2985 §5.4.2). */
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';

/** A PKCS#10 request (RFC 2986), signed by the key that it is about. @throws KeysteadError with the reason of what is wrong in the request */
export function createCsr(request: CertificateRequest, privateKey: KeyObject): { readonly pem: string; readonly der: Buffer } {
  const profile = profileOf(request);
  const extensions = [...(profile.isCA ? [basicConstraintsExtension(profile)] : []), ...requestedExtensions(profile)];
  const attributes = extensions.length === 0 ? [] : [sequence(objectIdentifier(EXTENSION_REQUEST), setOf(sequence(...extensions)))];
  const toSign = sequence(smallInteger(0), encodeDistinguishedName(profile.subject), exportPublicKeyDer(privateKey), constructed(0, ...attributes));
  const der = signed(toSign, privateKey);
  return { pem: encodePem('CERTIFICATE REQUEST', der), der };
}

/** The key that a CSR of `createCsr` is about. Only for one that comes from a record: neither form nor signature is checked. @throws KeysteadError InvalidKey */
export function publicKeyOfOwnCsr(pem: string): KeyObject {
  const der = Buffer.from(pem.replaceAll(/-----[A-Z ]+-----/g, ''), 'base64');
  const [, , spki = Buffer.alloc(0)] = childElements(childElements(der)[0] ?? der);
  return importPublicKey(spki);
}
