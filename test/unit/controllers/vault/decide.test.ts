import { describe, expect, it } from '@jest/globals';
import { parseVault, type VaultSpec, type VaultSpecInput } from '../../../../src/api/vault.ts';
import { decideVault, type VaultFacts } from '../../../../src/controllers/vault/decide.ts';
import type { VaultHead } from '../../../../src/vault/vault-record.ts';

const created = '2026-01-01T00:00:00.000Z';

function record(parts: Partial<VaultHead> = {}): VaultHead {
  return {
    vaultId: 'v', namespace: 'team', name: 'app', namespaceUid: 'ns', incarnation: 'i', counter: 1, created, resourceUid: 'uid', retentionDays: 90, purgeProtection: false,
    limits: { objects: 1000, versionsPerObject: 100, bytes: 16 * 1024 ** 2 },
    keys: [{ id: 'k1', version: 1, wrapped: '', rootKey: 'r', created }],
    ...parts,
  };
}

function spec(parts: VaultSpecInput = {}): VaultSpec {
  const parsed = parseVault({ apiVersion: 'keystead.dev/v1alpha1', kind: 'Vault', metadata: { name: 'app', namespace: 'team', uid: 'uid', resourceVersion: '1', creationTimestamp: '' }, spec: parts });
  if (parsed instanceof Error) throw parsed;
  return parsed;
}

function facts(parts: Partial<VaultFacts> = {}): VaultFacts {
  return { resource: { uid: 'uid', generation: 2, rotateRequest: undefined }, spec: spec(), namespaceUid: 'ns', record: record(), now: new Date('2026-01-02T00:00:00Z'), clockTrusted: true, ...parts };
}

const deleted = { at: created, scheduledPurge: '2026-04-01T00:00:00.000Z' };
const rotatesDaily = spec({ encryption: { rotationInterval: '24h' } });

describe('what becomes of a vault', () => {
  it.each<[string, Partial<VaultFacts>, object]>([
    ['no record: create', { record: undefined }, { do: 'create' }],
    ['as declared: nothing', {}, { do: 'nothing' }],
    ['deleted: refused, with the way back', { record: record({ deleted }) }, { do: 'refuse', reason: 'VaultDeletedButRecoverable' }],
    ['deleted, and Recover: back, under the new resource', { record: record({ deleted, resourceUid: 'old' }), spec: spec({ createMode: 'Recover' }) }, { do: 'recover', head: { resourceUid: 'uid', recoveredAt: 2 } }],
    ['a purge that began is not undone by Recover', { record: record({ deleted, purgeRequested: created }), spec: spec({ createMode: 'Recover' }) }, { do: 'refuse' }],
    ['Recover of what is not deleted: nothing', { spec: spec({ createMode: 'Recover' }) }, { do: 'nothing' }],
    ['of a resource that went unnoticed: deleted first', { record: record({ resourceUid: 'old' }) }, { do: 'delete-former' }],
    ['protection goes on', { spec: spec({ purgeProtection: true }) }, { do: 'update', head: { purgeProtection: true } }],
    ['protection never goes off, the record holds', { record: record({ purgeProtection: true }) }, { do: 'nothing' }],
    ['retention stays as created', { spec: spec({ retentionDays: 7 }) }, { do: 'nothing' }],
    ['limits follow', { spec: spec({ limits: { objects: 5 } }) }, { do: 'update', head: { limits: { objects: 5 } } }],
    ['asked to rotate: once for each value', { resource: { uid: 'uid', generation: 1, rotateRequest: 'now' } }, { do: 'rotate-key', handled: 'now' }],
    ['asked and done: nothing', { resource: { uid: 'uid', generation: 1, rotateRequest: 'now' }, record: record({ rotationHandled: 'now' }) }, { do: 'nothing' }],
    ['time to rotate', { spec: rotatesDaily }, { do: 'rotate-key' }],
    ['time to rotate by a clock nobody trusts: nothing', { spec: rotatesDaily, clockTrusted: false }, { do: 'nothing' }],
    ['the newest key counts', { spec: rotatesDaily, record: record({ keys: [...record().keys, { id: 'k2', version: 2, wrapped: '', rootKey: 'r', created: '2026-01-01T12:00:00.000Z' }] }) }, { do: 'nothing' }],
  ])('%s', (_, parts, expected) => {
    expect(decideVault(facts(parts))).toMatchObject(expected);
  });

  it('keeps protection and retention of the record when recovered, whatever the new spec says', () => {
    const decision = decideVault(facts({ record: record({ deleted, purgeProtection: true, retentionDays: 7 }), spec: spec({ createMode: 'Recover', retentionDays: 90 }) }));
    expect(decision).toMatchObject({ do: 'recover', head: { purgeProtection: true, retentionDays: 7 } });
    expect(decision.do === 'recover' ? decision.head.deleted : null).toBeUndefined();
  });
});
