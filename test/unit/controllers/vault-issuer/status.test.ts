import { beforeEach, describe, expect, it } from '@jest/globals';
import { Rig } from '../vault-certificate/rig.ts';

const HOUR = 3_600_000;
let rig: Rig;

beforeEach(async () => {
  rig = await Rig.start();
  rig.issuer('self', { selfSigned: {} });
  rig.issuer('ca', { ca: { vaultRef: { name: 'team' }, certificateName: 'Root' } });
});

async function ready(name: string): Promise<string> {
  await rig.reconcileIssuer(name).catch(() => undefined);
  const ready_ = rig.issuers.get(`ns/${name}`)?.status?.conditions?.find(({ type }) => type === 'Ready');
  return `${ready_?.status ?? ''} ${ready_?.reason ?? ''}`;
}

describe('an issuer', () => {
  it('that is self-signed is Ready', async () => {
    expect(await ready('self')).toBe('True Ready');
  });

  it('with a CA is Ready when the CA is there, and says until when', async () => {
    expect(await ready('ca')).toBe('False CaNotFound');
    rig.certificate('root', { issuerRef: { name: 'self' }, isCA: true, commonName: 'Root', duration: '8760h' });
    await rig.reconcile('root');
    expect(await rig.reconcileIssuer('ca')).toBe(8760 * HOUR);
    expect(rig.issuers.get('ns/ca')?.status).toMatchObject({ subject: 'CN=Root', notAfter: '2027-01-01T00:00:00Z', thumbprint: expect.stringMatching(/^[0-9a-f]{64}$/) });
    await rig.clock.advance(8760 * HOUR);
    expect(await ready('ca')).toBe('False IssuerExpired');
    expect(rig.events.map(({ type, reason }) => `${type} ${reason}`)).toEqual(['Warning CaNotFound', 'Warning IssuerExpired']);
  });

  it('with a certificate that is no CA is not Ready', async () => {
    rig.certificate('root', { issuerRef: { name: 'self' }, commonName: 'Root' });
    await rig.reconcile('root');
    expect(await ready('ca')).toBe('False IssuerNotCA');
  });

  it('says when the certificate lies in another vault', async () => {
    rig.certificate('root', { issuerRef: { name: 'self' }, isCA: true, commonName: 'Root', vaultRef: { name: 'other' } });
    expect(await ready('ca')).toBe('False CaInOtherVault');
  });

  it('says when its vault is not there', async () => {
    rig.issuer('lost', { ca: { vaultRef: { name: 'nowhere' }, certificateName: 'root' } });
    expect(await ready('lost')).toBe('False VaultNotFound');
  });
});
