import type { KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { KeysteadError } from '../../../../src/api/error.ts';
import { KeyGenerator } from '../../../../src/crypto/keys.ts';
import { createCsr } from '../../../../src/crypto/x509/make-csr.ts';
import { inspectCertificate } from '../../../../src/crypto/x509/inspect.ts';
import { encodePem } from '../../../../src/crypto/x509/pem.ts';
import type { CertificateRequest } from '../../../../src/crypto/x509/request.ts';
import { readAnswer, type Answer, type AnswerInput } from '../../../../src/issuers/external/answer.ts';
import { OutsideCa, type Signing } from '../../../support/outside-ca.ts';
import { OpenSsl } from '../../crypto/x509/openssl.ts';

/** Real, because openssl signs by the machine's clock. */
const NOW = new Date(Math.floor(performance.timeOrigin / 1000) * 1000);
const later = (days: number): Date => new Date(NOW.getTime() + days * 86_400_000);
const openssl = new OpenSsl();
afterAll(() => openssl.remove());

let key: KeyObject;
let otherKey: KeyObject;
let csr: string;
let company: OutsideCa;
let stranger: OutsideCa;
const request: CertificateRequest = { subject: { commonName: 'web' }, dnsNames: ['web.example', 'www.example'], usages: ['digital signature', 'server auth'], keyAlgorithm: { algorithm: 'ECDSA', curve: 'P-256' } };

beforeAll(async () => {
  key = await new KeyGenerator().generate(request.keyAlgorithm);
  otherKey = await new KeyGenerator().generate(request.keyAlgorithm);
  csr = createCsr(request, key).pem;
  company = await OutsideCa.make(() => NOW);
  stranger = await OutsideCa.make(() => NOW, 'Stranger');
});

const signed = (signing: Signing = {}): string => company.sign(csr, { ...request, ...signing });

function read(pem: string, parts: Partial<AnswerInput> = {}): Answer | KeysteadError {
  try {
    return readAnswer({ pem, publicKey: key, request, known: new Set(), caBundle: undefined, earlierPem: '', now: NOW, ...parts });
  } catch (error) {
    if (error instanceof KeysteadError) return error;
    throw error;
  }
}

/** The code of the refusal, or how the answer was taken. */
function verdict(pem: string, parts: Partial<AnswerInput> = {}): string {
  const answer = read(pem, parts);
  return answer instanceof KeysteadError ? answer.code : answer.kind;
}

function taken(pem: string, parts: Partial<AnswerInput> = {}) {
  const answer = read(pem, parts);
  if (answer instanceof KeysteadError) throw answer;
  if (answer.kind !== 'signed') throw new Error('it is history');
  return answer.signed;
}

describe('an answer is taken', () => {
  it('with its chain in order, whatever the order in which it came, strangers and repeats left out', () => {
    const leaf = signed();
    const all = [company.rootPem, leaf, stranger.rootPem, company.intermediatePem, leaf];
    fc.assert(fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (bag) => {
      const { chainPem, caPem, issuerThumbprint } = taken(bag.join('some words in between\n'));
      expect([chainPem, caPem]).toEqual([leaf + company.intermediatePem, company.rootPem]);
      expect(issuerThumbprint).toBe(inspectCertificate(company.intermediatePem).thumbprint);
    }), { numRuns: 10 });
  });

  it('with a chain completed from what the issuer says of its CA, or from the version before', () => {
    const leaf = signed();
    const complete = { chainPem: leaf + company.intermediatePem, caPem: company.rootPem };
    expect(taken(leaf, { caBundle: company.intermediatePem + company.rootPem })).toMatchObject(complete);
    expect(taken(leaf, { earlierPem: signed() + company.intermediatePem + company.rootPem })).toMatchObject(complete);
  });

  it('alone, where nobody says more about its CA', () => {
    const leaf = signed();
    expect(taken(leaf)).toMatchObject({ chainPem: leaf, caPem: '', issuerThumbprint: '' });
    expect(taken(leaf + company.intermediatePem)).toMatchObject({ chainPem: leaf + company.intermediatePem, caPem: '' });
  });

  it.each<[string, Signing]>([
    ['with more names than asked for', { dnsNames: ['web.example', 'www.example', 'extra.example'] }],
    ['with another subject around the common name', { subject: { commonName: 'web', organizations: ['Example'], countries: ['DE'] } }],
    ['with the common name among the DNS names', { subject: { organizations: ['Example'] }, dnsNames: ['web', 'web.example', 'www.example'] }],
    ['with more usages', { usages: ['digital signature', 'key agreement', 'server auth', 'client auth'] }],
    ['for any purpose', { usages: ['digital signature', 'any'] }],
    ['for a shorter time', { notAfter: later(1) }],
  ])('%s', (_what, signing) => {
    expect(verdict(signed(signing) + company.intermediatePem)).toBe('signed');
  });

  it('no second time: a version that is known is history, whatever stands around it', () => {
    const leaf = signed();
    const known = new Set([inspectCertificate(leaf).thumbprint]);
    expect(verdict(leaf, { known })).toBe('history');
    expect(verdict(company.rootPem + leaf + company.intermediatePem, { known })).toBe('history');
    // With the same key again, the new one beside the old one is the answer.
    const next = signed({ notAfter: later(10) });
    expect(taken(leaf + next + company.intermediatePem, { known }).chainPem).toBe(next + company.intermediatePem);
  });
});

describe('an answer is refused', () => {
  it.each<[string, string, () => string, Partial<AnswerInput>?]>([
    ['InvalidCertificate', 'that is no PEM', () => 'see attachment'],
    ['InvalidCertificate', 'with a private key in it', () => signed() + key.export({ type: 'pkcs8', format: 'pem' }).toString()],
    ['InvalidCertificate', 'that was cut off', () => signed().slice(0, -40)],
    ['InvalidCertificate', 'with a date that is none, and would never come', () => withoutEnd(signed())],
    ['InvalidCertificate', 'that is larger than any chain', () => signed().repeat(100)],
    ['KeyMismatch', 'about another key', () => company.sign(createCsr(request, otherKey).pem, request) + company.intermediatePem],
    ['KeyMismatch', 'that is the CA alone', () => company.intermediatePem + company.rootPem],
    ['ChainInvalid', 'with the chain of another CA', () => signed() + stranger.intermediatePem + stranger.rootPem],
    ['ChainIncomplete', 'by a CA that the issuer does not name', () => stranger.sign(csr, request) + stranger.intermediatePem, { caBundle: '' }],
    ['ChainIncomplete', 'without the intermediate that the root needs', () => signed(), { caBundle: 'root' }],
    ['CertificateExpired', 'that has expired', () => signed({ notBefore: later(-20), notAfter: later(-1) }) + company.intermediatePem],
    ['CertificateNotYetValid', 'of tomorrow', () => signed({ notBefore: later(1), notAfter: later(9) }) + company.intermediatePem],
    ['CertificateWeaker', 'without a name', () => signed({ dnsNames: ['web.example'] })],
    ['CertificateWeaker', 'for other names', () => signed({ dnsNames: ['evil.example'] })],
    ['CertificateWeaker', 'with a wildcard instead of the names', () => signed({ dnsNames: ['*.example'] })],
    ['CertificateWeaker', 'without the common name', () => signed({ subject: { commonName: 'other' } })],
    ['CertificateWeaker', 'without a purpose', () => signed({ usages: ['digital signature', 'client auth'] })],
    ['CertificateWeaker', 'without a usage', () => signed({ usages: ['key agreement', 'server auth'] })],
    ['CertificateWeaker', 'that is a CA, which nobody asked for', () => signed({ isCA: true })],
  ])('%s: %s', (code, _what, pem, parts = {}) => {
    const caBundle = parts.caBundle === undefined ? undefined : company.rootPem;
    expect(verdict(pem(), { ...parts, caBundle })).toBe(code);
  });

  it('with the time until it begins, and is taken then', () => {
    const leaf = signed({ notBefore: later(1), notAfter: later(9) });
    expect(read(leaf)).toMatchObject({ code: 'CertificateNotYetValid', consequence: 'wait', retryAfterMs: 86_400_000 });
    expect(verdict(leaf, { now: later(1) })).toBe('signed');
  });

  it('when it was asked to be a CA and is none', () => {
    expect(verdict(signed(), { request: { ...request, isCA: true } })).toBe('CertificateWeaker');
  });

  it('with words that say what is missing, and nothing on more than one line', () => {
    const refusal = read(signed({ dnsNames: ['web.example'] }));
    expect(refusal).toMatchObject({ message: expect.stringContaining('dnsNames lacks "www.example"') });
    expect((refusal as KeysteadError).message).not.toContain('\n');
  });

  it('because of a bundle of the VaultIssuer that is broken, and says that', () => {
    expect(read(signed(), { caBundle: 'nonsense' })).toMatchObject({ code: 'InvalidCertificate', message: expect.stringContaining('caBundle of the VaultIssuer') });
  });

  it('or taken, but never anything else, whatever was made of it', () => {
    const good = Buffer.from(signed() + company.intermediatePem);
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }), (edits) => {
      const bad = Buffer.from(good);
      for (const [at, octet] of edits) bad[at] = octet;
      const answer = read(bad.toString('latin1'));
      const names = answer instanceof KeysteadError || answer.kind !== 'signed' ? ['web.example'] : answer.signed.facts.sans.dnsNames;
      expect(names).toContain('web.example');
    }), { numRuns: 300 });
  });
});

describe('what openssl signs', () => {
  /** A root and a leaf for our CSR, made with these options. */
  function byOpenSsl(keyOptions: readonly string[], digest: string, more: readonly string[] = []): { readonly leaf: string; readonly root: string } {
    const caKey = openssl.file('');
    const root = openssl.file('');
    openssl.run('req', '-x509', '-newkey', ...keyOptions, '-nodes', '-keyout', caKey, '-out', root, '-subj', '/CN=Old CA', '-days', '30', '-sha256', '-addext', 'keyUsage=critical,keyCertSign');
    const extensions = openssl.file('subjectAltName=DNS:web.example,DNS:www.example\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n');
    const leaf = openssl.run('x509', '-req', '-in', openssl.file(csr), '-CA', root, '-CAkey', caKey, '-CAcreateserial', '-days', '10', digest, ...more, '-extfile', extensions);
    return { leaf: leaf.slice(leaf.indexOf('-----BEGIN')), root: openssl.run('x509', '-in', root) };
  }
  const now = { now: later(0.5) };

  it('with RSA or RSASSA-PSS and SHA-256 is taken', () => {
    for (const more of [[], ['-sigopt', 'rsa_padding_mode:pss']]) {
      const { leaf, root } = byOpenSsl(['rsa:2048'], '-sha256', more);
      expect(taken(leaf + root, now).caPem).toBe(root);
    }
  });

  it.each([
    ['SHA-1', ['rsa:2048'], '-sha1', []],
    ['RSASSA-PSS with SHA-1', ['rsa:2048'], '-sha1', ['-sigopt', 'rsa_padding_mode:pss']],
    ['ECDSA with SHA-1', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], '-sha1', []],
  ])('with %s is refused', (_what, keyOptions, digest, more) => {
    const { leaf, root } = byOpenSsl(keyOptions, digest, more);
    expect(verdict(leaf + root, now)).toBe('CertificateWeaker');
  });
});

/** The certificate with 99 as the month of its end, which no verifier understands. */
function withoutEnd(pem: string): string {
  const der = Buffer.from(pem.replaceAll(/-----[A-Z ]+-----/g, ''), 'base64');
  const second = der.indexOf(Buffer.from([0x17, 0x0d]), der.indexOf(Buffer.from([0x17, 0x0d])) + 2);
  der.write('99', second + 4);
  return encodePem('CERTIFICATE', der);
}
