import { parseVaultCertificate, type VaultCertificateSpec, type VaultCertificateSpecInput } from '../../../src/api/vault-certificate.ts';
import type { VaultCertificateResource } from '../../../src/controllers/resources.ts';
import type { ObjectMeta } from '../../../src/kube/object.ts';

export interface VaultCertificateParts {
  readonly spec?: Partial<VaultCertificateSpecInput>;
  readonly metadata?: Partial<ObjectMeta>;
}

/** A VaultCertificate as the API server stores it: `team/web`, for web.example, in vault `main`, from VaultIssuer `ca`. */
export function vaultCertificate({ spec = {}, metadata = {} }: VaultCertificateParts = {}): VaultCertificateResource {
  return {
    apiVersion: 'keystead.dev/v1alpha1',
    kind: 'VaultCertificate',
    metadata: { namespace: 'team', name: 'web', uid: 'uid-web', resourceVersion: '1', generation: 1, creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
    spec: { vaultRef: { name: 'main' }, issuerRef: { name: 'ca' }, dnsNames: ['web.example'], ...spec },
  };
}

/** Its spec after defaulting. */
export function certificateSpec(spec: Partial<VaultCertificateSpecInput> = {}): VaultCertificateSpec {
  const parsed = parseVaultCertificate(vaultCertificate({ spec }));
  if (parsed instanceof Error) throw parsed;
  return parsed;
}
