import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { KeysteadError } from '../../../../src/api/error.ts';
import { describeKeyAlgorithm, exportPrivateKey, publicKeyThumbprint } from '../../../../src/crypto/keys.ts';
import { parseCsr } from '../../../../src/crypto/x509/csr.ts';
import { createCsr } from '../../../../src/crypto/x509/make-csr.ts';
import { childElements, nullValue, objectIdentifier, sequence } from '../../../../src/crypto/x509/der.ts';
import { codeOf, keys, kinds, P256 } from './builders.ts';
import { OpenSsl } from './openssl.ts';

const openssl = new OpenSsl();
afterAll(() => openssl.remove());

const rich = {
  subject: { commonName: 'Jürgen', organizations: ['Ä & Co'], countries: ['DE'] },
  dnsNames: ['www.example.com', '*.example.com'],
  ipAddresses: ['192.0.2.1', '2001:db8::1'],
  uris: ['spiffe://example.org/ns/a/sa/b'],
  emailAddresses: ['jr@example.com'],
  otherNames: [{ oid: '1.3.6.1.4.1.311.20.2.3', utf8Value: 'jürgen@example.com' }],
  usages: ['digital signature', 'server auth'],
} as const;

describe.each(kinds.map((kind) => [describeKeyAlgorithm(kind), kind] as const))('a CSR by a key of kind %s', (_, keyAlgorithm) => {
  const shared = keys.generate(keyAlgorithm);

  it('is what openssl verifies, and what we read back', async () => {
    const key = await shared;
    const csr = createCsr({ ...rich, keyAlgorithm }, key);
    expect(openssl.run('req', '-in', openssl.file(csr.pem), '-verify', '-noout')).toMatch(/verify OK/);
    const parsed = parseCsr(csr.pem);
    const { subject: _fields, usages, ...sans } = rich;
    expect(parsed).toMatchObject({ subject: 'CN=Jürgen,O=Ä & Co,C=DE', sans, usages, isCA: false, keyAlgorithm, publicKeyThumbprint: publicKeyThumbprint(key) });
    expect(parsed.der).toEqual(csr.der);
  }, 60_000);

  it('made by openssl is read', async () => {
    const key = await shared;
    const pem = openssl.run('req', '-new', '-key', openssl.file(exportPrivateKey(key)), '-subj', '/O=Example/CN=www', '-addext', 'subjectAltName=DNS:www.example.com,IP:::1');
    expect(parseCsr(pem)).toMatchObject({ subject: 'CN=www,O=Example', sans: { dnsNames: ['www.example.com'], ipAddresses: ['::1'] }, publicKeyThumbprint: publicKeyThumbprint(key) });
  }, 60_000);
});

describe('a CSR', () => {
  it('of a CA carries its constraints', async () => {
    const key = await keys.generate(P256);
    const nameConstraints = { permitted: { dnsDomains: ['example.com'], ipRanges: ['10.0.0.0/8'] }, excluded: { emailAddresses: ['.evil.test'], uriDomains: ['evil.test'] } };
    const csr = createCsr({ subject: { commonName: 'CA' }, isCA: true, pathLength: 1, nameConstraints, keyAlgorithm: P256 }, key);
    expect(parseCsr(csr.der)).toMatchObject({ isCA: true, pathLength: 1, nameConstraints: { critical: true, ...nameConstraints }, usages: ['digital signature', 'cert sign', 'crl sign'] });
    expect(openssl.run('req', '-in', openssl.file(csr.pem), '-noout', '-text')).toMatch(/CA:TRUE, pathlen:1/);
  });

  it('without anything but a name is read by openssl, too', async () => {
    const key = await keys.generate(P256);
    const pem = openssl.run('req', '-new', '-key', openssl.file(exportPrivateKey(key)), '-subj', '/CN=www');
    expect(parseCsr(pem)).toMatchObject({ subject: 'CN=www', usages: [], isCA: false });
  });

  it('is refused when it is signed by another key', async () => {
    const [own, other] = [await keys.generate(P256), await keys.generate(P256)];
    const honest = createCsr({ dnsNames: ['a.example'], keyAlgorithm: P256 }, own);
    const stolen = Buffer.from(honest.der);
    const foreign = createCsr({ dnsNames: ['a.example'], keyAlgorithm: P256 }, other).der;
    const point = foreign.indexOf(Buffer.from([0x03, 0x42, 0x00, 0x04]));
    foreign.copy(stolen, point, point, point + 68);
    expect(await codeOf(() => parseCsr(stolen))).toBe('InvalidCsr');
  });

  it.each([
    ['SHA-1', ['-sha1']],
    ['MD5', ['-md5']],
  ])('signed with %s is refused', async (_, digest) => {
    const key = await keys.generate({ algorithm: 'RSA', size: 2048 });
    const pem = openssl.run('req', '-new', ...digest, '-key', openssl.file(exportPrivateKey(key)), '-subj', '/CN=www');
    expect(await codeOf(() => parseCsr(pem))).toBe('InvalidCsr');
  });

  it('whose frame lies about the signature is refused', async () => {
    const key = await keys.generate({ algorithm: 'RSA', size: 2048 });
    const { der } = createCsr({ dnsNames: ['a.example'], keyAlgorithm: { algorithm: 'RSA', size: 2048 } }, key);
    const [toSign, algorithm, signature] = childElements(der);
    if (toSign === undefined || algorithm === undefined || signature === undefined) throw new Error('a CSR has three parts');
    expect(parseCsr(sequence(toSign, algorithm, signature))).toMatchObject({ sans: { dnsNames: ['a.example'] } });
    const ecdsa = sequence(objectIdentifier('1.2.840.10045.4.3.2'));
    const unusedBits = Buffer.from(signature);
    unusedBits.writeUInt8(1, signature.length - 257);
    for (const frame of [sequence(toSign, ecdsa, signature), sequence(toSign, algorithm, unusedBits), sequence(toSign, algorithm, signature, nullValue()), sequence(toSign, algorithm), Buffer.concat([sequence(toSign, algorithm, signature), nullValue()])]) {
      expect(() => parseCsr(frame)).toThrow(KeysteadError);
    }
  });

  it('in any other framing than DER has is refused, though the signature is right', async () => {
    const { der } = createCsr({ dnsNames: ['a.example'], keyAlgorithm: P256 }, await keys.generate(P256));
    expect(der.readUInt8(1)).toBe(0x81);
    const longForm = Buffer.concat([Buffer.from([0x30, 0x82, 0x00]), der.subarray(2)]);
    const indefinite = Buffer.concat([Buffer.from([0x30, 0x80]), der.subarray(3), Buffer.alloc(2)]);
    const otherLengths = Array.from({ length: 255 }, (_, change) => Buffer.concat([der.subarray(0, 2), Buffer.from([der.readUInt8(2) ^ (change + 1)]), der.subarray(3)]));
    for (const frame of [longForm, indefinite, ...otherLengths]) expect(() => parseCsr(frame)).toThrow(KeysteadError);
  });

  it('for a key that we do not certify is refused', async () => {
    const pem = openssl.file('');
    openssl.run('req', '-new', '-newkey', 'rsa:1024', '-nodes', '-keyout', openssl.file(''), '-subj', '/CN=www', '-out', pem);
    expect(await codeOf(() => parseCsr(readFileSync(pem, 'utf8')))).toBe('InvalidKey');
  });

  it.each([
    ['nothing', ''],
    ['a certificate', '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n'],
    ['more than a certificate could hold', `-----BEGIN CERTIFICATE REQUEST-----\n${'A'.repeat(36_500)}\n-----END CERTIFICATE REQUEST-----\n`],
    ['two of them', '-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n'.repeat(2)],
    ['an empty sequence', '-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n'],
    ['deep nesting', Buffer.from('3080'.repeat(10_000), 'hex')],
  ])('is not %s', async (_, input) => {
    expect(await codeOf(() => parseCsr(input))).toBe('InvalidCsr');
  });

  it('with the same extension twice is refused', async () => {
    const config = openssl.file('[req]\nprompt=no\ndistinguished_name=dn\nreq_extensions=e\n[dn]\nCN=www\n[e]\nsubjectAltName=DNS:a.example\n2.5.29.17=DER:30:0b:82:09:62:2e:65:78:61:6d:70:6c:65\n');
    const key = openssl.file(exportPrivateKey(await keys.generate(P256)));
    const pem = openssl.run('req', '-new', '-key', key, '-config', config);
    expect(pem).toContain('BEGIN CERTIFICATE REQUEST');
    expect(await codeOf(() => parseCsr(pem))).toBe('InvalidCsr');
  });

  it('that is damaged anywhere is refused with a reason, and in good time', async () => {
    const { der } = createCsr({ ...rich, keyAlgorithm: P256 }, await keys.generate(P256));
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Buffer.from(der);
        damaged.writeUInt8(damaged.readUInt8(at) ^ change, at);
        expect(() => parseCsr(damaged)).toThrow(KeysteadError);
      }),
      { numRuns: 400 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => expect(() => parseCsr(Buffer.from(octets))).toThrow(KeysteadError)), { numRuns: 200 });
  });
});
