import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { KeysteadError } from '../../../../src/api/error.ts';
import { inspectCertificate } from '../../../../src/crypto/x509/inspect.ts';
import { authority, codeOf, leaf, syncOutcomeOf } from './builders.ts';
import { OpenSsl } from './openssl.ts';

const root = await authority('Root', { pathLength: 1, nameConstraints: { permitted: { dnsDomains: ['example.com'], ipRanges: ['10.0.0.0/8', 'fd00::/8'] } } });
const rich = await leaf({ subject: { commonName: 'x', organizations: ['Ö'] }, dnsNames: ['a.example.com'], ipAddresses: ['10.0.0.1', 'fd00::1'], usages: ['server auth'] }, root.issuer);

describe('what stands in a certificate', () => {
  it('that others made is read: names of kinds that we do not issue, unknown usages, string types of old', () => {
    const openssl = new OpenSsl();
    const config = openssl.file(
      ['[req]', 'prompt=no', 'distinguished_name=dn', 'x509_extensions=e', 'string_mask=MASK:0x0004', '[dn]', 'O=Teletex Org', 'CN=x', '[e]', 'basicConstraints=critical,CA:TRUE',
        'extendedKeyUsage=serverAuth,1.3.6.1.5.5.7.3.17', 'subjectAltName=DNS:A.Example,RID:1.2.3,dirName:dn,IP:::1,otherName:1.2.3;IA5:abc', 'subjectKeyIdentifier=hash'].join('\n'),
    );
    const pem = openssl.file('');
    openssl.run('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-nodes', '-keyout', openssl.file(''), '-config', config, '-days', '30', '-batch', '-set_serial', '0x00ff', '-out', pem);
    const facts = inspectCertificate(openssl.run('x509', '-in', pem));
    openssl.remove();
    expect(facts).toMatchObject({
      serialNumber: 'ff',
      subject: 'CN=x,O=Teletex Org',
      sans: { dnsNames: ['a.example'], ipAddresses: ['::1'], otherNames: [{ oid: '1.2.3', utf8Value: '#1603616263' }] },
      usages: ['server auth', '1.3.6.1.5.5.7.3.17'],
      isCA: true,
      keyAlgorithm: { algorithm: 'ECDSA', curve: 'P-384' },
    });
  });

  it('is the same from PEM and DER', () => {
    expect(inspectCertificate(rich.der)).toEqual(rich.facts);
    expect(inspectCertificate(Buffer.from(rich.pem))).toEqual(rich.facts);
  });
});

describe('damage', () => {
  it.each([[root], [rich]])('anywhere gives a reason and nothing else', ({ der, facts }) => {
    const flip = fc.record({ at: fc.nat(der.length - 1), change: fc.integer({ min: 1, max: 255 }) });
    fc.assert(
      fc.property(fc.uniqueArray(flip, { selector: ({ at }) => at, minLength: 1, maxLength: 4 }), (flips) => {
        const damaged = Buffer.from(der);
        for (const { at, change } of flips) damaged.writeUInt8(damaged.readUInt8(at) ^ change, at);
        const outcome = syncOutcomeOf(() => inspectCertificate(damaged));
        // What still reads must at least have another thumbprint: nobody takes it for the original.
        expect(outcome instanceof KeysteadError ? '' : outcome.thumbprint).not.toBe(facts.thumbprint);
      }),
      { numRuns: 1500 },
    );
  });

  it('by cutting is found', async () => {
    for (let length = 0; length < rich.der.length; length += 7) expect(await codeOf(() => inspectCertificate(rich.der.subarray(0, length)))).toBe('InvalidCertificate');
  });
});
