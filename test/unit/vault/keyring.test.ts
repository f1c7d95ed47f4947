import { expect, it } from '@jest/globals';
import { localRootKey, type RootKey } from '../../../src/crypto/root-key.ts';
import { systemRandom } from '../../../src/runtime/random.ts';
import { Keyring, vaultKeyContext } from '../../../src/vault/keyring.ts';
import { FakeClock } from '../../support/fake-clock.ts';

async function vaultWithKey(rootKey: RootKey, secret: Buffer) {
  const wrapped = await rootKey.wrap(secret, vaultKeyContext('v', 'k'));
  const key = { id: 'k', version: 1, wrapped: wrapped.toString('base64'), rootKey: rootKey.id, created: '' };
  return { vaultId: 'v', keys: [key] as const };
}

it('gives everybody the right key when many ask at once, before and after the time for which it is held', async () => {
  const rootKey = localRootKey(systemRandom.bytes(32), systemRandom);
  const secret = systemRandom.bytes(32);
  const vault = await vaultWithKey(rootKey, secret);
  const clock = new FakeClock();
  const keyring = new Keyring(rootKey, clock);
  for (let round = 0; round < 3; round += 1) {
    const seen = await Promise.all(Array.from({ length: 20 }, () => keyring.use(vault, 'k', ({ key }) => key.secret.toString('hex'))));
    expect(new Set(seen)).toEqual(new Set([secret.toString('hex')]));
    await clock.advance(6 * 60_000);
  }
});

it('unwraps once for many uses, and again after five minutes', async () => {
  const local = localRootKey(systemRandom.bytes(32), systemRandom);
  let unwraps = 0;
  const counting: RootKey = { ...local, unwrap: (wrapped, context) => { unwraps += 1; return local.unwrap(wrapped, context); } };
  const vault = await vaultWithKey(local, systemRandom.bytes(32));
  const clock = new FakeClock();
  const keyring = new Keyring(counting, clock);
  for (let n = 0; n < 5; n += 1) await keyring.use(vault, 'k', () => undefined);
  expect(unwraps).toBe(1);
  await clock.advance(5 * 60_000);
  await keyring.use(vault, 'k', () => undefined);
  expect(unwraps).toBe(2);
});

it('overwrites what it drops', async () => {
  const rootKey = localRootKey(systemRandom.bytes(32), systemRandom);
  const vault = await vaultWithKey(rootKey, systemRandom.bytes(32));
  const keyring = new Keyring(rootKey, new FakeClock());
  const kept = await keyring.use(vault, 'k', (usable) => usable);
  keyring.clear();
  expect([kept.key.secret, kept.headKey, kept.publishedHashKey, kept.inputsKey, kept.keystoresKey].every((buffer) => buffer.every((byte) => byte === 0))).toBe(true);
});
