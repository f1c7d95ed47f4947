import type { VaultStatus } from '../../api/vault.ts';
import { currentKey, type VaultHead } from '../../vault/vault-record.ts';
import { toSeconds } from '../conditions.ts';
import type { World } from '../world.ts';

/** The fields of a Vault's status besides conditions, counted from the records. */
export function vaultStatus(world: Pick<World, 'objects'>, vault: VaultHead): Omit<VaultStatus, 'conditions' | 'observedGeneration'> {
  const stats = world.objects.stats(vault.vaultId);
  const current = currentKey(vault);
  const versionsNotUnderCurrentKey = [...stats.versionsUnder].reduce((sum, [key, count]) => (key === current.id ? sum : sum + count), 0);
  const soonest = soonestExpiry(world, vault);
  return {
    vaultId: vault.vaultId,
    retentionDays: vault.retentionDays,
    purgeProtection: vault.purgeProtection,
    counts: { secrets: stats.secrets, keys: 0, certificates: stats.certificates, deleted: stats.deleted },
    ...(soonest === undefined ? {} : { soonestExpiry: soonest }),
    vaultKeyVersion: current.version,
    versionsNotUnderCurrentKey,
  };
}

/** Of everything that is not deleted: the end of a current certificate, or the `expires` of an object. */
function soonestExpiry(world: Pick<World, 'objects'>, vault: VaultHead): string | undefined {
  let soonest: string | undefined;
  for (const head of world.objects.headsOf(vault.vaultId)) {
    for (const state of [head.secret, head.certificate]) {
      if (state === undefined || state.deleted !== undefined) continue;
      const expires = state.versions[0]?.certificate?.notAfter ?? state.attributes.expires;
      if (expires !== undefined && (soonest === undefined || expires < soonest)) soonest = expires;
    }
  }
  return soonest === undefined ? undefined : toSeconds(new Date(soonest));
}
