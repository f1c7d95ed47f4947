import { describe, expect, it } from '@jest/globals';
import type { Subject } from '../../../src/api/access-policy.ts';
import { consents, neverTarget } from '../../../src/access/consent.ts';
import type { Caller } from '../../../src/access/decide.ts';
import { decide, syncAllowed } from '../../../src/access/decide.ts';
import { compilePolicy } from '../../../src/access/policy.ts';
import { PolicyIndex, vaultAccess } from '../../../src/access/vault-access.ts';
import { accessPolicy, compiled } from './policies.ts';

const alice: Caller = { username: 'alice', groups: ['devs', 'system:authenticated'] };
const robot: Caller = {
  username: 'system:serviceaccount:team:robot',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:team', 'system:authenticated'],
  serviceAccount: { namespace: 'team', name: 'robot' },
};
const getDb = { objectKind: 'secrets', permission: 'get', name: 'db' } as const;
const listAll = { objectKind: 'secrets', permission: 'list' } as const;
const toAlice: { subjects: Subject[] } = { subjects: [{ kind: 'User', name: 'alice' }] };

describe('decide', () => {
  it('allows nothing without a policy', () => {
    expect(decide(vaultAccess([]), alice, getDb)).toEqual({ allowed: false });
  });

  it('names the policy that allowed, and the one that denied: deny wins however it is reached', () => {
    const allow = compiled('readers', { ...toAlice, permissions: { secrets: ['get'] } });
    const deny = compiled('ban', { effect: 'Deny', subjects: [{ kind: 'Group', name: 'devs' }], roles: ['Key Vault Secrets User'] });
    expect(decide(vaultAccess([allow]), alice, getDb)).toEqual({ allowed: true, by: 'readers' });
    expect(decide(vaultAccess([allow, deny]), alice, getDb)).toEqual({ allowed: false, deniedBy: 'ban' });
    expect(decide(vaultAccess([deny, allow]), alice, getDb)).toEqual({ allowed: false, deniedBy: 'ban' });
  });

  it('takes a ServiceAccount only from what the token proved, never from a user name that looks like one', () => {
    const access = vaultAccess([compiled('robots', {
      subjects: [{ kind: 'ServiceAccount', namespace: 'team', name: 'robot' }], permissions: { secrets: ['get'] },
    })]);
    expect(decide(access, robot, getDb).allowed).toBe(true);
    expect(decide(access, { username: robot.username, groups: robot.groups }, getDb).allowed).toBe(false);
    const elsewhere = { ...robot, serviceAccount: { namespace: 'other', name: 'robot' } };
    expect(decide(access, elsewhere, getDb).allowed).toBe(false);
  });

  it('compares identities literally: no wildcard, no case, no prefix (OpenBao GHSA-59w7-v8rr-pr4p)', () => {
    for (const name of ['*', 'ali*', '.*', 'Alice', 'alice ', '']) {
      const access = vaultAccess([compiled('odd', { subjects: [{ kind: 'User', name: name === '' ? ' ' : name }], permissions: { secrets: ['get'] } })]);
      expect(decide(access, alice, getDb).allowed).toBe(false);
    }
    const access = vaultAccess([compiled('readers', { ...toAlice, permissions: { secrets: ['get'] } })]);
    for (const username of ['*', '__proto__', 'constructor', 'ALICE']) {
      expect(decide(access, { username, groups: ['alice', '__proto__'] }, getDb).allowed).toBe(false);
    }
  });

  it('compares names in lower case on both sides, in ASCII only', () => {
    const access = vaultAccess([
      compiled('readers', { ...toAlice, permissions: { secrets: ['get'] } }),
      compiled('ban', { ...toAlice, effect: 'Deny', permissions: { secrets: ['get'] }, objects: { names: ['DB-Key'], prefixes: ['Prod-'] } }),
    ]);
    for (const name of ['db-key', 'DB-KEY', 'prod-x', 'PROD-x']) {
      expect(decide(access, alice, { ...getDb, name })).toEqual({ allowed: false, deniedBy: 'ban' });
    }
    const narrow = vaultAccess([compiled('k', { ...toAlice, permissions: { secrets: ['get'] }, objects: { names: ['k'] } })]);
    expect(decide(narrow, alice, { ...getDb, name: 'K' }).allowed).toBe(true);
    expect(decide(narrow, alice, { ...getDb, name: '\u212A' }).allowed).toBe(false);
  });

  it('a list of the vault needs an Allow of all objects, and any Deny of list stops it (OpenBao GHSA-xp3c-3jw3-4vcr)', () => {
    const some = compiled('some', { ...toAlice, permissions: { secrets: ['list', 'get'] }, objects: { prefixes: ['app-'] } });
    const all = compiled('all', { ...toAlice, permissions: { secrets: ['list'] } });
    const hidden = compiled('hidden', { ...toAlice, effect: 'Deny', permissions: { secrets: ['all'] }, objects: { names: ['app-root'] } });
    const unreadable = compiled('unreadable', { ...toAlice, effect: 'Deny', permissions: { secrets: ['get'] }, objects: { names: ['app-root'] } });
    expect(decide(vaultAccess([some]), alice, listAll)).toEqual({ allowed: false });
    expect(decide(vaultAccess([some]), alice, { ...listAll, name: 'app-x' })).toEqual({ allowed: true, by: 'some' });
    expect(decide(vaultAccess([some, all]), alice, listAll)).toEqual({ allowed: true, by: 'all' });
    expect(decide(vaultAccess([all, hidden]), alice, listAll)).toEqual({ allowed: false, deniedBy: 'hidden' });
    // Listing shows no value, so a Deny of get alone leaves it.
    expect(decide(vaultAccess([all, unreadable]), alice, listAll)).toEqual({ allowed: true, by: 'all' });
  });

  it('a permission on one kind is none on another', () => {
    const access = vaultAccess([compiled('certs', { ...toAlice, permissions: { certificates: ['get'] } })]);
    expect(decide(access, alice, { objectKind: 'certificates', permission: 'get', name: 'db' }).allowed).toBe(true);
    expect(decide(access, alice, getDb).allowed).toBe(false);
  });

  it('an Allow that is being deleted is revoked, a Deny holds until it is gone', () => {
    const deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(compilePolicy(accessPolicy('kept-by-a-finalizer', { ...toAlice, permissions: { secrets: ['get'] } }, { deletionTimestamp }))).toBeUndefined();
    const deny = compiled('ban', { ...toAlice, effect: 'Deny', permissions: { secrets: ['get'] } }, { deletionTimestamp });
    const allow = compiled('readers', { ...toAlice, permissions: { secrets: ['get'] } });
    expect(decide(vaultAccess([deny, allow]), alice, getDb)).toEqual({ allowed: false, deniedBy: 'ban' });
  });

  it('of what cannot be read, an Allow gives nothing and a Deny stops everything', () => {
    const later = { ...toAlice, permissions: { secrets: ['teleport'] } } as unknown as { effect?: 'Deny' };
    expect(compilePolicy(accessPolicy('later', later))).toBeUndefined();
    const unreadable = compiled('later', { ...later, effect: 'Deny' });
    const allow = compiled('readers', { ...toAlice, permissions: { secrets: ['get'] }, syncTo: ['team'] });
    const access = vaultAccess([allow, unreadable]);
    expect(decide(access, alice, getDb)).toEqual({ allowed: false, deniedBy: 'later' });
    expect(syncAllowed(access, { name: 'db', namespace: 'team' })).toEqual({ allowed: false, deniedBy: 'later' });
  });
});

describe('syncAllowed', () => {
  const open = compiled('open', { syncTo: ['team', 'team-b'] });
  const app = compiled('app', { syncTo: ['team-c'], objects: { prefixes: ['App-'] } });
  const closed = compiled('closed', { effect: 'Deny', syncTo: ['team-b'], objects: { names: ['root'] } });
  const access = vaultAccess([open, app, closed]);

  it.each([
    ['db', 'team', { allowed: true, by: 'open' }],
    ['db', 'team-b', { allowed: true, by: 'open' }],
    ['ROOT', 'team-b', { allowed: false, deniedBy: 'closed' }],
    ['app-x', 'team-c', { allowed: true, by: 'app' }],
    ['db', 'team-c', { allowed: false }],
    ['db', 'team-', { allowed: false }],
    ['db', 'elsewhere', { allowed: false }],
  ] as const)('%s to %s', (name, namespace, expected) => {
    expect(syncAllowed(access, { name, namespace })).toEqual(expected);
  });

  it('permissions play no part: may read is not may sync', () => {
    const readers = compiled('readers', { ...toAlice, roles: ['Key Vault Administrator'] });
    expect(syncAllowed(vaultAccess([readers]), { name: 'db', namespace: 'team' })).toEqual({ allowed: false });
  });
});

describe('consent', () => {
  it('is exactly one label with exactly one value', () => {
    expect(consents({ 'sync.keystead.dev/team': 'allow' }, 'team')).toBe(true);
    for (const labels of [undefined, {}, { 'sync.keystead.dev/team': 'Allow' }, { 'sync.keystead.dev/team': '' }, { 'sync.keystead.dev/team-b': 'allow' }]) {
      expect(consents(labels, 'team')).toBe(false);
    }
  });

  it('no namespace of Kubernetes or of the operator is ever a target', () => {
    expect(['kube-system', 'kube-public', 'kube-anything', 'keystead-system'].every((one) => neverTarget(one, 'keystead-system'))).toBe(true);
    expect(['team', 'kube', 'keystead-system-2'].some((one) => neverTarget(one, 'keystead-system'))).toBe(false);
  });
});

describe('PolicyIndex', () => {
  it('follows policies as they come, change and go, and keeps vaults apart', () => {
    const index = new PolicyIndex();
    const readers = compiled('readers', { ...toAlice, permissions: { secrets: ['get'] } });
    index.put(readers);
    expect(decide(index.of('team', 'app'), alice, getDb).by).toBe('readers');
    expect(index.of('team', 'app')).toBe(index.of('team', 'app'));
    expect(decide(index.of('team', 'other'), alice, getDb).allowed).toBe(false);
    expect(decide(index.of('team-b', 'app'), alice, getDb).allowed).toBe(false);
    index.put(compiled('readers', { ...toAlice, permissions: { keys: ['get'] } }));
    expect(decide(index.of('team', 'app'), alice, getDb).allowed).toBe(false);
    index.put(readers);
    index.put(compiled('ban', { ...toAlice, effect: 'Deny', permissions: { secrets: ['get'] } }));
    expect(decide(index.of('team', 'app'), alice, getDb).deniedBy).toBe('ban');
    index.remove('team', 'ban');
    index.remove('team', 'unknown');
    expect(decide(index.of('team', 'app'), alice, getDb).by).toBe('readers');
    index.remove('team', 'readers');
    expect(decide(index.of('team', 'app'), alice, getDb)).toEqual({ allowed: false });
  });
});
