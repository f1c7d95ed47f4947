import 'reflect-metadata';
import { createHash } from 'node:crypto';
import { afterAll, describe, expect, it } from '@jest/globals';
import { X509Certificate, X509ChainBuilder } from '@peculiar/x509';
import fc from 'fast-check';
import { describeKeyAlgorithm, exportPublicKeyDer, importPrivateKey } from '../../../../src/crypto/keys.ts';
import { issue, newSerialNumber } from '../../../../src/crypto/x509/certificate.ts';
import { inspectCertificate } from '../../../../src/crypto/x509/inspect.ts';
import { loadIssuer } from '../../../../src/crypto/x509/issuer.ts';
import { systemRandom } from '../../../../src/runtime/random.ts';
import { after, authority, codeOf, DAY, keys, kinds, leaf, NOW, P256 } from './builders.ts';
import { OpenSsl } from './openssl.ts';

const openssl = new OpenSsl();
afterAll(() => openssl.remove());

const everyKind = kinds.map((kind) => [describeKeyAlgorithm(kind), kind] as const);
/** RSA 4096 takes a second on a quiet machine. */
const SLOW_MS = 60_000;
const rich = {
  subject: { commonName: 'Jürgen, "JR"', organizations: ['Ä & Co'], countries: ['DE'], serialNumber: '4711' },
  dnsNames: ['www.example.com', '*.example.com'],
  ipAddresses: ['192.0.2.1', '2001:db8::1'],
  uris: ['spiffe://example.org/ns/a/sa/b'],
  emailAddresses: ['jr@example.com'],
  otherNames: [{ oid: '1.3.6.1.4.1.311.20.2.3', utf8Value: 'jürgen@example.com' }],
  usages: ['digital signature', 'key encipherment', 'server auth', 'client auth', 'code signing'],
} as const;

describe.each(everyKind)('with keys of kind %s', (_, keyAlgorithm) => {
  it('a chain of root, intermediate and leaf is what openssl and @peculiar accept, and what we read back', async () => {
    const root = await authority('Root', { keyAlgorithm, pathLength: 1 });
    const middle = await authority('Middle', {}, root.issuer);
    const end = await leaf({ ...rich, keyAlgorithm }, middle.issuer);
    expect(openssl.verify(end.pem, root.pem, middle.pem)).toBe('OK');
    expect(openssl.verify(middle.pem, root.pem)).toBe('OK');
    expect(openssl.verify(root.pem, root.pem)).toBe('OK');
    expect(end.chainPem).toBe(end.pem + middle.pem);
    expect(end.caPem).toBe(root.pem);
    for (const each of [root, middle, end]) expect(inspectCertificate(each.pem)).toEqual(each.facts);
    expect(await new X509Certificate(end.pem).verify({ publicKey: await new X509Certificate(middle.pem).publicKey.export(), signatureOnly: true })).toBe(true);
    const byRoot = await leaf({ keyAlgorithm }, root.issuer);
    expect(openssl.verify(byRoot.pem, root.pem)).toBe('OK');
    const builder = new X509ChainBuilder({ certificates: [new X509Certificate(middle.pem), new X509Certificate(root.pem)] });
    expect(await builder.build(new X509Certificate(end.pem))).toHaveLength(3);
  }, SLOW_MS);

  it('a leaf that signs itself verifies', async () => {
    const end = await leaf({ keyAlgorithm });
    expect(openssl.verify(end.pem, end.pem)).toBe('OK');
    expect(end).toMatchObject({ chainPem: end.pem, caPem: end.pem, shortened: false });
    expect(inspectCertificate(end.pem)).toEqual(end.facts);
  }, SLOW_MS);
});

describe('what openssl reads in a leaf', () => {
  it('is what was asked for', async () => {
    const root = await authority('Root');
    const end = await leaf({ ...rich, keyAlgorithm: { algorithm: 'RSA', size: 2048 } }, root.issuer);
    const text = openssl.run('x509', '-in', openssl.file(end.pem), '-noout', '-text', '-nameopt', 'RFC2253,utf8,-esc_msb');
    expect(text).toContain('Version: 3 (0x2)');
    expect(text).toContain(String.raw`Subject: serialNumber=4711,CN=Jürgen\, \"JR\",O=Ä & Co,C=DE`);
    expect(text).toContain('Issuer: CN=Root');
    expect(text).toMatch(/Basic Constraints: critical\s+CA:FALSE/);
    expect(text).toMatch(/Key Usage: critical\s+Digital Signature, Key Encipherment\n/);
    expect(text).toMatch(/Extended Key Usage: *\s+TLS Web Server Authentication, TLS Web Client Authentication, Code Signing\n/);
    expect(text).toMatch(/Alternative Name: *\s+DNS:www.example.com, DNS:\*.example.com, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1, URI:spiffe:\/\/example.org\/ns\/a\/sa\/b, email:jr@example.com, othername: UPN::jürgen@example.com\n/);
  });

  it('marks the alternative names critical when there is no subject (RFC 5280 §4.2.1.6)', async () => {
    const root = await authority('Root');
    const end = await leaf({}, root.issuer);
    expect(openssl.run('x509', '-in', openssl.file(end.pem), '-noout', '-text')).toMatch(/Alternative Name: critical/);
  });

  it('is the subject as we write it, for subjects of every shape', async () => {
    const root = await authority('Root');
    const literals = ['CN=a,DC=example,DC=net', String.raw`CN=\#x\ ,OU=a\=b\;c,O=\+`, 'emailAddress=a@b.c,CN=Lučić 😀,C=HR', String.raw`CN=\,\\\"\<\>`, 'dnQualifier=1,title=T,GN=g,SN=s,initials=i,ST=st,L=l,STREET=str,postalCode=1,CN=c'];
    for (const literalSubject of literals) {
      const end = await leaf({ literalSubject }, root.issuer);
      const written = openssl.run('x509', '-in', openssl.file(end.pem), '-noout', '-subject', '-nameopt', 'RFC2253,utf8,-esc_msb').trim().replace('subject=', '');
      expect(written.replaceAll(/(^|[,+])street=/g, '$1STREET=')).toBe(end.facts.subject);
      expect(inspectCertificate(end.pem).subject).toBe(end.facts.subject);
    }
  });

  it('has what is joined by "+" in the order of DER, however it was given', async () => {
    const root = await authority('Root');
    for (const literalSubject of ['UID=b+CN=a,O=c', 'CN=a+UID=b,O=c']) {
      const end = await leaf({ literalSubject }, root.issuer);
      expect(end.facts.subject).toBe('CN=a+UID=b,O=c');
      expect(inspectCertificate(end.pem).subject).toBe('CN=a+UID=b,O=c');
      expect(openssl.run('asn1parse', '-in', openssl.file(end.pem))).toMatch(/:commonName[^]*:userId/);
    }
  });
});

describe('usages', () => {
  it('are by default those that the kind of key can do, and no extended ones', async () => {
    expect((await leaf({ keyAlgorithm: { algorithm: 'RSA', size: 2048 } })).facts.usages).toEqual(['digital signature', 'key encipherment']);
    expect((await leaf()).facts.usages).toEqual(['digital signature']);
    expect((await authority('CA')).facts.usages).toEqual(['digital signature', 'cert sign', 'crl sign']);
  });

  it('leave encipherment out of elliptic curve keys (RFC 8813 §3)', async () => {
    expect((await leaf({ usages: ['digital signature', 'key encipherment', 'data encipherment', 'server auth'] })).facts.usages).toEqual(['digital signature', 'server auth']);
  });

  it.each([[['cert sign']], [['encipher only']], [['decipher only', 'server auth']], [['web server']]])('%j make no sense for a leaf', async (usages) => {
    expect(await codeOf(() => leaf({ usages: usages as never }))).toBe('InvalidUsage');
  });
});

describe('validity', () => {
  it('is written in whole seconds, in the forms that RFC 5280 §4.1.2.5 has for either side of 2050', async () => {
    const end = await leaf({ notBefore: new Date('2049-12-31T23:59:59.999Z'), notAfter: new Date('2050-01-01T00:00:00.001Z') });
    expect(end.facts).toMatchObject({ notBefore: new Date('2049-12-31T23:59:59Z'), notAfter: new Date('2050-01-01T00:00:00Z') });
    expect(openssl.run('x509', '-in', openssl.file(end.pem), '-noout', '-dates')).toBe('notBefore=Dec 31 23:59:59 2049 GMT\nnotAfter=Jan  1 00:00:00 2050 GMT\n');
    expect(end.der.includes('491231235959Z') && end.der.includes('20500101000000Z')).toBe(true);
  });

  it('ends with the issuer at the latest, and says so', async () => {
    const root = await authority('Root', { notAfter: after(10 * DAY) });
    expect(await leaf({ notAfter: after(11 * DAY) }, root.issuer)).toMatchObject({ shortened: true, facts: { notAfter: after(10 * DAY) } });
    expect(await leaf({ notAfter: after(10 * DAY) }, root.issuer)).toMatchObject({ shortened: false, facts: { notAfter: after(10 * DAY) } });
  });

  it('ends with the root, when that ends before the intermediate', async () => {
    const root = await authority('Root', { notAfter: after(10 * DAY) });
    const middle = await authority('Middle', { notAfter: after(20 * DAY) }, { ...root.issuer, notAfter: after(20 * DAY) });
    expect(middle.facts.notAfter).toEqual(after(20 * DAY));
    expect((await leaf({ notAfter: after(15 * DAY) }, middle.issuer)).facts.notAfter).toEqual(after(10 * DAY));
  });

  it('is not given by an issuer that has ended by then', async () => {
    const root = await authority('Root', { notAfter: after(10 * DAY) });
    expect(await codeOf(() => leaf({ notBefore: after(10 * DAY), notAfter: after(11 * DAY) }, root.issuer))).toBe('IssuerExpired');
  });

  it('never ends before it begins, nor after the year 9999', async () => {
    expect(await codeOf(() => leaf({ notAfter: NOW }))).toBe('InvalidCertificateRequest');
    expect(await codeOf(() => leaf({ notAfter: new Date('+010000-01-01T00:00:00Z') }))).toBe('InvalidCertificateRequest');
    expect(await codeOf(() => leaf({ notAfter: new Date(Number.NaN) }))).toBe('InvalidCertificateRequest');
  });
});

describe('the octets', () => {
  /** RFC 8410 §10.3; Ed25519 signs the same bytes the same way each time. */
  const key = importPrivateKey(Buffer.from('MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC', 'base64'));

  it('stay the same from release to release', () => {
    const input = { publicKey: key, notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2027-01-01T00:00:00Z'), serialNumber: Buffer.alloc(20, 0x42), issuer: { self: key } };
    const issued = issue({ ...input, request: { ...rich, usages: ['digital signature', 'server auth', 'client auth'], keyAlgorithm: { algorithm: 'Ed25519' } } });
    expect(exportPublicKeyDer(key).toString('base64')).toBe('MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=');
    expect(issued.facts.thumbprint).toBe('5365c6f0f542d1be28e10cc5fdce915f6292934b66944887b8753fe0585c7bd2');
  });

  it('have key identifiers by RFC 7093 §2 method 1', async () => {
    const end = await leaf();
    const point = exportPublicKeyDer(end.key).subarray(-65);
    expect(end.facts.subjectKeyId).toBe(createHash('sha256').update(point).digest('hex').slice(0, 40));
  });
});

describe('serial numbers', () => {
  it('are positive and of 20 octets, whatever is drawn', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), (octets) => {
        const serial = newSerialNumber({ bytes: () => Buffer.from(octets), fraction: () => 0 });
        expect(serial).toHaveLength(20);
        expect(serial.readUInt8(0)).toBeGreaterThan(0);
        expect(serial.readInt8(0)).toBeGreaterThan(0);
        expect(serial.subarray(1)).toEqual(Buffer.from(octets.slice(1)));
      }),
    );
  });

  it('are what openssl shows', async () => {
    const end = await leaf();
    expect(openssl.run('x509', '-in', openssl.file(end.pem), '-noout', '-serial').trim().toLowerCase()).toBe(`serial=${end.facts.serialNumber}`);
  });

  it('of a bad form are a fault of the program', async () => {
    const key = await keys.generate(P256);
    for (const serialNumber of [Buffer.alloc(16), Buffer.alloc(20, 0xff), Buffer.alloc(21, 1), Buffer.alloc(8, 1)]) {
      expect(() => issue({ request: { dnsNames: ['a.b'], keyAlgorithm: P256 }, publicKey: key, notBefore: NOW, notAfter: after(DAY), serialNumber, issuer: { self: key } })).toThrow(RangeError);
    }
  });
});

describe('a certificate that signs itself', () => {
  it('takes its first name as subject when it has none, since its issuer must not be empty (RFC 5280 §4.1.2.4)', async () => {
    expect((await leaf({ dnsNames: [`${'a'.repeat(63)}.${'b'.repeat(10)}`, 'short.example'] })).facts).toMatchObject({ subject: 'CN=short.example', issuer: 'CN=short.example' });
    expect(await codeOf(() => leaf({ dnsNames: [], otherNames: [{ oid: '1.2.3', utf8Value: 'a' }] }))).toBe('InvalidSubject');
  });

  it('is not signed by another key', async () => {
    const [own, other] = [await keys.generate(P256), await keys.generate(P256)];
    const input = { request: { dnsNames: ['a.b'], keyAlgorithm: P256 }, publicKey: own, notBefore: NOW, notAfter: after(DAY), serialNumber: newSerialNumber(systemRandom) };
    expect(await codeOf(() => issue({ ...input, issuer: { self: other } }))).toBe('KeyMismatch');
  });
});

describe('requests that name nobody, or want what only a CA has', () => {
  it.each([
    [{ dnsNames: [] }, 'InvalidSubject'],
    [{ isCA: true }, 'InvalidSubject'],
    [{ pathLength: 0 }, 'InvalidCertificateRequest'],
    [{ nameConstraints: { permitted: { dnsDomains: ['a.b'] } } }, 'InvalidCertificateRequest'],
    [{ subject: { commonName: 'CA' }, isCA: true, pathLength: -1 }, 'InvalidCertificateRequest'],
    [{ subject: { commonName: 'CA' }, isCA: true, pathLength: 1.5 }, 'InvalidCertificateRequest'],
    [{ subject: { commonName: 'CA' }, isCA: true, pathLength: 21 }, 'InvalidCertificateRequest'],
  ])('%j: %s', async (request, code) => {
    expect(await codeOf(() => leaf(request))).toBe(code);
  });
});

describe('issuers', () => {
  it('keep the path length under their own', async () => {
    const root = await authority('Root', { pathLength: 2 });
    const middle = await authority('Middle', {}, root.issuer);
    expect(middle.facts.pathLength).toBe(1);
    expect(middle.issuer.pathLength).toBe(1);
    const lower = await authority('Lower', { pathLength: 7 }, middle.issuer);
    expect(lower.facts.pathLength).toBe(0);
    expect(await codeOf(() => authority('Lowest', {}, lower.issuer))).toBe('PathLengthExceeded');
    const end = await leaf({}, lower.issuer);
    expect(openssl.verify(end.pem, root.pem, lower.pem + middle.pem)).toBe('OK');
  });

  it('count the path length of those above them', async () => {
    const root = await authority('Root', { pathLength: 1 });
    const middle = await authority('Middle', {}, { ...root.issuer, pathLength: undefined });
    expect(middle.facts.pathLength).toBeUndefined();
    expect(middle.issuer.pathLength).toBe(0);
    expect(await codeOf(() => authority('Lower', {}, middle.issuer))).toBe('PathLengthExceeded');
  });

  it('are no leaves, no CAs without cert sign, and have their own key', async () => {
    const root = await authority('Root');
    const end = await leaf({ subject: { commonName: 'leaf' } }, root.issuer);
    expect(await codeOf(() => loadIssuer({ chainPem: end.chainPem, privateKey: end.key, now: NOW }))).toBe('IssuerNotCA');
    expect(await codeOf(() => loadIssuer({ chainPem: root.pem, privateKey: end.key, now: NOW }))).toBe('KeyMismatch');
    expect(await codeOf(() => loadIssuer({ chainPem: root.pem, privateKey: root.key, now: after(301 * DAY) }))).toBe('CertificateExpired');
    expect(await codeOf(() => loadIssuer({ chainPem: 'none', privateKey: root.key, now: NOW }))).toBe('InvalidCertificate');
  });

  it('repeat their subject to the octet, whatever string types it is in', async () => {
    const folder = openssl.file('[req]\nprompt=no\ndistinguished_name=dn\nx509_extensions=e\nstring_mask=MASK:0x0802\n[dn]\nO=Printable Org\nCN=Some CA\n[e]\nbasicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n');
    const keyFile = openssl.file('');
    const pem = openssl.run('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile, '-config', folder, '-days', '30', '-batch').replace(/^[^]*?(?=-----BEGIN CERT)/, '');
    const key = openssl.run('pkey', '-in', keyFile);
    const issuer = loadIssuer({ chainPem: pem, privateKey: importPrivateKey(key), now: new Date(new X509Certificate(pem).notBefore.getTime() + 60_000) });
    expect(issuer.encodedSubject.includes(Buffer.from([0x13, 7, ...Buffer.from('Some CA')]))).toBe(true);
    expect(openssl.verify((await leaf({}, issuer)).pem, pem)).toBe('OK');
  });

  it('issue a P-256 leaf with its key in well under 4 ms', async () => {
    const root = await authority('Root');
    const rounds = 100;
    for (let round = 0; round < 20; round += 1) await leaf({}, root.issuer);
    const before = process.cpuUsage();
    for (let round = 0; round < rounds; round += 1) await leaf({}, root.issuer);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000 / rounds).toBeLessThan(4);
  });
});
