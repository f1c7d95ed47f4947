import { describe, expect, it } from '@jest/globals';
import { dataRoles } from '../../../src/api/access-policy.ts';
import { expand, objectKinds, words } from '../../../src/access/permissions.ts';
import { permissionsOf } from '../../../src/access/roles.ts';

/** The tables are asserted whole, so that any change of what a word or a role gives shows in the diff. */
describe('permission words', () => {
  it('are those of Key Vault', () => {
    expect(words).toEqual({
      secrets: ['get', 'list', 'set', 'delete', 'backup', 'restore', 'recover', 'purge'],
      keys: [
        'encrypt', 'decrypt', 'wrapKey', 'unwrapKey', 'sign', 'verify', 'get', 'list', 'create', 'update', 'import', 'delete', 'backup',
        'restore', 'recover', 'purge', 'release', 'rotate', 'getrotationpolicy', 'setrotationpolicy',
      ],
      certificates: [
        'get', 'list', 'delete', 'create', 'import', 'update', 'managecontacts', 'getissuers', 'listissuers', 'setissuers',
        'deleteissuers', 'manageissuers', 'recover', 'purge', 'backup', 'restore',
      ],
    });
  });

  it('all allows everything but purge, and denies everything', () => {
    for (const kind of objectKinds) {
      expect([...expand(kind, ['all'], 'Allow')]).toEqual(words[kind].filter((word) => word !== 'purge'));
      expect([...expand(kind, ['all', 'purge'], 'Allow')]).toEqual(words[kind]);
      expect([...expand(kind, ['all'], 'Deny')]).toEqual(words[kind]);
    }
  });

  it('every other word stands for itself, but for manageissuers', () => {
    for (const kind of objectKinds) {
      for (const word of words[kind]) {
        const expected = word === 'manageissuers' ? ['getissuers', 'listissuers', 'deleteissuers', 'manageissuers'] : [word];
        expect([...expand(kind, [word], 'Allow')]).toEqual(expected);
        expect([...expand(kind, [word], 'Deny')]).toEqual(expected);
      }
    }
    expect([...expand('secrets', [], 'Deny')]).toEqual([]);
  });
});

describe('roles', () => {
  it("give what Key Vault's data roles give", () => {
    const every = { secrets: words.secrets, keys: words.keys, certificates: words.certificates };
    const none = { secrets: [], keys: [], certificates: [] };
    const table = Object.fromEntries(dataRoles.map((role) => {
      const { secrets, keys, certificates } = permissionsOf(role);
      return [role, { secrets: [...secrets], keys: [...keys], certificates: [...certificates] }];
    }));
    expect(table).toEqual({
      'Key Vault Administrator': every,
      'Key Vault Reader': {
        secrets: ['list'],
        keys: ['get', 'list', 'getrotationpolicy'],
        certificates: ['get', 'list', 'getissuers', 'listissuers'],
      },
      'Key Vault Secrets Officer': { ...none, secrets: every.secrets },
      'Key Vault Secrets User': { ...none, secrets: ['get', 'list'] },
      'Key Vault Crypto Officer': { ...none, keys: every.keys },
      'Key Vault Crypto User': {
        ...none,
        keys: ['get', 'list', 'update', 'backup', 'encrypt', 'decrypt', 'wrapKey', 'unwrapKey', 'sign', 'verify'],
      },
      'Key Vault Crypto Service Encryption User': { ...none, keys: ['get', 'list', 'wrapKey', 'unwrapKey'] },
      'Key Vault Crypto Service Release User': { ...none, keys: ['release'] },
      'Key Vault Certificates Officer': { ...none, certificates: every.certificates },
      'Key Vault Certificate User': { secrets: ['get', 'list'], keys: ['get', 'list'], certificates: ['get', 'list'] },
    });
  });
});
