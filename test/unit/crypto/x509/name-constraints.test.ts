import { X509Certificate } from 'node:crypto';
import { afterAll, describe, expect, it } from '@jest/globals';
import { buildChain } from '../../../../src/crypto/x509/chain.ts';
import { inspectCertificate } from '../../../../src/crypto/x509/inspect.ts';
import type { NameConstraints } from '../../../../src/crypto/x509/name-constraints.ts';
import type { CertificateRequest } from '../../../../src/crypto/x509/request.ts';
import { authority, codeOf, leaf, NOW, unscrupulous } from './builders.ts';
import { OpenSsl } from './openssl.ts';

const openssl = new OpenSsl();
afterAll(() => openssl.remove());

type Names = Partial<CertificateRequest>;
const dns = (name: string): Names => ({ dnsNames: [name] });
const ip = (address: string): Names => ({ dnsNames: [], ipAddresses: [address], subject: { commonName: 'x' } });
const email = (address: string): Names => ({ dnsNames: [], emailAddresses: [address], subject: { commonName: 'x' } });
const uri = (text: string): Names => ({ dnsNames: [], uris: [text], subject: { commonName: 'x' } });

const permitted = (subtrees: NonNullable<NameConstraints['permitted']>): NameConstraints => ({ permitted: subtrees });
const excluded = (subtrees: NonNullable<NameConstraints['excluded']>): NameConstraints => ({ excluded: subtrees });

/** Constraint, name, whether it is allowed, and whether openssl sees it the same way (where not: why). */
const cases: readonly (readonly [string, NameConstraints, Names, 'allowed' | 'refused', string?])[] = [
  ['the domain itself', permitted({ dnsDomains: ['example.com'] }), dns('example.com'), 'allowed'],
  ['a host below', permitted({ dnsDomains: ['example.com'] }), dns('a.b.example.com'), 'allowed'],
  ['a wildcard below', permitted({ dnsDomains: ['example.com'] }), dns('*.example.com'), 'allowed'],
  ['another domain with the same end', permitted({ dnsDomains: ['example.com'] }), dns('badexample.com'), 'refused'],
  ['a domain above', permitted({ dnsDomains: ['a.example.com'] }), dns('example.com'), 'refused'],
  ['a wildcard above', permitted({ dnsDomains: ['a.example.com'] }), dns('*.example.com'), 'refused'],
  ['a host below a leading dot', permitted({ dnsDomains: ['.example.com'] }), dns('a.example.com'), 'allowed'],
  ['the domain itself under a leading dot', permitted({ dnsDomains: ['.example.com'] }), dns('example.com'), 'refused'],
  ['one of several', permitted({ dnsDomains: ['a.test', 'b.test'] }), dns('x.b.test'), 'allowed'],
  ['a host of an excluded domain', excluded({ dnsDomains: ['example.com'] }), dns('a.example.com'), 'refused'],
  ['a host of another domain than the excluded', excluded({ dnsDomains: ['example.com'] }), dns('example.org'), 'allowed'],
  ['a wildcard that stands for the excluded host', excluded({ dnsDomains: ['secret.example.com'] }), dns('*.example.com'), 'refused', 'openssl compares only the text (CVE-2025-61727 in Go)'],
  ['excluded within permitted', { permitted: { dnsDomains: ['example.com'] }, excluded: { dnsDomains: ['x.example.com'] } }, dns('a.x.example.com'), 'refused'],
  ['kinds without constraint', permitted({ dnsDomains: ['example.com'] }), ip('192.0.2.1'), 'allowed'],
  ['a common name that looks like a host', permitted({ dnsDomains: ['example.com'] }), { dnsNames: [], subject: { commonName: 'www.evil.test' } }, 'refused'],
  ['a common name that is none', permitted({ dnsDomains: ['example.com'] }), { dnsNames: [], subject: { commonName: 'Jane Doe' } }, 'allowed'],
  ['a common name beside DNS names', permitted({ dnsDomains: ['example.com'] }), { dnsNames: ['a.example.com'], subject: { commonName: 'www.evil.test' } }, 'allowed'],
  ['an address in the range', permitted({ ipRanges: ['10.0.0.0/9'] }), ip('10.127.255.255'), 'allowed'],
  ['an address beyond the range', permitted({ ipRanges: ['10.0.0.0/9'] }), ip('10.128.0.0'), 'refused'],
  ['an address of the other family', permitted({ ipRanges: ['10.0.0.0/8'] }), ip('2001:db8::1'), 'refused'],
  ['an IPv6 address in the range', permitted({ ipRanges: ['2001:db8::/33'] }), ip('2001:db8:7fff::1'), 'allowed'],
  ['an IPv6 address in an excluded range', excluded({ ipRanges: ['2001:db8::/33'] }), ip('2001:db8:7fff::1'), 'refused'],
  ['a mailbox of the host', permitted({ emailAddresses: ['example.com'] }), email('a@example.com'), 'allowed'],
  ['a mailbox below the host', permitted({ emailAddresses: ['example.com'] }), email('a@b.example.com'), 'refused'],
  ['a mailbox below a leading dot', permitted({ emailAddresses: ['.example.com'] }), email('a@b.example.com'), 'allowed'],
  ['the one mailbox', permitted({ emailAddresses: ['Ann@example.com'] }), email('Ann@example.com'), 'allowed'],
  ['another mailbox', permitted({ emailAddresses: ['ann@example.com'] }), email('bob@example.com'), 'refused'],
  ['a mailbox in other letters', permitted({ emailAddresses: ['ann@example.com'] }), email('Ann@example.com'), 'refused'],
  ['a mailbox in the subject', permitted({ emailAddresses: ['example.com'] }), { literalSubject: 'emailAddress=a@evil.test', dnsNames: ['a.b'] }, 'refused'],
  ['a URI on the host', permitted({ uriDomains: ['example.com'] }), uri('https://example.com:8443/a'), 'allowed'],
  ['a URI below the host', permitted({ uriDomains: ['example.com'] }), uri('https://a.example.com/'), 'refused'],
  ['a URI below a leading dot', permitted({ uriDomains: ['.example.com'] }), uri('spiffe://a.example.com/x'), 'allowed'],
  ['a URI with user information', permitted({ uriDomains: ['example.com'] }), uri('https://example.com@evil.test/'), 'refused'],
  ['a URI with an address', permitted({ uriDomains: ['example.com'] }), uri('https://192.0.2.1/'), 'refused'],
  ['a URI without a host', excluded({ uriDomains: ['example.com'] }), uri('urn:a:b'), 'refused'],
];

describe.each(cases)('%s', (_, nameConstraints, names, expected, opensslDiffers) => {
  it(`is ${expected} by the issuer, by the check of chains, and by openssl`, async () => {
    const root = await authority('Root', { nameConstraints });
    expect(inspectCertificate(root.pem)).toEqual(root.facts);
    expect(await codeOf(() => leaf(names, root.issuer))).toBe(expected === 'allowed' ? 'no error' : 'NameNotPermitted');
    const end = await leaf(names, unscrupulous(root.issuer));
    const certificates = [end.pem, root.pem].map((pem) => new X509Certificate(pem));
    expect(await codeOf(() => buildChain({ certificates, now: NOW }))).toBe(expected === 'allowed' ? 'no error' : 'NameNotPermitted');
    const opensslAllows = openssl.verify(end.pem, root.pem) === 'OK';
    expect(opensslAllows).toBe(expected === 'allowed' || opensslDiffers !== undefined);
  });
});

describe('constraints', () => {
  it('do not take the common name of a CA for a host', async () => {
    const root = await authority('Root', { nameConstraints: permitted({ dnsDomains: ['example.com'] }) });
    const middle = await authority('ca.elsewhere.test', {}, root.issuer);
    const end = await leaf(dns('a.example.com'), middle.issuer);
    expect(openssl.verify(end.pem, root.pem, middle.pem)).toBe('OK');
  });

  it('of every CA of the chain count', async () => {
    const root = await authority('Root', { nameConstraints: permitted({ dnsDomains: ['example.com'] }) });
    const middle = await authority('Middle', { nameConstraints: permitted({ dnsDomains: ['a.example.com', 'evil.test'] }) }, root.issuer);
    expect(await codeOf(() => leaf(dns('x.a.example.com'), middle.issuer))).toBe('no error');
    expect(await codeOf(() => leaf(dns('b.example.com'), middle.issuer))).toBe('NameNotPermitted');
    expect(await codeOf(() => leaf(dns('evil.test'), middle.issuer))).toBe('NameNotPermitted');
  });

  it.each([
    [permitted({ dnsDomains: ['*.example.com'] })],
    [permitted({ dnsDomains: ['a b'] })],
    [permitted({ dnsDomains: ['10.0.0.1'] })],
    [permitted({ ipRanges: ['10.0.0.1'] })],
    [excluded({ ipRanges: ['10.0.0.0/40'] })],
    [excluded({ emailAddresses: ['a@b@c d'] })],
    [excluded({ uriDomains: ['https://example.com'] })],
    [permitted({ dnsDomains: Array.from({ length: 251 }, (_, index) => `d${index}.test`) })],
  ])('%j are refused', async (nameConstraints) => {
    expect(await codeOf(() => authority('CA', { nameConstraints }))).toBe('InvalidNameConstraints');
  });

  it('are critical unless somebody says otherwise', async () => {
    const text = async (constraints: NameConstraints) => openssl.run('x509', '-in', openssl.file((await authority('CA', { nameConstraints: constraints })).pem), '-noout', '-text');
    expect(await text(permitted({ dnsDomains: ['a.b'] }))).toMatch(/Name Constraints: critical/);
    expect(await text({ critical: false, ...permitted({ dnsDomains: ['a.b'] }) })).toMatch(/Name Constraints: *\n/);
  });
});
