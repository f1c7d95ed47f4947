import { z } from 'zod';
import type { CustomResource } from './crd.ts';
import type { KeysteadError } from './error.ts';
import { generate } from './generate.ts';
import { commonStatus, vaultRef, type KubeObject } from './meta.ts';
import { attributes, contentType, objectFields, objectNameRules, objectSpecRules } from './object.ts';
import { parseSpec } from './parse.ts';
import { atMostOne, dateTime, dnsSubdomain, matching, rules, text } from './schema.ts';
import { resolveTarget, target, type Target } from './target.ts';

const secretRef = z.object({
  name: dnsSubdomain().describe('Name of a Secret of the same namespace that carries the label keystead.dev/source: <vault>.'),
  key: matching(/^[-._a-zA-Z0-9]+$/, 253, "must be a key of a Secret: letters, digits, '-', '_' and '.'").optional()
    .describe('The one key to take. Default: all keys, each as a field of the value.'),
}).describe('Takes the value from a Kubernetes Secret and follows its changes. The label on that Secret is its owner\'s consent.');

export const vaultSecretSpec = rules(z.object({
  vaultRef,
  ...objectFields,
  generate: generate.optional(),
  secretRef: secretRef.optional(),
  attributes: attributes.prefault({}),
  contentType,
  versionsToKeep: z.int().min(1).max(1000).optional()
    .describe('How many versions are kept when a new one is made; older ones are destroyed. Default: 10 with generate.rotation, else all, up to the limit of the vault.'),
  target: target('Opaque').optional(),
}),
atMostOne(['generate', 'secretRef'], 'a value has one source: set generate or secretRef, or none if it is set through the data plane'),
...objectSpecRules);

export type VaultSecretSpecInput = z.input<typeof vaultSecretSpec>;

/** After defaulting; `objectName` and the target's place are filled in from the resource. */
export type VaultSecretSpec = Omit<z.output<typeof vaultSecretSpec>, 'target' | 'objectName'> & {
  readonly objectName: string;
  readonly target: Target | undefined;
};

export const vaultSecretStatus = z.object({
  ...commonStatus,
  objectName: text(127).optional().describe('Name of the object in the vault.'),
  version: text(64).optional().describe('The current version.'),
  lastRotation: dateTime('When the current version was made.').optional(),
  nextRotation: dateTime('When the next value will be made.').optional(),
  target: text(320).optional().describe('The Secret that is in step with the current version, as <namespace>/<name>.'),
  nextAttempt: dateTime('When a failed attempt is tried again.').optional(),
}).describe('What the operator found. Only the operator writes it, and it is never read back as truth. It never holds a value.');
export type VaultSecretStatus = z.output<typeof vaultSecretStatus>;

export type VaultSecret = KubeObject<VaultSecretSpecInput, VaultSecretStatus>;

/** Reads a VaultSecret's spec, with all defaults filled in. */
export function parseVaultSecret(object: KubeObject<unknown, unknown>): VaultSecretSpec | KeysteadError {
  const spec = parseSpec(vaultSecretSpec, object);
  return spec instanceof Error ? spec : {
    ...spec,
    objectName: spec.objectName ?? object.metadata.name,
    versionsToKeep: spec.versionsToKeep ?? (spec.generate?.rotation === undefined ? undefined : 10),
    target: spec.target === undefined ? undefined : resolveTarget(spec.target, object.metadata),
  };
}

export const vaultSecret: CustomResource = {
  kind: 'VaultSecret', plural: 'vaultsecrets', singular: 'vaultsecret', shortNames: ['kvs'], scope: 'Namespaced',
  description: 'A secret in a vault: generated, taken from a Kubernetes Secret, or set through the data plane; and where it is synced to.',
  spec: vaultSecretSpec, status: vaultSecretStatus, withoutSpec: 'required',
  rules: objectNameRules,
  selectableFields: ['.spec.vaultRef.name'],
  columns: [
    { name: 'Vault', type: 'string', jsonPath: '.spec.vaultRef.name' },
    { name: 'Target', type: 'string', jsonPath: '.status.target' },
    { name: 'Version', type: 'string', jsonPath: '.status.version', priority: 1 },
    { name: 'Next rotation', type: 'string', jsonPath: '.status.nextRotation', priority: 1 },
  ],
};
