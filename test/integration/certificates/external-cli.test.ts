import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { isSignedByIdentity } from '../../../src/crypto/identity.ts';
import { kubectl, ownControlPlane, program } from '../../support/control-plane.ts';
import { OpenSslCa } from '../../support/openssl-ca.ts';
import { until, installKeystead, OPERATOR_NAMESPACE, startOperator, type RunningOperator } from '../../support/operator.ts';
import { Team } from '../../support/team.ts';

let on: ControlPlane;
let operator: RunningOperator;
let team: Team;
let ca: OpenSslCa;
const folder = mkdtempSync(join(tmpdir(), 'keystead-cli-'));

beforeAll(async () => {
  [on, ca] = await Promise.all([ownControlPlane(), OpenSslCa.make()]);
  await installKeystead(on);
  operator = await startOperator(on);
  team = await Team.create(on);
  await team.apply(team.manifest('Vault', 'app', {}), team.manifest('VaultIssuer', 'company', { external: { caBundle: await ca.bundle() } }));
  const run = join(folder, 'run-keystead');
  // From the sources, whatever lies in dist.
  writeFileSync(run, `#!/bin/sh\nexec '${process.execPath}' '${resolve('src/main.ts')}' "$@"\n`, { mode: 0o755 });
  symlinkSync(run, join(folder, 'kubectl-keystead'));
}, 120_000);

afterAll(async () => {
  await operator.stop();
  await ca.remove();
  rmSync(folder, { recursive: true });
});

/** `kubectl keystead …`, as a user types it: the real kubectl finds the plugin on PATH. */
async function plugin(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}`, KUBECONFIG: on.adminKubeconfig, HOME: folder };
  try {
    const { stdout, stderr } = await promisify(execFile)(await program('kubectl'), ['keystead', ...args, '-n', team.namespace], { env });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, err: stderr };
  }
}

async function waiting(name: string, spec: object = {}): Promise<void> {
  await team.apply(team.manifest('VaultCertificate', name, { vaultRef: { name: 'app' }, issuerRef: { name: 'company' }, dnsNames: [`${name}.example`], target: {}, ...spec }));
  await team.when(`vaultcertificate/${name}`, ({ status }) => Object(status?.['pending']).csr !== undefined);
}

const file = (name: string): string => join(ca.folder, name);
const fingerprint = (): Promise<string> => kubectl(['get', '-n', OPERATOR_NAMESPACE, 'configmap/keystead-identity', '-o', 'jsonpath={.data.fingerprint}'], { on });

describe('kubectl keystead csr and merge', () => {
  it('take a CSR to openssl and its certificate back', async () => {
    await waiting('web');
    const csr = await plugin('csr', 'web', '--identity', await fingerprint());
    expect(csr.code).toBe(0);
    expect(csr.err).toMatch(/Names +web\.example\n[^]*Signed by +identity [0-9a-f]{64}\n$/);
    await ca.write('web.crt', await ca.sign(csr.out));
    const merged = await plugin('merge', 'web', '-f', file('web.crt'), '-f', file('sub.pem'));
    expect(merged).toMatchObject({ code: 0, err: '' });
    expect(merged.out).toMatch(new RegExp(`^VaultCertificate ${team.namespace}/web is signed: serial [0-9a-f]+, valid until 20`));
    await team.ready('vaultcertificate/web');
    const managers = await team.kubectl('get', 'vaultcertificate/web', '-o', 'jsonpath={.metadata.managedFields[*].manager}');
    expect(managers.split(' ')).toContain('keystead-merge');
  });

  it('say what is wrong where nothing waits any more', async () => {
    const csr = await plugin('csr', 'web');
    expect(csr).toMatchObject({ code: 1, out: '' });
    expect(csr.err).toContain(`No CSR of VaultCertificate ${team.namespace}/web waits to be signed. It says Ready: The certificate is in the vault`);
    expect((await plugin('merge', 'web', '-f', file('web.crt'))).err).toContain('waits to be signed');
  });

  it('take it back in the ConfigMap that is named, and in DER', async () => {
    await waiting('mapped', { external: { configMapRef: { name: 'mapped-answer' } } });
    await ca.write('mapped.crt', await ca.sign((await plugin('csr', 'mapped')).out));
    await ca.openssl('x509', '-in', 'mapped.crt', '-outform', 'DER', '-out', 'mapped.der');
    expect(await plugin('merge', 'mapped', '-f', file('mapped.der'))).toMatchObject({ code: 0 });
    expect((await team.get('configmap/mapped-answer')).metadata.labels).toMatchObject({ 'keystead.dev/source': 'app' });
    await team.ready('vaultcertificate/mapped');
  });

  it('do not send a certificate of another key, and say why one was refused', async () => {
    await waiting('strict');
    expect((await plugin('merge', 'strict', '-f', file('web.crt'))).err).toContain('Was an older CSR signed? Nothing was sent.');
    expect((await team.get('vaultcertificate/strict')).spec?.['external']).toBeUndefined();
    const { out } = await plugin('csr', 'strict');
    await ca.write('strict.crt', await ca.sign(out, { extensions: ['subjectAltName=DNS:other.example'] }));
    const refused = await plugin('merge', 'strict', '-f', file('strict.crt'));
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('The certificate was not taken. CertificateWeaker: ');
    await ca.write('strict.crt', await ca.sign(out));
    expect(await plugin('merge', 'strict', '-f', file('strict.crt'))).toMatchObject({ code: 0 });
  });

  it('leave what a repository declares alone, unless they are forced', async () => {
    await waiting('declared');
    const { out } = await plugin('csr', 'declared');
    await ca.write('declared.crt', await ca.sign(out));
    const patch = JSON.stringify({ apiVersion: 'keystead.dev/v1alpha1', kind: 'VaultCertificate', metadata: { name: 'declared', namespace: team.namespace }, spec: { external: { signedCertificate: 'from git' } } });
    await kubectl(['apply', '--server-side', '--field-manager=git', '-f', '-'], { on, input: patch });
    expect((await plugin('merge', 'declared', '-f', file('declared.crt'))).err).toContain('Put the certificate there, or give --force.');
    expect(await plugin('merge', 'declared', '-f', file('declared.crt'), '--force')).toMatchObject({ code: 0 });
  });

  it('print no CSR that the installation did not sign', async () => {
    await waiting('forged');
    const stranger = await ca.openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'stranger.key', '-subj', '/CN=stranger');
    // Nobody but the operator may do this; here its guard is taken away first.
    await kubectl(['delete', 'validatingadmissionpolicybinding', 'keystead-status'], { on });
    await operator.stop();
    const { pending } = (await team.get('vaultcertificate/forged')).status as { pending: { csr: string; csrSignature: string } };
    const forgery = JSON.stringify({ status: { pending: { csr: stranger } } });
    // The API server takes a moment to forget a guard.
    await until(() => team.kubectl('patch', 'vaultcertificate/forged', '--subresource=status', '--type=merge', '-p', forgery).then(() => true, () => false));
    const forged = await plugin('csr', 'forged');
    expect(forged).toMatchObject({ code: 1, out: '' });
    expect(forged.err).toContain('it was put there by somebody else. Do not have it signed.');
    const other = await plugin('csr', 'forged', '--identity', '0'.repeat(64));
    expect(other.err).toContain('Sign nothing before you know why.');
    const key = await kubectl(['get', '-n', OPERATOR_NAMESPACE, 'configmap/keystead-identity', '-o', 'jsonpath={.data.identity\\.pub}'], { on });
    expect(isSignedByIdentity(key, 'csr', [team.namespace, 'forged', pending.csr], pending.csrSignature)).toBe(true);
    operator = await startOperator(on);
    // The operator believes its record, and puts the status right.
    await team.when('vaultcertificate/forged', ({ status }) => Object(status?.['pending']).csr === pending.csr);
  });
});
