import { afterAll, expect, it } from '@jest/globals';
import { describeKeyAlgorithm, type KeyAlgorithm } from '../../../../src/crypto/keys.ts';
import { writeJks } from '../../../../src/crypto/jks/write.ts';
import { saltsFrom } from '../../../../src/crypto/pkcs12/salts.ts';
import { systemRandom } from '../../../../src/runtime/random.ts';
import { describeUnless } from '../../../support/skip.ts';
import { convertKeystore, keytoolMissing, listKeystore } from '../pkcs12/keytool.ts';
import { keystoreMaterial, type KeystoreMaterial } from '../pkcs12/material.ts';
import { P256 } from '../x509/builders.ts';
import { OpenSsl } from '../x509/openssl.ts';

/** Java takes a second to start, and several when the machine is busy. */
const SLOW = 60_000;

const openssl = new OpenSsl();
afterAll(() => openssl.remove());

const CREATED = new Date('2026-03-04T05:06:07Z');
const algorithms: readonly KeyAlgorithm[] = [{ algorithm: 'RSA', size: 2048 }, P256, { algorithm: 'Ed25519' }];

const keystore = ({ entry }: KeystoreMaterial, password = 'changeit'): Buffer => writeJks({ entry, trusted: [], created: CREATED }, password, systemRandom);

describeUnless(keytoolMissing)('Java', () => {
  it.each(algorithms.map((algorithm) => [describeKeyAlgorithm(algorithm), algorithm] as const))('decrypts key and chain: %s', async (_name, algorithm) => {
    const material = await keystoreMaterial(algorithm);
    const path = openssl.file(keystore(material));
    expect(listKeystore(path, 'JKS', 'changeit').output).toMatch(/certificate, Mar 4, 2026, PrivateKeyEntry/);
    expect(convertKeystore(path, 'JKS', 'changeit', `${path}.p12`)).toMatchObject({ status: 0 });
    const text = openssl.run('pkcs12', '-in', `${path}.p12`, '-passin', 'pass:changeit', '-nodes');
    expect(text.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    const key = /-----BEGIN PRIVATE KEY-----[^]*?-----END PRIVATE KEY-----/.exec(text)?.[0] ?? '';
    expect(openssl.run('pkey', '-in', openssl.file(key), '-pubout')).toBe(material.publicKeyPem);
  }, SLOW);

  it('sees trusted certificates', async () => {
    const { trusted } = await keystoreMaterial();
    const { output } = listKeystore(openssl.file(writeJks({ trusted, created: CREATED }, 'changeit', systemRandom)), 'JKS', 'changeit');
    expect(output.match(/trustedCertEntry/g)).toHaveLength(2);
  }, SLOW);

  it('opens it with passwords beyond ASCII', async () => {
    expect(listKeystore(openssl.file(keystore(await keystoreMaterial(), 'pässwörd 密码 🔑')), 'JKS', 'pässwörd 密码 🔑')).toMatchObject({ status: 0 });
  }, SLOW);

  it('refuses a wrong password, and a file that was changed', async () => {
    const file = keystore(await keystoreMaterial());
    expect(listKeystore(openssl.file(file), 'JKS', 'changeit2').output).toContain('password was incorrect');
    // In the masked key: only the digest over the file can tell.
    file.writeUInt8(file.readUInt8(120) ^ 1, 120);
    expect(listKeystore(openssl.file(file), 'JKS', 'changeit').output).toContain('password was incorrect');
  }, SLOW);

  it('finds an alias that was written in capitals', async () => {
    const { entry } = await keystoreMaterial();
    const path = openssl.file(writeJks({ entry: { ...entry, alias: 'Certificate' }, trusted: [], created: CREATED }, 'changeit', systemRandom));
    expect(convertKeystore(path, 'JKS', 'changeit', `${path}.p12`)).toMatchObject({ status: 0 });
  }, SLOW);
});

it('has the same bytes for the same seed, and another mask on the key for another', async () => {
  const { entry } = await keystoreMaterial();
  const write = (seed: string): Buffer => writeJks({ entry, trusted: [], created: CREATED }, 'changeit', saltsFrom(Buffer.from(seed)));
  expect(write('a').equals(write('a'))).toBe(true);
  expect(write('a').equals(write('b'))).toBe(false);
});
