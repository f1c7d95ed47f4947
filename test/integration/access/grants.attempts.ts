import { resources } from '../../../src/kube/resource.ts';
import { apply, create, patch, remove, removeAll, type Attempt } from './attempts.ts';

/** Attacks on what people declare: giving oneself contents, and everything that comes to the same. */

const namespace = 'team-a';
const { accessPolicies, vaults, vaultSecrets, vaultCertificates, vaultIssuers } = resources;
const toMallory = { subjects: [{ kind: 'User', name: 'mallory' }], permissions: { secrets: ['get'] } };

function refused(guard: string, what: string, vault: string) {
  return {
    guard,
    says: `${what} needs the verb "grant" on vaults.keystead.dev "${vault}" in namespace "team-a". Ask somebody who holds it to make this change, or to give it to you with a Role.`,
  };
}

const policyRefused = (vault = 'app') =>
  refused('keystead-grant-accesspolicies', 'Creating or changing an AccessPolicy, or deleting one with effect Deny,', vault);
const policy = (name: string) => ({ namespace, name });
const newPolicy = (vault: string, spec: object) => create(accessPolicies, policy('mine'), { spec: { vaultRef: { name: vault }, ...spec } });

/** DESIGN §3: creating or changing an AccessPolicy needs `grant`. */
export const accessPolicyAttempts: readonly Attempt[] = [
  { who: 'mallory', does: 'grants himself', call: newPolicy('app', toMallory), expected: policyRefused() },
  { who: 'mallory', does: 'grants himself a role', call: newPolicy('app', { subjects: toMallory.subjects, roles: ['Key Vault Administrator'] }), expected: policyRefused() },
  { who: 'mallory', does: 'lets himself sync', call: newPolicy('app', { syncTo: [namespace] }), expected: policyRefused() },
  { who: 'mallory', does: 'denies somebody', call: newPolicy('app', { ...toMallory, effect: 'Deny' }), expected: policyRefused() },
  { who: 'mallory', does: 'grants himself on a vault that is not there yet', call: newPolicy('soon', toMallory), expected: policyRefused('soon') },
  { who: 'trent', does: 'grants himself, with ordinary verbs everywhere', call: newPolicy('app', toMallory), expected: policyRefused() },
  { who: 'mallory', does: 'widens syncTo', call: patch(accessPolicies, policy('readers'), { spec: { syncTo: ['team-a', 'team-b'] } }), expected: policyRefused() },
  { who: 'mallory', does: 'adds himself to the subjects', call: patch(accessPolicies, policy('readers'), { spec: { subjects: toMallory.subjects } }), expected: policyRefused() },
  { who: 'mallory', does: 'narrows a policy', call: patch(accessPolicies, policy('readers'), { spec: { syncTo: null } }), expected: policyRefused() },
  { who: 'mallory', does: 'takes himself off a Deny', call: patch(accessPolicies, policy('ban'), { spec: { permissions: { secrets: ['purge'] } } }), expected: policyRefused() },
  { who: 'mallory', does: 'deletes a Deny', call: remove(accessPolicies, policy('ban')), expected: policyRefused() },
  { who: 'garbageCollector', does: 'deletes a Deny that somebody gave a vanished owner', call: remove(accessPolicies, policy('ban')), expected: policyRefused() },
  { who: 'mallory', does: 'grants himself by server-side apply', call: apply(accessPolicies, policy('mine'), { spec: { vaultRef: { name: 'app' }, ...toMallory } }), expected: policyRefused() },
  { who: 'mallory', does: 'deletes all policies, a Deny among them', call: removeAll(accessPolicies, namespace), expected: policyRefused() },
  { who: 'mallory', does: 'deletes an Allow, which lets nobody in', call: remove(accessPolicies, policy('readers')), expected: 'allowed' },
  { who: 'mallory', does: 'labels a policy', call: patch(accessPolicies, policy('ban'), { metadata: { labels: { team: 'a' } } }), expected: 'allowed' },
  { who: 'grace', does: 'grants on the vault that she holds', call: newPolicy('app', toMallory), expected: 'allowed' },
  { who: 'grace', does: 'grants on another vault', call: newPolicy('other', toMallory), expected: policyRefused('other') },
  { who: 'grace', does: 'deletes a Deny', call: remove(accessPolicies, policy('ban')), expected: 'allowed' },
  {
    who: 'grace', does: 'changes the effect', call: patch(accessPolicies, policy('ban'), { spec: { effect: 'Allow' } }),
    expected: { rule: 'effect cannot be changed: create another policy with the other effect and delete this one' },
  },
  {
    who: 'grace', does: 'removes the effect of a Deny', call: patch(accessPolicies, policy('ban'), { spec: { effect: null } }),
    expected: { rule: 'effect cannot be changed' },
  },
  {
    who: 'grace', does: 'moves a policy to another vault', call: patch(accessPolicies, policy('readers'), { spec: { vaultRef: { name: 'other' } } }),
    expected: { rule: 'vaultRef cannot be changed' },
  },
  { who: 'star', does: 'grants in his namespace: * includes grant (inherent, decisions 30)', call: newPolicy('app', toMallory), expected: 'allowed' },
];

const vaultRefused = (vault: string) => refused(
  'keystead-grant-vaults',
  'Setting or changing spec.backup, spec.endpoint.hostNames, spec.network, spec.audit, spec.encryption or the annotation keystead.dev/rotate-vault-key of a Vault',
  vault,
);
const vault = (name: string) => ({ namespace, name });
const recoverRefused = (name: string) => ({
  guard: 'keystead-recover',
  says: `Recovering a vault needs the verb "recover" on deletedvaults.keystead.dev "team-a.${name}", which is cluster-scoped: a Role in this namespace does not give it. Ask a cluster administrator for a ClusterRole with that resourceName.`,
});
const staysOn = { rule: 'purge protection, once on, stays on for ever' };

/** Decisions 1, 17, 18, 51. */
export const vaultAttempts: readonly Attempt[] = [
  { who: 'mallory', does: 'creates a plain vault', call: create(vaults, vault('fresh'), { spec: {} }), expected: 'allowed' },
  { who: 'mallory', does: 'changes the limits of a vault', call: patch(vaults, vault('app'), { spec: { limits: { objects: 5 } } }), expected: 'allowed' },
  { who: 'mallory', does: 'creates a vault with encryption set', call: create(vaults, vault('fresh'), { spec: { encryption: { rotationInterval: '720h' } } }), expected: vaultRefused('fresh') },
  { who: 'mallory', does: 'changes encryption', call: patch(vaults, vault('app'), { spec: { encryption: { rotationInterval: '24h' } } }), expected: vaultRefused('app') },
  { who: 'mallory', does: 'asks for a new vault key', call: patch(vaults, vault('app'), { metadata: { annotations: { 'keystead.dev/rotate-vault-key': 'now' } } }), expected: vaultRefused('app') },
  { who: 'grace', does: 'changes encryption', call: patch(vaults, vault('app'), { spec: { encryption: { rotationInterval: '24h' } } }), expected: 'allowed' },
  { who: 'mallory', does: 'recovers a deleted vault', call: create(vaults, vault('gone'), { spec: { createMode: 'Recover' } }), expected: recoverRefused('gone') },
  { who: 'mallory', does: 'turns a vault into a recovery', call: patch(vaults, vault('other'), { spec: { createMode: 'Recover' } }), expected: recoverRefused('other') },
  { who: 'star', does: 'recovers with * in the namespace', call: create(vaults, vault('gone'), { spec: { createMode: 'Recover' } }), expected: recoverRefused('gone') },
  { who: 'trent', does: 'recovers with ordinary verbs everywhere', call: create(vaults, vault('gone'), { spec: { createMode: 'Recover' } }), expected: recoverRefused('gone') },
  { who: 'rita', does: 'recovers with the verb', call: create(vaults, vault('gone'), { spec: { createMode: 'Recover' } }), expected: 'allowed' },
  { who: 'rita', does: 'recovers another one', call: create(vaults, vault('third'), { spec: { createMode: 'Recover' } }), expected: recoverRefused('third') },
  { who: 'admin', does: 'switches purge protection off', call: patch(vaults, vault('app'), { spec: { purgeProtection: false } }), expected: staysOn },
  { who: 'admin', does: 'sets purge protection to null', call: patch(vaults, vault('app'), { spec: { purgeProtection: null } }), expected: staysOn },
  { who: 'admin', does: 'shortens the retention', call: patch(vaults, vault('app'), { spec: { retentionDays: 7 } }), expected: { rule: 'retentionDays is fixed when the vault is created' } },
];

const issuerRefused = (vaultName: string) =>
  refused('keystead-grant-vaultissuers', 'Creating a VaultIssuer that uses a vault, or changing its ca, vaultRef or allowedNamespaces,', vaultName);
const ca = (vaultName: string) => ({ spec: { ca: { vaultRef: { name: vaultName }, certificateName: 'root' } } });

/** Decisions 44. */
export const issuerAttempts: readonly Attempt[] = [
  { who: 'mallory', does: 'makes an issuer of a CA key', call: create(vaultIssuers, vault('mine'), ca('app')), expected: issuerRefused('app') },
  { who: 'grace', does: 'makes an issuer of a CA key of her vault', call: create(vaultIssuers, vault('mine'), ca('app')), expected: 'allowed' },
  { who: 'grace', does: "makes an issuer of another vault's CA key", call: create(vaultIssuers, vault('mine'), ca('other')), expected: issuerRefused('other') },
  { who: 'mallory', does: 'names another certificate', call: patch(vaultIssuers, vault('own-ca'), { spec: { ca: { certificateName: 'db' } } }), expected: issuerRefused('app') },
  { who: 'mallory', does: 'lets it sign subordinate CAs', call: patch(vaultIssuers, vault('own-ca'), { spec: { ca: { allowSubordinates: true } } }), expected: issuerRefused('app') },
  { who: 'mallory', does: 'opens it to all namespaces', call: patch(vaultIssuers, vault('own-ca'), { spec: { allowedNamespaces: { from: 'All' } } }), expected: issuerRefused('app') },
  { who: 'grace', does: 'opens it to all namespaces', call: patch(vaultIssuers, vault('own-ca'), { spec: { allowedNamespaces: { from: 'All' } } }), expected: 'allowed' },
  {
    who: 'grace', does: 'moves it to another vault', call: patch(vaultIssuers, vault('own-ca'), { spec: { ca: { vaultRef: { name: 'other' } } } }),
    expected: { rule: 'vaultRef cannot be changed' },
  },
  { who: 'mallory', does: 'makes a self-signing issuer, which uses no vault', call: create(vaultIssuers, vault('mine'), { spec: { selfSigned: {} } }), expected: 'allowed' },
  { who: 'mallory', does: 'turns a self-signing issuer into a CA', call: patch(vaultIssuers, vault('self'), { spec: { selfSigned: null, ...ca('app').spec } }), expected: { rule: 'the type of an issuer cannot be changed' } },
  { who: 'mallory', does: 'labels an issuer', call: patch(vaultIssuers, vault('own-ca'), { metadata: { labels: { team: 'a' } } }), expected: 'allowed' },
];

const takeRefused = (vaultName = 'app') => refused('keystead-grant-objects', 'Setting adopt: true or createMode: Recover', vaultName);
const secret = (spec: object) => create(vaultSecrets, vault('mine'), { spec: { vaultRef: { name: 'app' }, objectName: 'db', generate: { password: {} }, ...spec } });
const certificate = (spec: object) => create(vaultCertificates, vault('mine'), { spec: { vaultRef: { name: 'app' }, issuerRef: { name: 'self' }, commonName: 'x', ...spec } });

/** Decisions 1, 37, 43. */
export const objectAttempts: readonly Attempt[] = [
  { who: 'mallory', does: 'declares a secret', call: secret({}), expected: 'allowed' },
  { who: 'mallory', does: 'adopts a secret', call: secret({ adopt: true }), expected: takeRefused() },
  { who: 'mallory', does: 'recovers a deleted secret', call: secret({ createMode: 'Recover' }), expected: takeRefused() },
  { who: 'mallory', does: 'adopts a certificate', call: certificate({ adopt: true }), expected: takeRefused() },
  { who: 'mallory', does: 'recovers a deleted certificate', call: certificate({ createMode: 'Recover' }), expected: takeRefused() },
  { who: 'mallory', does: 'sets adopt afterwards', call: patch(vaultSecrets, vault('db'), { spec: { adopt: true } }), expected: takeRefused() },
  { who: 'mallory', does: 'sets createMode afterwards', call: patch(vaultCertificates, vault('web'), { spec: { createMode: 'Recover' } }), expected: takeRefused() },
  { who: 'mallory', does: 'changes another field of an adopting resource', call: patch(vaultSecrets, vault('taken'), { spec: { contentType: 'text/plain' } }), expected: 'allowed' },
  { who: 'mallory', does: 'adds recovery to an adopting resource', call: patch(vaultSecrets, vault('taken'), { spec: { createMode: 'Recover' } }), expected: takeRefused() },
  { who: 'mallory', does: 'takes adopt away', call: patch(vaultSecrets, vault('taken'), { spec: { adopt: false } }), expected: 'allowed' },
  {
    who: 'grace', does: 'points an adopting resource at another object', call: patch(vaultSecrets, vault('taken'), { spec: { objectName: 'root' } }),
    expected: { rule: 'objectName cannot be changed' },
  },
  { who: 'grace', does: 'adopts', call: secret({ adopt: true }), expected: 'allowed' },
  { who: 'grace', does: 'recovers', call: certificate({ createMode: 'Recover' }), expected: 'allowed' },
];
