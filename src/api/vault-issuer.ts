import { z } from 'zod';
import type { CustomResource } from './crd.ts';
import { commonStatus, vaultRef, type KubeObject } from './meta.ts';
import { objectName } from './object.ts';
import { parseSpec } from './parse.ts';
import { cel, dateTime, exactlyOne, list, rules, text } from './schema.ts';

/** metav1.LabelSelector, with limits. */
const labelSelector = rules(z.object({
  matchLabels: rules(z.record(z.string(), text(63)).meta({ maxProperties: 16 }), cel('self.all(k, size(k) <= 317)', 'keys of labels have at most 317 characters'))
    .optional().describe('Labels that must all be there.'),
  matchExpressions: list(rules(z.object({
    key: text(317).min(1),
    operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
    values: list(text(63), 32).optional().describe('With In and NotIn.'),
  }), cel("(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)", 'In and NotIn need values; Exists and DoesNotExist have none', '.values')), 16)
    .optional().describe('Conditions that must all hold.'),
}),
cel('(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)',
  'an empty selector would match every namespace: say so with from: All, or set matchLabels or matchExpressions')).describe('Which namespaces, by their labels.');

const allowedNamespaces = rules(z.object({
  from: z.enum(['Same', 'All', 'Selector']).default('Same').describe('Same: only the namespace of this issuer. All: every namespace. Selector: those that selector matches.'),
  selector: labelSelector.optional(),
}), cel("(self.from == 'Selector') == has(self.selector)", 'selector and from: Selector go together: set both or neither', '.selector'))
  .describe('From which namespaces certificates may use this issuer. Changing it needs the verb grant on the vault.');

const ca = rules(z.object({
  vaultRef,
  certificateName: objectName().describe('Name of the CA certificate, an object of that vault, with its key.'),
  allowSubordinates: z.boolean().default(false).describe('Whether certificates with isCA are signed at all.'),
  maxPathLength: z.int().min(0).max(10).optional().describe('How many CAs may come below one that is signed here. Default: 0, it signs leaves only.'),
}), cel('self.allowSubordinates || !has(self.maxPathLength)', 'maxPathLength is for subordinate CAs: set allowSubordinates: true, or remove it', '.maxPathLength'))
  .describe('Signs with a CA key of a vault of the same namespace. Using it needs the verb grant on that vault.');

const external = z.object({
  caBundle: text(95_000).min(1).optional()
    .describe('Certificates of the CA in PEM: its roots, and intermediates if it does not send them along. With a root in it, a signed certificate must chain up to one. Without it, a chain is taken as it comes.'),
}).describe('Signed outside of the cluster, by a person or a CA that Keystead cannot reach: the CSR goes out, the signed certificate comes back.');

const types = ['selfSigned', 'ca', 'external'] as const;
/** A type can neither come, go nor be exchanged. */
const sameType = types.map((type) => `has(self.${type}) == has(oldSelf.${type})`).join(' && ');

export const vaultIssuerSpec = rules(z.object({
  selfSigned: z.object({}).optional().describe('Every certificate is signed with its own key.'),
  ca: ca.optional(),
  external: external.optional(),
  allowedNamespaces: allowedNamespaces.prefault({}),
}),
exactlyOne(types, `set exactly one of ${types.join(', ')}`),
cel(sameType, 'the type of an issuer cannot be changed: create another issuer, and let certificates name that one'));

export type VaultIssuerSpecInput = z.input<typeof vaultIssuerSpec>;
export type VaultIssuerSpec = z.output<typeof vaultIssuerSpec>;

export const vaultIssuerStatus = z.object({
  ...commonStatus,
  subject: text(4096).optional().describe('Subject of the CA certificate (RFC 4514).'),
  notAfter: dateTime('Until when the CA certificate is valid; nothing is issued beyond it.').optional(),
  thumbprint: text(64).optional().describe('SHA-256 of the CA certificate, in hex.'),
}).describe('What the operator found. Only the operator writes it, and it is never read back as truth.');
export type VaultIssuerStatus = z.output<typeof vaultIssuerStatus>;

export type VaultIssuer = KubeObject<VaultIssuerSpecInput, VaultIssuerStatus>;

/** Reads a VaultIssuer's spec, with all defaults filled in. */
export const parseVaultIssuer = (object: KubeObject<unknown, unknown>) => parseSpec(vaultIssuerSpec, object);

export const vaultIssuer: CustomResource = {
  kind: 'VaultIssuer', plural: 'vaultissuers', singular: 'vaultissuer', shortNames: ['kvi'], scope: 'Namespaced',
  description: 'Who signs certificates: each by itself, a CA whose key lies in a vault, or somebody outside of the cluster.',
  spec: vaultIssuerSpec, status: vaultIssuerStatus, withoutSpec: 'required',
  rules: [],
  selectableFields: ['.spec.ca.vaultRef.name'],
  columns: [
    { name: 'Vault', type: 'string', jsonPath: '.spec.ca.vaultRef.name' },
    { name: 'CA', type: 'string', jsonPath: '.spec.ca.certificateName' },
    { name: 'Allowed', type: 'string', jsonPath: '.spec.allowedNamespaces.from' },
    { name: 'Not after', type: 'string', jsonPath: '.status.notAfter' },
  ],
};
