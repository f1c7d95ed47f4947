import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { kubectl, ownControlPlane } from '../../support/control-plane.ts';
import { installKeystead, startOperator, until, type RunningOperator } from '../../support/operator.ts';
import { Team, type Live } from '../../support/team.ts';

let on: ControlPlane;
let operator: RunningOperator;

beforeAll(async () => {
  on = await ownControlPlane();
  await installKeystead(on);
  operator = await startOperator(on);
}, 120_000);

afterAll(() => operator.stop());

async function deletedVault(name: string): Promise<Live | undefined> {
  const answer = await kubectl(['get', 'deletedvault', name, '--ignore-not-found', '-o', 'json'], { on });
  if (answer === '') return undefined;
  const live: Live = JSON.parse(answer);
  return live;
}

describe('a Vault', () => {
  it('becomes Ready, says where its root key lies, and counts what it holds', async () => {
    const team = await Team.create(on);
    await team.apply(team.manifest('Vault', 'app', {}));
    await team.ready('vault/app');
    const { status } = await team.get('vault/app');
    expect(status).toMatchObject({ vaultKeyVersion: 1, versionsNotUnderCurrentKey: 0, retentionDays: 90, purgeProtection: false });
    expect(status?.conditions?.map(({ type, status: is }) => [type, is])).toEqual([['Ready', 'True'], ['RootKeyInCluster', 'True']]);
    await team.apply(team.manifest('VaultSecret', 'one', { vaultRef: { name: 'app' }, generate: { uuid: {} } }));
    await team.when('vault/app', (live) => JSON.stringify(live.status?.['counts']) === JSON.stringify({ certificates: 0, deleted: 0, keys: 0, secrets: 1 }));
  });

  it('refuses what goes over its limits, says which, and goes on when they are raised', async () => {
    const team = await Team.create(on);
    await team.apply(team.manifest('Vault', 'tight', { limits: { objects: 1 } }));
    await team.ready('vault/tight');
    await team.apply(team.manifest('VaultSecret', 'one', { vaultRef: { name: 'tight' }, generate: { uuid: {} } }));
    await team.ready('vaultsecret/one');
    await team.apply(team.manifest('VaultSecret', 'two', { vaultRef: { name: 'tight' }, generate: { uuid: {} } }));
    expect((await team.reason('vaultsecret/two', 'LimitExceeded')).message).toContain('spec.limits.objects');
    await team.apply(team.manifest('Vault', 'tight', { limits: { objects: 2 } }));
    await team.ready('vaultsecret/two');
  });

  it('gets a new key on request, with everything rewrapped and every value as it was', async () => {
    const team = await Team.create(on);
    await team.apply(team.manifest('Vault', 'turning', {}));
    await team.ready('vault/turning');
    const names = ['a', 'b', 'c'];
    await team.apply(...names.map((name) => team.manifest('VaultSecret', name, { vaultRef: { name: 'turning' }, generate: { password: {} }, target: {} })));
    await team.ready(...names.map((name) => `vaultsecret/${name}`));
    const before = await Promise.all(names.map((name) => team.get(`secret/${name}`)));
    await team.kubectl('annotate', 'vault/turning', 'keystead.dev/rotate-vault-key=now');
    await team.when('vault/turning', ({ status }) => status?.['vaultKeyVersion'] === 2 && status['versionsNotUnderCurrentKey'] === 0);
    const after = await Promise.all(names.map((name) => team.get(`secret/${name}`)));
    expect(after.map(({ metadata }) => metadata.resourceVersion)).toEqual(before.map(({ metadata }) => metadata.resourceVersion));
    await team.kubectl('delete', 'secret', ...names);
    for (const [n, name] of names.entries()) {
      const back = await team.when(`secret/${name}`, () => true);
      expect(back.data).toEqual(before[n]?.data);
    }
  });
});

describe('a deleted Vault', () => {
  it('is shown as a DeletedVault, closes its contents, and comes back with them', async () => {
    const team = await Team.create(on);
    await team.apply(team.manifest('Vault', 'app', {}), team.manifest('VaultSecret', 'db', { vaultRef: { name: 'app' }, generate: { password: {} }, target: {} }));
    await team.ready('vaultsecret/db');
    const { status } = await team.get('vault/app');
    const before = await team.get('secret/db');
    await team.kubectl('delete', 'vault/app');
    await until(async () => (await deletedVault(`${team.namespace}.app`))?.status?.['vaultId'] === status?.['vaultId']);
    await team.reason('vaultsecret/db', 'VaultDeleting');

    await team.apply(team.manifest('Vault', 'app', {}));
    expect((await team.reason('vault/app', 'VaultDeletedButRecoverable')).message).toContain('createMode: Recover');

    await team.apply(team.manifest('Vault', 'app', { createMode: 'Recover' }));
    await team.ready('vault/app', 'vaultsecret/db');
    expect((await team.get('vault/app')).status?.['vaultId']).toBe(status?.['vaultId']);
    expect((await team.get('secret/db')).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    await until(async () => (await deletedVault(`${team.namespace}.app`)) === undefined);
  });

  it('is shown again when its DeletedVault is deleted, which purges nothing', async () => {
    const team = await Team.create(on);
    await team.apply(team.manifest('Vault', 'app', {}));
    await team.ready('vault/app');
    await team.kubectl('delete', 'vault/app');
    const name = `${team.namespace}.app`;
    await until(async () => (await deletedVault(name))?.status?.['vaultId'] !== undefined);
    // Only the operator may delete one.
    await expect(kubectl(['delete', 'deletedvault', name], { on })).rejects.toThrow();
    await team.apply(team.manifest('Vault', 'app', { createMode: 'Recover' }));
    await team.ready('vault/app');
  });

  it('is destroyed when somebody with the verb purge says so, and the name is free for another vault', async () => {
    const team = await Team.create(on);
    await team.apply(team.manifest('Vault', 'app', {}), team.manifest('VaultSecret', 'db', { vaultRef: { name: 'app' }, generate: { password: {} } }));
    await team.ready('vaultsecret/db');
    const first = (await team.get('vault/app')).status?.['vaultId'];
    await team.kubectl('delete', 'vault/app');
    const name = `${team.namespace}.app`;
    await until(async () => (await deletedVault(name))?.status?.['vaultId'] !== undefined);
    await kubectl(['patch', 'deletedvault', name, '--type=merge', '-p', JSON.stringify({ spec: { purge: first } })], { on });
    await until(async () => (await deletedVault(name)) === undefined);
    const records = await kubectl(['get', 'secrets', '-n', 'keystead-system', '-l', `keystead.dev/vault-id=${String(first)}`, '-o', 'name'], { on });
    expect(records).toBe('');
    await team.apply(team.manifest('Vault', 'app', {}));
    await team.ready('vault/app', 'vaultsecret/db');
    expect((await team.get('vault/app')).status?.['vaultId']).not.toBe(first);
  });

  it('cannot be purged under purge protection, which survives deletion and re-creation', async () => {
    const team = await Team.create(on);
    await team.apply(team.manifest('Vault', 'kept', { purgeProtection: true, retentionDays: 7 }));
    await team.ready('vault/kept');
    const id = (await team.get('vault/kept')).status?.['vaultId'];
    await team.kubectl('delete', 'vault/kept');
    const name = `${team.namespace}.kept`;
    await until(async () => (await deletedVault(name))?.status?.['purgeProtection'] === true);
    await expect(kubectl(['patch', 'deletedvault', name, '--type=merge', '-p', JSON.stringify({ spec: { purge: id } })], { on })).rejects.toThrow(/purge protection/);
    await team.apply(team.manifest('Vault', 'kept', { createMode: 'Recover', purgeProtection: false, retentionDays: 90 }));
    await team.ready('vault/kept');
    expect((await team.get('vault/kept')).status).toMatchObject({ vaultId: id, purgeProtection: true, retentionDays: 7 });
  });
});
