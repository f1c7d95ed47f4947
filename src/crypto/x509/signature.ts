import { sign, type KeyObject } from 'node:crypto';
import { keyAlgorithmOf, type Curve, type KeyAlgorithm } from '../keys.ts';
import { bitString, nullValue, objectIdentifier, sequence } from './der.ts';

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
