import { createPrivateKey, X509Certificate } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { parseCsr } from '../../../../src/crypto/x509/csr.ts';
import { isSignedByIdentity } from '../../../../src/crypto/identity.ts';
import { publicKeyThumbprint } from '../../../../src/crypto/keys.ts';
import { OutsideCa } from '../../../support/outside-ca.ts';
import { Rig } from './rig.ts';

const HOUR = 3_600_000;
let rig: Rig;
let company: OutsideCa;

beforeEach(async () => {
  rig = await Rig.start();
  company = await OutsideCa.make(() => rig.clock.now());
  rig.issuer('company', { external: {} });
});

type Spec = Parameters<Rig['certificate']>[1];
const web = (spec: Spec = {}, annotations: Record<string, string> = {}) =>
  rig.certificate('web', { issuerRef: { name: 'company' }, dnsNames: ['web.example'], target: {}, ...spec }, { annotations });
const status = () => rig.certificates.get('ns/web')?.status;
const csr = (): string => status()?.pending?.csr ?? '';
const signing = () => status()?.conditions?.find(({ type }) => type === 'SigningNeeded');
const chain = (leaf: string): string => company.rootPem + company.intermediatePem + leaf;

/** Opens a CSR, and gives what the company made of it back. */
async function merged(spec: Spec = {}): Promise<string> {
  web(spec);
  await rig.reconcile('web');
  const leaf = company.sign(csr());
  web({ ...spec, external: { signedCertificate: chain(leaf) } });
  await rig.reconcile('web');
  return leaf;
}

describe('a certificate that is signed outside', () => {
  it('waits with its CSR in the status, tells people, and costs one record and one status', async () => {
    web();
    rig.engine.told.length = 0;
    expect(await rig.reconcile('web')).toBeUndefined();
    expect(rig.ready('web')).toBe('False SigningNeeded');
    expect(signing()).toMatchObject({ status: 'True', reason: 'SigningNeeded' });
    expect(status()?.pending).toMatchObject({ state: 'inProgress', requestedAt: '2026-01-01T00:00:00Z' });
    expect(parseCsr(csr())).toMatchObject({ sans: { dnsNames: ['web.example'] } });
    expect(rig.events.map(({ type, reason }) => `${type} ${reason}`)).toEqual(['Warning SigningNeeded']);
    expect(rig.engine.told.map(({ phase, operation }) => `${phase} ${operation}`)).toEqual(['intent CertificateCreate', 'outcome CertificateCreate']);
    expect(rig.statusWrites).toBe(1);
    rig.restart();
    await rig.reconcile('web');
    expect(rig.statusWrites).toBe(1);
    expect(rig.engine.told).toHaveLength(2);
  });

  it('shows a CSR that the installation signed, for this very resource', async () => {
    web();
    await rig.reconcile('web');
    const signature = status()?.pending?.csrSignature ?? '';
    expect(isSignedByIdentity(rig.identity.publicKeyPem, 'csr', ['ns', 'web', csr()], signature)).toBe(true);
    expect(isSignedByIdentity(rig.identity.publicKeyPem, 'csr', ['ns', 'other', csr()], signature)).toBe(false);
  });

  it('is published with the key that was sealed for the CSR, its chain in order, the key opened for the target only', async () => {
    web();
    await rig.reconcile('web');
    rig.engine.told.length = 0;
    const leaf = company.sign(csr());
    web({ external: { signedCertificate: chain(leaf) } });
    await rig.reconcile('web');
    const { data } = rig.target('web');
    expect(rig.ready('web')).toBe('True Ready');
    expect(data['tls.crt']).toBe(leaf + company.intermediatePem);
    expect(data['ca.crt']).toBe(company.rootPem);
    expect(new X509Certificate(leaf).checkPrivateKey(createPrivateKey(data['tls.key'] ?? ''))).toBe(true);
    expect(status()).toMatchObject({ revision: 1, pending: { state: 'completed' } });
    expect([csr(), signing()]).toEqual(['', undefined]);
    expect(rig.engine.told.map(({ phase, operation }) => `${phase} ${operation}`)).toEqual(['intent CertificatePendingMerge', 'outcome CertificatePendingMerge', 'read CertificateSync']);
    expect(rig.issues).toEqual(['external success']);
  });

  it('is accepted once: what stays in the spec is history', async () => {
    await merged();
    const writes = rig.statusWrites;
    rig.engine.told.length = 0;
    await rig.reconcile('web');
    rig.restart();
    await rig.reconcile('web');
    expect([rig.engine.told.length, rig.statusWrites]).toEqual([0, writes]);
  });

  it('comes back in a ConfigMap whose owner agrees', async () => {
    const spec = { external: { configMapRef: { name: 'answer' } } };
    web(spec);
    await rig.reconcile('web');
    expect(signing()).toMatchObject({ reason: 'AnswerMissing' });
    const leaf = company.sign(csr());
    rig.configMap('answer', { 'tls.crt': leaf + company.intermediatePem }, { 'keystead.dev/source': 'other' });
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('False AnswerMissing');
    rig.configMap('answer', { other: leaf });
    await rig.reconcile('web');
    expect(signing()?.message).toContain('has no key tls.crt');
    rig.configMap('answer', { 'tls.crt': leaf + company.intermediatePem });
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('True Ready');
    expect(rig.target('web').data['ca.crt']).toBe('');
  });

  it('can be a CA of the vault below the root of the company, whose leaves everybody trusts who trusts that', async () => {
    const spec = { isCA: true, commonName: 'Team CA', dnsNames: [], target: undefined };
    web(spec);
    await rig.reconcile('web');
    const signed = company.sign(csr(), { isCA: true, subject: { commonName: 'Team CA' } });
    web({ ...spec, external: { signedCertificate: chain(signed) } });
    await rig.reconcile('web');
    rig.issuer('team', { ca: { vaultRef: { name: 'team' }, certificateName: 'web' } });
    rig.certificate('leaf', { issuerRef: { name: 'team' }, dnsNames: ['leaf.example'], duration: '24h', target: {} });
    await rig.reconcile('leaf');
    const { data } = rig.target('leaf');
    expect(rig.ready('leaf')).toBe('True Ready');
    expect(data['tls.crt']?.endsWith(signed + company.intermediatePem)).toBe(true);
    expect(data['ca.crt']).toBe(company.rootPem);
  });

  it('keeps its key in the vault where it must not leave', async () => {
    await merged({ privateKey: { exportable: false }, target: { type: 'Opaque' } });
    expect(Object.keys(rig.target('web').data).toSorted()).toEqual(['ca.crt', 'tls.crt']);
  });
});

describe('the renewal of a certificate that is signed outside', () => {
  const due = async (): Promise<void> => {
    const { renewalDue = '' } = await rig.state('web');
    await rig.clock.advance(Date.parse(renewalDue) - rig.clock.now().getTime());
    await rig.reconcile('web');
  };

  it('opens a new CSR with another key, tells people, and leaves the old certificate in force', async () => {
    const leaf = await merged();
    const before = rig.target('web');
    rig.events.length = 0;
    await due();
    expect(rig.ready('web')).toBe('True RenewalWaiting');
    expect(signing()).toMatchObject({ status: 'True', reason: 'SigningNeeded' });
    expect(rig.events.map(({ type, reason }) => `${type} ${reason}`).toSorted()).toEqual(['Warning RenewalWaiting', 'Warning SigningNeeded']);
    expect(parseCsr(csr()).publicKeyThumbprint).not.toBe(publicKeyThumbprint(new X509Certificate(leaf).publicKey));
    expect(rig.target('web')).toEqual(before);
    web({ external: { signedCertificate: company.sign(csr()) + company.intermediatePem } });
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('True Ready');
    expect((await rig.state('web')).revision).toBe(2);
    expect(rig.events.at(-1)).toMatchObject({ type: 'Normal', reason: 'Renewed' });
    // The root was not sent along this time, and is known from before.
    expect(rig.target('web').data['ca.crt']).toBe(company.rootPem);
  });

  it('keeps the key where the spec says so, and still takes no old certificate for an answer', async () => {
    const leaf = await merged({ privateKey: { rotationPolicy: 'Never' } });
    await due();
    expect(parseCsr(csr()).publicKeyThumbprint).toBe(publicKeyThumbprint(new X509Certificate(leaf).publicKey));
    expect(rig.ready('web')).toBe('True RenewalWaiting');
    expect(signing()?.reason).toBe('SigningNeeded');
  });

  it('does not bring an old key into a target that was added while its CSR was out', async () => {
    const spec = { privateKey: { rotationPolicy: 'Never' }, target: undefined } as const;
    const leaf = await merged(spec);
    await due();
    const answer = company.sign(csr());
    web({ ...spec, target: {}, external: { signedCertificate: chain(answer) } });
    await rig.reconcile('web');
    expect(parseCsr(csr()).publicKeyThumbprint).not.toBe(publicKeyThumbprint(new X509Certificate(leaf).publicKey));
    expect((await rig.state('web')).revision).toBe(1);
    expect(rig.targets.size === 0 || rig.target('web').data['tls.crt'] !== answer + company.intermediatePem).toBe(true);
  });

  it('becomes unready, and says so, when nobody signs until the end', async () => {
    await merged();
    await due();
    rig.events.length = 0;
    await rig.clock.advance(30 * 24 * HOUR);
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('False SigningNeeded');
    expect(rig.events.map(({ reason }) => reason)).toEqual(['SigningNeeded']);
  });
});

describe('a CSR that is open', () => {
  it('is void when the spec asks for something else: its answer is refused', async () => {
    web();
    await rig.reconcile('web');
    const old = company.sign(csr());
    web({ dnsNames: ['web.example', 'www.example'], external: { signedCertificate: chain(old) } });
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('False KeyMismatch');
    expect(parseCsr(csr()).sans.dnsNames).toEqual(['web.example', 'www.example']);
    expect(rig.events.map(({ reason }) => reason)).toEqual(['SigningNeeded', 'KeyMismatch']);
  });

  it('is cancelled by its id, its key destroyed, and not opened again before somebody asks', async () => {
    web();
    await rig.reconcile('web');
    const id = status()?.pending?.id ?? '';
    web({}, { 'keystead.dev/cancel': 'something else' });
    await rig.reconcile('web');
    expect(status()?.pending?.state).toBe('inProgress');
    web({}, { 'keystead.dev/cancel': id });
    await rig.reconcile('web');
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('False SigningCancelled');
    expect(status()?.pending).toEqual({ id, state: 'cancelled', requestedAt: '2026-01-01T00:00:00Z' });
    expect((await rig.state('web')).operation?.pending).toBeUndefined();
    web({}, { 'keystead.dev/cancel': id, 'keystead.dev/renew': 'again' });
    await rig.reconcile('web');
    expect(status()?.pending).toMatchObject({ state: 'inProgress' });
    expect(status()?.pending?.id).not.toBe(id);
  });

  it('ends when the certificate gets an issuer that signs here', async () => {
    rig.issuer('self', { selfSigned: {} });
    web();
    await rig.reconcile('web');
    web({ issuerRef: { name: 'self' } });
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('True Ready');
    expect(status()?.pending?.state).toBe('completed');
    expect((await rig.state('web')).operation?.pending).toBeUndefined();
  });

  it('waits while its issuer is away, and takes no answer meanwhile', async () => {
    web();
    await rig.reconcile('web');
    const leaf = company.sign(csr());
    rig.issuers.objects.delete('ns/company');
    web({ external: { signedCertificate: chain(leaf) } });
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('False IssuerNotFound');
    rig.issuer('company', { external: {} });
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('True Ready');
  });

  it('is opened at most three times an hour beyond what is planned, however the spec flaps', async () => {
    for (let round = 0; round < 6; round += 1) {
      web({ dnsNames: [`web-${round}.example`] });
      await rig.reconcile('web');
    }
    expect(rig.ready('web')).toBe('False IssueLimitReached');
    expect(status()?.pending?.state).toBe('cancelled');
  });

  it('is gone on with by another operator, and answered by one of two only', async () => {
    web();
    await rig.reconcile('web');
    const leaf = company.sign(csr());
    web({ external: { signedCertificate: chain(leaf) } });
    const rival = await rig.rival();
    const outcomes = await Promise.allSettled([rig.reconcile('web'), rival.reconcile('web')]);
    expect(outcomes.filter(({ status: how }) => how === 'rejected').length).toBeLessThanOrEqual(1);
    expect((await rig.state('web')).revision).toBe(1);
    expect((await rival.state('web')).versions).toHaveLength(1);
  });

  it('keeps its key through a rotation of the vault key', async () => {
    web();
    await rig.reconcile('web');
    const leaf = company.sign(csr());
    const rotated = await rig.engine.vaults.rotateKey(rig.vault, 'please', { signal: new AbortController().signal, actor: { kind: 'controller', username: 'test' } });
    expect(await rig.engine.objects.rewrap(rotated, 'web', { signal: new AbortController().signal, actor: { kind: 'controller', username: 'test' } })).toBe(true);
    web({ external: { signedCertificate: chain(leaf) } });
    await rig.reconcile('web');
    expect(new X509Certificate(leaf).checkPrivateKey(createPrivateKey(rig.target('web').data['tls.key'] ?? ''))).toBe(true);
  });
});
