import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OpenFailed } from '../../../src/crypto/aead.ts';
import { openField, rewrap, sealFields, type Binding, type SealedFields, type VaultKey } from '../../../src/crypto/envelope.ts';
import { localRootKey } from '../../../src/crypto/root-key.ts';
import { systemRandom } from '../../../src/runtime/random.ts';

const vaultKey = (id: string): VaultKey => ({ id, secret: systemRandom.bytes(32) });
const at = (change: Partial<Binding> = {}): Binding => ({ vaultId: 'v1', kind: 'secret', name: 'db', version: '1', ...change });
const sealOne = (key: VaultKey, value: string): SealedFields => sealFields(key, at(), new Map([['value', Buffer.from(value)]]), systemRandom);

describe('the envelope', () => {
  it('opens what it sealed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const key = vaultKey('k');
        const sealed = sealFields(key, at(), new Map([['value', Buffer.from(bytes)]]), systemRandom);
        return openField(key, at(), sealed, 'value')?.equals(Buffer.from(bytes)) === true;
      }),
    );
  });

  it.each([{ vaultId: 'v2' }, { kind: 'certificate' }, { name: 'db2' }, { version: '2' }])('does not open anywhere else: %j', (moved) => {
    const key = vaultKey('k');
    expect(() => openField(key, at(moved), sealOne(key, 'x'), 'value')).toThrow(OpenFailed);
  });

  it('does not open a field in the place of another', () => {
    const key = vaultKey('k');
    const sealed = sealFields(key, at(), new Map([['user', Buffer.from('a')], ['password', Buffer.from('b')]]), systemRandom);
    const swapped = { ...sealed, fields: { user: sealed.fields['password'] ?? '', password: sealed.fields['user'] ?? '' } };
    expect(() => openField(key, at(), swapped, 'user')).toThrow(OpenFailed);
  });

  it('does not open with the data key of another version, or under another vault key', () => {
    const key = vaultKey('k');
    const [one, two] = [sealOne(key, 'x'), sealOne(key, 'x')];
    expect(() => openField(key, at(), { ...one, dataKey: two.dataKey }, 'value')).toThrow(OpenFailed);
    expect(() => openField(vaultKey('k'), at(), one, 'value')).toThrow(OpenFailed);
    expect(() => openField({ id: 'renamed', secret: key.secret }, at(), one, 'value')).toThrow(OpenFailed);
  });

  it('finds every flipped bit', () => {
    const key = vaultKey('k');
    const sealed = sealOne(key, 'seven');
    const flip = (text: string, bit: number): string => {
      const bytes = Buffer.from(text, 'base64');
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return bytes.toString('base64');
    };
    const bits = (text: string): number => Buffer.from(text, 'base64').length * 8;
    const { salt, wrapped } = sealed.dataKey;
    const value = sealed.fields['value'] ?? '';
    const broken: SealedFields[] = [
      ...Array.from({ length: bits(salt) }, (_, bit) => ({ ...sealed, dataKey: { ...sealed.dataKey, salt: flip(salt, bit) } })),
      ...Array.from({ length: bits(wrapped) }, (_, bit) => ({ ...sealed, dataKey: { ...sealed.dataKey, wrapped: flip(wrapped, bit) } })),
      ...Array.from({ length: bits(value) }, (_, bit) => ({ ...sealed, fields: { value: flip(value, bit) } })),
    ];
    for (const one of broken) expect(() => openField(key, at(), one, 'value')).toThrow(OpenFailed);
  });

  it('rewraps without touching the data, and then opens under the new key only', () => {
    const [old, fresh] = [vaultKey('old'), vaultKey('new')];
    const sealed = sealOne(old, 'kept');
    const moved = rewrap(old, fresh, at(), sealed, systemRandom);
    expect(moved.fields).toEqual(sealed.fields);
    expect(openField(fresh, at(), moved, 'value')?.toString()).toBe('kept');
    expect(() => openField(old, at(), moved, 'value')).toThrow(OpenFailed);
  });

  it('has no field that was not sealed, whatever its name', () => {
    const key = vaultKey('k');
    expect(openField(key, at(), sealOne(key, 'x'), 'constructor')).toBeUndefined();
  });
});

describe('the local root key', () => {
  it('binds what it wraps to its context, and is recognised by its check value', async () => {
    const secret = systemRandom.bytes(32);
    const root = localRootKey(secret, systemRandom);
    const wrapped = await root.wrap(Buffer.from('vault key'), ['vault-key', 'v1', 'k1']);
    expect((await root.unwrap(wrapped, ['vault-key', 'v1', 'k1'])).toString()).toBe('vault key');
    await expect(root.unwrap(wrapped, ['vault-key', 'v1', 'k2'])).rejects.toThrow(OpenFailed);
    await expect(localRootKey(systemRandom.bytes(32), systemRandom).unwrap(wrapped, ['vault-key', 'v1', 'k1'])).rejects.toThrow(OpenFailed);
    expect(await localRootKey(secret, systemRandom).checkValue()).toBe(await root.checkValue());
    expect(await localRootKey(systemRandom.bytes(32), systemRandom).checkValue()).not.toBe(await root.checkValue());
  });

  it('refuses keys that are too short', () => {
    expect(() => localRootKey(Buffer.alloc(31), systemRandom)).toThrow(RangeError);
  });
});
