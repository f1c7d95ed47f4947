import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { TargetInput } from '../../../../src/api/target.ts';
import type { Outputs } from '../../../../src/api/outputs.ts';
import { Rig } from './rig.ts';

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.start();
  rig.issuer('self', { selfSigned: {} });
});

interface Written {
  readonly additionalOutputFormats?: Outputs['additionalOutputFormats'];
  readonly keystores?: { readonly pkcs12?: object; readonly jks?: object; readonly passwordRevision?: number; readonly passwordKey?: string };
}

async function web(target: Written & NonNullable<TargetInput>, spec: object = {}): Promise<void> {
  rig.certificate('web', { issuerRef: { name: 'self' }, dnsNames: ['web.example'], duration: '24h', target, ...spec });
  await rig.reconcile('web');
}

const output = (key: string): Buffer => rig.target('web').outputs[key] ?? Buffer.alloc(0);
const opens = (key: string, passphrase: string): boolean => {
  try {
    createSecureContext({ pfx: output(key), passphrase });
    return true;
  } catch {
    return false;
  }
};
const passwordRef = { passwordSecretRef: { name: 'store', key: 'password' } };

describe('the outputs of a certificate', () => {
  it('are the same key and certificate in other encodings', async () => {
    await web({ additionalOutputFormats: [{ type: 'DER' }, { type: 'CombinedPEM' }, { type: 'CertificateDER', key: 'server.der' }] });
    const { data, outputs } = rig.target('web');
    expect(Object.keys(outputs)).toEqual(['key.der', 'tls-combined.pem', 'server.der']);
    const key = createPublicKey(createPrivateKey({ key: output('key.der'), format: 'der', type: 'pkcs8' }));
    expect(key.equals(new X509Certificate(data['tls.crt'] ?? '').publicKey)).toBe(true);
    expect(output('tls-combined.pem').toString()).toBe(`${data['tls.key']}${data['tls.crt']}`);
    expect(new X509Certificate(output('server.der')).toString()).toBe(data['tls.crt']);
  });

  it('are keystores with one password, which lies beside them', async () => {
    await web({ keystores: { pkcs12: {}, jks: {} } });
    expect(Object.keys(rig.target('web').outputs).toSorted()).toEqual(['keystore.jks', 'keystore.p12', 'keystore.password', 'truststore.jks', 'truststore.p12']);
    const password = output('keystore.password').toString();
    expect(password).toMatch(/^[0-9a-f]{32}$/);
    expect([opens('keystore.p12', password), opens('keystore.p12', 'changeit')]).toEqual([true, false]);
  });

  it('come under the names that were chosen, and not at all with create: false', async () => {
    await web({ keystores: { pkcs12: { keystoreKey: 'a.pfx', truststoreKey: 'b.pfx' }, jks: { create: false }, passwordKey: 'pw' } });
    expect(Object.keys(rig.target('web').outputs).toSorted()).toEqual(['a.pfx', 'b.pfx', 'pw']);
    await web({ keystores: { pkcs12: { create: false } } });
    expect(rig.target('web').outputs).toEqual({});
  });

  it('have the same bytes each time they are made', async () => {
    const target: Written = { keystores: { pkcs12: {}, jks: {} } };
    await web(target);
    const before = rig.target('web').outputs;
    rig.targets.clear();
    rig.restart();
    await web(target);
    expect(rig.target('web').outputs).toEqual(before);
  });

  it('keep their password when the certificate is renewed, and get another one when somebody asks', async () => {
    await web({ keystores: { pkcs12: {} } });
    const before = rig.target('web').outputs;
    await rig.clock.advance(23 * 3_600_000);
    await rig.reconcile('web');
    const renewed = rig.target('web').outputs;
    expect(renewed['keystore.password']).toEqual(before['keystore.password']);
    expect(renewed['keystore.p12']).not.toEqual(before['keystore.p12']);
    await web({ keystores: { pkcs12: {}, passwordRevision: 2 } });
    expect(output('keystore.password')).not.toEqual(before['keystore.password']);
    expect(opens('keystore.p12', output('keystore.password').toString())).toBe(true);
    expect((await rig.state('web')).revision).toBe(2);
  });

  it('hold no private key that must not leave the vault', async () => {
    await web({ type: 'Opaque', additionalOutputFormats: [{ type: 'CertificateDER' }], keystores: { pkcs12: {}, jks: {} } }, { privateKey: { exportable: false } });
    expect(Object.keys(rig.target('web').outputs).toSorted()).toEqual(['keystore.password', 'tls.der', 'truststore.jks', 'truststore.p12']);
  });

  it('leave a target without any as it was', async () => {
    await web({});
    const { inputs } = rig.target('web');
    expect(inputs).toHaveLength(2);
  });
});

describe('a password from a Secret', () => {
  it('opens the keystore, is followed, and is written nowhere', async () => {
    rig.source('store', { password: 'changeit' });
    await web({ keystores: { pkcs12: passwordRef } });
    expect(opens('keystore.p12', 'changeit')).toBe(true);
    expect(Object.keys(rig.target('web').outputs)).toEqual(['keystore.p12', 'truststore.p12']);
    rig.source('store', { password: 'changed' });
    await rig.reconcile('web');
    expect([opens('keystore.p12', 'changeit'), opens('keystore.p12', 'changed')]).toEqual([false, true]);
    expect((await rig.state('web')).revision).toBe(1);
    const { inputs } = rig.target('web');
    rig.source('store', { password: 'changed', other: 'x' });
    await rig.reconcile('web');
    expect(rig.target('web').inputs).toEqual(inputs);
  });

  it.each<[string, () => void, string]>([
    ['is not there', () => {}, 'SourceMissing'],
    ['lacks its owner\'s consent', () => rig.source('store', { password: 'changeit' }, {}), 'SourceMissing'],
    ['consents to another vault', () => rig.source('store', { password: 'changeit' }, { 'keystead.dev/source': 'other' }), 'SourceMissing'],
    ['is a target of ours', () => rig.source('store', { password: 'changeit' }, { 'keystead.dev/source': 'team', 'keystead.dev/managed': 'team' }), 'SourceMissing'],
    ['lacks the key', () => rig.source('store', { Password: 'changeit' }), 'SourceMissing'],
    ['ends with a line break', () => rig.source('store', { password: 'changeit\n' }), 'KeystorePasswordInvalid'],
    ['is empty', () => rig.source('store', { password: '' }), 'KeystorePasswordInvalid'],
    ['is too long', () => rig.source('store', { password: 'x'.repeat(1025) }), 'KeystorePasswordInvalid'],
    ['is no text', () => rig.source('store', { password: Buffer.from([0xff, 0xfe]) }), 'KeystorePasswordInvalid'],
  ])('that %s is told, with a certificate all the same', async (_what, arrange, reason) => {
    arrange();
    await web({ keystores: { pkcs12: passwordRef } });
    expect(rig.ready('web')).toBe(`False ${reason}`);
    expect(JSON.stringify(rig.certificates.get('ns/web')?.status)).not.toContain('changeit');
    expect((await rig.state('web')).revision).toBe(1);
    rig.source('store', { password: 'changeit' });
    await rig.reconcile('web');
    expect(rig.ready('web')).toBe('True Ready');
  });

  it('that changed before the watch told of it is not written as if it were the old one', async () => {
    rig.source('store', { password: 'changeit' });
    rig.secret('store', { password: 'sooner' });
    await expect(web({ keystores: { pkcs12: passwordRef } })).rejects.toMatchObject({ code: 'RecordChanged' });
    expect(rig.targets.size).toBe(0);
  });
});
