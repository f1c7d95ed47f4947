import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { exportPrivateKey } from '../../../src/crypto/keys.ts';
import { issue, newSerialNumber } from '../../../src/crypto/x509/certificate.ts';
import { CaKeys, type CaMaterial } from '../../../src/issuers/ca-keys.ts';
import { systemRandom } from '../../../src/runtime/random.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function material(clock: FakeClock): CaMaterial {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { chainPem, caPem, facts } = issue({
    request: { subject: { commonName: 'Root' }, isCA: true, keyAlgorithm: { algorithm: 'ECDSA', curve: 'P-256' } },
    publicKey: privateKey,
    notBefore: clock.now(),
    notAfter: new Date(clock.now().getTime() + 86_400_000),
    serialNumber: newSerialNumber(systemRandom),
    issuer: { self: privateKey },
  });
  return { chainPem, caPem, thumbprint: facts.thumbprint, privateKey: Buffer.from(exportPrivateKey(privateKey)) };
}

function reader(clock: FakeClock) {
  const read = { count: 0, last: material(clock) };
  const run = async (): Promise<CaMaterial> => {
    read.count += 1;
    read.last = material(clock);
    return read.last;
  };
  return { read, run };
}

describe('CA keys', () => {
  it('are opened once for many certificates, even when all begin at once', async () => {
    const clock = new FakeClock();
    const { read, run } = reader(clock);
    const keys = new CaKeys(clock);
    const loaded = await Promise.all(Array.from({ length: 20 }, () => keys.get('version', run)));
    expect(read.count).toBe(1);
    expect(new Set(loaded).size).toBe(1);
    expect(read.last.privateKey.every((byte) => byte === 0)).toBe(true);
  });

  it('are forgotten after minutes', async () => {
    const clock = new FakeClock();
    const { read, run } = reader(clock);
    const keys = new CaKeys(clock);
    await keys.get('version', run);
    await clock.advance(11 * 60_000);
    await keys.get('version', run);
    expect(read.count).toBe(2);
  });

  it('are bounded in number: the oldest goes first', async () => {
    const clock = new FakeClock();
    const { read, run } = reader(clock);
    const keys = new CaKeys(clock);
    for (let index = 0; index <= 64; index += 1) await keys.get(`version-${index}`, run);
    await keys.get('version-64', run);
    expect(read.count).toBe(65);
    await keys.get('version-0', run);
    expect(read.count).toBe(66);
  });

  it('are read again after a failure, and the key is overwritten even then', async () => {
    const clock = new FakeClock();
    const keys = new CaKeys(clock);
    const broken: CaMaterial = { ...material(clock), chainPem: 'nonsense', caPem: '' };
    await expect(keys.get('version', async () => broken)).rejects.toThrow();
    expect(broken.privateKey.every((byte) => byte === 0)).toBe(true);
    await expect(keys.get('version', async () => material(clock))).resolves.toBeDefined();
  });
});
