import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { parseVaultCertificate } from '../../../../src/api/vault-certificate.ts';
import { requestOf } from '../../../../src/controllers/vault-certificate/request.ts';
import { differences } from '../../../../src/crypto/x509/matches.ts';
import { inspectCertificate } from '../../../../src/crypto/x509/inspect.ts';
import { parsePemCertificates } from '../../../../src/crypto/x509/pem.ts';
import { certificateExpiries } from '../../../../src/controllers/vault-certificate/expiries.ts';
import { caller } from '../../../support/engine.ts';
import { Rig } from './rig.ts';

const HOUR = 3_600_000;
let rig: Rig;

beforeEach(async () => {
  rig = await Rig.start();
  rig.issuer('self', { selfSigned: {} });
  rig.certificate('root', { issuerRef: { name: 'self' }, isCA: true, commonName: 'Root', duration: '8760h' });
  await rig.reconcile('root');
  rig.issuer('ca', { ca: { vaultRef: { name: 'team' }, certificateName: 'root' } });
});

const web = (spec: Parameters<Rig['certificate']>[1] = {}) => rig.certificate('web', { issuerRef: { name: 'ca' }, dnsNames: ['web.example'], duration: '24h', target: {}, ...spec });
const crt = (name = 'web'): X509Certificate => new X509Certificate(rig.target(name).data['tls.crt'] ?? '');
const publicKeyOf = (pem: string): string => createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'pem' }).toString();

describe('a certificate from a CA of the vault', () => {
  it('is Ready with a target that verifies, and a key that fits', async () => {
    web();
    const next = await rig.reconcile('web');
    const { data } = rig.target('web');
    expect(rig.ready('web')).toBe('True Ready');
    expect(crt().verify(new X509Certificate(data['ca.crt'] ?? '').publicKey)).toBe(true);
    expect(crt().checkPrivateKey(createPrivateKey(data['tls.key'] ?? ''))).toBe(true);
    const state = await rig.state('web');
    expect(next).toBe(Date.parse(state.renewalDue ?? '') - rig.clock.now().getTime());
    expect(rig.certificates.get('ns/web')?.status).toMatchObject({ revision: 1, serialNumber: crt().serialNumber.toLowerCase(), pending: { state: 'completed' }, target: 'ns/web' });
  });

  it('is one change of the record, and nothing when all is well', async () => {
    web();
    rig.engine.told.length = 0;
    await rig.reconcile('web');
    // The CA's key is opened once and signs once, and the new key is opened once for the target.
    expect(rig.engine.told.filter(({ phase }) => phase !== 'intent').map(({ phase, operation }) => `${phase} ${operation}`)).toEqual(['read CertificateGet', 'read KeySign', 'outcome CertificateIssue', 'read CertificateSync']);
    const writes = rig.statusWrites;
    rig.engine.told.length = 0;
    await rig.reconcile('web');
    rig.restart();
    await rig.reconcile('web');
    expect(rig.engine.told).toEqual([]);
    expect(rig.statusWrites).toBe(writes);
  });

  it('is renewed when its time has come, once, with a new key, and tells so', async () => {
    web();
    const next = await rig.reconcile('web');
    const before = rig.target('web').data['tls.key'] ?? '';
    await rig.clock.advance(next ?? 0);
    await rig.reconcile('web');
    await rig.reconcile('web');
    expect((await rig.state('web')).revision).toBe(2);
    expect(publicKeyOf(rig.target('web').data['tls.key'] ?? '')).not.toBe(publicKeyOf(before));
    expect(rig.events.map(({ type, reason }) => `${type} ${reason}`)).toEqual(['Normal Renewed']);
  });

  it('keeps its key where the spec says so', async () => {
    web({ privateKey: { rotationPolicy: 'Never' } });
    const next = await rig.reconcile('web');
    const before = publicKeyOf(rig.target('web').data['tls.key'] ?? '');
    await rig.clock.advance(next ?? 0);
    await rig.reconcile('web');
    expect((await rig.state('web')).revision).toBe(2);
    expect(publicKeyOf(rig.target('web').data['tls.key'] ?? '')).toBe(before);
    web({ privateKey: { rotationPolicy: 'Never', size: 384 } });
    await rig.reconcile('web');
    expect(inspectCertificate(rig.target('web').data['tls.crt'] ?? '').keyAlgorithm).toEqual({ algorithm: 'ECDSA', curve: 'P-384' });
  });

  it('is issued anew when the spec changes or somebody asks by annotation, once each', async () => {
    web();
    await rig.reconcile('web');
    rig.certificate('web', { issuerRef: { name: 'ca' }, dnsNames: ['new.example'], duration: '24h', target: {} }, { annotations: { 'keystead.dev/renew': 'please' } });
    await rig.reconcile('web');
    await rig.reconcile('web');
    expect(crt().subjectAltName).toBe('DNS:new.example');
    // The change took the annotation with it.
    expect((await rig.state('web')).revision).toBe(2);
    rig.certificate('web', { issuerRef: { name: 'ca' }, dnsNames: ['new.example'], duration: '24h', target: {} }, { annotations: { 'keystead.dev/renew': 'again' } });
    await rig.reconcile('web');
    await rig.reconcile('web');
    expect((await rig.state('web')).revision).toBe(3);
  });

  it('is never issued more often than the limit, however fast the spec changes', async () => {
    for (let index = 0; index < 20; index += 1) {
      web({ dnsNames: [`web-${index}.example`] });
      await rig.reconcile('web');
      await rig.clock.advance(60_000);
    }
    expect((await rig.state('web')).revision).toBe(3);
    expect(rig.ready('web')).toBe('False IssueLimitReached');
    const next = await rig.reconcile('web');
    await rig.clock.advance(next ?? 0);
    await rig.reconcile('web');
    expect((await rig.state('web')).revision).toBe(4);
    expect(rig.ready('web')).toBe('True Ready');
  });

  it('keeps its key in the vault if it is not exportable', async () => {
    web({ privateKey: { exportable: false }, target: { type: 'Opaque' } });
    await rig.reconcile('web');
    expect(Object.keys(rig.target('web').data)).toEqual(['tls.crt', 'ca.crt']);
    web({ privateKey: { exportable: true }, target: { type: 'Opaque' } });
    await rig.reconcile('web');
    expect(Object.keys(rig.target('web').data)).toEqual(['tls.crt', 'tls.key', 'ca.crt']);
    expect((await rig.state('web')).revision).toBe(1);
  });
});

describe('whatever can be asked for', () => {
  it.each<[string, Parameters<Rig['certificate']>[1]]>([
    ['RSA', { privateKey: { algorithm: 'RSA', size: 2048 } }],
    ['P-384', { privateKey: { algorithm: 'ECDSA', size: 384 } }],
    ['P-521', { privateKey: { algorithm: 'ECDSA', size: 521 } }],
    ['Ed25519', { privateKey: { algorithm: 'Ed25519' } }],
    ['every field of the subject', {
      commonName: 'web',
      subject: { organizations: ['A', 'B'], organizationalUnits: ['U'], countries: ['DE'], provinces: ['P'], localities: ['L'], streetAddresses: ['S 1'], postalCodes: ['12345'], serialNumber: 'sn-1' },
    }],
    ['a subject in RFC 4514', { literalSubject: 'CN=web+UID=1,OU=Team\\, A,O=Example,C=DE' }],
    ['every kind of name', {
      dnsNames: ['*.web.example', 'web.example'], ipAddresses: ['192.0.2.1', '2001:db8::1'], uris: ['spiffe://example.org/ns/a/sa/b'],
      emailAddresses: ['web@example.com'], otherNames: [{ oid: '1.3.6.1.4.1.311.20.2.3', utf8Value: 'web@example' }],
    }],
    ['usages', { usages: ['digital signature', 'key agreement', 'server auth', 'client auth', 'code signing'] }],
    ['a CA with constraints', {
      issuerRef: { name: 'self' }, isCA: true, commonName: 'Constrained',
      ca: { pathLength: 2, nameConstraints: { critical: false, permitted: { dnsDomains: ['example'], ipRanges: ['10.0.0.0/8'] }, excluded: { emailAddresses: ['.bad.example'], uriDomains: ['bad.example'] } } },
    }],
  ])('%s gets into the certificate, exactly', async (_what, spec) => {
    const resource = web(spec);
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('True Ready');
    const parsed = parseVaultCertificate(resource);
    if (parsed instanceof Error) throw parsed;
    const certificate = inspectCertificate(rig.target('web').data['tls.crt'] ?? '');
    expect(differences({ certificate, request: requestOf(parsed) })).toEqual([]);
    expect(certificate.notAfter.getTime() - certificate.notBefore.getTime()).toBe(24 * HOUR);
  });
});

describe('an issuer that refuses', () => {
  it('is asked again after 1, 10 and 100 minutes and then daily, and status says when', async () => {
    rig.certificate('narrow', { issuerRef: { name: 'self' }, isCA: true, commonName: 'Narrow', duration: '8760h', ca: { nameConstraints: { permitted: { dnsDomains: ['inside.example'] } } } });
    await rig.reconcile('narrow');
    rig.issuer('narrow', { ca: { vaultRef: { name: 'team' }, certificateName: 'narrow' } });
    web({ issuerRef: { name: 'narrow' } });
    const waits: number[] = [];
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const next = (await rig.reconcile('web')) ?? 0;
      expect(await rig.reconcile('web')).toBe(next);
      waits.push(Math.floor(next / 60_000));
      await rig.clock.advance(next);
    }
    for (const [index, minutes] of [1, 10, 100, 1440].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(minutes);
      expect(waits[index]).toBeLessThanOrEqual(minutes * 1.1);
    }
    expect(rig.ready('web')).toBe('False NameNotPermitted');
    expect(rig.certificates.get('ns/web')?.status).toMatchObject({ failedAttempts: 4, pending: { state: 'failed', error: expect.stringContaining('web.example') } });
    expect(rig.events).toHaveLength(1);
    web({ issuerRef: { name: 'narrow' }, dnsNames: ['a.inside.example'] });
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('True Ready');
    expect(rig.certificates.get('ns/web')?.status?.failedAttempts).toBeUndefined();
  });

  it.each([
    ['that is not there', { name: 'nobody' }, 'False IssuerNotFound'],
    ['of another namespace that keeps to itself', { name: 'foreign', namespace: 'pki' }, 'False IssuerNotAllowed'],
    ['of another namespace that selects others', { name: 'choosy', namespace: 'pki' }, 'False IssuerNotAllowed'],
    ['of another namespace that selects this one', { name: 'open', namespace: 'pki' }, 'True Ready'],
  ])('is named: one %s', async (_what, issuerRef, expected) => {
    rig.issuer('foreign', { selfSigned: {} }, 'pki');
    rig.issuer('choosy', { selfSigned: {}, allowedNamespaces: { from: 'Selector', selector: { matchLabels: { team: 'other' } } } }, 'pki');
    rig.issuer('open', { selfSigned: {}, allowedNamespaces: { from: 'Selector', selector: { matchLabels: { team: 'ns' } } } }, 'pki');
    web({ issuerRef });
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe(expected);
  });

  it('does not lend its CA to somebody who wants to be one', async () => {
    web({ isCA: true, commonName: 'Mine' });
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('False SubordinateNotAllowed');
    expect(await rig.engine.objects.get(rig.vault, 'web')).toBeUndefined();
  });

  it('is not a certificate itself', async () => {
    rig.certificate('root', { issuerRef: { name: 'ca' }, isCA: true, commonName: 'Root', duration: '8760h' });
    await rig.reconcile('root');
    expect(rig.ready('root')).toBe('False CaNotReady');
    expect((await rig.state('root')).revision).toBe(1);
  });
});

describe('a renewal that is held up', () => {
  it('leaves the certificate Ready until it has ended', async () => {
    web();
    const next = (await rig.reconcile('web')) ?? 0;
    rig.issuers.objects.delete('ns/ca');
    await rig.clock.advance(next);
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('True RenewalWaiting');
    expect(rig.events.map(({ type, reason }) => `${type} ${reason}`)).toEqual(['Warning RenewalWaiting']);
    await rig.clock.advance(24 * HOUR - next);
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('False IssuerNotFound');
  });

  it('by a vault that is full leaves the certificate Ready, too', async () => {
    web();
    const next = (await rig.reconcile('web')) ?? 0;
    const full = { ...rig.vault.limits, bytes: 1 };
    await rig.engine.vaults.change(rig.vault, caller, (head) => ({ operation: 'VaultUpdate', head: { ...head, limits: full } }));
    await rig.clock.advance(next);
    expect(await rig.reconcile('web')).toBe(60_000);
    expect(rig.ready('web')).toBe('True RenewalWaiting');
    expect((await rig.state('web')).revision).toBe(1);
    rig.certificate('other', { issuerRef: { name: 'ca' }, dnsNames: ['other.example'] });
    await rig.reconcile('other');
    expect(rig.ready('other')).toBe('False LimitExceeded');
  });

  it('by a CA that ends no later costs no issues, and goes on when the CA is renewed', async () => {
    web({ duration: '8760h' });
    await rig.reconcile('web');
    await rig.clock.advance(8000 * HOUR);
    await rig.reconcile('web');
    expect((await rig.state('web')).revision).toBe(1);
    expect(rig.ready('web')).toBe('True RenewalWaiting');
    await rig.reconcile('root');
    // The new root spreads first, and the certificate knows when to look again.
    const next = await rig.reconcile('web');
    expect(next).toBe(HOUR);
    await rig.clock.advance(next ?? 0);
    await rig.reconcile('web');
    expect((await rig.state('web')).revision).toBe(2);
    expect(rig.ready('web')).toBe('True Ready');
  });
});

describe('a clock that jumps', () => {
  it('a year ahead renews nothing as long as the API server disagrees', async () => {
    web();
    await rig.reconcile('web');
    rig.clock.jump(8760 * HOUR);
    rig.serverOffsetMs = -8760 * HOUR;
    await rig.reconcile('web');
    await rig.reconcile('web');
    expect((await rig.state('web')).revision).toBe(1);
    rig.clock.jump(-8760 * HOUR);
    rig.serverOffsetMs = 0;
    await rig.reconcile('web');
    expect((await rig.state('web')).revision).toBe(1);
    expect(rig.ready('web')).toBe('True Ready');
  });

  it('for everybody renews a whole fleet only after the time was seen twice, ten minutes apart', async () => {
    for (let index = 0; index < 12; index += 1) {
      rig.certificate(`web-${index}`, { issuerRef: { name: 'ca' }, dnsNames: ['web.example'] });
      await rig.reconcile(`web-${index}`);
    }
    rig.clock.jump(2000 * HOUR);
    await rig.clock.advance(2000);
    for (let pass = 0; pass < 2; pass += 1) {
      for (let index = 0; index < 12; index += 1) await rig.reconcile(`web-${index}`);
    }
    expect((await rig.state('web-3')).revision).toBe(1);
    await rig.clock.advance(10 * 60_000);
    for (let pass = 0; pass < 3; pass += 1) {
      for (let index = 0; index < 12; index += 1) await rig.reconcile(`web-${index}`);
    }
    for (let index = 0; index < 12; index += 1) expect((await rig.state(`web-${index}`)).revision).toBe(2);
  });
});

describe('a soft-deleted certificate', () => {
  const softDelete = () =>
    rig.engine.objects.change(rig.vault, 'web', caller, (head) =>
      head?.certificate === undefined
        ? undefined
        : { operation: 'ObjectDelete', kind: 'certificate', head: { ...head, certificate: { ...head.certificate, deleted: { at: '2026-01-01T00:00:00Z', scheduledPurge: '2026-04-01T00:00:00Z' } } } });

  it('stays deleted, keeps its target, and says how to recover it', async () => {
    web();
    await rig.reconcile('web');
    await softDelete();
    rig.targets.clear();
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('False ObjectDeleted');
    expect(rig.targets.size).toBe(0);
    web({ createMode: 'Recover' });
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('True Ready');
    expect((await rig.state('web')).revision).toBe(1);
  });

  it('recovered by a stranger gives him a new key, even if he asks to keep the old one', async () => {
    web();
    await rig.reconcile('web');
    const before = publicKeyOf(rig.target('web').data['tls.key'] ?? '');
    await softDelete();
    rig.targets.clear();
    rig.certificate('web', { issuerRef: { name: 'ca' }, dnsNames: ['web.example'], duration: '24h', target: {}, createMode: 'Recover', privateKey: { rotationPolicy: 'Never' } }, { uid: 'uid-stranger' });
    await rig.reconcile('web');
    expect(publicKeyOf(rig.target('web').data['tls.key'] ?? '')).not.toBe(before);
    expect(rig.events.map(({ reason }) => reason)).toContain('Recovered');
    const [own, old] = (await rig.state('web')).versions;
    expect([own?.origin, old?.origin]).toEqual(['uid-stranger', 'uid-web']);
  });
});

describe('a CA that is rotated', () => {
  const trusts = (holder: string, peer: string): boolean =>
    parsePemCertificates(rig.target(holder).data['ca.crt'] ?? '').some((root) => crt(peer).verify(root.publicKey));

  it('fails no handshake at any step, and its old root goes when it has ended', async () => {
    rig.certificate('short', { issuerRef: { name: 'self' }, isCA: true, commonName: 'Root', duration: '240h' });
    await rig.reconcile('short');
    rig.issuer('short', { ca: { vaultRef: { name: 'team' }, certificateName: 'short' } });
    for (const name of ['a', 'b']) rig.certificate(name, { issuerRef: { name: 'short' }, dnsNames: [`${name}.example`], duration: '24h', target: {} });
    const signers = new Set<string>();
    const roots: number[] = [];
    // Half an hour a step, over the whole life of the old root; the two are looked at at different times.
    for (let step = 0; step < 600; step += 1) {
      await rig.clock.advance(HOUR / 2);
      const [first, second] = step % 2 === 0 ? ['a', 'b'] : ['b', 'a'];
      await rig.reconcile('short');
      await rig.reconcile(first ?? '');
      await rig.reconcile(second ?? '');
      expect(trusts('a', 'b') && trusts('b', 'a')).toBe(true);
      signers.add((await rig.state('a')).versions[0]?.certificate?.issuerThumbprint ?? '');
      roots.push(parsePemCertificates(rig.target('a').data['ca.crt'] ?? '').length);
    }
    expect((await rig.state('short')).revision).toBeGreaterThan(1);
    expect(signers.size).toBeGreaterThan(1);
    expect(Math.max(...roots)).toBe(2);
    expect(roots[0]).toBe(1);
    expect(roots.some((count, index) => count === 1 && (roots[index - 1] ?? 0) === 2)).toBe(true);
  });

  it('is known below an intermediate CA before anything is signed under it', async () => {
    rig.issuer('ca', { ca: { vaultRef: { name: 'team' }, certificateName: 'root', allowSubordinates: true } });
    rig.certificate('middle', { issuerRef: { name: 'ca' }, isCA: true, commonName: 'Middle', duration: '2160h' });
    await rig.reconcile('middle');
    rig.issuer('below', { ca: { vaultRef: { name: 'team' }, certificateName: 'middle' } });
    web({ issuerRef: { name: 'below' } });
    await rig.reconcile('web');
    const chain = parsePemCertificates(rig.target('web').data['tls.crt'] ?? '');
    expect(chain.map(({ subject }) => subject)).toEqual([undefined, 'CN=Middle']);
    rig.certificate('root', { issuerRef: { name: 'self' }, isCA: true, commonName: 'Root', duration: '8760h' }, { annotations: { 'keystead.dev/renew': 'now' } });
    await rig.reconcile('root');
    await rig.reconcile('web');
    expect(parsePemCertificates(rig.target('web').data['ca.crt'] ?? '')).toHaveLength(2);
    expect((await rig.state('web')).revision).toBe(1);
  });
});

it('two operators that both think they lead publish one certificate', async () => {
  web();
  const rival = await rig.rival();
  const outcomes = await Promise.allSettled([rig.reconcile('web'), rival.reconcile('web')]);
  // Whoever was slower is told, has published nothing, and looks again.
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  expect(rig.targets.size + rival.targets.size).toBe(1);
  await rig.reconcile('web');
  await rival.reconcile('web');
  expect((await rival.state('web')).revision).toBe(1);
  expect(rival.target('web').data).toEqual(rig.target('web').data);
});

it('tells the metrics of every attempt, and when each certificate ends', async () => {
  web();
  await rig.reconcile('web');
  web({ dnsNames: ['a..b'] });
  await rig.reconcile('web').catch(() => undefined);
  expect(rig.issues).toEqual(['selfSigned success', 'ca success']);
  expect([...certificateExpiries(rig.world)].map(({ name, vault, notAfter }) => `${name} ${vault} ${notAfter?.toISOString() ?? ''}`)).toEqual([
    'root team 2027-01-01T00:00:00.000Z',
    'web team 2026-01-02T00:00:00.000Z',
  ]);
});

it('never shows a private key in status or events', async () => {
  web();
  await rig.reconcile('web');
  const key = rig.target('web').data['tls.key'] ?? '';
  const secret = key.split('\n')[1] ?? '';
  const shown = JSON.stringify([rig.certificates.list(), rig.events, rig.engine.told]);
  expect(secret.length).toBeGreaterThan(20);
  expect(shown).not.toContain(secret);
});
