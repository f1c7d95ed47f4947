import { z } from 'zod';
import type { CustomResource } from './crd.ts';
import { commonStatus, vaultRef, type KubeObject } from './meta.ts';
import { objectName } from './object.ts';
import { parseSpec } from './parse.ts';
import { cel, dnsLabel, list, rules, text } from './schema.ts';

/** Exactly the strings of Azure Key Vault's access policies (@azure/arm-keyvault), so that policies can be carried over. */
export const secretPermissions = ['all', 'get', 'list', 'set', 'delete', 'backup', 'restore', 'recover', 'purge'] as const;
export const keyPermissions = [
  'all', 'encrypt', 'decrypt', 'wrapKey', 'unwrapKey', 'sign', 'verify', 'get', 'list', 'create', 'update', 'import', 'delete', 'backup',
  'restore', 'recover', 'purge', 'release', 'rotate', 'getrotationpolicy', 'setrotationpolicy',
] as const;
export const certificatePermissions = [
  'all', 'get', 'list', 'delete', 'create', 'import', 'update', 'managecontacts', 'getissuers', 'listissuers', 'setissuers', 'deleteissuers',
  'manageissuers', 'recover', 'purge', 'backup', 'restore',
] as const;

/** Key Vault's built-in data roles, by name. Roles of the management plane are Kubernetes RBAC and are not here. */
export const dataRoles = [
  'Key Vault Administrator', 'Key Vault Reader', 'Key Vault Secrets Officer', 'Key Vault Secrets User', 'Key Vault Crypto Officer',
  'Key Vault Crypto User', 'Key Vault Crypto Service Encryption User', 'Key Vault Crypto Service Release User',
  'Key Vault Certificates Officer', 'Key Vault Certificate User',
] as const;
export type DataRole = (typeof dataRoles)[number];

const subject = rules(z.object({
  kind: z.enum(['ServiceAccount', 'User', 'Group']),
  name: text(512).min(1).describe('Name of the ServiceAccount, or of the user or group as the API server knows it.'),
  namespace: dnsLabel().optional().describe('Namespace of the ServiceAccount.'),
}),
cel("(self.kind == 'ServiceAccount') == has(self.namespace)", 'a ServiceAccount needs its namespace; users and groups have none', '.namespace'),
// No anonymous access at all (decision 2): such a policy would look as if it opened something.
cel("!(self.name in ['system:anonymous', 'system:unauthenticated'])", 'nobody reaches a vault without saying who he is: name a user, group or ServiceAccount', '.name'));

const permissions = z.object({
  secrets: list(z.enum(secretPermissions), secretPermissions.length, 'set').optional().describe('What may be done with secrets.'),
  keys: list(z.enum(keyPermissions), keyPermissions.length, 'set').optional().describe('What may be done with keys.'),
  certificates: list(z.enum(certificatePermissions), certificatePermissions.length, 'set').optional().describe('What may be done with certificates.'),
}).describe("Permissions in Key Vault's words.");

const objects = rules(z.object({
  names: list(objectName(), 256, 'set').optional().describe('Names of objects; upper and lower case are the same.'),
  prefixes: list(objectName(), 64, 'set').optional().describe('Beginnings of names of objects.'),
}), cel('(has(self.names) && size(self.names) > 0) || (has(self.prefixes) && size(self.prefixes) > 0)',
  'an empty objects would match nothing: list names or prefixes, or remove objects to mean all'))
  .describe('Limits this policy to some objects. Default: all objects of the vault.');

const grantsPermissions = '(has(self.roles) && size(self.roles) > 0) || (has(self.permissions) && [has(self.permissions.secrets) && size(self.permissions.secrets) > 0, has(self.permissions.keys) && size(self.permissions.keys) > 0, has(self.permissions.certificates) && size(self.permissions.certificates) > 0].exists(x, x))';
const hasSubjects = 'has(self.subjects) && size(self.subjects) > 0';

export const accessPolicySpec = rules(z.object({
  vaultRef,
  subjects: list(subject, 128).optional().describe('Whom permissions and roles are for.'),
  permissions: permissions.optional(),
  roles: list(z.enum(dataRoles), dataRoles.length, 'set').optional().describe("Built-in data roles of Key Vault, by name."),
  objects: objects.optional(),
  effect: rules(z.enum(['Allow', 'Deny']), cel('self == oldSelf', 'effect cannot be changed: create another policy with the other effect and delete this one'))
    .default('Allow').describe('Deny always wins over Allow. It cannot be changed.'),
  syncTo: list(dnsLabel(), 128, 'set').optional()
    .describe('Namespaces that targets may be written to with objects of this policy. Another namespace than the own one must also carry the label sync.keystead.dev/<namespace of the vault>: allow. With Deny: namespaces that they must not be written to.'),
}),
cel(`${grantsPermissions} || (has(self.syncTo) && size(self.syncTo) > 0)`, 'this policy says nothing: set permissions, roles or syncTo'),
cel(`(${grantsPermissions}) == (${hasSubjects})`, 'permissions and roles need subjects, and subjects need permissions or roles: set both or neither'));

export type AccessPolicySpecInput = z.input<typeof accessPolicySpec>;
export type AccessPolicySpec = z.output<typeof accessPolicySpec>;
export type Subject = z.output<typeof subject>;

export const accessPolicyStatus = z.object({ ...commonStatus })
  .describe('What the operator found. Only the operator writes it, and it is never read back as truth.');
export type AccessPolicyStatus = z.output<typeof accessPolicyStatus>;

export type AccessPolicy = KubeObject<AccessPolicySpecInput, AccessPolicyStatus>;

/** Reads an AccessPolicy's spec, with all defaults filled in. */
export const parseAccessPolicy = (object: KubeObject<unknown, unknown>) => parseSpec(accessPolicySpec, object);

export const accessPolicy: CustomResource = {
  kind: 'AccessPolicy', plural: 'accesspolicies', singular: 'accesspolicy', shortNames: ['kvap'], scope: 'Namespaced',
  description: 'Who may do what with the contents of a vault, and to which namespaces they may be synced. Creating or changing one needs the verb grant on the vault.',
  spec: accessPolicySpec, status: accessPolicyStatus, withoutSpec: 'required',
  rules: [],
  selectableFields: ['.spec.vaultRef.name'],
  columns: [
    { name: 'Vault', type: 'string', jsonPath: '.spec.vaultRef.name' },
    { name: 'Effect', type: 'string', jsonPath: '.spec.effect' },
    { name: 'Roles', type: 'string', jsonPath: '.spec.roles', priority: 1 },
    { name: 'Sync to', type: 'string', jsonPath: '.spec.syncTo', priority: 1 },
  ],
};
