import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { exportPrivateKey, KeyGenerator } from '../../../../src/crypto/keys.ts';
import { OutsideCa, type Signing } from '../../../support/outside-ca.ts';
import { Rig } from './rig.ts';

const HOUR = 3_600_000;
let rig: Rig;
let company: OutsideCa;
let key: KeyObject;

beforeEach(async () => {
  rig = await Rig.start();
  company = await OutsideCa.make(() => rig.clock.now());
  key = await new KeyGenerator().generate({ algorithm: 'ECDSA', curve: 'P-256' });
  rig.issuer('self', { selfSigned: {} });
});

type Spec = Parameters<Rig['certificate']>[1];
/** Imported, and renewed by nobody. */
const web = (spec: Spec = {}) => {
  const resource = rig.certificate('web', { dnsNames: [], import: { secretRef: { name: 'legacy' } }, target: {}, ...spec });
  const { issuerRef: _default, ...alone } = resource.spec;
  return rig.certificates.put({ ...resource, spec: { ...alone, ...(spec?.issuerRef === undefined ? {} : { issuerRef: spec.issuerRef }) } });
};
const certify = (signing: Signing = {}): string => company.certify(key, { dnsNames: ['web.example'], ...signing });
const legacy = (crt: string, more: Record<string, string> = {}, labels?: Record<string, string>): void => rig.source('legacy', { 'tls.crt': crt, 'tls.key': exportPrivateKey(key), ...more }, labels);
const message = (): string => rig.certificates.get('ns/web')?.status?.conditions?.find(({ type }) => type === 'Ready')?.message ?? '';

describe('a certificate that is imported', () => {
  it('comes into the vault and the target with its key and its chain in order, by one write of the record', async () => {
    const leaf = certify();
    legacy(company.intermediatePem + leaf, { 'ca.crt': company.rootPem });
    web();
    rig.engine.told.length = 0;
    await rig.reconcile('web');
    const { data } = rig.target('web');
    expect(rig.ready('web')).toBe('True Ready');
    expect([data['tls.crt'], data['ca.crt']]).toEqual([leaf + company.intermediatePem, company.rootPem]);
    expect(createPrivateKey(data['tls.key'] ?? '').equals(key)).toBe(true);
    expect(rig.engine.told.map(({ phase, operation }) => `${phase} ${operation}`)).toEqual(['intent CertificateImport', 'outcome CertificateImport', 'read CertificateSync']);
    expect(rig.issues).toEqual(['import success']);
    expect((await rig.state('web')).renewalDue).toBeUndefined();
    rig.engine.told.length = 0;
    rig.restart();
    await rig.reconcile('web');
    expect(rig.engine.told).toEqual([]);
  });

  it('is followed as long as nobody renews it, and stays when its Secret goes', async () => {
    legacy(certify());
    web();
    await rig.reconcile('web');
    const next = certify();
    legacy(next, { unrelated: 'x' });
    await rig.reconcile('web');
    expect(rig.target('web').data['tls.crt']).toBe(next);
    expect((await rig.state('web')).revision).toBe(2);
    legacy(next, { unrelated: 'y' });
    await rig.reconcile('web');
    rig.sourceSecrets.objects.clear();
    await rig.reconcile('web');
    expect((await rig.state('web')).revision).toBe(2);
    expect(rig.ready('web')).toBe('True Ready');
  });

  it('keeps what it has when what comes next is no good, and says why', async () => {
    legacy(certify());
    web();
    await rig.reconcile('web');
    const before = rig.target('web');
    legacy('nonsense');
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('True RenewalWaiting');
    expect(message()).toContain('CERTIFICATE block');
    expect(rig.target('web')).toEqual(before);
  });

  it('tells that nobody renews it when a third of its life is left, and that it has ended', async () => {
    legacy(certify());
    web();
    const next = await rig.reconcile('web');
    expect(next).toBeLessThan(20 * 24 * HOUR + 1);
    await rig.clock.advance(next ?? 0);
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('True RenewalWaiting');
    expect(rig.events.map(({ type, reason }) => `${type} ${reason}`)).toEqual(['Warning RenewalWaiting']);
    expect(message()).toContain('nobody renews it');
    await rig.clock.advance(15 * 24 * HOUR);
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('False NobodyRenews');
  });

  it('is renewed from then on by the issuer that is named, and never imported again', async () => {
    const leaf = certify();
    legacy(leaf);
    web({ issuerRef: { name: 'self' }, dnsNames: ['web.example'] });
    const next = await rig.reconcile('web');
    expect(rig.target('web').data['tls.crt']).toBe(leaf);
    legacy(certify());
    await rig.reconcile('web');
    expect(rig.target('web').data['tls.crt']).toBe(leaf);
    await rig.clock.advance(next ?? 0);
    await rig.reconcile('web');
    const renewed = new X509Certificate(rig.target('web').data['tls.crt'] ?? '');
    expect(renewed.subject).toBe(renewed.issuer);
    expect((await rig.state('web')).revision).toBe(2);
    expect(rig.target('web').data['tls.crt']).not.toBe(leaf);
  });

  it('waits for its Secret, whatever the issuer could do', async () => {
    web({ issuerRef: { name: 'self' }, dnsNames: ['web.example'] });
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('False SourceMissing');
    expect(rig.targets.size).toBe(0);
  });
});

describe('an import is refused', () => {
  it.each<[string, string, () => void | Promise<void>, Spec?]>([
    ['SourceMissing', 'without the label', () => legacy(certify(), {}, {})],
    ['SourceMissing', 'with the label for another vault', () => legacy(certify(), {}, { 'keystead.dev/source': 'other' })],
    ['SourceMissing', 'from what Keystead itself wrote', () => legacy(certify(), {}, { 'keystead.dev/source': 'team', 'keystead.dev/managed': 'team' })],
    ['SourceMissing', 'without a key', () => rig.source('legacy', { 'tls.crt': certify() })],
    ['InvalidCertificate', 'that is none', () => legacy('x')],
    ['InvalidKey', 'whose key is none', () => rig.source('legacy', { 'tls.crt': certify(), 'tls.key': 'x' })],
    ['KeyMismatch', 'whose key is of another certificate', async () => rig.source('legacy', { 'tls.crt': certify(), 'tls.key': exportPrivateKey(await new KeyGenerator().generate({ algorithm: 'ECDSA', curve: 'P-256' })) })],
    ['CertificateExpired', 'that has ended', () => legacy(certify({ notBefore: new Date('2025-12-01'), notAfter: new Date('2025-12-31') }))],
    ['CertificateNotYetValid', 'of tomorrow', () => legacy(certify({ notBefore: new Date('2026-01-02') }))],
    ['ChainIncomplete', 'that its ca.crt did not sign', async () => legacy(certify() + company.intermediatePem, { 'ca.crt': (await OutsideCa.make(() => rig.clock.now(), 'Other')).rootPem })],
    ['CertificateWeaker', 'of a CA that nobody declared', () => legacy(certify({ isCA: true, subject: { commonName: 'CA' } }))],
    ['CertificateWeaker', 'without a name that its issuer would renew', () => legacy(certify()), { issuerRef: { name: 'self' }, dnsNames: ['web.example', 'www.example'] }],
    ['InvalidPkcs12', 'from a file that is none', () => rig.source('legacy', { 'keystore.p12': 'x' }), { import: { secretRef: { name: 'legacy' }, pkcs12: {} } }],
  ])('%s: %s', async (reason, _what, given, spec = {}) => {
    await given();
    web(spec);
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe(`False ${reason}`);
    expect(rig.targets.size).toBe(0);
    expect(message()).not.toContain('PRIVATE KEY');
  });

  it('until tomorrow has come', async () => {
    legacy(certify({ notBefore: new Date('2026-01-02') }));
    web();
    await rig.clock.advance((await rig.reconcile('web')) ?? 0);
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('True Ready');
  });

  it('when the Secret is another one by the time it is read', async () => {
    legacy(certify());
    rig.secret('legacy', { 'tls.crt': certify(), 'tls.key': exportPrivateKey(key) });
    web();
    await expect(rig.reconcile('web')).rejects.toMatchObject({ code: 'RecordChanged' });
  });
});
