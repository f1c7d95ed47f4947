import { X509Certificate } from 'node:crypto';
import { afterEach, beforeAll, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import type { FailPoint } from '../../../src/runtime/fail-point.ts';
import { apply, createNamespace, kubectl, ownControlPlane } from '../../support/control-plane.ts';
import { dyingAt } from '../../support/doomed.ts';
import { installKeystead, startOperator, until, type RunningOperator } from '../../support/operator.ts';

let on: ControlPlane;
let team: string;
let operator: RunningOperator;

beforeAll(async () => {
  on = await ownControlPlane();
  await installKeystead(on);
  team = await createNamespace('team', {}, on);
  operator = await startOperator(on);
  await apply([
    keystead('Vault', 'app', {}),
    keystead('VaultIssuer', 'self', { selfSigned: {} }),
    keystead('VaultCertificate', 'root', { vaultRef: { name: 'app' }, issuerRef: { name: 'self' }, isCA: true, commonName: 'Root', duration: '8760h' }),
    keystead('VaultIssuer', 'ca', { ca: { vaultRef: { name: 'app' }, certificateName: 'root' } }),
  ], { on });
  await ready('vaultissuer/ca');
  await operator.stop();
}, 120_000);

afterEach(() => operator.stop());

function keystead(kind: string, name: string, spec: object, metadata: object = {}): object {
  return { apiVersion: 'keystead.dev/v1alpha1', kind, metadata: { name, namespace: team, ...metadata }, spec };
}

function ready(...names: string[]): Promise<string> {
  return kubectl(['wait', '-n', team, '--for=condition=Ready', '--timeout=20s', ...names], { on });
}

/** Serial number in the Secret, and how often a certificate was ever issued. */
async function published(name: string): Promise<{ readonly serial: string; readonly revision: number; readonly version: string }> {
  const secret: { data: Record<string, string> } = JSON.parse(await kubectl(['get', '-n', team, `secret/${name}`, '-o', 'json'], { on }));
  const certificate: { status: { revision: number; serialNumber: string; version: string } } = JSON.parse(await kubectl(['get', '-n', team, `vaultcertificate/${name}`, '-o', 'json'], { on }));
  const { serialNumber } = new X509Certificate(Buffer.from(secret.data['tls.crt'] ?? '', 'base64'));
  expect(serialNumber.toLowerCase()).toBe(certificate.status.serialNumber);
  return { serial: serialNumber, revision: certificate.status.revision, version: certificate.status.version };
}

const points = (['record', 'target', 'status'] as const).flatMap((write): FailPoint[] => [`${write}:before`, `${write}:after`]);

it.each(points)('killed at %s of the first issue: one certificate, and only one, comes out', async (point) => {
  const name = `first-${point.replace(':', '-')}`;
  await dyingAt(on, point, () => apply([keystead('VaultCertificate', name, { vaultRef: { name: 'app' }, issuerRef: { name: 'ca' }, dnsNames: ['web.example'], target: {} })], { on }));
  operator = await startOperator(on);
  await ready(`vaultcertificate/${name}`);
  expect((await published(name)).revision).toBe(1);
});

it.each(points)('killed at %s of a renewal: it is renewed once, and never twice', async (point) => {
  const name = `again-${point.replace(':', '-')}`;
  operator = await startOperator(on);
  await apply([keystead('VaultCertificate', name, { vaultRef: { name: 'app' }, issuerRef: { name: 'ca' }, dnsNames: ['web.example'], target: {} })], { on });
  await ready(`vaultcertificate/${name}`);
  const before = await published(name);
  await operator.stop();
  await dyingAt(on, point, () => kubectl(['annotate', '-n', team, `vaultcertificate/${name}`, 'keystead.dev/renew=now'], { on }));
  operator = await startOperator(on);
  await until(async () => (await published(name).catch(() => before)).revision === 2);
  const after = await published(name);
  expect(after.serial).not.toBe(before.serial);
  expect(after.version).not.toBe(before.version);
});
