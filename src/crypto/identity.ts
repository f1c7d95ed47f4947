/**
 * The identity key of an installation (ECDSA P-256): it signs what people act on, such as a CSR in a status, so that a
 * forged one is found out before a CA signs it (decisions 3). It proves where something comes from, and opens nothing.
 *
 * Every signature is over canonical(['keystead/identity', purpose, ...parts]), so that none does for another purpose.
 */
import { createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto';
import { canonical } from './canonical.ts';
import { exportPrivateKeyDer, exportPublicKey, importPrivateKey, publicKeyThumbprint } from './keys.ts';

/** What may be signed. A CSR: namespace and name of its VaultCertificate, and the CSR in PEM. */
export type IdentityPurpose = 'csr';

export interface Identity {
  /** SubjectPublicKeyInfo, PEM. */
  readonly publicKeyPem: string;
  /** Lower-case hex SHA-256 of the SubjectPublicKeyInfo, for people to compare. */
  readonly fingerprint: string;
  /** A signature in base64 (DER inside). */
  sign(purpose: IdentityPurpose, parts: readonly string[]): string;
}

const signedText = (purpose: IdentityPurpose, parts: readonly string[]): Buffer => canonical(['keystead/identity', purpose, ...parts]);

/** A new private key, PKCS#8 in DER. The caller wraps it and overwrites the buffer. */
export function newIdentityKey(): Buffer {
  return exportPrivateKeyDer(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
}

/** The identity that a private key (PKCS#8, DER) makes. @throws KeysteadError InvalidKey */
export function identityOf(der: Buffer): Identity {
  const key = importPrivateKey(der);
  return {
    publicKeyPem: exportPublicKey(key),
    fingerprint: publicKeyThumbprint(key),
    sign: (purpose, parts) => sign('sha256', signedText(purpose, parts), key).toString('base64'),
  };
}

/** Whether a signature of `sign` is this installation's. Anything malformed is not. */
export function isSignedByIdentity(publicKeyPem: string, purpose: IdentityPurpose, parts: readonly string[], signature: string): boolean {
  const key = identityPublicKey(publicKeyPem);
  return key !== undefined && verify('sha256', signedText(purpose, parts), key, Buffer.from(signature, 'base64'));
}

/** Undefined when the text is no key of this kind. */
function identityPublicKey(pem: string): KeyObject | undefined {
  try {
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : undefined;
  } catch {
    return undefined;
  }
}
