import { z } from 'zod';
import type { CustomResource } from './crd.ts';
import { duration } from './duration.ts';
import { commonStatus, type KubeObject } from './meta.ts';
import { parseSpec } from './parse.ts';
import { cel, dateTime, rules, text } from './schema.ts';

const quantity = /^[1-9][0-9]{0,9}(Ki|Mi|Gi)?$/;

/** Bytes as Kubernetes writes quantities: a number, or with Ki, Mi or Gi. */
const bytes = z.union([z.int(), z.string().regex(quantity)]).meta({
  'x-kubernetes-int-or-string': true, maxLength: 16,
  'x-kubernetes-validations': [
    cel(`type(self) == int ? self >= 65536 && self <= 1073741824 : self.matches(r'${quantity.source}') && quantity(self).asInteger() >= 65536 && quantity(self).asInteger() <= 1073741824`,
      'must be 64Ki to 1Gi, written like 16Mi'),
  ],
}).transform(quantityBytes);

function quantityBytes(written: number | string): number {
  const [, digits = '', unit = ''] = /^([0-9]+)(Ki|Mi|Gi)?$/.exec(String(written)) ?? [];
  const factor = { '': 1, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 }[unit] ?? 1;
  return Number(digits) * factor;
}

const limits = z.object({
  objects: z.int().min(1).max(100_000).default(1000).describe('Secrets, keys and certificates, those that are soft-deleted included.'),
  versionsPerObject: z.int().min(1).max(1000).default(100).describe('Versions of one object. A new version beyond it is refused; the oldest is never dropped silently.'),
  bytes: bytes.prefault('16Mi').describe('Bytes that all records of the vault take together, 64Ki to 1Gi.'),
}).describe('What the vault may hold; a write beyond a limit is refused with the limit named.');

const encryption = z.object({
  rotationInterval: duration('24h', 'After how long a new vault key is made and everything is wrapped under it. Default: only when the annotation keystead.dev/rotate-vault-key gets a new value.').optional(),
}).describe('The vault key. Setting or changing this needs the verb grant on the vault.');

/**
 * The rules stand on `spec`, and `spec` has a default: on the field itself they would not be evaluated when the field is
 * removed or null, which is how purge protection could be switched off (decision 18).
 */
const specRules = [
  cel('!(has(oldSelf.purgeProtection) && oldSelf.purgeProtection) || (has(self.purgeProtection) && self.purgeProtection)',
    'purge protection, once on, stays on for ever: put purgeProtection: true back', '.purgeProtection'),
  cel('self.retentionDays == oldSelf.retentionDays', 'retentionDays is fixed when the vault is created: put the old number back', '.retentionDays'),
];

export const vaultSpec = rules(z.object({
  retentionDays: z.int().min(7).max(90).default(90)
    .describe('For how many days a deleted object, or the deleted vault, can be recovered before it is purged. Fixed at creation; of a recovered vault the number that it was first created with holds, see status.retentionDays.'),
  purgeProtection: z.boolean().default(false)
    .describe('With purge protection nobody can purge before retentionDays are over. Once true it is true for ever, also when the vault is deleted and created again; see status.purgeProtection.'),
  createMode: z.enum(['Default', 'Recover']).default('Default')
    .describe('Recover takes back the deleted vault of this namespace and name, if there is one; it needs the verb recover on its DeletedVault.'),
  limits: limits.prefault({}),
  encryption: encryption.optional(),
}), ...specRules);

export type VaultSpecInput = z.input<typeof vaultSpec>;
export type VaultSpec = z.output<typeof vaultSpec>;

const count = (description: string) => z.int().min(0).describe(description);

export const vaultStatus = z.object({
  ...commonStatus,
  vaultId: text(64).optional().describe('Made once; a recovered vault keeps it.'),
  retentionDays: z.int().optional().describe('The retention that is in force.'),
  purgeProtection: z.boolean().optional().describe('Whether purge protection is in force: the record or spec says so.'),
  counts: z.object({
    secrets: count('Secrets that are not deleted.'),
    keys: count('Keys that are not deleted.'),
    certificates: count('Certificates that are not deleted.'),
    deleted: count('Objects that are soft-deleted and can be recovered.'),
  }).optional().describe('Objects in the vault; written at most once in ten seconds.'),
  soonestExpiry: dateTime('When the first of the objects expires.').optional(),
  vaultKeyVersion: z.int().min(1).optional().describe('Version of the vault key that new versions are wrapped under.'),
  versionsNotUnderCurrentKey: count('How many versions are still wrapped under an older vault key; 0 when a rotation is done.').optional(),
}).describe('What the operator found. Only the operator writes it, and it is never read back as truth.');
export type VaultStatus = z.output<typeof vaultStatus>;

export type Vault = KubeObject<VaultSpecInput, VaultStatus>;

/** Reads a Vault's spec, with all defaults filled in. */
export const parseVault = (object: KubeObject<unknown, unknown>) => parseSpec(vaultSpec, object);

export const vault: CustomResource = {
  kind: 'Vault', plural: 'vaults', singular: 'vault', shortNames: ['kv'], scope: 'Namespaced',
  description: 'A named container of secrets, keys and certificates, encrypted under a key of its own.',
  spec: vaultSpec, status: vaultStatus, withoutSpec: 'default',
  rules: [
    cel("self.metadata.name.matches('^[a-z][a-z0-9-]{1,22}[a-z0-9]$') && !self.metadata.name.contains('--')",
      "the name of a vault has 3 to 24 lower-case letters, digits and single '-', and begins with a letter: choose another name", '.metadata.name'),
  ],
  selectableFields: ['.spec.createMode'],
  columns: [
    { name: 'Secrets', type: 'integer', jsonPath: '.status.counts.secrets' },
    { name: 'Certificates', type: 'integer', jsonPath: '.status.counts.certificates' },
    { name: 'Deleted', type: 'integer', jsonPath: '.status.counts.deleted' },
    { name: 'Soonest expiry', type: 'string', jsonPath: '.status.soonestExpiry' },
    { name: 'Key', type: 'integer', jsonPath: '.status.vaultKeyVersion', priority: 1 },
  ],
};
