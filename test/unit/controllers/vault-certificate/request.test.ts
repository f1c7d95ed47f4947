import { describe, expect, it } from '@jest/globals';
import { canonical } from '../../../../src/crypto/canonical.ts';
import { sha256 } from '../../../../src/crypto/envelope.ts';
import type { VaultCertificateSpecInput } from '../../../../src/api/vault-certificate.ts';
import { inputsOf, requestOf } from '../../../../src/controllers/vault-certificate/request.ts';
import { certificateSpec } from '../../../support/builders/vault-certificate.ts';

const digest = (spec: Partial<VaultCertificateSpecInput>): string => sha256(canonical(inputsOf(certificateSpec(spec))));
const base: Partial<VaultCertificateSpecInput> = {
  commonName: 'web',
  subject: { organizations: ['Example'], countries: ['DE'] },
  dnsNames: ['a.example', 'b.example'],
  ipAddresses: ['192.0.2.1'],
  usages: ['digital signature', 'server auth'],
};
const ca: Partial<VaultCertificateSpecInput> = { isCA: true, commonName: 'Root', dnsNames: [], ca: { pathLength: 1, nameConstraints: { permitted: { dnsDomains: ['example'] } } } };

describe('a certificate is issued anew when the spec changes', () => {
  it.each<[string, Partial<VaultCertificateSpecInput>, Partial<VaultCertificateSpecInput>]>([
    ['common name', base, { commonName: 'other' }],
    ['subject', base, { subject: { organizations: ['Other'] } }],
    ['one more DNS name', base, { dnsNames: ['a.example', 'b.example', 'c.example'] }],
    ['one DNS name less', base, { dnsNames: ['a.example'] }],
    ['addresses', base, { ipAddresses: ['192.0.2.2'] }],
    ['URIs', base, { uris: ['spiffe://example/web'] }],
    ['mailboxes', base, { emailAddresses: ['a@example'] }],
    ['other names', base, { otherNames: [{ oid: '1.2.3', utf8Value: 'a' }] }],
    ['usages', base, { usages: ['digital signature'] }],
    ['duration', base, { duration: '1h' }],
    ['algorithm', base, { privateKey: { algorithm: 'Ed25519' } }],
    ['size', base, { privateKey: { algorithm: 'ECDSA', size: 384 } }],
    ['issuer', base, { issuerRef: { name: 'other' } }],
    ['namespace of the issuer', base, { issuerRef: { name: 'ca', namespace: 'pki' } }],
    ['isCA', base, { isCA: true }],
    ['path length', ca, { ca: { ...ca.ca, pathLength: 0 } }],
    ['name constraints', ca, { ca: { pathLength: 1, nameConstraints: { excluded: { dnsDomains: ['example'] } } } }],
  ])('in %s', (_what, before, change) => {
    expect(digest({ ...before, ...change })).not.toBe(digest(before));
  });

  it.each<[string, Partial<VaultCertificateSpecInput>]>([
    ['order and repeats of names', { dnsNames: ['b.example', 'a.example'] }],
    ['spelling of names', { dnsNames: ['A.example', 'b.EXAMPLE'] }],
    ['order of usages', { usages: ['server auth', 'digital signature'] }],
    ['the default written out', { isCA: false, duration: '2160h', privateKey: { algorithm: 'ECDSA', size: 256 } }],
    ['the same duration in other units', { duration: '129600m' }],
    ['the own namespace of the issuer written out', { issuerRef: { name: 'ca', namespace: 'team' } }],
    ['renewal', { renewBefore: '24h' }],
    ['rotation of the key', { privateKey: { rotationPolicy: 'Never' } }],
    ['export of the key', { privateKey: { exportable: false } }],
    ['target, tags and versions', { target: { name: 'other' }, tags: { a: 'b' }, versionsToKeep: 3, deletionPolicy: 'Retain' }],
  ])('but not in %s', (_what, change) => {
    expect(digest({ ...base, ...change })).toBe(digest(base));
  });

  it('and not by a new release: the encoding is for ever', () => {
    expect(digest(base)).toBe('04d435568f34059270d8d4cf8b0916a2e0e65beb7332c6b7770d92f801fd2b9a');
    expect(digest(ca)).toBe('75925cd8bcb16f76f0b20b60eac2e493037ad6183f93696fc63c243b962e7f01');
  });

  it('does not mix up which list a name is in', () => {
    expect(digest({ dnsNames: ['a.example'], uris: ['x:b'] })).not.toBe(digest({ dnsNames: ['a.example'], emailAddresses: ['x@b'] }));
  });
});

it('asks for what the spec says', () => {
  const request = requestOf(certificateSpec({ ...ca, duration: '36h', privateKey: { algorithm: 'RSA', size: 3072 } }));
  expect(request).toMatchObject({ isCA: true, pathLength: 1, durationMs: 36 * 3_600_000, keyAlgorithm: { algorithm: 'RSA', size: 3072 }, subject: { commonName: 'Root' } });
});
