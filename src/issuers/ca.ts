import { KeysteadError } from '../api/error.ts';
import { issue } from '../crypto/x509/certificate.ts';
import type { CertificateIssuer } from '../crypto/x509/issuer.ts';
import type { CertificateRequest } from '../crypto/x509/request.ts';
import type { Issuer } from './issuer.ts';

/** What a VaultIssuer lets its CA sign (decisions 44). */
export interface CaRules {
  readonly allowSubordinates: boolean;
  /** CAs that may come below one that is signed here; not given: none, it signs leaves only. */
  readonly maxPathLength?: number | undefined;
}

/** A CA of a vault, ready to sign. */
export interface LoadedCa {
  readonly issuer: CertificateIssuer;
  /** SHA-256, hex, of the CA's own certificate. */
  readonly thumbprint: string;
}

/** Signs with the key of a CA certificate that lies in a vault. Nothing it signs outlives the CA. */
export function caIssuer(ca: LoadedCa, rules: CaRules): Issuer {
  return {
    sign(input) {
      const { chainPem, caPem, facts } = issue({ ...input, request: withinRules(input.request, rules), issuer: ca.issuer });
      return { chainPem, caPem, facts, issuerThumbprint: ca.thumbprint };
    },
  };
}

/**
 * Without `allowSubordinates` whoever may create a VaultCertificate would make himself a CA that everybody trusts who
 * trusts this one; so a request for a CA is refused, and a permitted one is never longer than the rules say.
 */
function withinRules(request: CertificateRequest, rules: CaRules): CertificateRequest {
  if (request.isCA !== true) return request;
  if (!rules.allowSubordinates) {
    throw new KeysteadError('SubordinateNotAllowed', 'The issuer signs no CA certificates. Set ca.allowSubordinates: true on the VaultIssuer, remove isCA, or use another issuer.', 'stalled');
  }
  const longest = rules.maxPathLength ?? 0;
  return { ...request, pathLength: Math.min(request.pathLength ?? longest, longest) };
}
