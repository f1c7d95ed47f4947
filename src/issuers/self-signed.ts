import type { KeyObject } from 'node:crypto';
import { issue } from '../crypto/x509/certificate.ts';
import type { Issuer } from './issuer.ts';

/** Signs with the certificate's own key. @param privateKey that key; another public key is refused (KeyMismatch) */
export function selfSignedIssuer(privateKey: KeyObject): Issuer {
  return {
    sign(input) {
      const { chainPem, caPem, facts } = issue({ ...input, issuer: { self: privateKey } });
      return { chainPem, caPem, facts, issuerThumbprint: facts.thumbprint };
    },
  };
}
