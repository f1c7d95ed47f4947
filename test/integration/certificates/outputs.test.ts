import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CHECKPOINT_RECORD } from '../../../src/audit/checkpoint-record.ts';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { auditEvents, auditMark, type AuditMark } from '../../support/audit-log.ts';
import { ownControlPlane } from '../../support/control-plane.ts';
import { installKeystead, OPERATOR_USER, startOperator, until, type RunningOperator } from '../../support/operator.ts';
import { describeUnless } from '../../support/skip.ts';
import { Team } from '../../support/team.ts';
import { convertKeystore, keytoolMissing, listKeystore } from '../../unit/crypto/pkcs12/keytool.ts';
import { OpenSsl } from '../../unit/crypto/x509/openssl.ts';

/** Java takes a second to start, and several when the machine is busy. */
const SLOW = 60_000;

const openssl = new OpenSsl();
let on: ControlPlane;
let operator: RunningOperator;
let team: Team;

const ALL = {
  additionalOutputFormats: [{ type: 'DER' }, { type: 'CombinedPEM' }, { type: 'CertificateDER' }],
  keystores: { pkcs12: {}, jks: { passwordSecretRef: { name: 'store', key: 'password' } } },
};

beforeAll(async () => {
  on = await ownControlPlane();
  await installKeystead(on);
  operator = await startOperator(on);
  team = await Team.create(on);
  await team.apply(
    team.manifest('Vault', 'app', {}),
    team.manifest('VaultIssuer', 'self', { selfSigned: {} }),
    team.manifest('VaultCertificate', 'root', { vaultRef: { name: 'app' }, issuerRef: { name: 'self' }, isCA: true, commonName: 'Team root', duration: '8760h' }),
    team.manifest('VaultIssuer', 'ca', { ca: { vaultRef: { name: 'app' }, certificateName: 'root' } }),
    team.secret('store', { password: 'changeit' }, { 'keystead.dev/source': 'app' }),
  );
  await team.ready('vaultissuer/ca');
}, 120_000);

afterAll(async () => {
  openssl.remove();
  await operator.stop();
});

const web = (name: string, target: object, spec: object = {}): object =>
  team.manifest('VaultCertificate', name, { vaultRef: { name: 'app' }, issuerRef: { name: 'ca' }, dnsNames: [`${name}.example`], target, ...spec });

async function data(secret: string): Promise<Readonly<Record<string, Buffer>>> {
  const live = await team.find(`secret/${secret}`);
  return Object.fromEntries(Object.entries(live?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]));
}

const file = async (secret: string, key: string): Promise<Buffer> => (await data(secret))[key] ?? Buffer.alloc(0);
const revision = async (name: string): Promise<unknown> => (await team.find(`vaultcertificate/${name}`))?.status?.['revision'];

/** What the operator asked of the API server since then for objects: not its lease, vaults' own statuses, audit checkpoints. */
async function calls(since: AuditMark): Promise<readonly string[]> {
  const events = await auditEvents(on, { since, user: OPERATOR_USER });
  return events
    .filter(({ verb, objectRef }) => verb !== 'watch' && objectRef?.resource !== 'leases' && objectRef?.resource !== 'vaults' && objectRef?.name !== CHECKPOINT_RECORD)
    .map(({ verb, objectRef }) => `${verb} ${objectRef?.resource ?? ''}${objectRef?.subresource === undefined ? '' : `/${objectRef.subresource}`}`)
    .toSorted();
}

describe('lesson 20: a certificate with every output', () => {
  it('costs three writes, and reads nothing but the password that is not its own', async () => {
    const mark = auditMark(on);
    await team.apply(web('all', ALL));
    await team.ready('vaultcertificate/all');
    expect(await calls(mark)).toEqual(['create secrets', 'create secrets', 'get secrets', 'update vaultcertificates/status']);
    expect(Object.keys(await data('all')).toSorted()).toEqual([
      'ca.crt', 'key.der', 'keystore.jks', 'keystore.p12', 'keystore.password', 'tls-combined.pem', 'tls.crt', 'tls.der', 'tls.key', 'truststore.jks', 'truststore.p12',
    ]);
  });

  it('is the same key and certificate in all of them, for openssl', async () => {
    const all = await data('all');
    const password = all['keystore.password']?.toString() ?? '';
    const certificate = new X509Certificate(all['tls.crt'] ?? '');
    const text = openssl.run('pkcs12', '-in', openssl.file(all['keystore.p12'] ?? ''), '-passin', `pass:${password}`, '-nodes');
    const keys = [createPrivateKey({ key: all['key.der'] ?? '', format: 'der', type: 'pkcs8' }), createPrivateKey(all['tls-combined.pem'] ?? ''), createPrivateKey(text)];
    expect(keys.map((key) => createPublicKey(key).equals(certificate.publicKey))).toEqual([true, true, true]);
    expect([new X509Certificate(all['tls.der'] ?? ''), new X509Certificate(text)].map(({ fingerprint256 }) => fingerprint256)).toEqual([certificate.fingerprint256, certificate.fingerprint256]);
  });
});

describeUnless(keytoolMissing)('Java', () => {
  it('reads keystores and truststores', async () => {
    const all = await data('all');
    const own = all['keystore.password']?.toString() ?? '';
    const paths = Object.fromEntries(['keystore.p12', 'truststore.p12', 'keystore.jks', 'truststore.jks'].map((key) => [key, openssl.file(all[key] ?? '')]));
    expect(listKeystore(paths['keystore.p12'] ?? '', 'PKCS12', own).output).toContain('PrivateKeyEntry');
    expect(listKeystore(paths['truststore.p12'] ?? '', 'PKCS12', own).output).toContain('trustedCertEntry');
    expect(convertKeystore(paths['keystore.jks'] ?? '', 'JKS', 'changeit', openssl.file('').concat('.p12'))).toMatchObject({ status: 0 });
    expect(listKeystore(paths['truststore.jks'] ?? '', 'JKS', 'changeit').output).toContain('trustedCertEntry');
  }, SLOW);
});

describe('lesson 20: what is unchanged', () => {
  it('is not written again after a restart', async () => {
    const before = await data('all');
    await operator.stop();
    const mark = auditMark(on);
    operator = await startOperator(on);
    await team.apply(web('after-restart', {}));
    await team.ready('vaultcertificate/after-restart');
    const writes = (await calls(mark)).filter((call) => !/^(get|list) /.test(call));
    // Of the new one alone.
    expect(writes).toEqual(['create secrets', 'create secrets', 'update vaultcertificates/status']);
    expect(await data('all')).toEqual(before);
  });

  it('has the same bytes when somebody else broke it', async () => {
    const before = await data('all');
    await team.kubectl('patch', 'secret/all', '-p', JSON.stringify({ stringData: { 'keystore.p12': 'mine' } }));
    await until(async () => (await file('all', 'keystore.p12')).toString() !== 'mine');
    expect(await data('all')).toEqual(before);
  });
});

describe('a password', () => {
  it('that is rotated is followed by one write, and the certificate stays', async () => {
    const before = await data('all');
    const mark = auditMark(on);
    await team.kubectl('patch', 'secret/store', '-p', JSON.stringify({ stringData: { password: 'rotated' } }));
    await until(async () => !(await file('all', 'keystore.jks')).equals(before['keystore.jks'] ?? Buffer.alloc(0)));
    expect(await calls(mark)).toEqual(['get secrets', 'update secrets']);
    const after = await data('all');
    expect(Object.keys(after).filter((key) => !after[key]?.equals(before[key] ?? Buffer.alloc(0))).toSorted()).toEqual(['keystore.jks', 'truststore.jks']);
    expect(await revision('all')).toBe(1);
  });

  it('that is not there yet holds up the target and not the certificate', async () => {
    await team.apply(web('early', { keystores: { pkcs12: { passwordSecretRef: { name: 'later', key: 'password' } } } }));
    const { message } = await team.reason('vaultcertificate/early', 'SourceMissing');
    expect(message).toContain('keystead.dev/source: app');
    await team.apply(team.secret('later', { password: 'changeit' }, { 'keystead.dev/source': 'app' }));
    await team.ready('vaultcertificate/early');
    createSecureContext({ pfx: await file('early', 'keystore.p12'), passphrase: 'changeit' });
    expect(await revision('early')).toBe(1);
  });
});

describe('a certificate that keeps its key', () => {
  it('has truststores and nothing with a key', async () => {
    await team.apply(web('kept', { type: 'Opaque', additionalOutputFormats: [{ type: 'CertificateDER' }], keystores: { pkcs12: {}, jks: {} } }, { privateKey: { exportable: false } }));
    await team.ready('vaultcertificate/kept');
    expect(Object.keys(await data('kept')).toSorted()).toEqual(['ca.crt', 'keystore.password', 'tls.crt', 'tls.der', 'truststore.jks', 'truststore.p12']);
  });
});

it('never called what it may not', async () => {
  const refused = (await auditEvents(on, { user: OPERATOR_USER })).filter(({ responseStatus }) => responseStatus?.code === 403);
  expect(refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`)).toEqual([]);
});
