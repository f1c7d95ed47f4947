import type { World } from '../world.ts';

/** A VaultCertificate whose end somebody should be warned of. */
export interface Expiry {
  readonly namespace: string;
  readonly name: string;
  readonly vault: string;
  readonly notAfter: Date | undefined;
}

/** The ends of all certificates that resources declare, for the metrics; from the records, which are the truth. */
export function* certificateExpiries(world: Pick<World, 'vaults' | 'objects'>): Iterable<Expiry> {
  for (const vault of world.vaults.heads()) {
    for (const { certificate } of world.objects.headsOf(vault.vaultId)) {
      if (certificate?.declaredBy === undefined || certificate.deleted !== undefined) continue;
      const { namespace, name } = certificate.declaredBy;
      const end = certificate.versions[0]?.certificate?.notAfter;
      yield { namespace, name, vault: vault.name, notAfter: end === undefined ? undefined : new Date(end) };
    }
  }
}
