import { createSecureContext } from 'node:tls';
import { afterAll, describe, expect, it } from '@jest/globals';
import { describeKeyAlgorithm, type KeyAlgorithm } from '../../../../src/crypto/keys.ts';
import type { Profile } from '../../../../src/crypto/pkcs12/protect.ts';
import { saltsFrom } from '../../../../src/crypto/pkcs12/salts.ts';
import { writePkcs12 } from '../../../../src/crypto/pkcs12/write.ts';
import { systemRandom } from '../../../../src/runtime/random.ts';
import { describeUnless } from '../../../support/skip.ts';
import { P256 } from '../x509/builders.ts';
import { OpenSsl } from '../x509/openssl.ts';
import { convertKeystore, keytoolMissing, listKeystore } from './keytool.ts';
import { keystoreMaterial, type KeystoreMaterial } from './material.ts';

/** Java takes a second to start, and several when the machine is busy. */
const SLOW = 60_000;

const openssl = new OpenSsl();
afterAll(() => openssl.remove());

const algorithms: readonly KeyAlgorithm[] = [{ algorithm: 'RSA', size: 2048 }, P256, { algorithm: 'ECDSA', curve: 'P-521' }, { algorithm: 'Ed25519' }];
/** What the openssl of this machine knows: PBMAC1 came with 3.4, and is read by Node's own OpenSSL below. */
const readByOpenssl: readonly Profile[] = ['Modern2023', 'LegacyDES'];
const profiles: readonly Profile[] = [...readByOpenssl, 'Modern2026'];
const cases = algorithms.flatMap((algorithm) => readByOpenssl.map((profile) => [describeKeyAlgorithm(algorithm), profile, algorithm] as const));

const keystore = ({ entry }: KeystoreMaterial, profile: Profile, password = 'changeit'): Promise<Buffer> => writePkcs12({ entry, trusted: [] }, { profile, password, salts: systemRandom });
const truststore = ({ trusted }: KeystoreMaterial, profile: Profile, password = 'changeit'): Promise<Buffer> => writePkcs12({ trusted }, { profile, password, salts: systemRandom });

describe.each(cases)('%s under %s', (_name, profile, algorithm) => {
  it('comes out of openssl as key, leaf and intermediate', async () => {
    const material = await keystoreMaterial(algorithm);
    const text = openssl.run('pkcs12', '-in', openssl.file(await keystore(material, profile)), '-passin', 'pass:changeit', '-nodes');
    const key = /-----BEGIN PRIVATE KEY-----[^]*?-----END PRIVATE KEY-----/.exec(text)?.[0] ?? '';
    expect(openssl.run('pkey', '-in', openssl.file(key), '-pubout')).toBe(material.publicKeyPem);
    const certificates = text.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
    expect(certificates.map((pem) => pem.replaceAll(/-----.*?-----|\n/g, ''))).toEqual(material.entry.chain.map((der) => der.toString('base64')));
    expect(text).toContain('friendlyName: certificate');
  });

});

describeUnless(keytoolMissing)('Java', () => {
  it.each(cases)('decrypts key and chain: %s under %s', async (_name, profile, algorithm) => {
    const material = await keystoreMaterial(algorithm);
    const path = openssl.file(await keystore(material, profile));
    expect(listKeystore(path, 'PKCS12', 'changeit').output).toMatch(/certificate, .*, PrivateKeyEntry/);
    expect(convertKeystore(path, 'PKCS12', 'changeit', `${path}.java`).status).toBe(0);
    const text = openssl.run('pkcs12', '-in', `${path}.java`, '-passin', 'pass:changeit', '-nodes');
    expect(text.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    const key = /-----BEGIN PRIVATE KEY-----[^]*?-----END PRIVATE KEY-----/.exec(text)?.[0] ?? '';
    expect(openssl.run('pkey', '-in', openssl.file(key), '-pubout')).toBe(material.publicKeyPem);
  }, SLOW);

  it.each(readByOpenssl)('sees trusted certificates under %s', async (profile) => {
    const { output } = listKeystore(openssl.file(await truststore(await keystoreMaterial(), profile)), 'PKCS12', 'changeit');
    expect(output.match(/trustedCertEntry/g)).toHaveLength(2);
    expect(output).toMatch(/^ca-2, /m);
  }, SLOW);

  it('says of a wrong password that it is one', async () => {
    const { status, output } = listKeystore(openssl.file(await keystore(await keystoreMaterial(), 'Modern2023')), 'PKCS12', 'wrong-one');
    expect([status, output]).toEqual([1, expect.stringContaining('keystore password was incorrect')]);
  }, SLOW);

  // Held here because the guide says it: a JDK that learns more makes this test fail, and the guide better.
  it('reads only ASCII passwords', async () => {
    const { status } = listKeystore(openssl.file(await keystore(await keystoreMaterial(), 'Modern2023', 'pässwörd')), 'PKCS12', 'pässwörd');
    expect(status).toBe(1);
  }, SLOW);
});

describe.each(profiles)('%s', (profile) => {
  it('serves TLS in Node, which has OpenSSL 3.5, and only with its password', async () => {
    const pfx = await keystore(await keystoreMaterial(), profile);
    expect(() => createSecureContext({ pfx, passphrase: 'changeit' })).not.toThrow();
    for (const passphrase of ['changeit2', '', 'CHANGEIT']) expect(() => createSecureContext({ pfx, passphrase })).toThrow('mac verify failure');
  });

  it('has its password in the MAC, so that no octet can be changed', async () => {
    const pfx = await keystore(await keystoreMaterial(), profile);
    const changed = Buffer.from(pfx);
    changed.writeUInt8(changed.readUInt8(200) ^ 1, 200);
    expect(() => createSecureContext({ pfx: changed, passphrase: 'changeit' })).toThrow();
  });

  it.each([['of no character', ''], ['with accents', 'pässwörd'], ['in Chinese', '密码'], ['beyond the BMP', '🔑key'], ['long', 'x'.repeat(1000)]])('is read by OpenSSL with a password %s', async (_what, passphrase) => {
    const pfx = await keystore(await keystoreMaterial(), profile, passphrase);
    expect(() => createSecureContext({ pfx, passphrase })).not.toThrow();
  });

  it('has the same bytes for the same seed, and no common salt for others', async () => {
    const { entry } = await keystoreMaterial();
    const write = (seed: string): Promise<Buffer> => writePkcs12({ entry, trusted: [] }, { profile, password: 'changeit', salts: saltsFrom(Buffer.from(seed)) });
    expect((await write('a')).equals(await write('a'))).toBe(true);
    expect((await write('a')).equals(await write('b'))).toBe(false);
  });
});

describe.each(readByOpenssl)('a truststore under %s', (profile) => {
  it('holds the roots and no key, for openssl', async () => {
    const material = await keystoreMaterial();
    const text = openssl.run('pkcs12', '-in', openssl.file(await truststore(material, profile)), '-passin', 'pass:changeit', '-nodes');
    expect(text.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(text).not.toContain('PRIVATE KEY');
  });
});
