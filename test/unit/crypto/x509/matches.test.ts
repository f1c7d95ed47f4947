import { describe, expect, it } from '@jest/globals';
import { usages as usageWords } from '../../../../src/api/x509-request.ts';
import { parseVaultCertificate } from '../../../../src/api/vault-certificate.ts';
import { inspectCertificate } from '../../../../src/crypto/x509/inspect.ts';
import { differences } from '../../../../src/crypto/x509/matches.ts';
import { requestFromSpec, type CertificateRequest } from '../../../../src/crypto/x509/request.ts';
import { authority, codeOf, leaf, P256 } from './builders.ts';

const root = await authority('Root', { pathLength: 3 });
const request: CertificateRequest = {
  subject: { commonName: 'cn', organizations: ['o'] },
  dnsNames: ['a.example', 'b.example'],
  ipAddresses: ['192.0.2.1', '2001:db8::1'],
  uris: ['spiffe://example.org/a'],
  emailAddresses: ['a@example.com'],
  otherNames: [{ oid: '1.2.3', utf8Value: 'x' }],
  usages: ['digital signature', 'server auth'],
  keyAlgorithm: P256,
  durationMs: 3_600_000,
};
const end = await leaf(request, root.issuer);
const certificate = inspectCertificate(end.pem);
const differing = (changes: Partial<CertificateRequest>, issuedDurationMs?: number) => differences({ certificate, request: { ...request, ...changes }, issuedDurationMs });

describe('a certificate satisfies', () => {
  it('the request it was made from', () => {
    expect(differing({}, 3_600_000)).toEqual([]);
  });

  it.each<[string, Partial<CertificateRequest>]>([
    ['another order', { dnsNames: ['b.example', 'a.example'], usages: ['server auth', 'digital signature'] }],
    ['another spelling', { dnsNames: ['A.Example.', 'b.EXAMPLE', 'a.example'], ipAddresses: ['2001:DB8:0::1', '192.0.2.1'], emailAddresses: ['a@Example.COM'] }],
    ['the same subject as a string', { subject: undefined, literalSubject: 'CN=cn, O=o' }],
    ['another word for the same usage', { usages: ['signing', 'server auth'] }],
    ['usages that its key can not have', { usages: ['digital signature', 'key encipherment', 'server auth'] }],
  ])('%s of the request', (_, changes) => {
    expect(differing(changes)).toEqual([]);
  });
});

describe('a certificate does not satisfy a request with', () => {
  it.each<[Partial<CertificateRequest>, string[]]>([
    [{ subject: { commonName: 'other', organizations: ['o'] } }, ['subject is "CN=cn,O=o", wanted "CN=other,O=o"']],
    [{ subject: undefined }, ['subject is "CN=cn,O=o", wanted ""']],
    [{ dnsNames: ['a.example', 'c.example'] }, ['dnsNames lacks "c.example"', 'dnsNames has "b.example" too many']],
    [{ ipAddresses: [] }, ['ipAddresses has "192.0.2.1", "2001:db8::1" too many']],
    [{ uris: ['spiffe://example.org/b', 'spiffe://example.org/a'] }, ['uris lacks "spiffe://example.org/b"']],
    [{ emailAddresses: undefined }, ['emailAddresses has "a@example.com" too many']],
    [{ otherNames: [{ oid: '1.2.3', utf8Value: 'y' }] }, ['otherNames lacks "1.2.3=y"', 'otherNames has "1.2.3=x" too many']],
    [{ usages: ['digital signature', 'client auth'] }, ['usages lacks "client auth"', 'usages has "server auth" too many']],
    [{ isCA: true }, ['usages lacks "cert sign", "crl sign"', 'isCA is false, wanted true']],
    [{ keyAlgorithm: { algorithm: 'ECDSA', curve: 'P-384' } }, ['private key is "ECDSA P-256", wanted "ECDSA P-384"']],
  ])('%j', (changes, expected) => {
    expect(differing(changes)).toEqual(expected);
  });

  it('another duration than was asked for then, however long it really is valid', () => {
    expect(differing({ durationMs: 7_200_000 }, 3_600_000)).toEqual(['duration in seconds is "3600", wanted "7200"']);
    expect(differing({ durationMs: 7_200_000 })).toEqual([]);
  });

  it('names that it has not, told in one short line whatever they are', () => {
    const forged = { ...certificate, subject: 'CN=a\nReady: True', sans: { ...certificate.sans, dnsNames: Array.from({ length: 200 }, (_, index) => `\u202e${index}\n${'x'.repeat(500)}`) } };
    const told = differences({ certificate: forged, request });
    expect(told.join('')).not.toMatch(/[\n\u202e]/);
    expect(told.every((each) => each.length < 1000)).toBe(true);
    expect(told.join('')).toMatch(/and 195 more too many/);
  });
});

describe('CA certificates', () => {
  const ca: CertificateRequest = { subject: { commonName: 'CA' }, isCA: true, pathLength: 1, nameConstraints: { permitted: { dnsDomains: ['Example.com'], ipRanges: ['10.1.0.0/8'] } }, keyAlgorithm: P256 };

  it('satisfy their request, also where the issuer made the path length stricter', async () => {
    const issued = inspectCertificate((await authority('CA', ca, root.issuer)).pem);
    expect(differences({ certificate: issued, request: ca })).toEqual([]);
    expect(differences({ certificate: issued, request: { ...ca, pathLength: 2 } })).toEqual([]);
    expect(differences({ certificate: issued, request: { ...ca, pathLength: undefined } })).toEqual([]);
    expect(differences({ certificate: issued, request: { ...ca, pathLength: 0 } })).toEqual(['pathLength is "1", wanted "0"']);
    expect(differences({ certificate: issued, request: { ...ca, nameConstraints: { excluded: { dnsDomains: ['example.com'] } } } })).toEqual([
      'nameConstraints lacks "excluded dnsDomains example.com"',
      'nameConstraints has "permitted dnsDomains example.com", "permitted ipRanges 10.0.0.0/8" too many',
    ]);
    expect(differences({ certificate: issued, request: { ...ca, nameConstraints: { ...ca.nameConstraints, critical: false } } })).toEqual([
      'nameConstraints lacks "critical false"',
      'nameConstraints has "critical true" too many',
    ]);
  });
});

describe('self-signed certificates', () => {
  it('that took a name as subject satisfy a request without one', async () => {
    const self = await leaf({ dnsNames: ['a.example'] });
    expect(differences({ certificate: inspectCertificate(self.pem), request: self.request })).toEqual([]);
    expect(differences({ certificate: inspectCertificate(self.pem), request: { ...self.request, dnsNames: ['b.example'] } })).toContain('subject is "CN=a.example", wanted "CN=b.example"');
  });
});

describe('requests from a VaultCertificate', () => {
  const spec = (fields: object) => {
    const parsed = parseVaultCertificate({ apiVersion: 'keystead.dev/v1alpha1', kind: 'VaultCertificate', metadata: { name: 'c', namespace: 'n' }, spec: { vaultRef: { name: 'vault' }, issuerRef: { name: 'i' }, ...fields } } as never);
    if (parsed instanceof Error) throw parsed;
    return parsed;
  };

  it('carry every field, so that what is issued satisfies them', async () => {
    const fields = { commonName: 'cn', subject: { organizations: ['o'] }, dnsNames: ['a.example'], ipAddresses: ['::1'], uris: ['urn:a:b'], emailAddresses: ['a@b.example'], otherNames: [{ oid: '1.2.3', utf8Value: 'x' }], usages: ['client auth'], privateKey: { algorithm: 'Ed25519' } };
    const made = requestFromSpec(spec(fields), 60_000);
    expect(made).toMatchObject({ subject: { commonName: 'cn', organizations: ['o'] }, dnsNames: ['a.example'], keyAlgorithm: { algorithm: 'Ed25519' }, durationMs: 60_000 });
    const issued = await leaf(made, root.issuer);
    expect(issued.facts).toMatchObject({ subject: 'CN=cn,O=o', usages: ['client auth'], sans: { dnsNames: ['a.example'], ipAddresses: ['::1'], uris: ['urn:a:b'], emailAddresses: ['a@b.example'], otherNames: [{ oid: '1.2.3', utf8Value: 'x' }] } });
    expect(differences({ certificate: issued.facts, request: made })).toEqual([]);
  });

  it('of a CA carry what it may do', async () => {
    const made = requestFromSpec(spec({ literalSubject: 'CN=ca', isCA: true, ca: { pathLength: 0, nameConstraints: { permitted: { dnsDomains: ['.example.com'] } } } }), 60_000);
    expect((await leaf({ ...made, dnsNames: undefined }, root.issuer)).facts).toMatchObject({ subject: 'CN=ca', isCA: true, pathLength: 0, nameConstraints: { critical: true, permitted: { dnsDomains: ['.example.com'] } } });
  });

  it('may use each word that the schema has for usages', async () => {
    for (const usage of usageWords) {
      const companion = usage.endsWith('only') ? ['key agreement' as const] : [];
      const isCA = usage === 'cert sign';
      expect(await codeOf(() => leaf({ subject: { commonName: 'x' }, isCA, usages: [usage, ...companion], keyAlgorithm: { algorithm: 'ECDSA', curve: 'P-256' } }))).toBe('no error');
    }
  });
});
