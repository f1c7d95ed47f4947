import { generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { issue, newSerialNumber } from '../../../src/crypto/x509/certificate.ts';
import { loadIssuer } from '../../../src/crypto/x509/issuer.ts';
import { inspectCertificate } from '../../../src/crypto/x509/inspect.ts';
import type { CertificateRequest } from '../../../src/crypto/x509/request.ts';
import { caIssuer, type LoadedCa } from '../../../src/issuers/ca.ts';
import { selfSignedIssuer } from '../../../src/issuers/self-signed.ts';
import { systemRandom } from '../../../src/runtime/random.ts';

const now = new Date('2026-01-01T00:00:00Z');
const days = (count: number): Date => new Date(now.getTime() + count * 86_400_000);
const key = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const ecdsa = { algorithm: 'ECDSA', curve: 'P-256' } as const;
const leaf: CertificateRequest = { dnsNames: ['web.example'], keyAlgorithm: ecdsa };
const subordinate: CertificateRequest = { subject: { commonName: 'Below' }, isCA: true, keyAlgorithm: ecdsa };
const input = (request: CertificateRequest, publicKey: KeyObject, end = days(90)) =>
  ({ request, publicKey, notBefore: now, notAfter: end, serialNumber: newSerialNumber(systemRandom) });

function rootCa(pathLength?: number): LoadedCa {
  const privateKey = key();
  const request: CertificateRequest = { subject: { commonName: 'Root' }, isCA: true, keyAlgorithm: ecdsa, pathLength };
  const { chainPem, facts } = issue({ ...input(request, privateKey, days(365)), issuer: { self: privateKey } });
  return { issuer: loadIssuer({ chainPem, privateKey, now }), thumbprint: facts.thumbprint };
}

const codeOf = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

describe('a self-signed certificate', () => {
  it('is its own root and names itself as signer', () => {
    const own = key();
    const signed = selfSignedIssuer(own).sign(input(leaf, own));
    expect(signed.caPem).toBe(signed.chainPem);
    expect(signed.issuerThumbprint).toBe(signed.facts.thumbprint);
    const certificate = new X509Certificate(signed.chainPem);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
  });

  it('is refused for a key that is not the one that signs', () => {
    expect(codeOf(() => selfSignedIssuer(key()).sign(input(leaf, key())))).toBe('KeyMismatch');
  });
});

describe('a certificate of a CA', () => {
  it('verifies under the root and names the CA that signed', () => {
    const ca = rootCa();
    const signed = caIssuer(ca, { allowSubordinates: false }).sign(input(leaf, key()));
    expect(new X509Certificate(signed.chainPem).verify(new X509Certificate(signed.caPem).publicKey)).toBe(true);
    expect(signed.issuerThumbprint).toBe(ca.thumbprint);
  });

  it('never outlives its CA', () => {
    const ca = rootCa();
    expect(caIssuer(ca, { allowSubordinates: false }).sign(input(leaf, key(), days(3650))).facts.notAfter).toEqual(ca.issuer.notAfter);
  });

  it('is no CA unless the issuer allows subordinates', () => {
    expect(codeOf(() => caIssuer(rootCa(), { allowSubordinates: false }).sign(input(subordinate, key())))).toBe('SubordinateNotAllowed');
  });

  it.each([
    ['signs leaves only where no path length is allowed', undefined, undefined, 0],
    ['asks for less and gets it', 2, 1, 1],
    ['asks for more and gets what is allowed', 1, 5, 1],
    ['asks for nothing and gets what is allowed', 2, undefined, 2],
  ])('as a subordinate CA %s', (_what, maxPathLength, asked, given) => {
    const signed = caIssuer(rootCa(), { allowSubordinates: true, maxPathLength }).sign(input({ ...subordinate, pathLength: asked }, key()));
    expect(inspectCertificate(signed.chainPem).pathLength).toBe(given);
  });

  it('stays within the path length of the CA itself, whatever the issuer allows', () => {
    const signed = caIssuer(rootCa(1), { allowSubordinates: true, maxPathLength: 5 }).sign(input(subordinate, key()));
    expect(inspectCertificate(signed.chainPem).pathLength).toBe(0);
    expect(codeOf(() => caIssuer(rootCa(0), { allowSubordinates: true, maxPathLength: 5 }).sign(input(subordinate, key())))).toBe('PathLengthExceeded');
  });
});
