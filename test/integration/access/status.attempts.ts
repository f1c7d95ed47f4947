import { resources } from '../../../src/kube/resource.ts';
import { apply, create, patch, remove, type Attempt, type Expected } from './attempts.ts';
import type { ActorName } from './actors.ts';

/** Attacks on what the operator alone writes: status and DeletedVaults. */

const { deletedVaults } = resources;
const ready = { status: { conditions: [{ type: 'Ready', status: 'True', reason: 'Forged', message: 'forged', lastTransitionTime: '2026-01-01T00:00:00Z' }] } };
const statusRefused = { guard: 'keystead-status', says: 'Only the Keystead operator writes status. Change spec instead; status follows.' };

const statuses = [
  [resources.vaults, 'app'], [resources.vaultSecrets, 'db'], [resources.vaultCertificates, 'web'],
  [resources.vaultIssuers, 'own-ca'], [resources.accessPolicies, 'readers'],
] as const;

/** Decisions 3. */
export const statusAttempts: readonly Attempt[] = [
  ...statuses.flatMap(([resource, name]) => {
    const call = patch(resource, { namespace: 'team-a', name, subresource: 'status' }, ready);
    const does = `forges the status of a ${resource.kind}`;
    return [
      { who: 'mallory', does, call, expected: statusRefused },
      { who: 'admin', does, call, expected: statusRefused },
      { who: 'server', does, call, expected: statusRefused },
      { who: 'operator', does: `writes the status of a ${resource.kind}`, call, expected: 'allowed' },
    ] satisfies Attempt[];
  }),
  { who: 'mallory', does: 'forges status by server-side apply', call: apply(resources.vaults, { namespace: 'team-a', name: 'app', subresource: 'status' }, ready), expected: statusRefused },
  { who: 'trent', does: 'forges what was deleted', call: patch(deletedVaults, { name: 'team-a.locked', subresource: 'status' }, { status: { purgeProtection: false } }), expected: statusRefused },
];

const onlyOperator = {
  guard: 'keystead-purge',
  says: 'Only the Keystead operator creates, deletes or changes a DeletedVault. To purge, set spec.purge to the vault id that status.vaultId shows; to recover, create the Vault again with createMode: Recover.',
};
const needsPurge = (name: string) => ({
  guard: 'keystead-purge',
  says: `Setting spec.purge destroys a vault for ever and needs the verb "purge" on deletedvaults.keystead.dev "${name}". Ask a cluster administrator for a ClusterRole with that resourceName.`,
});
const purge = (who: ActorName, does: string, name: string, content: object, expected: Expected): Attempt =>
  ({ who, does, call: patch(deletedVaults, { name }, content), expected });
const withId = (id: string) => ({ spec: { purge: id } });

/** Decisions 1, 41. */
export const deletedVaultAttempts: readonly Attempt[] = [
  { who: 'trent', does: 'makes up a deleted vault', call: create(deletedVaults, { name: 'team-a.app' }, { spec: {} }), expected: onlyOperator },
  { who: 'trent', does: 'deletes a DeletedVault', call: remove(deletedVaults, { name: 'team-a.gone' }), expected: onlyOperator },
  { who: 'rita', does: 'deletes a DeletedVault, with purge', call: remove(deletedVaults, { name: 'team-a.gone' }), expected: onlyOperator },
  { who: 'admin', does: 'deletes a DeletedVault', call: remove(deletedVaults, { name: 'team-a.gone' }), expected: onlyOperator },
  purge('trent', 'labels a DeletedVault', 'team-a.gone', { metadata: { labels: { a: 'b' } } }, onlyOperator),
  purge('trent', 'holds a DeletedVault by a finalizer', 'team-a.gone', { metadata: { finalizers: ['example.com/mine'] } }, onlyOperator),
  purge('trent', 'purges without the verb', 'team-a.gone', withId('id-gone'), needsPurge('team-a.gone')),
  purge('rita', 'purges with the verb', 'team-a.gone', withId('id-gone'), 'allowed'),
  purge('rita', 'purges and changes something else', 'team-a.gone', { ...withId('id-gone'), metadata: { annotations: { a: 'b' } } }, onlyOperator),
  purge('rita', 'purges with the id of another vault', 'team-a.gone', withId('id-locked'), { rule: 'spec.purge must be the id of this vault: copy it from status.vaultId' }),
  purge('rita', 'purges under purge protection', 'team-a.locked', withId('id-locked'), { rule: 'this vault has purge protection: it cannot be purged before status.scheduledPurge' }),
  purge('admin', 'purges under purge protection', 'team-a.locked', withId('id-locked'), { rule: 'this vault has purge protection' }),
  purge('operator', 'orders a purge itself', 'team-a.gone', withId('id-gone'), needsPurge('team-a.gone')),
  { who: 'operator', does: 'makes a DeletedVault', call: create(deletedVaults, { name: 'team-a.new' }, { spec: {} }), expected: 'allowed' },
  { who: 'operator', does: 'removes a DeletedVault', call: remove(deletedVaults, { name: 'team-a.gone' }), expected: 'allowed' },
];
