import { describe, expect, it } from '@jest/globals';
import { localRootKey } from '../../../src/crypto/root-key.ts';
import { systemRandom } from '../../../src/runtime/random.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { joinInstallation } from '../../../src/vault/installation.ts';

describe('the installation', () => {
  const parts = (store: MemoryStore) => ({ store, failAt: () => {}, rootKey: localRootKey(Buffer.alloc(32, 7), systemRandom), random: systemRandom, now: new Date(0), signal: new AbortController().signal });

  it('has one identity, whoever joins', async () => {
    const store = new MemoryStore();
    const [a, b] = await Promise.all([joinInstallation(parts(store)), joinInstallation(parts(store))]);
    expect(a.identity.fingerprint).toBe(b.identity.fingerprint);
    expect((await joinInstallation(parts(store))).identity.fingerprint).toBe(a.identity.fingerprint);
  });

  it('of an older release gets its identity once, and keeps the key of its audit log', async () => {
    const store = new MemoryStore();
    const before = await joinInstallation(parts(store));
    const stored = await store.get('installation');
    if (stored === undefined) throw new Error('no record');
    const { identityKey: _none, ...older } = JSON.parse(stored.body.toString()) as Record<string, unknown>;
    await store.compareAndSwap({ ...stored, body: Buffer.from(JSON.stringify(older)) }, stored.revision);
    const [a, b] = await Promise.all([joinInstallation(parts(store)), joinInstallation(parts(store))]);
    expect(a.identity.fingerprint).toBe(b.identity.fingerprint);
    expect(a.auditKey).toEqual(before.auditKey);
  });
});
