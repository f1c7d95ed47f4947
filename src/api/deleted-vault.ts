import { z } from 'zod';
import type { CustomResource } from './crd.ts';
import { commonStatus, type KubeObject } from './meta.ts';
import { parseSpec } from './parse.ts';
import { cel, dateTime, dnsLabel, rules, text } from './schema.ts';

/**
 * A vault that was deleted and can still be recovered. Only the operator creates and removes it; the record, not this
 * resource, is the truth (decisions 1, 41).
 */
export const deletedVaultSpec = rules(z.object({
  purge: text(64).min(1).optional()
    .describe('Set to status.vaultId to destroy the vault for good, at once. Needs the verb purge on this resource; refused under purge protection. It cannot be taken back.'),
}), cel('!has(oldSelf.purge) || (has(self.purge) && self.purge == oldSelf.purge)', 'a purge cannot be taken back: put purge back as it was', '.purge'));

export type DeletedVaultSpecInput = z.input<typeof deletedVaultSpec>;
export type DeletedVaultSpec = z.output<typeof deletedVaultSpec>;

export const deletedVaultStatus = z.object({
  ...commonStatus,
  vaultId: text(64).optional().describe('Which vault: names can come again, this cannot.'),
  namespace: dnsLabel().optional().describe('Where the vault was.'),
  vault: text(24).optional().describe('Its name.'),
  deletedAt: dateTime('When it was deleted.').optional(),
  scheduledPurge: dateTime('When it will be purged.').optional(),
  purgeProtection: z.boolean().optional().describe('Whether purging before that instant is refused.'),
}).describe('What was deleted. Only the operator writes it.');
export type DeletedVaultStatus = z.output<typeof deletedVaultStatus>;

export type DeletedVault = KubeObject<DeletedVaultSpecInput, DeletedVaultStatus>;

/** Reads a DeletedVault's spec. */
export const parseDeletedVault = (object: KubeObject<unknown, unknown>) => parseSpec(deletedVaultSpec, object);

/** The name of the DeletedVault of a vault. Namespaces have no dots, so it is unambiguous. */
export function deletedVaultName(namespace: string, vault: string): string {
  return `${namespace}.${vault}`;
}

export const deletedVault: CustomResource = {
  kind: 'DeletedVault', plural: 'deletedvaults', singular: 'deletedvault', shortNames: ['kvd'], scope: 'Cluster',
  description: 'A vault that was deleted and can be recovered until it is purged; made by the operator, named <namespace>.<vault>. Creating a Vault with createMode: Recover needs the verb recover on it.',
  spec: deletedVaultSpec, status: deletedVaultStatus, withoutSpec: 'default',
  rules: [
    cel('!has(self.spec.purge) || (has(self.status) && has(self.status.vaultId) && self.spec.purge == self.status.vaultId)',
      'spec.purge must be the id of this vault: copy it from status.vaultId', '.spec.purge'),
    cel('!has(self.spec.purge) || !has(self.status) || !has(self.status.purgeProtection) || !self.status.purgeProtection',
      'this vault has purge protection: it cannot be purged before status.scheduledPurge', '.spec.purge'),
  ],
  selectableFields: [],
  columns: [
    { name: 'Namespace', type: 'string', jsonPath: '.status.namespace' },
    { name: 'Vault', type: 'string', jsonPath: '.status.vault' },
    { name: 'Deleted', type: 'date', jsonPath: '.status.deletedAt' },
    { name: 'Scheduled purge', type: 'string', jsonPath: '.status.scheduledPurge' },
    { name: 'Protected', type: 'boolean', jsonPath: '.status.purgeProtection' },
  ],
};
