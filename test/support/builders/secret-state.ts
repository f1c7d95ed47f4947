import { parseVaultSecret, type VaultSecretSpec, type VaultSecretSpecInput } from '../../../src/api/vault-secret.ts';
import type { ObjectHead, SecretState, VersionHead } from '../../../src/vault/object-record.ts';

export const madeAt = new Date('2026-01-01T00:00:00.000Z');

/** A version that the resource `uid-db` made. */
export function secretVersion(parts: Partial<VersionHead> = {}): VersionHead {
  return { id: '01'.repeat(16), created: madeAt.toISOString(), origin: 'uid-db', blob: 'cc'.repeat(32), size: 400, vaultKey: 'key-1', ...parts };
}

/** One version, declared by `team/db`. */
export function secretState(parts: Partial<SecretState> = {}): SecretState {
  return {
    created: madeAt.toISOString(),
    updated: madeAt.toISOString(),
    attributes: { enabled: true },
    tags: {},
    declaredBy: { kind: 'VaultSecret', namespace: 'team', name: 'db', uid: 'uid-db', deletionPolicy: 'Delete' },
    versions: [secretVersion()],
    inputs: 'inputs-1',
    ...parts,
  };
}

/** The object `db` of vault `vault-1`. */
export function secretHead(secret: SecretState = secretState(), parts: Partial<ObjectHead> = {}): ObjectHead {
  return { vaultId: 'vault-1', name: 'db', incarnation: 'first', counter: 3, archives: [], secret, ...parts };
}

/** A spec as the parser gives it. */
export function secretSpec(parts: Partial<VaultSecretSpecInput> = {}): VaultSecretSpec {
  const metadata = { name: 'db', namespace: 'team', uid: 'uid-db', resourceVersion: '1', creationTimestamp: '', generation: 1 };
  const spec = parseVaultSecret({ apiVersion: 'keystead.dev/v1alpha1', kind: 'VaultSecret', metadata, spec: { vaultRef: { name: 'app' }, generate: { uuid: {} }, ...parts } });
  if (spec instanceof Error) throw spec;
  return spec;
}
