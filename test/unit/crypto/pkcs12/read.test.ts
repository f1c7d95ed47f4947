import { readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { KeysteadError } from '../../../../src/api/error.ts';
import { describeKeyAlgorithm, exportPrivateKey, exportPublicKey, importPrivateKey, type KeyAlgorithm } from '../../../../src/crypto/keys.ts';
import { derivePkcs12, bmpPassword } from '../../../../src/crypto/pkcs12/derive.ts';
import { ciphers, contentTypes, digests, hmacs, PBES2, PBKDF2 } from '../../../../src/crypto/pkcs12/identifiers.ts';
import type { Profile } from '../../../../src/crypto/pkcs12/protect.ts';
import { readPkcs12 } from '../../../../src/crypto/pkcs12/read.ts';
import { writePkcs12 } from '../../../../src/crypto/pkcs12/write.ts';
import { constructed, element, nullValue, objectIdentifier, octetString, primitive, sequence, smallInteger, unsignedInteger } from '../../../../src/crypto/x509/der.ts';
import { encodePem } from '../../../../src/crypto/x509/pem.ts';
import { systemRandom } from '../../../../src/runtime/random.ts';
import { describeUnless } from '../../../support/skip.ts';
import { codeOf, P256 } from '../x509/builders.ts';
import { OpenSsl } from '../x509/openssl.ts';
import { asBer } from './as-ber.ts';
import { keytoolMissing } from './keytool.ts';
import { keystoreMaterial, type KeystoreMaterial } from './material.ts';

const openssl = new OpenSsl();
afterAll(() => openssl.remove());

/** Java takes a second to start, and several when the machine is busy. */
const SLOW = 60_000;

const profiles: readonly Profile[] = ['Modern2023', 'Modern2026', 'LegacyDES'];
const algorithms: readonly KeyAlgorithm[] = [{ algorithm: 'RSA', size: 2048 }, P256, { algorithm: 'ECDSA', curve: 'P-384' }, { algorithm: 'Ed25519' }];

const written = ({ entry }: KeystoreMaterial, profile: Profile = 'Modern2023', password = 'changeit'): Promise<Buffer> => writePkcs12({ entry, trusted: [] }, { profile, password, salts: systemRandom });

/** Public key and certificates, for comparing. */
async function contentOf(file: Buffer, password = 'changeit'): Promise<unknown> {
  const { privateKey, certificates } = await readPkcs12(file, password);
  return { publicKey: privateKey && exportPublicKey(privateKey), certificates: certificates.map(({ raw }) => raw.toString('base64')).toSorted() };
}

const contentIn = ({ entry, publicKeyPem }: KeystoreMaterial): unknown => ({ publicKey: publicKeyPem, certificates: entry.chain.map((der) => der.toString('base64')).toSorted() });

/** The same as openssl writes it. */
function exported({ entry }: KeystoreMaterial, password: string, ...options: readonly string[]): Buffer {
  const key = openssl.file(exportPrivateKey(importPrivateKey(entry.privateKey)));
  const certificates = openssl.file(entry.chain.map((der) => encodePem('CERTIFICATE', der)).join(''));
  const out = openssl.file('');
  openssl.run('pkcs12', '-export', '-inkey', key, '-in', certificates, '-passout', `pass:${password}`, '-out', out, ...options);
  return readFileSync(out);
}

describe('a file of ours', () => {
  it.each(profiles.flatMap((profile) => algorithms.map((algorithm) => [profile, describeKeyAlgorithm(algorithm), algorithm] as const)))('%s with %s comes back', async (profile, _name, algorithm) => {
    const material = await keystoreMaterial(algorithm);
    expect(await contentOf(await written(material, profile))).toEqual(contentIn(material));
  });

  it('with a truststore comes back without a key', async () => {
    const { trusted } = await keystoreMaterial();
    const { privateKey, certificates } = await readPkcs12(await writePkcs12({ trusted }, { profile: 'Modern2023', password: 'x', salts: systemRandom }), 'x');
    expect([privateKey, certificates.length]).toEqual([undefined, 2]);
  });

  it('opens with its password and no other, whatever the characters', async () => {
    const { entry } = await keystoreMaterial();
    const passwords = fc.string({ unit: 'grapheme', maxLength: 20 });
    await fc.assert(fc.asyncProperty(passwords, passwords, fc.constantFrom(...profiles), async (password, other, profile) => {
      const file = await writePkcs12({ entry, trusted: [] }, { profile, password, salts: systemRandom });
      expect((await readPkcs12(file, password)).privateKey).toBeDefined();
      expect(await codeOf(() => readPkcs12(file, other))).toBe(other === password ? 'no error' : 'Pkcs12PasswordWrong');
    }), { numRuns: 25 });
  });

  it('comes back from any BER that means the same', async () => {
    const material = await keystoreMaterial();
    const file = await written(material);
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 2000 }), async (piece) => {
      expect(await contentOf(asBer(file, piece))).toEqual(contentIn(material));
    }), { numRuns: 15 });
  });
});

describe('a file of openssl', () => {
  it.each<[string, string, readonly string[]]>([
    ['as of today', 'changeit', []],
    ['with SHA-512', 'changeit', ['-macalg', 'sha512']],
    ['of many iterations', 'changeit', ['-iter', '100000']],
    ['in AES-128', 'changeit', ['-keypbe', 'AES-128-CBC', '-certpbe', 'AES-192-CBC']],
    ['in 3DES by PBES2', 'changeit', ['-keypbe', 'DES-EDE3-CBC', '-certpbe', 'DES-EDE3-CBC']],
    ['as of version 1, with RC2', 'changeit', ['-legacy']],
    ['with the stronger RC2', 'changeit', ['-legacy', '-certpbe', 'PBE-SHA1-RC2-128', '-keypbe', 'PBE-SHA1-2DES']],
    ['with nothing encrypted', 'changeit', ['-keypbe', 'NONE', '-certpbe', 'NONE']],
    ['without a MAC', 'changeit', ['-nomac']],
    ['without a password', '', []],
    ['with accents in its password', 'pässwörd', []],
    ['with Chinese in its password, as of version 1', '密码', ['-legacy']],
  ])('%s is read', async (_what, password, options) => {
    const material = await keystoreMaterial();
    const file = exported(material, password, ...options);
    expect(await contentOf(file, password)).toEqual(contentIn(material));
    expect(await codeOf(() => readPkcs12(file, 'wrong'))).toBe('Pkcs12PasswordWrong');
  });

  it('with RC4, which nobody should write, is refused', async () => {
    const file = exported(await keystoreMaterial(), 'changeit', '-legacy', '-certpbe', 'PBE-SHA1-RC4-128');
    await expect(readPkcs12(file, 'changeit')).rejects.toMatchObject({ code: 'InvalidPkcs12', message: expect.stringContaining('Export it anew') });
  });
});

describeUnless(keytoolMissing)('a file of Java', () => {
  const keytool = (file: string, ...args: readonly string[]): void => {
    const { status, stdout } = spawnSync('keytool', [...args, '-keystore', file, '-storetype', 'PKCS12', '-storepass', 'changeit'], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stdout);
  };
  const generate = (file: string, alias: string, ...flags: readonly string[]): void => keytool(file, ...flags, '-genkeypair', '-alias', alias, '-keyalg', 'EC', '-groupname', 'secp256r1', '-dname', `CN=${alias}`);

  it.each([['as of today', []], ['as of old', ['-J-Dkeystore.pkcs12.legacy']]])('%s is read', async (_what, flags) => {
    const path = `${openssl.file('')}.p12`;
    generate(path, 'one', ...flags);
    const { privateKey, certificates } = await readPkcs12(readFileSync(path), 'changeit');
    expect(privateKey && certificates[0]?.checkPrivateKey(privateKey)).toBe(true);
  }, SLOW);

  it('with two keys is refused, for nobody says which is meant', async () => {
    const path = `${openssl.file('')}.p12`;
    generate(path, 'one');
    generate(path, 'two');
    await expect(readPkcs12(readFileSync(path), 'changeit')).rejects.toMatchObject({ code: 'InvalidPkcs12', message: expect.stringContaining('2 private keys') });
  }, SLOW);
});

describe('RFC 9579 appendix A', () => {
  const vectors: Readonly<Record<string, string>> = JSON.parse(readFileSync(new URL('../../../fixtures/rfc9579.json', import.meta.url), 'utf8'));
  const file = (name: string): Buffer => Buffer.from(vectors[name] ?? '', 'base64');

  it.each(['A.1', 'A.2', 'A.3'])('%s is valid', async (name) => {
    const { privateKey, certificates } = await readPkcs12(file(name), '1234');
    expect(privateKey && certificates[0]?.checkPrivateKey(privateKey)).toBe(true);
  });

  it.each([['A.4', 'Pkcs12PasswordWrong'], ['A.5', 'Pkcs12PasswordWrong'], ['A.6', 'InvalidPkcs12']])('%s is not', async (name, code) => {
    expect(await codeOf(() => readPkcs12(file(name), '1234'))).toBe(code);
  });
});

// The vector of the scheme that everybody's implementation is tested with first; from Peter Gutmann's pfx test data.
it('derives keys as others do', async () => {
  const key = await derivePkcs12({ digest: 'sha1', purpose: 'encryption', password: bmpPassword('smeg'), salt: Buffer.from('0A58CF64530D823F', 'hex'), iterations: 1, length: 24 });
  expect(key.toString('hex').toUpperCase()).toBe('8AAAE6297B6CB04642AB5B077851284EB7128F1A2A7FBCA3');
});

describe('a hostile file', () => {
  const pfx = (safe: Buffer, ...mac: readonly Buffer[]): Buffer => sequence(smallInteger(3), data(safe), ...mac);
  const data = (content: Buffer): Buffer => sequence(objectIdentifier(contentTypes.data), constructed(0, octetString(content)));
  const pbkdf2 = (iterations: Buffer, ...more: readonly Buffer[]): Buffer => sequence(objectIdentifier(PBKDF2), sequence(octetString(Buffer.from('salt')), iterations, ...more, sequence(objectIdentifier(hmacs.sha256))));
  const encrypted = (iterations: number, iv = Buffer.alloc(16)): Buffer => {
    const algorithm = sequence(objectIdentifier(PBES2), sequence(pbkdf2(smallInteger(iterations)), sequence(objectIdentifier(ciphers['aes-256-cbc']), octetString(iv))));
    const info = sequence(objectIdentifier(contentTypes.data), algorithm, primitive(0, Buffer.alloc(32)));
    return sequence(objectIdentifier(contentTypes.encryptedData), constructed(0, sequence(smallInteger(0), info)));
  };
  const mac = (iterations: Buffer): Buffer => sequence(sequence(sequence(objectIdentifier(digests.sha256), nullValue()), octetString(Buffer.alloc(32))), octetString(Buffer.from('salt')), iterations);

  it.each<[string, Buffer, string]>([
    ['is larger than what is read', Buffer.alloc(300_001), 'at most 300000 are read'],
    ['asks for years of PBKDF2', pfx(sequence(encrypted(2 ** 31 - 1))), 'too long'],
    ['asks for hours of its own scheme', pfx(sequence(), mac(smallInteger(2 ** 31 - 1))), 'too long'],
    ['asks for more iterations than a number holds', pfx(sequence(), mac(unsignedInteger(Buffer.alloc(9, 255)))), 'damaged'],
    ['asks for no iterations', pfx(sequence(), mac(smallInteger(0))), 'damaged'],
    ['is nested deeper than anything', pfx(Array.from({ length: 200 }).reduce<Buffer>((inner) => sequence(inner), nullValue())), 'damaged'],
    ['is nested without an end', Buffer.from('3080'.repeat(100_000), 'hex'), 'damaged'],
    ['has more elements than any', pfx(sequence(...Array<Buffer>(20_000).fill(nullValue()))), 'damaged'],
    ['is followed by something', Buffer.concat([pfx(sequence()), Buffer.alloc(1)]), 'damaged'],
    ['is of another version', sequence(smallInteger(1), data(sequence())), 'damaged'],
    ['is signed by a certificate', sequence(smallInteger(3), sequence(objectIdentifier('1.2.840.113549.1.7.2'), constructed(0, sequence()))), 'not supported'],
    ['is empty', pfx(sequence()), 'neither a private key nor a certificate'],
    ['has a tag of several octets', Buffer.from('1f8101', 'hex'), 'damaged'],
    ['lies about a length', Buffer.from('3084ffffffff', 'hex'), 'damaged'],
    ['is nothing', Buffer.alloc(0), 'damaged'],
  ])('that %s is refused at once', async (_what, file, why) => {
    await expect(readPkcs12(file, 'changeit')).rejects.toMatchObject({ code: 'InvalidPkcs12', message: expect.stringContaining(why) });
  });

  // Else whoever has no password could make a MAC that any password verifies, once in 256 times.
  it('with a MAC key of one octet is refused, though the MAC is right for some password', async () => {
    const parameters = sequence(pbkdf2(smallInteger(1), smallInteger(1)), sequence(objectIdentifier(hmacs.sha256)));
    const forged = sequence(sequence(sequence(objectIdentifier('1.2.840.113549.1.5.14'), parameters), octetString(Buffer.alloc(32))), octetString(Buffer.of()), smallInteger(1));
    expect(await codeOf(() => readPkcs12(pfx(sequence(), forged), 'changeit'))).toBe('InvalidPkcs12');
  });

  it('without a MAC that does not decrypt is a wrong password', async () => {
    expect(await codeOf(() => readPkcs12(pfx(sequence(encrypted(1))), 'changeit'))).toBe('Pkcs12PasswordWrong');
    expect(await codeOf(() => readPkcs12(pfx(sequence(encrypted(1, Buffer.alloc(3)))), 'changeit'))).toBe('Pkcs12PasswordWrong');
  });

  it('that is damaged anywhere, or cut off, ends in a reason, or holds what it held', async () => {
    const file = await written(await keystoreMaterial());
    const held = contentsOf(await readPkcs12(file, 'changeit'));
    await fc.assert(fc.asyncProperty(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const damaged = Buffer.from(file);
      damaged.writeUInt8(damaged.readUInt8(at) ^ change, at);
      // Parameters that mean nothing, such as the NULL of a digest, are under no MAC (RFC 7292 §4).
      const read = await readPkcs12(damaged, 'changeit').then(contentsOf, (error: unknown) => error);
      expect(read instanceof KeysteadError ? held : read).toEqual(held);
      await expect(readPkcs12(file.subarray(0, at), 'changeit')).rejects.toBeInstanceOf(KeysteadError);
    }), { numRuns: 150 });
  });

  it('that is damaged anywhere without a MAC never ends in another error', async () => {
    const file = exported(await keystoreMaterial(), 'changeit', '-nomac', '-keypbe', 'NONE', '-certpbe', 'NONE');
    await fc.assert(fc.asyncProperty(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const damaged = Buffer.from(file);
      damaged.writeUInt8(damaged.readUInt8(at) ^ change, at);
      // Throws whatever is no KeysteadError.
      expect(typeof (await codeOf(() => readPkcs12(damaged, 'changeit')))).toBe('string');
    }), { numRuns: 500 });
  });

  it('of any elements or octets never ends in another error', async () => {
    const elements: fc.Arbitrary<Buffer> = fc.letrec<{ node: Buffer }>((tie) => ({
      node: fc.oneof({ maxDepth: 6 },
        fc.tuple(fc.constantFrom(0x02, 0x04, 0x05, 0x06, 0x80, 0x24), fc.uint8Array({ maxLength: 20 })).map(([tag, octets]) => element(tag, Buffer.from(octets))),
        fc.tuple(fc.constantFrom(0x30, 0x31, 0xa0, 0x24), fc.array(tie('node'), { maxLength: 4 })).map(([tag, parts]) => element(tag, ...parts))),
    })).node;
    await fc.assert(fc.asyncProperty(fc.oneof(elements, elements.map((inner) => pfx(inner)), fc.uint8Array({ maxLength: 300 }).map((octets) => Buffer.from(octets))), async (file) => {
      await expect(readPkcs12(file, 'changeit')).rejects.toBeInstanceOf(KeysteadError);
    }), { numRuns: 500 });
  });

  it('leaves nothing of a password in its error', async () => {
    const file = await written(await keystoreMaterial());
    const error = await readPkcs12(file, 'hunter2').catch((thrown: unknown) => thrown);
    expect(JSON.stringify([error, error instanceof Error && [error.message, error.stack, error.cause]])).not.toContain('hunter2');
  });
});

/** What a file holds, as text that can be compared. */
function contentsOf({ privateKey, certificates }: Awaited<ReturnType<typeof readPkcs12>>): readonly string[] {
  return [privateKey?.export({ format: 'pem', type: 'pkcs8' }).toString() ?? '', ...certificates.map((certificate) => certificate.toString())];
}
