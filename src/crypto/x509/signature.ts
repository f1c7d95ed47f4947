/**
 * Signatures on certificates and requests: which algorithm a key signs with, and which of others we believe. The two lists
 * differ on purpose: we write one algorithm a key, and read all that are still good.
 */
import { sign, verify, type KeyObject } from 'node:crypto';
import { keyAlgorithmOf, type Curve, type KeyAlgorithm } from '../keys.ts';
import { bitString, childElements, elementContent, nullValue, objectIdentifier, sequence } from './der.ts';

interface SignatureAlgorithm {
  readonly oid: string;
  /** RFC 4055 §5: PKCS#1 v1.5 carries NULL; RFC 5758 §3.2 and RFC 8410 §3: the others carry nothing. */
  readonly parameters: 'null' | 'absent';
  readonly digest: string | null;
}

/** ECDSA with the digest as strong as the curve (RFC 5758 §3.2). */
const ecdsaAlgorithms: Readonly<Record<Curve, SignatureAlgorithm>> = {
  'P-256': { oid: '1.2.840.10045.4.3.2', parameters: 'absent', digest: 'sha256' },
  'P-384': { oid: '1.2.840.10045.4.3.3', parameters: 'absent', digest: 'sha384' },
  'P-521': { oid: '1.2.840.10045.4.3.4', parameters: 'absent', digest: 'sha512' },
};

function signatureAlgorithmOf(kind: KeyAlgorithm): SignatureAlgorithm {
  if (kind.algorithm === 'RSA') return { oid: '1.2.840.113549.1.1.11', parameters: 'null', digest: 'sha256' };
  return kind.algorithm === 'ECDSA' ? ecdsaAlgorithms[kind.curve] : { oid: '1.3.101.112', parameters: 'absent', digest: null };
}

/** The AlgorithmIdentifier of what `key` signs, as it stands inside and beside what is signed. */
export function signatureAlgorithmIdentifier(key: KeyObject): Buffer {
  const { oid, parameters } = signatureAlgorithmOf(keyAlgorithmOf(key));
  return sequence(objectIdentifier(oid), ...(parameters === 'null' ? [nullValue()] : []));
}

/** SEQUENCE of the part to sign, the algorithm, and the signature: the frame of certificates and requests. */
export function signed(toSign: Buffer, key: KeyObject): Buffer {
  const { digest } = signatureAlgorithmOf(keyAlgorithmOf(key));
  return sequence(toSign, signatureAlgorithmIdentifier(key), bitString(sign(digest, toSign, key)));
}

/** What others may have signed with; SHA-1 and MD5 are missing on purpose. By the DER of the AlgorithmIdentifier, which leaves no room for tricks. */
const acceptedDigests: ReadonlyMap<string, { readonly type: string; readonly digest: string | null }> = new Map(
  [
    { oid: '1.2.840.113549.1.1.11', type: 'rsa', digest: 'sha256' },
    { oid: '1.2.840.113549.1.1.12', type: 'rsa', digest: 'sha384' },
    { oid: '1.2.840.113549.1.1.13', type: 'rsa', digest: 'sha512' },
    { oid: '1.2.840.10045.4.3.2', type: 'ec', digest: 'sha256' },
    { oid: '1.2.840.10045.4.3.3', type: 'ec', digest: 'sha384' },
    { oid: '1.2.840.10045.4.3.4', type: 'ec', digest: 'sha512' },
    { oid: '1.3.101.112', type: 'ed25519', digest: null },
  ].map(({ oid, type, digest }) => [sequence(objectIdentifier(oid), ...(type === 'rsa' ? [nullValue()] : [])).toString('hex'), { type, digest }]),
);

/** Whether `der` is such a frame, signed by `key` with an algorithm that is good enough. @throws KeysteadError InvalidCertificate when it is no DER */
export function isSignedBy(der: Buffer, key: KeyObject): boolean {
  const [toSign, algorithm, signature, ...more] = childElements(der);
  if (toSign === undefined || algorithm === undefined || signature === undefined || more.length > 0) return false;
  const accepted = acceptedDigests.get(algorithm.toString('hex'));
  const bits = elementContent(signature);
  if (accepted === undefined || accepted.type !== key.asymmetricKeyType || signature[0] !== 0x03 || bits[0] !== 0) return false;
  return verify(accepted.digest, toSign, key, bits.subarray(1));
}
