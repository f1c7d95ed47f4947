import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { auditEvents, auditMark } from '../../support/audit-log.ts';
import { apply, createNamespace, kubectl, ownControlPlane } from '../../support/control-plane.ts';
import { installKeystead, OPERATOR_USER, startOperator, type RunningOperator } from '../../support/operator.ts';

let on: ControlPlane;
let operator: RunningOperator;
let team: string;

beforeAll(async () => {
  on = await ownControlPlane();
  await installKeystead(on);
  operator = await startOperator(on);
  team = await createNamespace('team', {}, on);
  await apply([{ apiVersion: 'keystead.dev/v1alpha1', kind: 'Vault', metadata: { name: 'app', namespace: team }, spec: {} }], { on });
  await ready('vault/app');
}, 120_000);

function ready(...names: string[]): Promise<string> {
  return kubectl(['wait', '-n', team, '--for=condition=Ready', '--timeout=20s', ...names], { on });
}

async function read<T>(name: string): Promise<T> {
  const object: T = JSON.parse(await kubectl(['get', '-n', team, name, '-o', 'json'], { on }));
  return object;
}

interface Secret { readonly data: Record<string, string>; readonly metadata: { readonly uid: string; readonly ownerReferences?: readonly object[] } }

function vaultSecret(name: string, spec: object): object {
  return { apiVersion: 'keystead.dev/v1alpha1', kind: 'VaultSecret', metadata: { name, namespace: team }, spec: { vaultRef: { name: 'app' }, ...spec } };
}

describe('a generated VaultSecret', () => {
  it('is Ready with its Secret after exactly three writes and no read', async () => {
    const mark = auditMark(on);
    await apply([vaultSecret('db', { generate: { password: {} }, target: { name: 'db' } })], { on });
    await ready('vaultsecret/db');
    const secret = await read<Secret>('secret/db');
    expect(Buffer.from(secret.data['value'] ?? '', 'base64').toString()).toHaveLength(32);
    const calls = (await auditEvents(on, { since: mark, user: OPERATOR_USER })).filter(({ objectRef }) => objectRef?.resource !== 'leases' && objectRef?.resource !== 'vaults');
    const told = calls.filter(({ verb }) => verb !== 'watch').map(({ verb, objectRef }) => `${verb} ${objectRef?.resource ?? ''}${objectRef?.subresource === undefined ? '' : `/${objectRef.subresource}`}`);
    expect(told.toSorted()).toEqual(['create secrets', 'create secrets', 'update vaultsecrets/status']);
    expect(calls.every(({ responseStatus }) => (responseStatus?.code ?? 0) < 400)).toBe(true);
  });

  it('keeps the value over a restart, without a write', async () => {
    const before = await read<Secret>('secret/db');
    await operator.stop();
    const mark = auditMark(on);
    operator = await startOperator(on);
    await apply([vaultSecret('after-restart', { generate: { uuid: {} } })], { on });
    await ready('vaultsecret/after-restart');
    const writes = (await auditEvents(on, { since: mark, user: OPERATOR_USER })).filter(({ verb, objectRef }) => ['create', 'update', 'patch', 'delete'].includes(verb) && objectRef?.resource !== 'leases');
    const names = writes.map(({ objectRef }) => `${objectRef?.resource ?? ''}/${objectRef?.name ?? ''}`);
    expect(names.filter((name) => name.startsWith('vaultsecrets/'))).toEqual(['vaultsecrets/after-restart']);
    expect((await read<Secret>('secret/db')).data).toEqual(before.data);
  });

  it('gives back what somebody changed in its target, and what somebody deleted', async () => {
    const before = await read<Secret>('secret/db');
    await kubectl(['patch', '-n', team, 'secret/db', '-p', '{"stringData":{"value":"mine","more":"x"}}'], { on });
    const same = async (): Promise<void> => {
      for (let n = 0; n < 200; n += 1) {
        const now = await read<Secret>('secret/db').catch(() => undefined);
        if (JSON.stringify(now?.data) === JSON.stringify(before.data)) return;
      }
      throw new Error('the value did not come back');
    };
    await same();
    await kubectl(['delete', '-n', team, 'secret/db'], { on });
    await same();
  });
});
