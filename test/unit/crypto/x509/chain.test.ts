import { X509Certificate } from 'node:crypto';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { buildChain } from '../../../../src/crypto/x509/chain.ts';
import { parseCertificate, parsePemCertificates } from '../../../../src/crypto/x509/pem.ts';
import { exportPrivateKey } from '../../../../src/crypto/keys.ts';
import { loadIssuer } from '../../../../src/crypto/x509/issuer.ts';
import { after, authority, certify, codeOf, DAY, freshKey, leaf, NOW, P256, pretending, unscrupulous } from './builders.ts';
import { OpenSsl } from './openssl.ts';

const openssl = new OpenSsl();
afterAll(() => openssl.remove());

const parsed = (...pems: readonly string[]) => pems.map((pem) => new X509Certificate(pem));
const pemOf = (certificates: readonly X509Certificate[]) => certificates.map((certificate) => certificate.toString()).join('');

const root = await authority('Root');
const middle = await authority('Middle', {}, root.issuer);
const lower = await authority('Lower', {}, middle.issuer);
const end = await leaf({}, lower.issuer);
const stranger = await authority('Stranger');
const all = parsed(end.pem, lower.pem, middle.pem, root.pem);

describe('a chain', () => {
  it('comes out in order, without the root, whatever the order, repeats and strangers of what is given', () => {
    const bag = [...all, ...parsed(stranger.pem, middle.pem)];
    fc.assert(
      fc.property(fc.shuffledSubarray(bag, { minLength: bag.length }), (certificates) => {
        const chain = buildChain({ certificates, publicKey: end.key, now: NOW });
        expect(chain.chainPem).toBe(end.pem + lower.pem + middle.pem);
        expect(chain.root?.toString()).toBe(root.pem);
        expect(pemOf(chain.intermediates)).toBe(lower.pem + middle.pem);
      }),
      { numRuns: 30 },
    );
  });

  it('is found without a key when there is one leaf', () => {
    expect(buildChain({ certificates: all.toReversed(), now: NOW }).leaf.toString()).toBe(end.pem);
  });

  it('may end below the root, which others then must have', () => {
    const chain = buildChain({ certificates: parsed(end.pem, middle.pem, lower.pem), now: NOW });
    expect(chain.root).toBeUndefined();
    expect(chain.chainPem).toBe(end.pem + lower.pem + middle.pem);
  });

  it('is completed from the trusted roots', () => {
    const chain = buildChain({ certificates: parsed(end.pem, middle.pem, lower.pem), roots: parsed(stranger.pem, root.pem), now: NOW });
    expect(chain.root?.toString()).toBe(root.pem);
    expect(chain.chainPem).toBe(end.pem + lower.pem + middle.pem);
  });

  it('of one self-signed certificate is that one, and its own root', async () => {
    const self = await leaf();
    const chain = buildChain({ certificates: parsed(self.pem), publicKey: self.key, now: NOW });
    expect(chain).toMatchObject({ intermediates: [], chainPem: self.pem });
    expect(chain.root).toBe(chain.leaf);
  });

  it('takes the newest of two leaves of one key', async () => {
    const again = await leaf({ notAfter: after(40 * DAY) }, lower.issuer);
    const renewed = certify(again.key, { ...again.request, notAfter: after(50 * DAY) }, lower.issuer);
    expect(buildChain({ certificates: parsed(again.pem, renewed.pem, lower.pem, middle.pem, root.pem), publicKey: again.key, now: NOW }).leaf.toString()).toBe(renewed.pem);
  });

  it('prefers a trusted root over a cross-signature of the same CA', async () => {
    const crossSigned = certify(root.key, { subject: { commonName: 'Root' }, isCA: true }, stranger.issuer);
    const direct = await leaf({}, root.issuer);
    const certificates = parsed(direct.pem, crossSigned.pem, root.pem);
    expect(buildChain({ certificates, publicKey: direct.key, roots: parsed(root.pem), now: NOW }).chainPem).toBe(direct.pem);
    const crossed = buildChain({ certificates: parsed(direct.pem, crossSigned.pem), publicKey: direct.key, roots: parsed(stranger.pem), now: NOW });
    expect(crossed.chainPem).toBe(direct.pem + crossSigned.pem);
    expect(crossed.root?.toString()).toBe(stranger.pem);
    // The self-signed root beside it leads nowhere for those who trust only the other one, as with every change of a public root.
    expect(buildChain({ certificates, publicKey: direct.key, roots: parsed(stranger.pem), now: NOW }).chainPem).toBe(direct.pem + crossSigned.pem);
    expect(buildChain({ certificates: certificates.toReversed(), publicKey: direct.key, roots: parsed(root.pem, stranger.pem), now: NOW }).chainPem).toBe(direct.pem);
  });

  it('goes by the cross-signature when the self-signed root has expired, as when DST Root CA X3 did', async () => {
    const key = await freshKey(P256);
    const ca = { subject: { commonName: 'Old' }, isCA: true };
    const expired = certify(key, { ...ca, notAfter: after(DAY) });
    const crossSigned = certify(key, ca, stranger.issuer);
    const member = await leaf({}, pretending(crossSigned, key));
    for (const certificates of [parsed(member.pem, expired.pem, crossSigned.pem), parsed(member.pem, crossSigned.pem, expired.pem)]) {
      expect(buildChain({ certificates, publicKey: member.key, now: after(2 * DAY) }).chainPem).toBe(member.pem + crossSigned.pem);
    }
  });

  it('is the shorter one where a root has been cross-signed for longer than it lasts itself', async () => {
    const key = await freshKey(P256);
    const ca = { subject: { commonName: 'Young' }, isCA: true };
    const selfSigned = certify(key, { ...ca, notAfter: after(20 * DAY) });
    const crossSigned = certify(key, { ...ca, notAfter: after(200 * DAY) }, stranger.issuer);
    const member = await leaf({}, pretending(crossSigned, key));
    const chain = buildChain({ certificates: parsed(crossSigned.pem, selfSigned.pem, member.pem), publicKey: member.key, now: NOW });
    expect(chain.chainPem).toBe(member.pem);
    expect(chain.root?.toString()).toBe(selfSigned.pem);
  });

  it('may have exactly as many CAs as the path lengths allow', async () => {
    const strict = await authority('Strict', { pathLength: 1 });
    const below = await authority('Below', {}, strict.issuer);
    const last = await leaf({}, below.issuer);
    expect(buildChain({ certificates: parsed(strict.pem, below.pem, last.pem), now: NOW }).chainPem).toBe(last.pem + below.pem);
  });
});

describe('what is no chain', () => {
  const code = (input: Partial<Parameters<typeof buildChain>[0]>) => codeOf(() => buildChain({ certificates: all, now: NOW, ...input }));

  it('has another key than the request', async () => {
    expect(await code({ publicKey: await freshKey(P256) })).toBe('KeyMismatch');
    expect(await code({ certificates: [], publicKey: end.key })).toBe('KeyMismatch');
  });

  it('has no leaf, or several', async () => {
    const other = await leaf({}, lower.issuer);
    expect(await code({ certificates: [] })).toBe('ChainInvalid');
    expect(await code({ certificates: [...all, ...parsed(other.pem)] })).toBe('ChainInvalid');
  });

  it('lacks a CA in between, when roots are known', async () => {
    expect(await code({ certificates: parsed(end.pem, middle.pem), publicKey: end.key, roots: parsed(root.pem) })).toBe('ChainIncomplete');
    expect(() => buildChain({ certificates: parsed(end.pem, middle.pem), publicKey: end.key, roots: parsed(root.pem), now: NOW })).toThrow(/CN=Lower/);
  });

  it('ends in a root that nobody trusts', async () => {
    expect(await code({ roots: parsed(stranger.pem) })).toBe('ChainIncomplete');
    const self = await leaf();
    expect(await code({ certificates: parsed(self.pem), roots: parsed(root.pem) })).toBe('ChainInvalid');
  });

  it('is signed by somebody else than it says, with all names and key identifiers right', async () => {
    const forged = await leaf({ dnsNames: ['bank.example'] }, { ...root.issuer, privateKey: await freshKey(P256) });
    expect(await code({ certificates: parsed(forged.pem), roots: parsed(root.pem) })).toBe('ChainIncomplete');
    expect(buildChain({ certificates: parsed(forged.pem, root.pem), publicKey: forged.key, now: NOW })).toMatchObject({ root: undefined, chainPem: forged.pem });
  });

  it('has the right names, but not the signature', async () => {
    const impostor = await authority('Root');
    expect(await code({ certificates: parsed(end.pem, lower.pem, middle.pem), publicKey: end.key, roots: parsed(impostor.pem) })).toBe('ChainIncomplete');
  });

  it('has expired, or not begun, at any place', async () => {
    expect(await code({ now: after(31 * DAY) })).toBe('CertificateExpired');
    expect(await code({ now: after(-1000) })).toBe('CertificateNotYetValid');
    const short = await authority('Short', { notAfter: after(DAY) }, root.issuer);
    const long = await leaf({}, unscrupulous(short.issuer));
    expect(await code({ certificates: parsed(long.pem, short.pem, root.pem), now: after(2 * DAY) })).toBe('CertificateExpired');
  });

  it('has more CAs than a path length allows', async () => {
    const strict = await authority('Strict', { pathLength: 0 });
    const key = await freshKey(P256);
    const below = certify(key, { subject: { commonName: 'Below' }, isCA: true }, unscrupulous(strict.issuer));
    const forbidden = await leaf({}, pretending(below, key));
    expect(await code({ certificates: parsed(forbidden.pem, below.pem, strict.pem) })).toBe('PathLengthExceeded');
    expect(openssl.verify(forbidden.pem, strict.pem, below.pem)).toMatch(/path length/);
    expect(await codeOf(() => loadIssuer({ chainPem: below.pem + strict.pem, privateKey: key, now: NOW }))).toBe('PathLengthExceeded');
  });

  it.each([['with key usage', ['server auth', 'digital signature']], ['without key usage', ['server auth']]] as const)('is signed by a leaf %s', async (_, usages) => {
    const greedy = await leaf({ subject: { commonName: 'greedy' }, usages }, root.issuer);
    const forged = await leaf({ dnsNames: ['bank.example'] }, pretending(greedy, greedy.key));
    expect(await codeOf(() => buildChain({ certificates: parsed(forged.pem, greedy.pem, root.pem), publicKey: forged.key, roots: parsed(root.pem), now: NOW }))).toMatch(/^Chain(Invalid|Incomplete)$/);
    expect(openssl.verify(forged.pem, root.pem, greedy.pem)).not.toBe('OK');
  });

  it('goes round in a circle', async () => {
    const [a, b] = [await freshKey(P256), await freshKey(P256)];
    const [caA, caB] = [{ subject: { commonName: 'A' }, isCA: true }, { subject: { commonName: 'B' }, isCA: true }];
    const aByB = certify(a, caA, pretending(certify(b, caB), b));
    const bByA = certify(b, caB, pretending(certify(a, caA), a));
    const member = await leaf({}, pretending(aByB, a));
    expect(await codeOf(() => buildChain({ certificates: parsed(member.pem, aByB.pem, bByA.pem), publicKey: member.key, now: NOW }))).toBe('ChainInvalid');
  });
});

describe('PEM bundles', () => {
  it('are read in order, with text between the blocks, and either line end', () => {
    const text = `# Root\n${root.pem}\nsome words\n${middle.pem.replaceAll('\n', '\r\n')}`;
    expect(pemOf(parsePemCertificates(text))).toBe(root.pem + middle.pem);
  });

  it.each([
    ['a private key among them', root.pem + exportPrivateKey(root.key)],
    ['no block at all', 'hello'],
    ['an end that is missing', root.pem.slice(0, -10)],
    ['a block that is no certificate', '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n'],
    ['something that is not base64', '-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n'],
  ])('with %s are refused', async (_, pem) => {
    expect(await codeOf(() => parsePemCertificates(pem))).toBe('InvalidCertificate');
  });

  it('are refused by size and count before anything is parsed', async () => {
    const begin = performance.now();
    expect(await codeOf(() => parsePemCertificates('-----BEGIN CERTIFICATE-----\n'.repeat(100_000)))).toBe('InvalidCertificate');
    expect(await codeOf(() => parsePemCertificates(root.pem + '\n'.repeat(330_000)))).toBe('InvalidCertificate');
    expect(await codeOf(() => parsePemCertificates(root.pem.repeat(4), { bytes: 330_000, certificates: 3 }))).toBe('InvalidCertificate');
    expect(await codeOf(() => parseCertificate(root.pem + ' '.repeat(36_500)))).toBe('InvalidCertificate');
    expect(performance.now() - begin).toBeLessThan(1000);
  });
});
