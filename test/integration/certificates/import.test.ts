import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import type { FailPoint } from '../../../src/runtime/fail-point.ts';
import { ownControlPlane } from '../../support/control-plane.ts';
import { dyingAt } from '../../support/doomed.ts';
import { OpenSslCa } from '../../support/openssl-ca.ts';
import { installKeystead, startOperator, until, type RunningOperator } from '../../support/operator.ts';
import { Team } from '../../support/team.ts';

let on: ControlPlane;
let operator: RunningOperator;
let team: Team;
let ca: OpenSslCa;

beforeAll(async () => {
  [on, ca] = await Promise.all([ownControlPlane(), OpenSslCa.make()]);
  await installKeystead(on);
  operator = await startOperator(on);
  team = await Team.create(on);
  await team.apply(team.manifest('Vault', 'app', {}), team.manifest('VaultIssuer', 'self', { selfSigned: {} }));
  await team.ready('vault/app', 'vaultissuer/self');
}, 120_000);

afterAll(async () => {
  await operator.stop();
  await ca.remove();
});

/** Key and certificate as a person has them in files: `NAME.key`, `NAME.crt` with the intermediate. */
async function bought(name: string): Promise<{ readonly crt: string; readonly key: string }> {
  await ca.openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}.example`, '-addext', `subjectAltName=DNS:${name}.example`);
  const csr = await readFile(join(ca.folder, `${name}.csr`), 'utf8');
  const crt = (await ca.sign(csr)) + (await ca.read('sub.pem'));
  await ca.write(`${name}.crt`, crt);
  return { crt, key: await readFile(join(ca.folder, `${name}.key`), 'utf8') };
}

const labels = { 'keystead.dev/source': 'app' };
const imported = (name: string, spec: object = {}): object => team.manifest('VaultCertificate', name, { vaultRef: { name: 'app' }, import: { secretRef: { name: `${name}-files` } }, target: {}, ...spec });

async function serves(name: string, crt: string): Promise<void> {
  await until(async () => (await team.find(`secret/${name}`)) !== undefined && (await team.data(name))['tls.crt'] === crt);
  const data = await team.data(name);
  await ca.write('out.key', data['tls.key'] ?? '');
  await ca.write('out.crt', crt);
  expect(await ca.openssl('pkey', '-in', 'out.key', '-pubout')).toBe(await ca.openssl('x509', '-in', 'out.crt', '-noout', '-pubkey'));
}

it('a TLS Secret that somebody made is taken over, and followed when he changes it', async () => {
  const { crt, key } = await bought('shop');
  await team.kubectl('create', 'secret', 'tls', 'shop-files', `--cert=${join(ca.folder, 'shop.crt')}`, `--key=${join(ca.folder, 'shop.key')}`);
  await team.apply(imported('shop'));
  await team.reason('vaultcertificate/shop', 'SourceMissing');
  await team.kubectl('label', 'secret/shop-files', 'keystead.dev/source=app');
  await team.ready('vaultcertificate/shop');
  await serves('shop', crt);
  expect(key).toContain('PRIVATE KEY');
  const next = await bought('shop');
  await team.apply(team.secret('shop-files', { 'tls.crt': next.crt, 'tls.key': next.key }, labels));
  await serves('shop', next.crt);
  await team.kubectl('delete', 'secret/shop-files');
  await team.apply(imported('shop', { tags: { bought: 'yes' } }));
  await team.ready('vaultcertificate/shop');
  expect((await team.get('vaultcertificate/shop')).status).toMatchObject({ revision: 2 });
});

it.each([
  ['as OpenSSL 3 writes it', []],
  ['with AES-128 and a SHA-512 MAC', ['-keypbe', 'AES-128-CBC', '-certpbe', 'AES-128-CBC', '-macalg', 'sha512']],
])('a PKCS#12 file %s is taken over', async (_what, flags) => {
  const name = `file-${flags.length}`;
  const { crt } = await bought(name);
  await ca.openssl('pkcs12', '-export', '-inkey', `${name}.key`, '-in', `${name}.crt`, '-out', `${name}.p12`, '-passout', 'pass:sésame', ...flags);
  await team.kubectl('create', 'secret', 'generic', `${name}-files`, `--from-file=keystore.p12=${join(ca.folder, `${name}.p12`)}`, '--from-literal=keystore.password=sésame');
  await team.kubectl('label', `secret/${name}-files`, 'keystead.dev/source=app');
  await team.apply(imported(name, { import: { secretRef: { name: `${name}-files` }, pkcs12: {} } }));
  await team.ready(`vaultcertificate/${name}`);
  await serves(name, crt);
});

it('a wrong password is told, and the right one taken', async () => {
  const { crt } = await bought('locked');
  await ca.openssl('pkcs12', '-export', '-inkey', 'locked.key', '-in', 'locked.crt', '-out', 'locked.p12', '-passout', 'pass:right');
  await team.kubectl('create', 'secret', 'generic', 'locked-files', `--from-file=keystore.p12=${join(ca.folder, 'locked.p12')}`, '--from-literal=keystore.password=wrong');
  await team.kubectl('label', 'secret/locked-files', 'keystead.dev/source=app');
  await team.apply(imported('locked', { import: { secretRef: { name: 'locked-files' }, pkcs12: {} } }));
  await team.reason('vaultcertificate/locked', 'Pkcs12PasswordWrong');
  await team.kubectl('patch', 'secret/locked-files', '-p', JSON.stringify({ stringData: { 'keystore.password': 'right' } }));
  await team.ready('vaultcertificate/locked');
  await serves('locked', crt);
});

it('an issuer that is named renews what was imported', async () => {
  const { crt, key } = await bought('renewed');
  await team.apply(team.secret('renewed-files', { 'tls.crt': crt, 'tls.key': key }, labels));
  await team.apply(imported('renewed', { issuerRef: { name: 'self' }, dnsNames: ['renewed.example'] }));
  await team.ready('vaultcertificate/renewed');
  await serves('renewed', crt);
  await team.kubectl('annotate', 'vaultcertificate/renewed', 'keystead.dev/renew=now');
  const live = await team.when('vaultcertificate/renewed', ({ status }) => status?.['revision'] === 2);
  expect(live.status?.['renewalTime']).toBeDefined();
  await until(async () => (await team.data('renewed'))['tls.crt'] !== crt);
});

it.each((['record', 'target', 'status'] as const).flatMap((write): FailPoint[] => [`${write}:before`, `${write}:after`]))('killed at %s of an import, it is imported once', async (point) => {
  const name = `killed-${point.replace(':', '-')}`;
  const { crt, key } = await bought(name);
  await operator.stop();
  await dyingAt(on, point, () => team.apply(team.secret(`${name}-files`, { 'tls.crt': crt, 'tls.key': key }, labels), imported(name)));
  operator = await startOperator(on);
  await team.ready(`vaultcertificate/${name}`);
  await serves(name, crt);
  expect((await team.get(`vaultcertificate/${name}`)).status).toMatchObject({ revision: 1 });
});
